using System;
using System.Linq;
using Sluice.Devices;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Drivers.Edu;
using Sluice.Mm;
using Sluice.Pci;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Drivers;

/// <summary>DMA of edu: every kind of memory, both ways, on every kind of machine.</summary>
public sealed class EduDmaTests
{
    public static TheoryData<string> Kinds => EduMachine.Kinds;

    [Theory, MemberData(nameof(Kinds))]
    public void Coherent_memory_goes_out_and_comes_back(string kind)
    {
        using var machine = new EduMachine(kind);
        Edu edu = machine.Probe();
        Assert.Equal(Error.None, edu.Function.Dma.TryAllocateCoherent(2048, out Coherent<ushort> memory));
        for (int round = 1; round <= 3; round++)
        {
            for (int i = 0; i < memory.Count; i++)
                memory[i] = (ushort)(i * 7 + round);
            Assert.Equal(Error.None, edu.Send(ref memory, 100, 1000, 16));
            Assert.Equal(Error.None, edu.Receive(ref memory, 1040, 1000, 16));
            Assert.All(Enumerable.Range(0, 1000), i => Assert.Equal((ushort)((i + 100) * 7 + round), memory[1040 + i]));
            Assert.Equal((ushort)(1039 * 7 + round), memory[1039]);
            Assert.Equal((ushort)(2040 * 7 + round), memory[2040]);
        }
        DmaDevice.Free(ref memory);
        CheckClean(machine, edu);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Pages_go_out_and_come_back(string kind)
    {
        using var machine = new EduMachine(kind);
        Edu edu = machine.Probe();
        foreach (uint bytes in (uint[])[1, 63, 64, 65, 1500, Edu.MemoryBytes])
        {
            Assert.Equal(Error.None, edu.Function.Dma.TryAllocatePages(bytes, out CpuBuffer<ToDevice> to));
            Assert.Equal(Error.None, edu.Function.Dma.TryAllocatePages(bytes, out CpuBuffer<FromDevice> from));
            GoAround(edu, ref to, ref from, bytes);
        }
        CheckClean(machine, edu);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Noncoherent_buffers_go_out_and_come_back(string kind)
    {
        using var machine = new EduMachine(kind);
        Edu edu = machine.Probe();
        foreach (uint bytes in (uint[])[1, 64, 100, 1024, 1025, Edu.MemoryBytes])
        {
            Assert.Equal(Error.None, edu.Function.Dma.TryAllocateNoncoherent(bytes, out CpuBuffer<ToDevice> to));
            Assert.Equal(Error.None, edu.Function.Dma.TryAllocateNoncoherent(bytes, out CpuBuffer<FromDevice> from));
            GoAround(edu, ref to, ref from, bytes);
        }
        CheckClean(machine, edu);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Mapped_runs_go_out_and_come_back(string kind)
    {
        // The first run is within reach, the second is not.
        using var machine = new EduMachine(kind, (0x10_0000, 32 << 20), (0x1_0000_0000, 16 << 20));
        Edu edu = machine.Probe();
        foreach (Zone zone in (Zone[])[Zone.Dma, Zone.Normal])
        {
            PageRun outward = machine.Dma.Memory.Take(0, zone), inward = machine.Dma.Memory.Take(0, zone);
            Assert.Equal(Error.None, edu.Function.Dma.TryMap(ref outward, 4096, out CpuBuffer<ToDevice> to));
            Assert.Equal(Error.None, edu.Function.Dma.TryMap(ref inward, 3000, out CpuBuffer<FromDevice> from));
            GoAround(edu, ref to, ref from, 3000);
        }
        Assert.Equal(machine.Dma.Kind.Bounced ? 4ul : 2, edu.Function.Dma.Statistics.Bounced);
        CheckClean(machine, edu);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Mapped_blocks_go_out_and_come_back(string kind)
    {
        using var machine = new EduMachine(kind);
        Edu edu = machine.Probe();
        Assert.True(machine.Dma.Slabs.TryTake(192, out SlabBlock outward));
        Assert.True(machine.Dma.Slabs.TryTake(192, out SlabBlock inward));
        Assert.Equal(Error.None, edu.Function.Dma.TryMap(ref outward, out CpuBuffer<ToDevice> to));
        Assert.Equal(Error.None, edu.Function.Dma.TryMap(ref inward, out CpuBuffer<FromDevice> from));
        GoAround(edu, ref to, ref from, 190);
        CheckClean(machine, edu);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_buffer_for_both_directions_shows_what_came_in_front_of_what_was_there(string kind)
    {
        using var machine = new EduMachine(kind);
        Edu edu = machine.Probe();
        PageRun run = machine.Dma.Memory.Take(0);
        Assert.Equal(Error.None, edu.Function.Dma.TryMap(ref run, 4096, out CpuBuffer<Both> buffer));
        for (int round = 0; round < 4; round++)
        {
            byte[] sent = Pattern(4000, round), later = Pattern(4096, 100 + round);
            sent.CopyTo(buffer.Bytes);
            Assert.Equal(Error.None, edu.Send(ref buffer, 4000, 10));
            Assert.Equal(sent, machine.Device.Own.AsSpan(10, 4000).ToArray());
            Assert.Equal((0u, true), (buffer.WrittenBytes, buffer.Bytes[..4000].SequenceEqual(sent)));
            later.CopyTo(buffer.Bytes);
            Assert.Equal(Error.None, edu.Receive(ref buffer, 1000, 10));
            Assert.Equal(1000u, buffer.WrittenBytes);
            Assert.Equal(sent[..1000], buffer.Bytes[..1000].ToArray());
            // Lines are whole where they move: what shares one with the last byte received is anybody's.
            Assert.Equal(later[1024..], buffer.Bytes[1024..].ToArray());
        }
        buffer.Free();
        CheckClean(machine, edu);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_random_row_of_transfers_loses_no_byte(string kind)
    {
        using var machine = new EduMachine(kind, (0x10_0000, 32 << 20), (0x1_0000_0000, 16 << 20));
        Edu edu = machine.Probe();
        var random = new Random(20);
        byte[] own = new byte[SimulatedEdu.OwnBytes];
        PageRun near = machine.Dma.Memory.Take(0, Zone.Dma), far = machine.Dma.Memory.Take(0, Zone.Normal);
        Assert.Equal(Error.None, edu.Function.Dma.TryMap(ref near, 4096, out CpuBuffer<ToDevice> to));
        Assert.Equal(Error.None, edu.Function.Dma.TryMap(ref far, 4096, out CpuBuffer<FromDevice> from));
        for (int step = 0; step < 200; step++)
        {
            uint bytes = (uint)random.Next(1, (int)Edu.MemoryBytes), offset = (uint)random.Next((int)(Edu.MemoryBytes - bytes));
            if (random.Next(2) == 0)
            {
                random.NextBytes(to.Bytes);
                to.Bytes[..(int)bytes].CopyTo(own.AsSpan((int)offset));
                Assert.Equal(Error.None, edu.Send(ref to, bytes, offset));
            }
            else
            {
                Assert.Equal(Error.None, edu.Receive(ref from, bytes, offset));
                Assert.Equal(own.AsSpan((int)offset, (int)bytes).ToArray(), from.Bytes.ToArray());
            }
        }
        to.Free();
        from.Free();
        CheckClean(machine, edu);
    }

    [Fact]
    public void Impossible_transfers_are_refused_and_not_begun()
    {
        using var machine = new EduMachine();
        Edu edu = machine.Probe();
        Assert.Equal(Error.None, edu.Function.Dma.TryAllocatePages(8192, out CpuBuffer<ToDevice> to));
        Assert.Equal(Error.None, edu.Function.Dma.TryAllocateCoherent(4096, out Coherent<byte> memory));
        foreach ((uint bytes, uint offset) in (ReadOnlySpan<(uint, uint)>)[(0, 0), (4096, 0), (8193, 0), (4095, 1), (1, 4095), (1, uint.MaxValue), (uint.MaxValue, 1)])
            Assert.Equal(Error.TooLarge, edu.Send(ref to, bytes, offset));
        foreach ((int first, int count) in (ReadOnlySpan<(int, int)>)[(0, 0), (-1, 1), (0, -1), (4096, 1), (4095, 2), (0, 4096), (int.MaxValue, int.MaxValue)])
            Assert.Equal(Error.TooLarge, edu.Receive(ref memory, first, count));
        Assert.False(to.IsEmpty || memory.IsEmpty);
        CpuBuffer<ToDevice> none = default;
        Assert.Equal(Error.TooLarge, edu.Send(ref none, 1));
        Assert.Equal(0, machine.Device.Transfers);
        to.Free();
        DmaDevice.Free(ref memory);
        CheckClean(machine, edu);
    }

    [Fact]
    public void Each_transfer_ends_with_an_interrupt_and_takes_no_longer_than_the_device()
    {
        using var machine = new EduMachine();
        Edu edu = machine.Probe();
        Assert.Equal(Error.None, edu.Function.Dma.TryAllocatePages(100, out CpuBuffer<ToDevice> to));
        ulong before = machine.Clock.ElapsedMicroseconds;
        for (int i = 1; i <= 10; i++)
        {
            Assert.Equal(Error.None, edu.Send(ref to, 100));
            Assert.Equal((i, 0u), (edu.Interrupts, machine.Device.Causes));
        }
        Assert.InRange(machine.Clock.ElapsedMicroseconds - before, 1_000_000u, 1_001_000u);
        to.Free();
        CheckClean(machine, edu);
    }

    // All is as before, and the device kept to the rules.
    private static void CheckClean(EduMachine machine, Edu edu)
    {
        Assert.Equal(0, machine.InUse(edu).Mappings);
        Assert.Equal((0u, 0u, 0u), (edu.LostInterrupts, edu.FailedTransfers, edu.Abandoned));
        Assert.Empty(machine.Device.Violations);
        Assert.Empty(machine.Dma.Ram.Faults);
    }

    private static void GoAround(Edu edu, ref CpuBuffer<ToDevice> to, ref CpuBuffer<FromDevice> from, uint bytes)
    {
        for (int round = 0; round < 3; round++)
        {
            byte[] sent = Pattern(bytes, round);
            sent.CopyTo(to.Bytes);
            Assert.Equal(Error.None, edu.Send(ref to, bytes));
            Assert.Equal(Error.None, edu.Receive(ref from, bytes));
            Assert.Equal(sent, from.Bytes.ToArray());
            Assert.Equal(sent, to.Bytes[..(int)bytes].ToArray());
        }
        to.Free();
        from.Free();
    }

    private static byte[] Pattern(uint bytes, int seed)
    {
        byte[] pattern = new byte[bytes];
        new Random(seed).NextBytes(pattern);
        return pattern;
    }
}
