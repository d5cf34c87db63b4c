using System;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.SelfTest;

/// <summary>
/// Pages and small objects on this machine's memory; hosted tests cover every kind of memory map. Leaves all memory as
/// it was, which the last cases check.
/// </summary>
internal static unsafe class PageAllocatorSuite
{
    // Objects are never given back.
    private static MemoryMap? _innerMap;

    public static void Register(ref Suite suite)
    {
        suite.Case("a run of each order is aligned to its size"u8, &Alignment);
        suite.Case("runs come from the zone asked for or below"u8, &ZonesHold);
        suite.Case("a thousand runs keep their contents"u8, &Contents);
        suite.Case("all that is given back merges again"u8, &Merging);
        suite.Case("a request that cannot be served fails and is counted"u8, &Failing);
        suite.Case("the counts of a zone agree with a walk over memory"u8, &Counting);
        suite.Case("the leak report names the owner"u8, &Owners);
        suite.Case("usable memory is accounted for to the page"u8, &Accounting);
        suite.Case("with poison, what is given back is filled"u8, &Poison);
        suite.Case("small blocks keep their contents and go back"u8, &SmallBlocks);
        suite.Case("slabs that are free give their pages back"u8, &SlabsDissolve);
    }

    private static bool AllAre(Span<byte> memory, byte value)
    {
        foreach (byte found in memory)
        {
            if (found != value)
                return false;
        }
        return true;
    }

    private static ulong UsedPages()
    {
        ulong used = 0;
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
            used += Pages.Allocator.Report(zone).Used;
        return used;
    }

    private static void Alignment(ref Ktap t)
    {
        ulong before = UsedPages();
        for (int order = 0; order <= PageAllocator.MaxOrder; order++)
        {
            if (!Pages.TryTake(order, Zone.Any, out PageRun run))
            {
                t.Check(order > 9, "2 MiB in a row are free"u8);
                continue;
            }
            t.Check(run.Start.IsAligned(run.Bytes), "aligned to its size"u8);
            t.Equal(PhysAddr.PageSize << order, run.Bytes, "bytes of the run"u8);
            t.Equal(before + (1UL << order), UsedPages(), "pages in use meanwhile"u8);
            run.Memory[0] = run.Memory[(int)run.Bytes - 1] = 1;
            Pages.Give(ref run);
            t.Check(run.IsEmpty, "the handle is empty afterwards"u8);
        }
        t.Equal(before, UsedPages(), "pages in use afterwards"u8);
    }

    private static void ZonesHold(ref Ktap t)
    {
        for (int order = 0; order <= 6; order++)
        {
            if (t.Check(Pages.TryTake(order, Zone.Dma, out PageRun low), "memory below 16 MiB is free"u8))
            {
                t.Check(low.Start + low.Bytes <= new PhysAddr(16 << 20), "below 16 MiB"u8);
                Pages.Give(ref low);
            }
            if (t.Check(Pages.TryTake(order, Zone.Dma32, out PageRun middle), "memory below 4 GiB is free"u8))
            {
                t.Check(middle.Start + middle.Bytes <= new PhysAddr(1UL << 32), "below 4 GiB"u8);
                Pages.Give(ref middle);
            }
        }
    }

    private static void Contents(ref Ktap t)
    {
        const int count = 1000;
        if (!t.Check(Pages.TryTake(1, Zone.Any, out PageRun table), "two pages for handles"u8))
            return;
        var runs = (PageRun*)table.Address;
        int taken = 0;
        for (; taken < count; taken++)
        {
            if (!t.Check(Pages.TryTake(taken % 7 == 0 ? 3 : 0, Zone.Any, out runs[taken]), "a run is free"u8))
                break;
            new Span<ulong>(runs[taken].Address, (int)(runs[taken].Bytes / sizeof(ulong))).Fill(runs[taken].Start.Value);
        }
        ulong changed = 0;
        for (int i = 0; i < taken; i++)
        {
            var words = new Span<ulong>(runs[i].Address, (int)(runs[i].Bytes / sizeof(ulong)));
            foreach (ulong word in words)
                changed += word == runs[i].Start.Value ? 0u : 1u;
            Pages.Give(ref runs[i]);
        }
        t.Equal(0, changed, "words that changed"u8);
        Pages.Give(ref table);
    }

    private static void Merging(ref Ktap t)
    {
        Pages.Allocator.Drain();
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
        {
            // Once round, so that each zone has opened the memory that this needs.
            TakeAndGive(ref t, zone);
            PerOrder before = Pages.Allocator.Report(zone).Blocks;
            TakeAndGive(ref t, zone);
            PerOrder after = Pages.Allocator.Report(zone).Blocks;
            for (int order = 0; order <= PageAllocator.MaxOrder; order++)
                t.Equal(before[order], after[order], "free blocks of an order"u8);
        }
    }

    private static void TakeAndGive(ref Ktap t, Zone zone)
    {
        const int count = 500;
        if (Pages.Allocator.Report(zone).Free < 2 * count || !Pages.TryTake(0, Zone.Any, out PageRun table))
            return;
        var runs = (PageRun*)table.Address;
        for (int i = 0; i < count; i++)
            t.Check(Pages.TryTake(0, zone, out runs[i]), "a page is free"u8);
        // In an order that leaves holes for as long as possible.
        for (int step = 0; step < 7; step++)
        {
            for (int i = step; i < count; i += 7)
                Pages.Give(ref runs[i]);
        }
        Pages.Give(ref table);
        Pages.Allocator.Drain();
    }

    private static void Failing(ref Ktap t)
    {
        ulong before = Pages.Allocator.Report(Zone.Any).Failures;
        t.Check(Fails(PageAllocator.MaxOrder + 1), "no run is larger than 16 MiB"u8);
        t.Check(Fails(-1), "no run is smaller than a page"u8);
        t.Equal(before + 2, Pages.Allocator.Report(Zone.Any).Failures, "failures counted"u8);
    }

    private static bool Fails(int order)
    {
        if (!Pages.TryTake(order, Zone.Any, out PageRun run))
            return run.IsEmpty;
        Pages.Give(ref run);
        return false;
    }

    private static void Counting(ref Ktap t)
    {
        ulong used = 0, free = 0;
        foreach (MemoryPiece piece in Pages.Allocator.Walk())
        {
            if (piece.Kind == PieceKind.Used)
                used += piece.Frames;
            if (piece.Kind is PieceKind.Free or PieceKind.Untouched or PieceKind.Cached)
                free += piece.Frames;
        }
        ulong reportedFree = 0;
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
        {
            ZoneReport report = Pages.Allocator.Report(zone);
            reportedFree += report.Free;
            t.Equal(report.Managed, report.Used + report.Free, "managed pages of a zone"u8);
            ulong listed = report.Cached + report.Untouched;
            for (int order = 0; order <= PageAllocator.MaxOrder; order++)
                listed += (ulong)report.Blocks[order] << order;
            t.Equal(report.Free, listed, "free pages of a zone"u8);
            t.Check(report.HighWater >= report.Used && report.HighWater <= report.Managed, "the high-water mark is in between"u8);
        }
        t.Equal(UsedPages(), used, "pages in use"u8);
        t.Equal(reportedFree, free, "free pages"u8);
    }

    private static void Owners(ref Ktap t)
    {
        OwnerTag tag = OwnerTag.Register("self-test"u8);
        Span<OwnerReport> owners = stackalloc OwnerReport[OwnerTag.MaxCount];
        if (!t.Check(Pages.TryTake(4, Zone.Any, tag, out PageRun leak), "sixteen pages are free"u8))
            return;
        Pages.Allocator.CountOwners(owners);
        t.Equal(1, owners[tag.Id].Runs, "runs that the tag has"u8);
        t.Equal(16, owners[tag.Id].Pages, "pages that the tag has"u8);
        Pages.Give(ref leak);
        Pages.Allocator.CountOwners(owners);
        t.Equal(0, owners[tag.Id].Runs, "runs that the tag has afterwards"u8);
    }

    private static void Accounting(ref Ktap t)
    {
        ulong usable = 0, managed = 0, other = 0, next = 0;
        foreach (MemoryPiece piece in Pages.Allocator.Walk())
        {
            t.Check(piece.First == next, "the walk leaves no gap"u8);
            next += piece.Frames;
            if (piece.Kind == PieceKind.NotRam)
                continue;
            usable += piece.Frames;
            if (piece.Kind is PieceKind.Reserved or PieceKind.Metadata or PieceKind.Unusable)
                other += piece.Frames;
        }
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
            managed += Pages.Allocator.Report(zone).Managed;
        t.Equal(usable, managed + other, "usable pages"u8);
        t.Check(other < usable / 8 + 4096, "what is not handed out is small"u8);
    }

    // The machine's own allocator may run without poison. So this makes a small machine of one run and an allocator for it.
    [OwnershipInternals("looks at pages after they went back")]
    private static void Poison(ref Ktap t)
    {
        const int order = 8;
        if (!t.Check(Pages.TryTake(order, Zone.Any, out PageRun machine), "1 MiB in a row is free"u8))
            return;
        MemoryMap map = _innerMap ??= new MemoryMap();
        map.Build([new MemoryRange(machine.Start, machine.Bytes, MemoryKind.Usable)], []);
        var inner = new PageAllocator();
        t.Check(inner.Start(map, new EarlyMemory(map), new PhysAddr(ulong.MaxValue), poison: true), "it starts"u8);
        t.Check(inner.TryTake(2, Zone.Any, OwnerTag.None, out PageRun run), "four pages are free in it"u8);
        Span<byte> memory = run.Memory;
        memory.Clear();
        inner.Give(ref run);
        t.Check(AllAre(memory, PageAllocator.PoisonByte), "pages given back are filled"u8);
        t.Check(inner.TryTake(2, Zone.Any, OwnerTag.None, out run), "and can be taken again"u8);
        inner.Give(ref run);
        Pages.Give(ref machine);
    }

    private static void SmallBlocks(ref Ktap t)
    {
        const int count = 200;
        if (!t.Check(Pages.TryTake(0, Zone.Any, out PageRun table), "a page for handles"u8))
            return;
        var blocks = (SlabBlock*)table.Address;
        int taken = 0;
        for (; taken < count; taken++)
        {
            if (!t.Check(Slab.TryTake(1 + taken * 10, out blocks[taken]), "a block is free"u8))
                break;
            t.Equal((ulong)(1 + taken * 10), (ulong)blocks[taken].Memory.Length, "bytes of the block"u8);
            blocks[taken].Memory.Fill((byte)taken);
        }
        for (int i = 0; i < taken; i++)
        {
            t.Check(AllAre(blocks[i].Memory, (byte)i), "the block kept its bytes"u8);
            Slab.Give(ref blocks[i]);
            t.Check(blocks[i].IsEmpty, "the handle is empty afterwards"u8);
        }
        Pages.Give(ref table);
    }

    private static void SlabsDissolve(ref Ktap t)
    {
        Slab.Heap.Trim();
        for (int i = 0; i < SlabHeap.ClassCount; i++)
        {
            SlabReport report = Slab.Heap.Cache(i).Report();
            t.Equal(0, report.Cached, "objects in magazines"u8);
            t.Check(report.Used != 0 || report.Slabs == 0, "no slab without objects is left"u8);
        }
    }
}
