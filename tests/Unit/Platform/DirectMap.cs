using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Sluice.Platform;

namespace Sluice.Mm;

/// <summary>
/// The hosted twin, for this thread's memory: hidden pages really fault, cache modes are remembered, and each change has a price in page
/// tables that a test may make too high.
/// </summary>
public static unsafe partial class DirectMap
{
    [ThreadStatic] private static Dictionary<ulong, CacheMode>? _modes;
    [ThreadStatic] private static HashSet<ulong>? _hidden;

    /// <summary>Changes that may still be made; then there is no memory for page tables. No limit if null.</summary>
    [field: ThreadStatic]
    public static int? ChangesLeft { get; set; }

    /// <summary>Pages that the CPU does not see now.</summary>
    public static HashSet<ulong> Hidden => _hidden ??= [];

    /// <summary>Pages that are cached in another way than RAM usually is.</summary>
    public static Dictionary<ulong, CacheMode> Modes => _modes ??= [];

    public static bool TryHide(PhysAddr start, ulong bytes)
    {
        if (!MayChange())
            return false;
        foreach (ulong page in PagesOf(start, bytes))
            Bug.If(!Hidden.Add(page), "pages hidden twice"u8);
        Protect(start, bytes, 0);
        return true;
    }

    public static void Show(PhysAddr start, ulong bytes)
    {
        foreach (ulong page in PagesOf(start, bytes))
            Bug.If(!Hidden.Remove(page), "pages brought back that were not taken out of the direct map"u8);
        Protect(start, bytes, 3);
    }

    public static bool TrySetCache(PhysAddr start, ulong bytes, CacheMode cache)
    {
        // Back to what it was takes no tables.
        if (cache != CacheMode.WriteBack && !MayChange())
            return false;
        foreach (ulong page in PagesOf(start, bytes))
        {
            if (cache == CacheMode.WriteBack)
                Modes.Remove(page);
            else
                Modes[page] = cache;
        }
        return true;
    }

    /// <summary>The same bytes seen a second time, in a row; the page behind cannot be reached.</summary>
    public static bool TryMapRuns(ReadOnlySpan<FrameRange> runs, out byte* pointer)
    {
        const int none = 0, privateAnonymous = 0x02 | 0x20, mayMoveFixed = 1 | 2;
        pointer = null;
        if (!MayChange())
            return false;
        ulong bytes = 0;
        foreach (FrameRange run in runs)
            bytes += run.Count * PhysAddr.PageSize;
        pointer = (byte*)Map(null, (nuint)(bytes + PhysAddr.PageSize), none, privateAnonymous, -1, 0);
        byte* at = pointer;
        foreach (FrameRange run in runs)
        {
            var length = (nuint)(run.Count * PhysAddr.PageSize);
            if (Alias(PhysicalMemory.At(PhysAddr.FromFrame(run.First)), 0, length, mayMoveFixed, at) != at)
                throw new InvalidOperationException("mremap");
            at += length;
        }
        return true;
    }

    public static void UnmapRuns(byte* pointer, ulong bytes)
    {
        if (Unmap(pointer, (nuint)(bytes + PhysAddr.PageSize)) != 0)
            throw new InvalidOperationException("munmap");
    }

    private static bool MayChange()
    {
        if (ChangesLeft == 0)
            return false;
        ChangesLeft--;
        return true;
    }

    private static IEnumerable<ulong> PagesOf(PhysAddr start, ulong bytes)
    {
        for (ulong at = start.Value; at < start.Value + bytes; at += PhysAddr.PageSize)
            yield return at;
    }

    private static void Protect(PhysAddr start, ulong bytes, int access)
    {
        if (ChangeProtection(PhysicalMemory.At(start), (nuint)bytes, access) != 0)
            throw new InvalidOperationException("mprotect");
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    // Of memory that is shared an old length of 0 leaves the first mapping where it is.
    [LibraryImport("libc", EntryPoint = "mremap")]
    private static partial void* Alias(void* from, nuint oldLength, nuint newLength, int flags, void* to);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int ChangeProtection(void* address, nuint length, int protection);
}
