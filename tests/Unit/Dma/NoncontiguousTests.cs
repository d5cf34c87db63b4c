using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>Buffers in pieces that are one span for the CPU and segments for the device.</summary>
public sealed class NoncontiguousTests : IDisposable
{
    private const ulong MiB = Sluice.Tests.Mm.Machine.MiB;

    public NoncontiguousTests() => DirectMap.ChangesLeft = null;

    public void Dispose() => DirectMap.ChangesLeft = null;

    [Theory]
    [InlineData(1u)]
    [InlineData(4097u)]
    [InlineData(1_000_000u)]
    [InlineData(5_242_880u)]
    public void The_span_is_the_segments_one_behind_the_other(uint bytes)
    {
        using var machine = new DmaMachine((0x10_0000, 15 * MiB), (0x1_0000_0000, 48 * MiB));
        DmaDevice device = machine.Device(32);
        ulong before = 0;
        for (int round = 0; round < 2; round++)
        {
            Assert.Equal(Error.None, device.TryAllocateNoncontiguous(bytes, 1024, out CpuNoncontiguous<Both> buffer));
            Assert.Equal(bytes, (uint)buffer.Bytes.Length);
            Assert.True(buffer.Bytes.IndexOfAnyExcept((byte)0) < 0, "zeroed");
            byte[] sent = Bytes(bytes, 1);
            sent.CopyTo(buffer.Bytes);
            DeviceNoncontiguous<Both> given = buffer.GiveToDevice();
            Assert.True(buffer.IsEmpty);
            Assert.Equal(sent, Reads(machine, given.Segments));
            ulong bounced = device.Statistics.Bounced;
            foreach (DmaSegment segment in given.Segments)
            {
                Assert.InRange(segment.Address.Value + segment.Length - 1, 0ul, device.CoherentMask);
                Assert.InRange(segment.Length, 1u, device.MaxSegmentBytes);
            }
            uint written = bytes / 2;
            byte[] received = Bytes(written, 2);
            Writes(machine, given.Segments, received);
            buffer = given.TakeBack(written);
            Assert.Equal(written, buffer.WrittenBytes);
            Assert.True(buffer.Bytes[..(int)written].SequenceEqual(received) && buffer.Bytes[(int)written..].SequenceEqual(sent.AsSpan((int)written)));
            // Reached by construction, also where mappings are bounced.
            Assert.Equal(0ul, bounced);
            buffer.Free();
            Assert.Equal(0ul, device.LiveDirect);
            if (round == 0)
                before = machine.PagesUsed;
        }
        Assert.Equal(before, machine.PagesUsed);
    }

    [Fact]
    public void In_fragmented_memory_small_runs_do()
    {
        // One zone: nothing is kept back.
        using var machine = new DmaMachine((16 * MiB, 16 * MiB));
        DmaDevice device = machine.Device();
        // Every other page stays taken.
        var pages = new List<PageRun>();
        while (machine.Memory.Pages.TryTake(0, Zone.Any, default, out PageRun run))
            pages.Add(run);
        foreach (PageRun page in pages.Where(page => page.Frame % 2 == 0))
        {
            PageRun given = page;
            machine.Memory.Pages.Give(ref given);
        }
        Assert.Equal(Error.NoResources, device.TryAllocatePages(8192, out CpuBuffer<FromDevice> none));
        Assert.True(none.IsEmpty);
        Assert.Equal(Error.None, device.TryAllocateNoncontiguous(12_000, 3, out CpuNoncontiguous<FromDevice> buffer));
        Assert.Equal(0, buffer.Bytes.Length);
        DeviceNoncontiguous<FromDevice> open = buffer.GiveToDevice();
        Assert.Equal([4096u, 4096u, 3808u], open.Segments.ToArray().Select(segment => segment.Length));
        byte[] received = Bytes(10_000, 3);
        Writes(machine, open.Segments, received);
        buffer = open.TakeBack(10_000);
        Assert.True(buffer.Bytes.SequenceEqual(received));
        buffer.Free();
        // Fewer segments than pages are wanted.
        Assert.Equal(Error.TooLarge, device.TryAllocateNoncontiguous(12_000, 2, out buffer));
        Assert.True(buffer.IsEmpty);
    }

    [Fact]
    public void What_cannot_be_had_is_an_error_and_takes_nothing()
    {
        using var machine = new DmaMachine((0x10_0000, 16 * MiB));
        DmaDevice device = machine.Device();
        Assert.Equal(Error.None, device.TryAllocateNoncontiguous(1, 1, out CpuNoncontiguous<ToDevice> buffer));
        buffer.Free();
        ulong before = machine.PagesUsed;
        Assert.Equal(Error.TooLarge, device.TryAllocateNoncontiguous(0, 1, out buffer));
        Assert.Equal(Error.TooLarge, device.TryAllocateNoncontiguous((1u << 30) + 1, 1, out buffer));
        Assert.Equal(Error.TooLarge, device.TryAllocateNoncontiguous(1, 0, out buffer));
        Assert.Equal(Error.NoResources, device.TryAllocateNoncontiguous(20 << 20, 1024, out buffer));
        DirectMap.ChangesLeft = 0;
        Assert.Equal(Error.NoResources, device.TryAllocateNoncontiguous(100_000, 1024, out buffer));
        Assert.True(buffer.IsEmpty);
        Assert.Equal(before, machine.PagesUsed);
        Assert.Equal(0ul, device.LiveDirect);
    }

    private static byte[] Reads(DmaMachine machine, ReadOnlySpan<DmaSegment> segments)
    {
        var read = new List<byte>();
        foreach (DmaSegment segment in segments)
            read.AddRange(machine.DeviceReads(segment.Address, segment.Length));
        return [.. read];
    }

    private static void Writes(DmaMachine machine, ReadOnlySpan<DmaSegment> segments, ReadOnlySpan<byte> bytes)
    {
        foreach (DmaSegment segment in segments)
        {
            int length = (int)Math.Min(segment.Length, (uint)bytes.Length);
            if (length == 0)
                return;
            machine.DeviceWrites(segment.Address, bytes[..length]);
            bytes = bytes[length..];
        }
    }

    private static byte[] Bytes(uint count, int seed)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
