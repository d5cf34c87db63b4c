using System;
using Sluice.Mm;
using Xunit;

namespace Sluice.Tests.Mm;

/// <summary>A write to memory that was given back stops the machine when the memory is handed out again.</summary>
public sealed unsafe class PagePoisonTests
{
    [Theory]
    [InlineData(0, 0, 0, 0)]
    [InlineData(0, 4095, 0, 0)]
    [InlineData(0, 8, 0, 3)]
    [InlineData(3, 7 * 4096 + 4088, 3, 0)]
    [InlineData(3, 5 * 4096 + 1, 6, 0)]
    [InlineData(9, 300 * 4096 + 77, 9, 0)]
    [InlineData(9, 511 * 4096 + 4095, 0, 9)]
    [InlineData(12, 16 * 1024 * 1024 - 1, 12, 0)]
    public void A_write_after_free_is_found_at_its_byte(int order, int offset, int takenOrder, int mergedBy)
    {
        using var machine = new Machine(MachineMap.Of((16 * Machine.MiB, 64 * Machine.MiB)), poison: true);
        OwnerTag culprit = OwnerTag.Register("culprit"u8);
        PageRun run = machine.Take(order, Zone.Any, culprit);
        byte* bytes = run.Address;
        ulong frame = run.Start.Frame + (ulong)offset / 4096;
        run.Memory.Clear();
        machine.Pages.Give(ref run);
        if (mergedBy != 0)
            machine.Pages.Drain();

        bytes[offset] ^= 0x10;
        var bug = Assert.Throws<BugException>(() =>
        {
            // Sooner or later the page is handed out again; not before it is checked.
            while (machine.Pages.TryTake(takenOrder, Zone.Any, OwnerTag.None, out PageRun next))
                Assert.False(next.Start.Frame <= frame && next.Start.Frame + (1ul << takenOrder) > frame);
        });
        Assert.Contains($"page 0x{frame:x} ", bug.Message);
        Assert.Contains($" at 0x{offset % 4096:x}", bug.Message);
        Assert.Contains($"{PageAllocator.PoisonByte ^ 0x10:x2} at ", bug.Message);
        Assert.Contains("culprit", bug.Message);
    }

    [Fact]
    public void What_is_given_back_is_filled()
    {
        using var machine = new Machine(MachineMaps.Pc(128 * Machine.MiB), poison: true);
        PageRun run = machine.Take(5);
        Span<byte> memory = run.Memory;
        memory.Fill(1);
        machine.Pages.Give(ref run);
        Assert.Equal(-1, memory.IndexOfAnyExcept(PageAllocator.PoisonByte));
    }

    [Fact]
    public void Without_poison_nothing_is_written_or_checked()
    {
        using var machine = new Machine(MachineMaps.Pc(128 * Machine.MiB));
        PageRun run = machine.Take(5);
        Span<byte> memory = run.Memory;
        memory.Fill(1);
        machine.Pages.Give(ref run);
        Assert.Equal(-1, memory.IndexOfAnyExcept((byte)1));
        memory.Fill(2);
        run = machine.Take(5);
        Assert.Equal(-1, run.Memory.IndexOfAnyExcept((byte)2));
    }
}
