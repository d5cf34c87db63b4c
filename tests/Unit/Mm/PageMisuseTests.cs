using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Sluice.Mm;
using Xunit;

namespace Sluice.Tests.Mm;

/// <summary>What a caller may do wrong: each is found, named, and leaves everything as it was.</summary>
public sealed unsafe class PageMisuseTests
{
    [Theory]
    [InlineData(-1)]
    [InlineData(PageAllocator.MaxOrder + 1)]
    [InlineData(16)]
    [InlineData(31)]
    [InlineData(int.MaxValue)]
    [InlineData(int.MinValue)]
    public void An_order_that_does_not_exist_cannot_be_served(int order)
    {
        using var machine = new Machine(MachineMaps.Pc(512 * Machine.MiB));
        Assert.False(machine.Pages.TryTake(order, Zone.Any, OwnerTag.None, out PageRun run));
        Assert.True(run.IsEmpty);
        Assert.Equal(1u, machine.Pages.Report(Zone.Any).Failures);
    }

    [Fact]
    public void A_zone_that_does_not_exist_is_all_memory()
    {
        using var machine = new Machine(MachineMaps.Pc(6 * Machine.GiB));
        Assert.True(machine.Pages.TryTake(0, (Zone)3, OwnerTag.None, out PageRun run));
        Assert.Equal(Zone.Normal, run.Zone);
        Assert.True(machine.Pages.TryTake(12, (Zone)200, OwnerTag.None, out run));
    }

    [Theory, MemberData(nameof(Orders))]
    public void A_second_free_is_found(int order, bool poison)
    {
        using var machine = new Machine(MachineMaps.Pc(512 * Machine.MiB), poison);
        PageRun run = machine.Take(order), copy = run;
        machine.Pages.Give(ref run);
        AssertStops(machine, copy, "given back twice");
        machine.Pages.Drain();
        AssertStops(machine, copy, "given back twice");
    }

    [Theory, MemberData(nameof(Orders))]
    public void A_second_free_is_found_when_the_pages_are_somebody_elses(int order, bool poison)
    {
        using var machine = new Machine(MachineMaps.Pc(512 * Machine.MiB), poison);
        PageRun run = machine.Take(order), stale = run;
        for (int i = 0; i < 100; i++)
        {
            machine.Pages.Give(ref run);
            if (i % 10 == 9)
                machine.Pages.Drain();
            run = machine.Take(order);
            Assert.Equal(stale.Start, run.Start);
            AssertStops(machine, stale, "somebody else's");
        }
        machine.Pages.Give(ref run);
    }

    [Fact]
    public void An_empty_run_is_found()
    {
        using var machine = new Machine(MachineMaps.Pc(512 * Machine.MiB));
        AssertStops(machine, default, "empty");
        using var high = new Machine(MachineMap.Of((4 * Machine.GiB, Machine.GiB)));
        AssertStops(high, default, "empty");
        Assert.Throws<BugException>(() => default(PageRun).Memory.Length);
        Assert.Equal(0u, default(PageRun).Bytes);
    }

    [Fact]
    public void A_handle_that_nobody_handed_out_is_found_wherever_it_points()
    {
        using var machine = new Machine(MachineMaps.Pc(6 * Machine.GiB));
        PageRun run = machine.Take(4);
        uint word = run.Word, metadata = 0;
        foreach (MemoryPiece piece in machine.Pages.Walk())
        {
            if (piece.Kind == PieceKind.Metadata)
                metadata = piece.First;
        }
        var wrong = new Dictionary<string, PageRun>
        {
            ["another order"] = new(run.Frame, word ^ 1),
            ["another zone"] = new(run.Frame, word ^ 0x10),
            ["another owner"] = new(run.Frame, word ^ 0x10000),
            ["a page in the middle"] = new(run.Frame + 1, word),
            ["the next run"] = new(run.Frame + 16, word),
            ["page zero"] = new(0, word),
            ["the frame buffer"] = new(0xFD000, word),
            ["above the end of memory"] = new(0x10_0000 + (3 << 18), word),
            ["far above the end of memory"] = new(uint.MaxValue, word),
            ["a section never used"] = new(0x8000, word),
            ["metadata"] = new(metadata, word),
            ["the kernel"] = new(0x200, word),
            ["all ones"] = new(ulong.MaxValue),
        };
        foreach ((string what, PageRun bad) in wrong)
        {
            byte[] before = Reports(machine);
            PageRun handle = bad;
            Assert.True(Record.Exception(() => machine.Pages.Give(ref handle)) is BugException, what);
            Assert.Equal(before, Reports(machine));
        }
        machine.Pages.Give(ref run);
    }

    [Fact]
    public void A_run_of_another_allocator_is_found()
    {
        using var one = new Machine(MachineMaps.Pc(128 * Machine.MiB));
        using var other = new Machine(MachineMaps.Pc(128 * Machine.MiB));
        PageRun run = other.Take(3);
        AssertStops(one, run, "never taken");
    }

    private static void AssertStops(Machine machine, PageRun run, string because)
    {
        byte[] before = Reports(machine);
        var bug = Assert.Throws<BugException>(() => machine.Pages.Give(ref run));
        Assert.Contains(because, bug.Message);
        Assert.True(run.IsEmpty);
        Assert.Equal(before, Reports(machine));
    }

    private static byte[] Reports(Machine machine)
    {
        machine.Memory.Use();
        ZoneReport[] reports = [.. Enumerable.Range(0, 3).Select(zone => machine.Pages.Report((Zone)zone))];
        return MemoryMarshal.AsBytes(reports.AsSpan()).ToArray();
    }

    public static TheoryData<int, bool> Orders()
    {
        var data = new TheoryData<int, bool>();
        for (int order = 0; order <= PageAllocator.MaxOrder; order++)
        {
            data.Add(order, false);
            data.Add(order, true);
        }
        return data;
    }
}
