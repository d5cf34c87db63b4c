using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Mm;

/// <summary>
/// A plain picture of what a page allocator did: the runs in use. Every step is done on the allocator and here,
/// and whatever the two disagree on fails the test.
/// </summary>
public sealed unsafe class PageModel
{
    private readonly Machine _machine;
    private readonly Dictionary<ulong, Live> _live = [];
    private readonly List<PageRun> _runs = [];
    private readonly ulong[] _used = new ulong[3];
    private readonly ulong[] _most = new ulong[3];
    private readonly ulong[] _managed = new ulong[3];
    private ulong _taken, _given, _stamp;
    private readonly ulong[] _failures = new ulong[3];

    private sealed record Live(int Order, Zone Zone, OwnerTag Owner, ulong Stamp);

    public PageModel(Machine machine)
    {
        _machine = machine;
        foreach (MemoryPiece piece in machine.Pages.Walk())
        {
            if (piece.Kind is PieceKind.Free or PieceKind.Untouched)
                AddByZone(_managed, piece.First, piece.Frames);
        }
    }

    public int Count => _runs.Count;

    public bool Take(int order, Zone zone, OwnerTag owner)
    {
        if (!_machine.Pages.TryTake(order, zone, owner, out PageRun run))
        {
            Assert.True(run.IsEmpty);
            _failures[(int)zone]++;
            AssertNothingFits(order, zone);
            return false;
        }
        _taken++;
        Assert.Equal(order, run.Order);
        Assert.Equal(PhysAddr.PageSize << order, run.Bytes);
        Assert.True(run.Start.IsAligned(run.Bytes), "natural alignment");
        ulong first = run.Start.Frame, end = first + (1ul << order);
        int index = _machine.Map.Free.IndexEndingAfter((uint)first);
        FrameRange range = _machine.Map.Free[index];
        Assert.True(range.First <= first && range.End >= end, "all of it is free memory");
        Assert.True(end <= (zone switch { Zone.Dma => 16ul << 8, Zone.Dma32 => 4ul << 18, _ => ulong.MaxValue }), "within the zone");
        Assert.Equal(first < 16 << 8 ? Zone.Dma : first < 4 << 18 ? Zone.Dma32 : Zone.Normal, run.Zone);
        AssertApart(first, end);
        var live = new Live(order, run.Zone, owner, ++_stamp);
        _live.Add(first, live);
        _used[(int)run.Zone] += 1ul << order;
        _most[(int)run.Zone] = Math.Max(_most[(int)run.Zone], _used[(int)run.Zone]);
        Stamp(run, live.Stamp);
        _runs.Add(run);
        return true;
    }

    public void Give(int index)
    {
        PageRun run = _runs[index];
        _runs[index] = _runs[^1];
        _runs.RemoveAt(_runs.Count - 1);
        Live live = _live[run.Start.Frame];
        AssertStamp(run, live.Stamp);
        _live.Remove(run.Start.Frame);
        _used[(int)live.Zone] -= 1ul << live.Order;
        _given++;
        _machine.Pages.Give(ref run);
        Assert.True(run.IsEmpty);
    }

    public void GiveAll()
    {
        while (_runs.Count != 0)
            Give(_runs.Count - 1);
    }

    /// <summary>Statistics, without walking memory.</summary>
    public void AssertCounts()
    {
        ulong taken = 0, given = 0;
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
        {
            ZoneReport report = _machine.Pages.Report(zone);
            Assert.Equal(_managed[(int)zone], report.Managed);
            Assert.Equal(_used[(int)zone], report.Used);
            Assert.Equal(report.Managed, report.Used + report.Free);
            Assert.Equal(report.Free, report.Cached + report.Untouched + PagesIn(report.Blocks));
            Assert.InRange(report.HighWater, _most[(int)zone], report.Managed);
            Assert.Equal(_failures[(int)zone], report.Failures);
            taken += report.Taken;
            given += report.Given;
        }
        Assert.Equal(_taken, taken);
        Assert.Equal(_given, given);
    }

    /// <summary>The walk over memory: no gaps, each run in use where it is and whose it is, the rest as counted.</summary>
    public void AssertWalk()
    {
        ulong next = 0;
        var found = new Dictionary<ulong, Live>();
        ulong[] used = new ulong[3], cached = new ulong[3], untouched = new ulong[3], free = new ulong[3];
        foreach (MemoryPiece piece in _machine.Pages.Walk())
        {
            Assert.Equal(next, piece.First);
            Assert.True(piece.Frames > 0);
            next += piece.Frames;
            switch (piece.Kind)
            {
                case PieceKind.Used:
                    Live live = _live[piece.First];
                    Assert.Equal(1u << live.Order, piece.Frames);
                    Assert.Equal(live.Owner.Id, piece.Owner.Id);
                    found.Add(piece.First, live);
                    AddByZone(used, piece.First, piece.Frames);
                    break;
                case PieceKind.Cached: AddByZone(cached, piece.First, piece.Frames); break;
                case PieceKind.Untouched: AddByZone(untouched, piece.First, piece.Frames); break;
                case PieceKind.Free: AddByZone(free, piece.First, piece.Frames); break;
                case PieceKind.NotRam: Assert.False(_machine.Map.Usable.Contains(piece.First)); break;
                case PieceKind.Reserved: Assert.False(_machine.Map.Free.Contains(piece.First)); break;
                case PieceKind.Metadata or PieceKind.Unusable: Assert.True(_machine.Map.Free.Contains(piece.First)); break;
                default: Assert.Fail($"a piece of kind {piece.Kind}"); break;
            }
        }
        Assert.Equal(_live.Count, found.Count);
        Assert.Equal(_machine.Map.Usable.Count == 0 ? 0 : _machine.Map.Usable[^1].End, next);
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
        {
            ZoneReport report = _machine.Pages.Report(zone);
            Assert.Equal((report.Used, report.Cached, report.Untouched, PagesIn(report.Blocks)),
                (used[(int)zone], cached[(int)zone], untouched[(int)zone], free[(int)zone]));
        }
        AssertOwners();
    }

    /// <summary>With nothing in CPUs' lists, the free blocks are as large as alignment and neighbours allow.</summary>
    public void AssertMerged()
    {
        _machine.Pages.Drain();
        var expected = new PerOrder[3];
        foreach (FrameRange range in FreeRanges(PieceKind.Free))
        {
            for (uint first = range.First; first < range.End;)
            {
                int order = Math.Min(System.Numerics.BitOperations.TrailingZeroCount(first), PageAllocator.MaxOrder);
                while (1u << order > range.End - first)
                    order--;
                expected[(int)ZoneOf(first)][order]++;
                first += 1u << order;
            }
        }
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
        {
            ZoneReport report = _machine.Pages.Report(zone);
            Assert.Equal(0u, report.Cached);
            for (int order = 0; order <= PageAllocator.MaxOrder; order++)
                Assert.Equal(expected[(int)zone][order], report.Blocks[order]);
        }
    }

    private void AssertOwners()
    {
        var owners = new OwnerReport[OwnerTag.Count];
        _machine.Pages.CountOwners(owners);
        for (int id = 0; id < owners.Length; id++)
        {
            Assert.Equal(_live.Values.Count(live => live.Owner.Id == id), (int)owners[id].Runs);
            Assert.Equal(_live.Values.Where(live => live.Owner.Id == id).Sum(live => 1L << live.Order), (long)owners[id].Pages);
        }
    }

    // A request may fail only if no aligned run is free where it may look, or what is free there is kept for that zone's own.
    private void AssertNothingFits(int order, Zone zone)
    {
        Zone highest = zone;
        while (highest > Zone.Dma && _managed[(int)highest] == 0)
            highest--;
        ulong[] free = new ulong[3];
        bool[] fits = new bool[3];
        foreach (FrameRange range in FreeRanges(PieceKind.Free, PieceKind.Untouched))
        {
            AddByZone(free, range.First, range.Count);
            ulong size = 1ul << order, aligned = (range.First + size - 1) & ~(size - 1);
            if (order <= PageAllocator.MaxOrder && aligned + size <= range.End)
                fits[(int)ZoneOf((uint)aligned)] = true;
        }
        for (Zone z = Zone.Dma; z <= highest; z++)
        {
            ulong reserve = z == highest ? 0 : _machine.Pages.Report(z).Reserve;
            Assert.True(!fits[(int)z] || free[(int)z] < reserve + (1ul << order), $"{z} could have served order {order}");
        }
    }

    // Neighbouring pieces joined, but not over the border of a zone.
    private List<FrameRange> FreeRanges(params PieceKind[] kinds)
    {
        var ranges = new List<FrameRange>();
        foreach (MemoryPiece piece in _machine.Pages.Walk())
        {
            if (!kinds.Contains(piece.Kind))
                continue;
            if (ranges.Count > 0 && ranges[^1].End == piece.First && ZoneOf(piece.First) == ZoneOf(ranges[^1].First))
                ranges[^1] = new FrameRange(ranges[^1].First, piece.First + piece.Frames);
            else
                ranges.Add(new FrameRange(piece.First, piece.First + piece.Frames));
        }
        return ranges;
    }

    // Runs are aligned to their size, so two that overlap start at the same page or one lies within the other.
    private void AssertApart(ulong first, ulong end)
    {
        for (int order = 0; order <= PageAllocator.MaxOrder; order++)
        {
            bool around = _live.TryGetValue(first & ~((1ul << order) - 1), out Live? live) && live.Order >= order;
            Assert.False(around, $"page {first:x} is in use");
        }
        for (ulong frame = first; frame < end; frame++)
            Assert.False(_live.ContainsKey(frame), $"page {frame:x} is in use");
    }

    private static void Stamp(PageRun run, ulong stamp)
    {
        foreach (ulong offset in StampedBytes(run))
            *(ulong*)(run.Address + offset) = stamp ^ offset;
    }

    private static void AssertStamp(PageRun run, ulong stamp)
    {
        foreach (ulong offset in StampedBytes(run))
            Assert.Equal(stamp ^ offset, *(ulong*)(run.Address + offset));
    }

    // Both ends of each page; of large runs only some pages, as each that is written costs real memory.
    private static IEnumerable<ulong> StampedBytes(PageRun run)
    {
        ulong pages = run.Bytes / PhysAddr.PageSize, step = Math.Max(pages / 32, 1);
        for (ulong page = 0; page < pages; page += step)
        {
            yield return page * PhysAddr.PageSize;
            yield return (page + 1) * PhysAddr.PageSize - 8;
        }
        yield return run.Bytes - 8;
    }

    private static ulong PagesIn(PerOrder blocks)
    {
        ulong pages = 0;
        for (int order = 0; order <= PageAllocator.MaxOrder; order++)
            pages += (ulong)blocks[order] << order;
        return pages;
    }

    private static Zone ZoneOf(uint frame) => frame < 16 << 8 ? Zone.Dma : frame < 4 << 18 ? Zone.Dma32 : Zone.Normal;

    private static void AddByZone(ulong[] sums, uint first, uint frames)
    {
        ulong[] ends = [16ul << 8, 4ul << 18, ulong.MaxValue];
        ulong from = first, to = (ulong)first + frames;
        for (int zone = 0; zone < 3; zone++)
        {
            ulong end = Math.Min(to, ends[zone]);
            if (from >= end)
                continue;
            sums[zone] += end - from;
            from = end;
        }
    }
}
