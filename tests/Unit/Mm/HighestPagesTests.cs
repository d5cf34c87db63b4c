using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Mm;
using Xunit;

namespace Sluice.Tests.Mm;

/// <summary>Runs taken from the top.</summary>
public sealed class HighestPagesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_highest_free_run_is_taken_and_all_pages_come_back(int seed)
    {
        using var machine = new Machine(MachineMap.Of((0x10_0000, 200 * Machine.MiB), (0x1000_0000, 70 * Machine.MiB)));
        var random = new Random(seed);
        // All of memory, page by page, tells what there is; then some of it goes back.
        var held = new SortedDictionary<uint, PageRun>();
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
        {
            while (machine.Pages.TryTake(0, zone, default, out PageRun page))
                held.Add(page.Frame, page);
        }
        ulong all = (ulong)held.Count;
        var free = new HashSet<uint>();
        uint at = 0;
        foreach (uint frame in held.Keys.ToArray())
        {
            if (at-- == 0)
                at = (uint)random.Next(1, 40);
            if (random.Next(60) == 0)
                at = 0;
            if (at % 7 == 3)
                continue;
            PageRun page = held[frame];
            held.Remove(frame);
            machine.Pages.Give(ref page);
            free.Add(frame);
        }
        machine.Pages.Drain();
        for (int step = 0; step < 300; step++)
        {
            int order = random.Next(5);
            ulong last = (ulong)random.NextInt64(0x20_0000, 0x1500_0000);
            uint expected = Expected(free, order, last);
            bool taken = machine.Pages.TryTakeHighest(order, last, default, out PageRun run);
            Assert.Equal(expected != 0, taken);
            if (!taken)
                continue;
            Assert.Equal(expected, run.Frame);
            Assert.Equal(order, run.Order);
            for (uint i = 0; i < 1u << order; i++)
                free.Remove(run.Frame + i);
            held.Add(run.Frame, run);
        }
        foreach (PageRun kept in held.Values)
        {
            PageRun run = kept;
            machine.Pages.Give(ref run);
        }
        machine.Pages.Drain();
        ulong managed = 0;
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
        {
            Assert.Equal(0ul, machine.Pages.Report(zone).Used);
            managed += machine.Pages.Report(zone).Free;
        }
        Assert.Equal(all, managed);
    }

    private static uint Expected(HashSet<uint> free, int order, ulong last)
    {
        uint pages = 1u << order, first = (uint)((last + 1) >> 12);
        for (first = (first < pages ? 0 : first - pages) & ~(pages - 1); first != 0; first -= pages)
        {
            uint i = 0;
            while (i < pages && free.Contains(first + i))
                i++;
            // A run never spans zones, which end at multiples of the largest.
            if (i == pages)
                return first;
        }
        return 0;
    }

    [Theory]
    [InlineData(0xFF_FFFFul)]
    [InlineData(0xFFF_FFFFul)]
    [InlineData(0xFFFF_FFFFul)]
    [InlineData(ulong.MaxValue)]
    public void Of_memory_never_used_the_top_is_opened_alone(ulong last)
    {
        using var machine = new Machine(MachineMap.Of((0x10_0000, 3 * Machine.GiB), (0x1_0000_0000, 60 * Machine.GiB)));
        Assert.True(machine.Pages.TryTakeHighest(3, last, default, out PageRun run));
        ulong end = last switch { 0xFFFF_FFFF => 0x10_0000 + 3 * Machine.GiB, ulong.MaxValue => 64 * Machine.GiB, _ => last + 1 };
        Assert.InRange(run.Start.Value + run.Bytes, end - Machine.MiB, end);
        Assert.InRange(machine.Memory.Touched, 1ul, Machine.MiB);
        machine.Pages.Give(ref run);
        // What was opened out of turn is not opened again.
        ulong before = 0;
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
            before += machine.Pages.Report(zone).Free;
        var runs = new List<PageRun>();
        while (machine.Pages.TryTake(12, Zone.Any, default, out run))
            runs.Add(run);
        Assert.Equal(runs.Count, runs.Select(r => r.Frame).Distinct().Count());
        foreach (PageRun taken in runs)
        {
            run = taken;
            machine.Pages.Give(ref run);
        }
        ulong after = 0;
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
            after += machine.Pages.Report(zone).Free;
        Assert.Equal(before, after);
    }
}
