using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>Lawful use raises no report, and comes out as without the checker.</summary>
[RunsOnce]
public sealed class CheckerLawfulTests
{
    private sealed class Live(CpuBuffer<Both> buffer, byte[] expected, bool isBlock)
    {
        public CpuBuffer<Both> Buffer = buffer;
        public byte[] Expected = expected;
        public bool IsBlock = isBlock;
    }

    [Theory]
    [InlineData(1, 24)]
    [InlineData(2, 28)]
    [InlineData(3, 32)]
    [InlineData(4, 64)]
    [InlineData(5, 32)]
    public void Random_lawful_use_raises_none(int seed, int bits)
    {
        using var machine = new CheckedMachine(seed == 5, (0x10_0000, 63 * Sluice.Tests.Mm.Machine.MiB), (0x1_0000_0000, 32 * Sluice.Tests.Mm.Machine.MiB));
        DmaDevice[] devices = [machine.Device(false, bits), machine.Device(true, bits), machine.Device(false, 32)];
        devices[2].MinAlignment = 512;
        var random = new Random(seed);
        var live = new List<Live>();
        ulong before = machine.PagesUsed;
        for (int step = 0; step < 2000; step++)
        {
            if (live.Count < 4 || (live.Count < 40 && random.Next(3) == 0))
                live.Add(New(machine, devices[random.Next(3)], random));
            Live turn = live[random.Next(live.Count)];
            if (random.Next(4) == 0)
            {
                live.Remove(turn);
                Assert.Equal(turn.Expected, turn.Buffer.Bytes.ToArray());
                turn.Buffer.Free();
                continue;
            }
            Exchange(machine, turn, random);
        }
        foreach (Live rest in live)
            rest.Buffer.Free();
        Assert.Equal(0ul, machine.Checker.Live);
        Assert.Equal(0ul, machine.Checker.Reports);
        Assert.True(machine.PagesUsed <= before + 512, "records and slots stay, and no more");
    }

    private static Live New(CheckedMachine machine, DmaDevice device, Random random)
    {
        var bytes = (uint)random.Next(1, random.Next(2) == 0 ? 2048 : 20000);
        CpuBuffer<Both> buffer;
        bool isBlock = false;
        switch (random.Next(4))
        {
            case 0:
                Assert.Equal(Error.None, device.TryAllocatePages(bytes, out buffer));
                break;
            case 1:
                Assert.Equal(Error.None, device.TryAllocateNoncoherent(bytes, out buffer));
                break;
            case 2 when bytes <= 2048:
                Assert.True(machine.Slabs.TryTake((int)bytes, out SlabBlock block));
                Assert.Equal(Error.None, device.TryMap(ref block, out buffer));
                isBlock = true;
                break;
            default:
                PageRun run = machine.Memory.Take(3);
                Assert.Equal(Error.None, device.TryMap(ref run, bytes, out buffer));
                break;
        }
        random.NextBytes(buffer.Bytes);
        return new Live(buffer, buffer.Bytes.ToArray(), isBlock);
    }

    private static void Exchange(CheckedMachine machine, Live turn, Random random)
    {
        var given = (uint)random.Next(1, (int)turn.Buffer.Capacity + 1);
        DeviceBuffer<Both> device = random.Next(2) == 0 ? turn.Buffer.GiveToDevice() : turn.Buffer.GiveToDevice(given);
        Span<byte> reach = machine.Reach(device.Address, device.Length);
        Assert.Equal(turn.Expected.AsSpan(0, (int)device.Length).ToArray(), reach.ToArray());
        var written = (uint)random.Next((int)device.Length + 1);
        random.NextBytes(reach[..(int)written]);
        reach[..(int)written].CopyTo(turn.Expected);
        turn.Buffer = device.TakeBack(written);
        random.NextBytes(turn.Buffer.Bytes[..1]);
        turn.Expected[0] = turn.Buffer.Bytes[0];
    }

    [Fact]
    public void Everything_comes_back()
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        ulong used = 0;
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 300; i++)
            {
                PageRun run = machine.Memory.Take(0);
                Assert.Equal(Error.None, device.TryMap(ref run, 1 + (uint)i * 13 % 4096, out CpuBuffer<FromDevice> buffer));
                DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
                buffer = given.TakeBack(0);
                buffer.Free();
                Assert.Equal(Error.None, device.TryAllocateCoherent(i + 1, out Coherent<ulong> memory));
                DmaDevice.Free(ref memory);
            }
            if (round > 0)
                Assert.Equal(used, machine.PagesUsed);
            used = machine.PagesUsed;
        }
    }

    [Fact]
    public void Frames_with_room_before_their_data_are_lawful()
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        var pool = new FramePool(machine.System, 1);
        foreach (uint reserved in (uint[])[0, 2, 64, 200])
        {
            Assert.True(pool.TryTake(out Frame frame));
            frame.Reserve(reserved);
            Assert.Equal(Error.None, device.TryGiveToFill(ref frame, 2048, out DeviceFrame given));
            machine.Reach(given.Address, 60).Fill((byte)(reserved + 1));
            frame = device.TakeFilled(ref given, 60, 2048);
            Assert.True(frame.Bytes.ToArray().All(b => b == reserved + 1));
            Assert.Equal(Error.None, device.TryGiveToSend(ref frame, out given));
            Assert.True(machine.Reach(given.Address, 60).ToArray().All(b => b == reserved + 1));
            frame = device.TakeSent(ref given);
            frame.Free();
        }
    }

    [Theory]
    [InlineData(1024)]
    [InlineData(1)]
    public void Noncontiguous_buffers_are_checked_as_long_as_their_segments_suffice(int segments)
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        device.MaxSegmentBytes = 1 << 22;
        Assert.Equal(Error.None, device.TryAllocateNoncontiguous(2 << 20, segments, out CpuNoncontiguous<Both> buffer));
        buffer.Bytes.Fill(5);
        DeviceNoncontiguous<Both> given = buffer.GiveToDevice();
        Assert.True(machine.Reach(given.Segments[0].Address, given.Segments[0].Length).ToArray().All(b => b == 5));
        Span<byte> behind = machine.Reach(given.Segments[^1].Address, given.Segments[^1].Length + 1)[(int)given.Segments[^1].Length..];
        if (segments != 1)
            behind[0] ^= 1;
        buffer = given.TakeBack(0);
        buffer.Free();
        // In one piece there is no room for guards: said and counted.
        Assert.Equal(segments == 1 ? 1ul : 0, machine.Checker.Unchecked);
        if (segments != 1)
            Assert.Contains("noncontiguous both ways", machine.Expect(DmaFault.DeviceWroteOutside));
    }

    [Fact]
    public void Shadows_lie_at_the_top_of_the_mask()
    {
        using var machine = new CheckedMachine(false, (0x10_0000, 255 * Sluice.Tests.Mm.Machine.MiB));
        foreach (int bits in (int[])[24, 26, 27, 32])
        {
            DmaDevice device = machine.Device(false, bits);
            ulong end = Math.Min(1UL << bits, 256 * Sluice.Tests.Mm.Machine.MiB);
            PageRun run = machine.Memory.Take(0, Zone.Dma);
            Assert.Equal(Error.None, device.TryMap(ref run, 1500, out CpuBuffer<FromDevice> buffer));
            DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
            Assert.InRange(given.Address.Value, end - Sluice.Tests.Mm.Machine.MiB, end - 1);
            buffer = given.TakeBack(0);
            buffer.Free();
        }
    }
}
