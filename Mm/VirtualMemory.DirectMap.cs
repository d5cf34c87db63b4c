using Sluice.Platform;

namespace Sluice.Mm;

public static unsafe partial class VirtualMemory
{
    /// <summary>Bytes of RAM that are out of the direct map now.</summary>
    public static ulong HiddenBytes { get; private set; }

    /// <summary>
    /// Takes pages of RAM out of the direct map: a CPU access faults until <see cref="Show"/>. False, and nothing is changed, if there is
    /// no memory for page tables. Whoever calls owns the pages. Not in interrupts.
    /// </summary>
    /// <remarks>
    /// One CPU runs now. With several, the pages are hidden only when each of them has forgotten the translations: an interrupt to all
    /// others that does so, waited for, belongs behind each <see cref="PageTable.TryChange"/> here.
    /// </remarks>
    public static bool TryHide(PhysAddr start, ulong bytes)
    {
        _lock.Acquire();
        bool hidden = _table.TryChange(Seen(start), bytes, new PageState(PageAccess.ReadWrite, CacheMode.WriteBack, hidden: true));
        if (hidden)
            HiddenBytes += bytes;
        _lock.Release();
        return hidden;
    }

    /// <summary>Brings back what <see cref="TryHide"/> took, the same pages. Not in interrupts.</summary>
    public static void Show(PhysAddr start, ulong bytes)
    {
        _lock.Acquire();
        // Split already where they were hidden, so it takes no tables.
        bool shown = _table.IsHidden(Seen(start)) && _table.TryChange(Seen(start), bytes, new PageState(PageAccess.ReadWrite, CacheMode.WriteBack));
        HiddenBytes -= shown ? bytes : 0;
        _lock.Release();
        Bug.If(!shown, "pages brought back that were not taken out of the direct map"u8);
    }

    /// <summary>
    /// Changes how the CPU caches pages of RAM. False, and nothing is changed, if there is no memory for page tables; bringing back what
    /// was changed never fails. Whoever calls owns the pages, and nothing else maps them. Not in interrupts.
    /// </summary>
    /// <remarks>
    /// No page is seen in two ways at once, not even by a CPU that looks ahead: it is taken away, forgotten, mapped anew, and only then are
    /// the lines written back that were cached in the old way. Source: Intel SDM volume 3, 12.12.4, steps 1 to 4; the flush is left out
    /// there for CPUs with self-snooping and done here for all. With several CPUs each forgets between steps 1 and 3; the flush reaches all
    /// caches by itself.
    /// </remarks>
    public static bool TrySetCache(PhysAddr start, ulong bytes, CacheMode cache)
    {
        ulong address = Seen(start);
        _lock.Acquire();
        bool changed = _table.TryChange(address, bytes, new PageState(PageAccess.ReadWrite, cache, hidden: true));
        if (changed)
        {
            bool mapped = _table.TryChange(address, bytes, new PageState(PageAccess.ReadWrite, cache));
            Bug.If(!mapped, "pages that were split already did not come back"u8);
            AddressSpace.FlushLines(address, bytes);
        }
        _lock.Release();
        return changed;
    }

    private static ulong Seen(PhysAddr start) => (ulong)PhysicalMemory.At(start);
}
