namespace Sluice.Mm;

/// <summary>What a piece of physical memory is.</summary>
public enum PieceKind : byte
{
    /// <summary>No usable memory: devices, firmware, or nothing.</summary>
    NotRam,

    /// <summary>Taken before the page allocator started: kernel image, tables, what the boot loader left.</summary>
    Reserved,

    /// <summary>The page allocator's own records.</summary>
    Metadata,

    /// <summary>Memory that is too scattered to be worth its metadata.</summary>
    Unusable,

    /// <summary>Free in a section that was never used.</summary>
    Untouched,

    /// <summary>Free, in a list of its zone.</summary>
    Free,

    /// <summary>Free, in a list of a CPU.</summary>
    Cached,

    /// <summary>One run in use.</summary>
    Used,
}

/// <summary>Consecutive frames of one kind.</summary>
public readonly struct MemoryPiece(uint first, uint frames, PieceKind kind, OwnerTag owner)
{
    public uint First { get; } = first;
    public uint Frames { get; } = frames;
    public PieceKind Kind { get; } = kind;

    /// <summary>Of a piece in use.</summary>
    public OwnerTag Owner { get; } = owner;
}

/// <summary>Runs over physical memory in ascending order. Nothing may be taken or given meanwhile.</summary>
public unsafe ref struct MemoryWalk
{
    private readonly MemoryMap _map;
    private readonly SectionTable _sections;
    private uint _next;

    internal MemoryWalk(MemoryMap map, SectionTable sections)
    {
        _map = map;
        _sections = sections;
    }

    public MemoryPiece Current { get; private set; }

    public readonly MemoryWalk GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_map == null || _map.Usable.Count == 0 || _next >= _map.Usable[_map.Usable.Count - 1].End)
            return false;
        Current = PieceAt(_next);
        _next += Current.Frames;
        return true;
    }

    private readonly MemoryPiece PieceAt(uint frame)
    {
        if (!Reaches(_map.Usable, frame, out uint end))
            return Until(end, PieceKind.NotRam);
        uint usableEnd = end;
        if (!Reaches(_map.Free, frame, out end))
            return Until(end < usableEnd ? end : usableEnd, PieceKind.Reserved);

        uint section = frame >> SectionTable.Order;
        if (section >= _sections.Count)
            return Until(end, PieceKind.Unusable);
        if (SectionPlan.EndOf(section) < end)
            end = SectionPlan.EndOf(section);
        SectionPlan plan = SectionPlan.For(_map.Free, section);
        if (!plan.IsUsable)
            return Until(end, PieceKind.Unusable);
        if (frame >= plan.Metadata && frame < plan.MetadataEnd)
            return Until(plan.MetadataEnd, PieceKind.Metadata);
        if (frame < plan.Metadata && plan.Metadata < end)
            end = plan.Metadata;
        if (!_sections.IsOpen(section))
            return Until(end, PieceKind.Untouched);
        return PieceInUse(frame, end);
    }

    private readonly MemoryPiece PieceInUse(uint frame, uint end)
    {
        Page page = *_sections.PageAt(frame);
        if ((page.State & Page.InUse) != 0)
            return new MemoryPiece(frame, 1u << (page.State & 0xF), PieceKind.Used, OwnerTag.FromId(page.Owner));
        Chunk chunk = *_sections.ChunkAt(frame >> Chunk.Order);
        if ((frame & 63) == 0 && chunk.List > Chunk.Order)
            return Until(frame + (1u << (chunk.List - 1)), PieceKind.Free);
        bool free = (chunk.Free >> (int)(frame & 63) & 1) != 0;
        uint next = frame + 1;
        while (next < end && (next & 63) != 0 && (_sections.PageAt(next)->State & Page.InUse) == 0
            && (chunk.Free >> (int)(next & 63) & 1) != 0 == free)
            next++;
        return Until(next, free ? PieceKind.Free : PieceKind.Cached);
    }

    private readonly MemoryPiece Until(uint end, PieceKind kind) => new(_next, end - _next, kind, OwnerTag.None);

    // Whether the set has the frame; and how far that stays so.
    private static bool Reaches(RangeSet set, uint frame, out uint end)
    {
        int index = set.IndexEndingAfter(frame);
        if (index == set.Count)
        {
            end = MemoryMap.FrameLimit;
            return false;
        }
        bool inside = set[index].First <= frame;
        end = inside ? set[index].End : set[index].First;
        return inside;
    }
}
