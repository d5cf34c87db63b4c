using System;

namespace Sluice.Mm;

/// <summary>What firmware says a range of memory is; the numbers of ACPI. Source: ACPI 6.5, section 15, table 15.1.</summary>
public enum MemoryKind : byte
{
    Usable = 1,
    Reserved = 2,
    AcpiReclaimable = 3,
    AcpiNonvolatile = 4,
    Unusable = 5,
}

/// <summary>One line of a memory map, in bytes, as it was found: it may be unaligned, empty or reach past 64 bits.</summary>
public readonly struct MemoryRange(PhysAddr start, ulong bytes, MemoryKind kind)
{
    public PhysAddr Start { get; } = start;
    public ulong Bytes { get; } = bytes;
    public MemoryKind Kind { get; } = kind;
}

/// <summary>
/// The machine's memory in page frames, made from firmware's map: sorted, without overlaps, in whole pages.
/// Where ranges overlap, the one that is not usable wins; usable ranges shrink to whole pages, others grow to them.
/// </summary>
public sealed class MemoryMap
{
    /// <summary>Memory above this frame is ignored: 16 TiB less one page, so that every end is a 32-bit number.</summary>
    public const uint FrameLimit = uint.MaxValue;

    /// <summary>Ranges that a map can hold.</summary>
    public const int Capacity = 512;

    /// <summary>Usable memory, reserved parts and all.</summary>
    public RangeSet Usable { get; } = new(Capacity);

    /// <summary>All RAM: usable memory, and what holds ACPI's tables and state. The direct map covers it.</summary>
    public RangeSet Ram { get; } = new(Capacity);

    /// <summary>Usable memory that nobody has yet.</summary>
    public RangeSet Free { get; } = new(Capacity);

    /// <summary>
    /// Builds the map anew.
    /// </summary>
    /// <param name="firmware">Firmware's map in any order.</param>
    /// <param name="reserved">What is taken already, whatever its kind: kernel image, boot information, tables.</param>
    public void Build(ReadOnlySpan<MemoryRange> firmware, ReadOnlySpan<MemoryRange> reserved)
    {
        Collect(Usable, firmware, acpi: false);
        Collect(Ram, firmware, acpi: true);
        Free.CopyFrom(Usable);
        foreach (MemoryRange range in reserved)
            RemoveTouched(Free, range);
    }

    private static void Collect(RangeSet set, ReadOnlySpan<MemoryRange> firmware, bool acpi)
    {
        set.Clear();
        foreach (MemoryRange range in firmware)
        {
            if (IsWanted(range.Kind, acpi))
                set.Add(FrameAtOrAfter(range.Start.Value), FrameOf(EndOf(range)));
        }
        foreach (MemoryRange range in firmware)
        {
            if (!IsWanted(range.Kind, acpi))
                RemoveTouched(set, range);
        }
    }

    private static bool IsWanted(MemoryKind kind, bool acpi) =>
        kind == MemoryKind.Usable || acpi && (kind is MemoryKind.AcpiReclaimable or MemoryKind.AcpiNonvolatile);

    private static void RemoveTouched(RangeSet set, MemoryRange range)
    {
        if (range.Bytes != 0)
            set.Remove(FrameOf(range.Start.Value), FrameAtOrAfter(EndOf(range)));
    }

    private static ulong EndOf(MemoryRange range)
    {
        ulong end = range.Start.Value + range.Bytes;
        return end < range.Start.Value ? ulong.MaxValue : end;
    }

    private static uint FrameOf(ulong address) => (uint)Math.Min(address / PhysAddr.PageSize, FrameLimit);

    private static uint FrameAtOrAfter(ulong address)
    {
        uint frame = FrameOf(address);
        return address % PhysAddr.PageSize != 0 && frame != FrameLimit ? frame + 1 : frame;
    }
}
