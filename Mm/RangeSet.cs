using System;

namespace Sluice.Mm;

/// <summary>Consecutive page frames; <see cref="End"/> is the first one after them.</summary>
public readonly struct FrameRange(uint first, uint end)
{
    /// <summary>Number of the first frame.</summary>
    public uint First { get; } = first;

    /// <summary>Number of the first frame that is no longer part of it.</summary>
    public uint End { get; } = end;

    /// <summary>How many frames it has.</summary>
    public uint Count => End - First;
}

/// <summary>
/// A set of page frames, kept as sorted ranges that neither overlap nor touch. Allocates only when it is made.
/// When its ranges run out it forgets frames rather than keep ones that were removed; <see cref="Lost"/> counts them.
/// </summary>
public sealed class RangeSet(int capacity)
{
    private readonly FrameRange[] _ranges = new FrameRange[capacity];

    /// <summary>Number of ranges.</summary>
    public int Count { get; private set; }

    /// <summary>Frames forgotten for want of room.</summary>
    public ulong Lost { get; private set; }

    /// <summary>The ranges, lowest first.</summary>
    public ReadOnlySpan<FrameRange> Ranges => new(_ranges, 0, Count);

    /// <summary>The range at a position, counted from the lowest.</summary>
    public FrameRange this[int index] => Ranges[index];

    /// <summary>All frames in the set.</summary>
    public ulong Frames
    {
        get
        {
            ulong frames = 0;
            foreach (FrameRange range in Ranges)
                frames += range.Count;
            return frames;
        }
    }

    /// <summary>Position of the lowest range that ends after the frame; <see cref="Count"/> if none does.</summary>
    public int IndexEndingAfter(uint frame)
    {
        int low = 0, high = Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_ranges[middle].End > frame)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }

    /// <summary>Whether the frame is in the set.</summary>
    public bool Contains(uint frame)
    {
        int index = IndexEndingAfter(frame);
        return index < Count && _ranges[index].First <= frame;
    }

    /// <summary>Empties the set and forgets what it lost.</summary>
    public void Clear()
    {
        Count = 0;
        Lost = 0;
    }

    /// <summary>Makes this set equal to another one of at most its capacity.</summary>
    public void CopyFrom(RangeSet other)
    {
        Bug.If(other.Count > _ranges.Length, "a larger range set copied into a smaller one"u8);
        other.Ranges.CopyTo(_ranges);
        Count = other.Count;
        Lost = other.Lost;
    }

    /// <summary>Puts the frames from <paramref name="first"/> up to before <paramref name="end"/> into the set.</summary>
    public void Add(uint first, uint end)
    {
        if (first >= end)
            return;
        // Ranges that touch the new one melt into it; so this looks for those that end at `first`, too.
        int from = first == 0 ? 0 : IndexEndingAfter(first - 1);
        int to = from;
        while (to < Count && _ranges[to].First <= end)
            to++;
        if (from == to)
        {
            if (Count == _ranges.Length)
                Lost += end - first;
            else
                Replace(from, 0, new FrameRange(first, end), default);
            return;
        }
        first = Math.Min(first, _ranges[from].First);
        end = Math.Max(end, _ranges[to - 1].End);
        Replace(from, to - from, new FrameRange(first, end), default);
    }

    /// <summary>Takes the frames from <paramref name="first"/> up to before <paramref name="end"/> out of the set.</summary>
    public void Remove(uint first, uint end)
    {
        if (first >= end)
            return;
        int from = IndexEndingAfter(first);
        int to = from;
        while (to < Count && _ranges[to].First < end)
            to++;
        if (from == to)
            return;
        var left = new FrameRange(_ranges[from].First, Math.Max(first, _ranges[from].First));
        var right = new FrameRange(Math.Min(end, _ranges[to - 1].End), _ranges[to - 1].End);
        if (to - from == 1 && left.Count != 0 && right.Count != 0 && Count == _ranges.Length)
        {
            // No room to split a range in two: its smaller half is forgotten.
            if (left.Count < right.Count)
                left = Forget(left);
            else
                right = Forget(right);
        }
        Replace(from, to - from, left, right);
    }

    private FrameRange Forget(FrameRange range)
    {
        Lost += range.Count;
        return default;
    }

    // Puts those of two ranges that are not empty in the place of `removed` ones.
    private void Replace(int at, int removed, FrameRange left, FrameRange right)
    {
        int added = (left.Count != 0 ? 1 : 0) + (right.Count != 0 ? 1 : 0);
        Span<FrameRange> ranges = _ranges;
        if (added != removed)
            ranges.Slice(at + removed, Count - at - removed).CopyTo(ranges.Slice(at + added));
        Count += added - removed;
        if (left.Count != 0)
            ranges[at++] = left;
        if (right.Count != 0)
            ranges[at] = right;
    }
}
