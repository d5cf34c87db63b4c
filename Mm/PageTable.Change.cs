using Sluice.Platform;

namespace Sluice.Mm;

/// <summary>What is to become of mapped pages.</summary>
/// <param name="access">What may be done there.</param>
/// <param name="cache">How the CPU caches it.</param>
/// <param name="hidden">Taken away: every access faults. Where the pages lead is kept, so they can come back.</param>
public readonly struct PageState(PageAccess access, CacheMode cache, bool hidden = false)
{
    public PageAccess Access { get; } = access;
    public CacheMode Cache { get; } = cache;
    public bool IsHidden { get; } = hidden;
}

public unsafe partial struct PageTable
{
    /// <summary>
    /// Changes access or cache mode of whole pages that were mapped, or takes them away, or brings them back. Large pages that reach over
    /// either end are split. Panics if something in between was never mapped. This CPU's translations are forgotten; other CPUs' are the
    /// caller's.
    /// </summary>
    /// <returns>False if there was no memory for the tables of smaller pages; then every address leads where it led, as before.</returns>
    public bool TryChange(ulong address, ulong bytes, PageState state)
    {
        Bug.If(((address | bytes) & (PhysAddr.PageSize - 1)) != 0, "a change of parts of pages"u8);
        if (bytes == 0)
            return true;
        if (!TrySplit(address) || !TrySplit(address + bytes))
            return false;
        ulong flags = Flags(state.Access, state.Cache);
        if (state.IsHidden)
            flags = (flags & ~Present) | Hidden;
        for (ulong done = 0; done < bytes;)
        {
            ulong* entry = Find(address + done, out int level);
            Bug.If((*entry & (Present | Hidden)) == 0, "a change of what is not mapped"u8);
            *entry = (*entry & (AddressMask | (level > 0 ? Large : 0))) | flags;
            AddressSpace.Invalidate(address + done);
            done += BytesAt(level);
        }
        return true;
    }

    /// <summary>Whether a page was taken away by <see cref="TryChange"/> and may come back.</summary>
    public readonly bool IsHidden(ulong address) => (*Find(address, out _) & Hidden) != 0;

    // Makes pages end at an address. What a large page was, 512 smaller ones are: same place, same flags, so it does not matter which
    // of them the CPU goes by until it has forgotten the large one (SDM volume 3, 4.10.2.3).
    private bool TrySplit(ulong address)
    {
        while (true)
        {
            ulong* entry = Find(address, out int level);
            if ((address & (BytesAt(level) - 1)) == 0 || (*entry & (Present | Hidden)) == 0)
                return true;
            if (!_takeTable(out PhysAddr fresh))
                return false;
            // Page sizes are told apart by a flag in the upper levels, which in the lowest one means something else.
            ulong value = level == 1 ? *entry & ~Large : *entry;
            var table = (ulong*)PhysicalMemory.At(fresh);
            for (int i = 0; i < 1 << EntriesBits; i++)
            {
                table[i] = value;
                value += BytesAt(level - 1);
            }
            *entry = fresh.Value | TableFlags;
            AddressSpace.Invalidate(address);
        }
    }
}
