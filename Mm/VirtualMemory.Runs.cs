using System;
using Sluice.Platform;

namespace Sluice.Mm;

public static unsafe partial class VirtualMemory
{
    /// <summary>
    /// Maps runs of RAM that lie anywhere as one row in the window, write-back as the direct map has them, an unmapped page behind; for the
    /// CPU to see pieces as one span. False, and nothing is mapped, if memory or the window's addresses ran out. Whoever calls owns the
    /// pages. Not in interrupts.
    /// </summary>
    /// <param name="runs">In the order of the row; each whole.</param>
    /// <param name="pointer">The first byte.</param>
    public static bool TryMapRuns(ReadOnlySpan<FrameRange> runs, out byte* pointer)
    {
        pointer = null;
        ulong pages = 0;
        foreach (FrameRange run in runs)
            pages += run.Count;
        if (pages == 0 || pages >= WindowPages)
            return false;
        _lock.Acquire();
        bool mapped = TryTakeWindow((uint)pages + 1, out uint page);
        if (mapped)
        {
            ulong address = Window + (ulong)page * PhysAddr.PageSize, done = 0;
            foreach (FrameRange run in runs)
            {
                ulong bytes = (ulong)run.Count * PhysAddr.PageSize;
                mapped = _table.TryMap(address + done, PhysAddr.FromFrame(run.First), bytes, PageAccess.ReadWrite, CacheMode.WriteBack, largestLevel: 0);
                if (!mapped)
                    break;
                done += bytes;
            }
            if (mapped)
            {
                WindowBytes += done;
                pointer = (byte*)address;
            }
            else
            {
                _table.Unmap(address, done);
                _windowFree!.Add(page, page + (uint)pages + 1);
            }
        }
        _lock.Release();
        return mapped;
    }

    /// <summary>Takes back what <see cref="TryMapRuns"/> mapped, with the same number of bytes. Not in interrupts.</summary>
    public static void UnmapRuns(byte* pointer, ulong bytes) => UnmapDevice(pointer, bytes);
}
