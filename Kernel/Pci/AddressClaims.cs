using System;

namespace Sluice.Pci;

/// <summary>
/// Who has which addresses, so that no BAR is used that lies over something else. Ranges that were here before the BARs may overlap
/// each other; BARs may overlap nothing.
/// </summary>
public sealed class AddressClaims
{
    private const int ReservedCapacity = 320;

    private readonly Range[] _reserved = new Range[ReservedCapacity];
    private Range[] _bars = [];     // sorted; none overlaps its neighbour
    private int _reservedCount, _barCount;

    /// <summary>BARs that found their place.</summary>
    public int Bars => _barCount;

    /// <summary>Makes room for so many BARs; one more is refused. Once, before the first claim.</summary>
    public void MakeRoom(int bars) => _bars = new Range[bars];

    /// <summary>Notes a range that no BAR may touch, and what to say of one that does.</summary>
    public void Reserve(PhysAddr start, ulong bytes, BarFault fault)
    {
        if (bytes == 0)
            return;
        ulong last = start.Value + (bytes - 1);
        if (last < start.Value)
            last = ulong.MaxValue;
        // With no room the last range grows over the gap: a BAR too many is refused rather than one over memory used.
        if (_reservedCount == ReservedCapacity)
        {
            ref Range end = ref _reserved[ReservedCapacity - 1];
            end = new Range(Math.Min(end.First, start.Value), Math.Max(end.Last, last), fault);
            return;
        }
        _reserved[_reservedCount++] = new Range(start.Value, last, fault);
    }

    /// <summary>Claims a range for a BAR; not done, with the reason, if it touches another one.</summary>
    public BarFault TryClaim(PhysAddr start, ulong bytes)
    {
        ulong first = start.Value, last = first + (bytes - 1);
        BarFault fault = ReservedBy(first, last);
        if (fault != BarFault.None)
            return fault;
        int at = PositionOf(first);
        bool touchesNext = at < _barCount && _bars[at].First <= last, touchesPrevious = at > 0 && _bars[at - 1].Last >= first;
        if (touchesNext || touchesPrevious || _barCount == _bars.Length)
            return BarFault.OverlapsBar;
        for (int i = _barCount++; i > at; i--)
            _bars[i] = _bars[i - 1];
        _bars[at] = new Range(first, last, BarFault.OverlapsBar);
        return BarFault.None;
    }

    /// <summary>Whether a range touches nothing reserved.</summary>
    public bool IsFree(PhysAddr start, ulong bytes) => ReservedBy(start.Value, start.Value + (bytes - 1)) == BarFault.None;

    private BarFault ReservedBy(ulong first, ulong last)
    {
        foreach (Range range in new ReadOnlySpan<Range>(_reserved, 0, _reservedCount))
        {
            if (first <= range.Last && range.First <= last)
                return range.Fault;
        }
        return BarFault.None;
    }

    // The first BAR that begins at or after the address.
    private int PositionOf(ulong first)
    {
        int low = 0, high = _barCount;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_bars[middle].First < first)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private readonly struct Range(ulong first, ulong last, BarFault fault)
    {
        public ulong First { get; } = first;
        public ulong Last { get; } = last;
        public BarFault Fault { get; } = fault;
    }
}
