using System;

namespace Sluice.Mm;

/// <summary>
/// Changes of how the CPU sees pages of RAM. Whoever calls owns the pages. Not in interrupts. (The hosted twin does it to the memory of a
/// simulated machine.)
/// </summary>
public static unsafe class DirectMap
{
    /// <inheritdoc cref="VirtualMemory.TryHide"/>
    [NotInInterrupt]
    public static bool TryHide(PhysAddr start, ulong bytes) => VirtualMemory.TryHide(start, bytes);

    /// <inheritdoc cref="VirtualMemory.Show"/>
    [NotInInterrupt]
    public static void Show(PhysAddr start, ulong bytes) => VirtualMemory.Show(start, bytes);

    /// <inheritdoc cref="VirtualMemory.TrySetCache"/>
    [NotInInterrupt]
    public static bool TrySetCache(PhysAddr start, ulong bytes, CacheMode cache) => VirtualMemory.TrySetCache(start, bytes, cache);

    /// <inheritdoc cref="VirtualMemory.TryMapRuns"/>
    [NotInInterrupt]
    public static bool TryMapRuns(ReadOnlySpan<FrameRange> runs, out byte* pointer) => VirtualMemory.TryMapRuns(runs, out pointer);

    /// <inheritdoc cref="VirtualMemory.UnmapRuns"/>
    [NotInInterrupt]
    public static void UnmapRuns(byte* pointer, ulong bytes) => VirtualMemory.UnmapRuns(pointer, bytes);
}
