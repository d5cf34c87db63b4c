using System;
using System.Linq;
using Sluice.Mm;
using Xunit;

namespace Sluice.Tests.Mm;

/// <summary>What the allocator needs for itself.</summary>
public sealed class PageCostTests
{
    private const ulong MiB = Machine.MiB, GiB = Machine.GiB, TiB = Machine.TiB;

    [Fact]
    public void Metadata_takes_less_than_five_bytes_a_page()
    {
        using var machine = new Machine(MachineMaps.Pc(2 * GiB));
        ulong own = machine.Early.PagesTaken * 4096, managed = 0;
        foreach (MemoryPiece piece in machine.Pages.Walk())
        {
            if (piece.Kind == PieceKind.Metadata)
                own += piece.Frames * 4096ul;
            if (piece.Kind is PieceKind.Free or PieceKind.Untouched)
                managed += piece.Frames;
        }
        Assert.True(own < 5 * managed, $"{(double)own / managed} bytes a page");
    }

    [Fact]
    public void Starting_writes_as_much_on_a_large_machine_as_on_a_small_one()
    {
        ulong small = Touched(MachineMaps.Pc(64 * MiB));
        Assert.InRange(small, 64u << 10, 128u << 10);
        Assert.InRange(Touched(MachineMaps.Pc(512 * MiB)), small, small + 8192);
        // What grows is a table, 16 bytes for each 64 MiB; and the first run comes from a section of the highest zone.
        ulong more = 8192 + 18 * 4096;
        foreach (ulong bytes in new[] { 6 * GiB, 20 * GiB, 64 * GiB })
            Assert.InRange(Touched(MachineMaps.Pc(bytes)), small, small + more + bytes / (64 * MiB) * 16);
        Assert.InRange(Touched(MachineMap.Of((0, 16 * TiB))), small, small + more + 4 * MiB);
        Assert.InRange(Touched(MachineMap.Of((0, 128 * MiB), (16 * TiB - GiB, 512 * MiB))), small, small + more + 4 * MiB);
    }

    [Fact]
    public void Sixteen_tebibytes_can_be_used_to_the_last_run()
    {
        using var machine = new Machine(MachineMap.Of((0, 16 * TiB)));
        ulong bytes = 0;
        // Taken in the largest runs, every section is opened, and its metadata written.
        while (bytes < 40 * GiB && machine.Pages.TryTake(PageAllocator.MaxOrder, Zone.Normal, OwnerTag.None, out PageRun run))
            bytes += run.Bytes;
        Assert.Equal(40 * GiB, bytes);
        ZoneReport normal = machine.Pages.Report(Zone.Normal);
        Assert.Equal(bytes / 4096, normal.Used);
        // Each section has three runs of 16 MiB; the fourth has the metadata in it.
        ulong above = 16 * TiB - 4 * GiB;
        Assert.Equal(above / 4096 - 1 - above / (64 * MiB) * 18 - machine.Early.PagesTaken, normal.Managed);

        using var sparse = new Machine(MachineMap.Of((MiB, 63 * MiB), (16 * TiB - 32 * MiB, 32 * MiB)));
        var model = new PageModel(sparse);
        while (model.Take(6, Zone.Any, OwnerTag.None))
        {
        }
        model.AssertWalk();
        model.GiveAll();
        model.AssertMerged();
    }

    [Fact]
    public void Taking_and_giving_touch_no_other_memory()
    {
        using var machine = new Machine(MachineMaps.Pc(512 * MiB));
        PageRun[] warm = [.. Enumerable.Range(0, 10).Select(order => machine.Take(order))];
        ulong touched = machine.Memory.Touched;
        for (int i = 0; i < warm.Length; i++)
            machine.Pages.Give(ref warm[i]);
        for (int round = 0; round < 1000; round++)
        {
            PageRun run = machine.Take(round % 10);
            machine.Pages.Give(ref run);
        }
        Assert.Equal(touched, machine.Memory.Touched);
    }

    [Fact]
    public void Pairs_allocate_no_objects()
    {
        using var machine = new Machine(MachineMaps.Pc(512 * MiB));
        PageRun run = machine.Take(0);
        machine.Pages.Give(ref run);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            machine.Pages.TryTake(i % 13, Zone.Any, OwnerTag.None, out run);
            machine.Pages.Give(ref run);
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static ulong Touched(MachineMap map)
    {
        using var machine = new Machine(map);
        PageRun run = machine.Take(0);
        machine.Pages.Give(ref run);
        return machine.Memory.Touched;
    }
}
