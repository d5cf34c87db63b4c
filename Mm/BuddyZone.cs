using System.Numerics;
using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Mm;

/// <summary>A number for each order.</summary>
[InlineArray(PageAllocator.MaxOrder + 1)]
public struct PerOrder
{
    private uint _first;
}

/// <summary>
/// The free memory of one zone: a binary buddy system. Blocks of whole chunks are in a list for each order; a chunk of
/// which only parts are free is in the list of the largest run that it still has. Sections that were never used
/// wait as a number until the lists run dry. Runs come and go in batches, so that the lock is taken seldom.
/// </summary>
internal sealed unsafe partial class BuddyZone
{
    private SpinLock _lock;
    private SectionTable _sections;
    private RangeSet _map = null!;
    private uint _nextSection, _endSection;
    private uint _nonEmpty;          // a bit for each list
    private PerOrder _heads;
    private uint _batches;

    /// <summary>Pages that the zone manages.</summary>
    public ulong Managed { get; private set; }

    /// <summary>Pages in the free lists.</summary>
    public ulong Listed { get; private set; }

    /// <summary>Pages in sections that were never used.</summary>
    public ulong Untouched { get; private set; }

    /// <summary>Pages that a request from a higher zone must leave here.</summary>
    public ulong Reserve { get; set; }

    /// <summary>Requests that neither this zone nor a lower one could serve.</summary>
    public ulong Failures { get; set; }

    /// <summary>Most pages that were out of the lists at once, those in per-CPU lists included.</summary>
    public ulong HighWater { get; private set; }

    /// <summary>Pages that can be had here.</summary>
    public ulong Available => Listed + Untouched;

    /// <summary>Says where the metadata and the memory map are and which sections wait to be opened.</summary>
    public void Start(SectionTable sections, RangeSet map, uint firstSection, uint endSection)
    {
        _sections = sections;
        _map = map;
        _nextSection = firstSection;
        _endSection = endSection;
    }

    /// <summary>Counts pages that the zone gets once their section is opened.</summary>
    public void Expect(ulong pages)
    {
        Managed += pages;
        Untouched += pages;
    }

    /// <summary>
    /// Takes runs of one order: up to order 5 as many as one chunk has, and more chunks if that were few; above, one.
    /// Returns how many, 0 if there is none; fewer than twice as many as a chunk can have. Handles get
    /// <paramref name="state"/> and a generation of their batch.
    /// </summary>
    public uint Take(int order, uint state, PageRun* runs)
    {
        _lock.Acquire();
        // Multiplied by an odd number of no pattern, so that it does not meet the steps of one that each use makes.
        state |= (ushort)(++_batches * 0x9E37 << Page.GenerationShift);
        uint taken = order < Chunk.Order ? TakeFromChunks(order, state, runs) : TakeBlock(order, state, runs);
        Listed -= (ulong)taken << order;
        ulong used = Managed - Available;
        if (used > HighWater)
            HighWater = used;
        _lock.Release();
        return taken;
    }

    /// <summary>Puts runs back and merges them with what is free around them.</summary>
    public void Give(int order, PageRun* runs, ulong count)
    {
        _lock.Acquire();
        Listed += count << order;
        if (order >= Chunk.Order)
        {
            for (ulong i = 0; i < count; i++)
                Merge(runs[i].Frame >> Chunk.Order, order);
        }
        else
        {
            ulong pagesOfRun = ChunkBits.Run(order), i = 0;
            while (i < count)
            {
                ulong number = runs[i].Value >> (32 + Chunk.Order), pages = 0;
                do
                    pages |= pagesOfRun << (int)(runs[i].Value >> 32);      // by the frame's lowest six bits
                while (++i < count && runs[i].Value >> (32 + Chunk.Order) == number);
                Return((uint)number, pages);
            }
        }
        _lock.Release();
    }

    /// <summary>Adds frames of a section that is being opened; they were counted by <see cref="Expect"/>.</summary>
    public void Insert(FrameRange part)
    {
        uint first = part.First, end = part.End;
        Untouched -= end - first;
        Listed += end - first;
        while (first < end)
        {
            uint inChunk = first & 63;
            if (inChunk != 0 || end - first < 64)
            {
                uint pages = end - first < 64 - inChunk ? end - first : 64 - inChunk;
                Return(first >> Chunk.Order, ulong.MaxValue >> (int)(64 - pages) << (int)inChunk);
                first += pages;
            }
            else
            {
                int order = BitOperations.TrailingZeroCount(first | 1u << PageAllocator.MaxOrder);
                while (1u << order > end - first)
                    order--;
                Link(first >> Chunk.Order, order);
                first += 1u << order;
            }
        }
    }

    /// <summary>Counts the free blocks in the lists by their order.</summary>
    public void CountFree(ref PerOrder counts)
    {
        _lock.Acquire();
        for (int order = 0; order <= PageAllocator.MaxOrder; order++)
        {
            if ((_nonEmpty & 1u << order) == 0)
                continue;
            for (uint number = _heads[order]; number != Chunk.None; number = At(number)->Next)
            {
                if (order >= Chunk.Order)
                    counts[order]++;
                else
                    ChunkBits.Count(At(number)->Free, ref counts);
            }
        }
        _lock.Release();
    }

    private Chunk* At(uint number) => _sections.ChunkAt(number);

    private uint TakeFromChunks(int order, uint state, PageRun* runs)
    {
        uint most = 64u >> order, enough = most < 16 ? most : 16, taken = 0;
        while (taken < enough)
        {
            if (!TryFindList(order, out int list))
                break;
            uint number = _heads[list];
            ulong free;
            if (list < Chunk.Order)
            {
                Unlink(number);
                free = At(number)->Free;
            }
            else
            {
                number = TakeBlock(Chunk.Order);
                free = ulong.MaxValue;
            }
            // Highest first: they are handed out from the end.
            ulong starts = ChunkBits.Runs(free, order);
            uint frame = number << Chunk.Order;
            free &= ~ChunkBits.Expand(starts, order);
            if (starts == ulong.MaxValue)
            {
                for (uint bit = 64; bit-- != 0;)
                    runs[taken++] = new PageRun(frame + bit, state);
            }
            else
            {
                for (int bit; starts != 0; starts ^= 1UL << bit)
                {
                    bit = BitOperations.Log2(starts);
                    runs[taken++] = new PageRun(frame + (uint)bit, state);
                }
            }
            At(number)->Free = free;
            if (free != 0)
                Link(number, ChunkBits.LargestOrder(free));
        }
        return taken;
    }

    private uint TakeBlock(int order, uint state, PageRun* runs)
    {
        if (!TryFindList(order, out _))
            return 0;
        runs[0] = new PageRun(TakeBlock(order) << Chunk.Order, state);
        return 1;
    }

    // The smallest block that is large enough, halved until it is as small as wanted. There must be one.
    private uint TakeBlock(int order)
    {
        int list = BitOperations.TrailingZeroCount(_nonEmpty >> order) + order;
        uint number = _heads[list];
        Unlink(number);
        while (list > order)
        {
            list--;
            Link(number + (1u << (list - Chunk.Order)), list);
        }
        return number;
    }

    private bool TryFindList(int order, out int list)
    {
        while (_nonEmpty >> order == 0)
        {
            if (!TryOpenSection())
            {
                list = 0;
                return false;
            }
        }
        list = BitOperations.TrailingZeroCount(_nonEmpty >> order) + order;
        return true;
    }

    // Pages of a chunk become free, which may make it whole.
    private void Return(uint number, ulong pages)
    {
        Chunk* chunk = At(number);
        ulong free = chunk->Free;
        Bug.If((free & pages) != 0, "page metadata is damaged: a page is free twice"u8);
        free |= pages;
        if (free == ulong.MaxValue)
        {
            if (chunk->List != 0)
                Unlink(number);
            chunk->Free = 0;
            Merge(number, Chunk.Order);
            return;
        }
        chunk->Free = free;
        int list = ChunkBits.LargestOrder(free);
        if (chunk->List == list + 1)
            return;
        if (chunk->List != 0)
            Unlink(number);
        Link(number, list);
    }

    // A block of whole chunks becomes free: as long as its other half is, too, both make one of the next order.
    private void Merge(uint number, int order)
    {
        for (; order < PageAllocator.MaxOrder; order++)
        {
            uint half = 1u << (order - Chunk.Order);
            if (At(number ^ half)->List != order + 1)
                break;
            Unlink(number ^ half);
            number &= ~half;
        }
        Link(number, order);
    }

    private void Link(uint number, int list)
    {
        Chunk* chunk = At(number);
        chunk->List = (byte)(list + 1);
        chunk->Previous = Chunk.None;
        chunk->Next = Chunk.None;
        if ((_nonEmpty & 1u << list) != 0)
        {
            chunk->Next = _heads[list];
            At(_heads[list])->Previous = number;
        }
        _heads[list] = number;
        _nonEmpty |= 1u << list;
    }

    private void Unlink(uint number)
    {
        Chunk* chunk = At(number);
        int list = chunk->List - 1;
        chunk->List = 0;
        if (chunk->Next != Chunk.None)
            At(chunk->Next)->Previous = chunk->Previous;
        if (chunk->Previous != Chunk.None)
        {
            At(chunk->Previous)->Next = chunk->Next;
            return;
        }
        _heads[list] = chunk->Next;
        if (chunk->Next == Chunk.None)
            _nonEmpty &= ~(1u << list);
    }

    // Opens the next section that has memory. Those that straddle zones were opened at the start.
    private bool TryOpenSection()
    {
        while (_nextSection < _endSection)
        {
            int index = _map.IndexEndingAfter(_nextSection << SectionTable.Order);
            if (index == _map.Count)
                break;
            uint first = _map[index].First >> SectionTable.Order;
            uint section = first > _nextSection ? first : _nextSection;
            if (section >= _endSection)
                break;
            _nextSection = section + 1;
            if (!_sections.IsOpen(section) && TryOpen(section))
                return true;
        }
        _nextSection = _endSection;
        return false;
    }

    private bool TryOpen(uint section)
    {
        SectionPlan plan = SectionPlan.For(_map, section);
        if (!plan.IsUsable)
            return false;
        plan.LayMetadata(_sections);
        foreach (FrameRange part in plan.Parts(_map))
            Insert(part);
        return true;
    }
}
