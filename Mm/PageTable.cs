using Sluice.Platform;

namespace Sluice.Mm;

/// <summary>What may be done with mapped memory; never write and execute at once.</summary>
public enum PageAccess : byte
{
    Read,
    ReadWrite,
    Execute,
}

/// <summary>How the CPU caches mapped memory; the numbers are entries of the page attribute table as the kernel loads it.</summary>
public enum CacheMode : byte
{
    WriteBack = 0,
    WriteCombining = 1,
    Uncached = 3,
}

/// <summary>
/// The four levels of tables behind x86-64 addresses. Tables are reached through the direct map.
/// Source: Intel SDM volume 3, section 4.5. Not for several callers at once: <see cref="VirtualMemory"/> has the lock.
/// </summary>
public unsafe partial struct PageTable(PhysAddr root, delegate*<out PhysAddr, bool> takeTable)
{
    private const ulong Present = 1, Writable = 2, WriteThrough = 8, CacheDisable = 16, Large = 128, Global = 256, NoExecute = 1UL << 63;
    // Of an entry that is not present: a page was here, and comes back. The CPU ignores the bit.
    private const ulong Hidden = 512;
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;
    private const int EntriesBits = 9, PageBits = 12, TopLevel = 3;

    // Entries of the upper levels allow everything; the last one decides.
    private const ulong TableFlags = Present | Writable;

    private delegate*<out PhysAddr, bool> _takeTable = takeTable;

    /// <summary>The top-level table.</summary>
    public PhysAddr Root { get; } = root;

    /// <summary>Where further tables come from: one zeroed page a call.</summary>
    public void TakeTablesFrom(delegate*<out PhysAddr, bool> takeTable) => _takeTable = takeTable;

    /// <summary>
    /// Maps whole pages in the largest pages that alignment and <paramref name="largestLevel"/> (0: 4 KiB, 1: 2 MiB, 2: 1 GiB) allow.
    /// False if no memory for tables is left; then nothing of it is mapped. Panics if something is mapped there already.
    /// </summary>
    public bool TryMap(ulong address, PhysAddr physical, ulong bytes, PageAccess access, CacheMode cache, int largestLevel)
    {
        Bug.If(((address | physical.Value | bytes) & (PhysAddr.PageSize - 1)) != 0, "mapping of parts of pages"u8);
        ulong flags = Flags(access, cache);
        ulong done = 0;
        while (done < bytes)
        {
            int level = Level(address + done, physical.Value + done, bytes - done, largestLevel);
            if (!TryFindFree(address + done, ref level, out ulong* entry))
            {
                Unmap(address, done);
                return false;
            }
            // A table's end is where a larger page could begin, so up to there the level stays.
            ulong value = (physical.Value + done) | flags | (level > 0 ? Large : 0);
            do
            {
                *entry++ = value;
                value += BytesAt(level);
                done += BytesAt(level);
            }
            while (bytes - done >= BytesAt(level) && ((ulong)entry & (PhysAddr.PageSize - 1)) != 0 && *entry == 0);
        }
        return true;
    }

    /// <summary>Takes mappings away that <see cref="TryMap"/> made, whole ones only. Other CPUs' caches are the caller's.</summary>
    public readonly void Unmap(ulong address, ulong bytes)
    {
        for (ulong done = 0; done < bytes;)
        {
            ulong* entry = Find(address + done, out int level);
            Bug.If((*entry & Present) == 0, "unmapping what is not mapped"u8);
            Bug.If(BytesAt(level) > bytes - done, "unmapping a part of a large page"u8);
            *entry = 0;
            AddressSpace.Invalidate(address + done);
            done += BytesAt(level);
        }
    }

    /// <summary>Looks an address up; false if nothing is mapped there.</summary>
    public readonly bool TryTranslate(ulong address, out Translation translation)
    {
        translation = default;
        ulong* entry = Find(address, out int level);
        if ((*entry & Present) == 0)
            return false;
        ulong offset = address & (BytesAt(level) - 1);
        translation = new Translation(new PhysAddr((*entry & AddressMask & ~(BytesAt(level) - 1)) + offset), BytesAt(level),
            (*entry & Writable) != 0, (*entry & NoExecute) == 0, (CacheMode)(*entry >> 3 & 3));
        return true;
    }

    /// <summary>Finds the first mapped page at or above an address, in address order; false if there is none.</summary>
    public readonly bool TryFindMapped(ref ulong address, out Translation translation)
    {
        while (true)
        {
            ulong* entry = Find(address, out int level);
            if ((*entry & Present) != 0)
                return TryTranslate(address, out translation);
            ulong next = (address & ~(BytesAt(level) - 1)) + BytesAt(level);
            // Addresses are sign-extended from bit 47: between the halves there is nothing.
            if (next == 1UL << 47)
                next = ~0UL << 47;
            translation = default;
            if (next <= address)
                return false;
            address = next;
        }
    }

    // Goes below the wanted level where a table of smaller pages is already, left by earlier mappings.
    private bool TryFindFree(ulong address, ref int level, out ulong* entry)
    {
        PhysAddr table = Root;
        for (int at = TopLevel; ; at--)
        {
            entry = Entry(table, address, at);
            bool isTable = at > 0 && (*entry & (Present | Large)) == Present;
            if (at <= level && !isTable)
            {
                Bug.If(*entry != 0, "mapping what is mapped already"u8);
                level = at;
                return true;
            }
            Bug.If(at > 0 && (*entry & Large) != 0, "mapping inside of a large page"u8);
            if ((*entry & Present) == 0)
            {
                if (!_takeTable(out PhysAddr fresh))
                    return false;
                *entry = fresh.Value | TableFlags;
            }
            table = new PhysAddr(*entry & AddressMask);
        }
    }

    private readonly ulong* Find(ulong address, out int level)
    {
        PhysAddr table = Root;
        for (level = TopLevel; ; level--)
        {
            ulong* entry = Entry(table, address, level);
            if (level == 0 || (*entry & Present) == 0 || (*entry & Large) != 0)
                return entry;
            table = new PhysAddr(*entry & AddressMask);
        }
    }

    private static ulong* Entry(PhysAddr table, ulong address, int level) =>
        (ulong*)PhysicalMemory.At(table) + (address >> (PageBits + EntriesBits * level) & ((1 << EntriesBits) - 1));

    private static int Level(ulong address, ulong physical, ulong bytes, int largest)
    {
        int level = largest;
        while (level > 0 && (((address | physical) & (BytesAt(level) - 1)) != 0 || bytes < BytesAt(level)))
            level--;
        return level;
    }

    private static ulong BytesAt(int level) => 1UL << (PageBits + EntriesBits * level);

    private static ulong Flags(PageAccess access, CacheMode cache) =>
        Present | Global | ((ulong)cache << 3 & (WriteThrough | CacheDisable)) |
        (access == PageAccess.ReadWrite ? Writable : 0) | (access == PageAccess.Execute ? 0 : NoExecute);
}

/// <summary>Where an address leads and what is allowed there.</summary>
public readonly struct Translation(PhysAddr physical, ulong pageBytes, bool writable, bool executable, CacheMode cache)
{
    public PhysAddr Physical { get; } = physical;

    /// <summary>Bytes in the page that maps it: 4 KiB, 2 MiB or 1 GiB.</summary>
    public ulong PageBytes { get; } = pageBytes;

    public bool Writable { get; } = writable;
    public bool Executable { get; } = executable;
    public CacheMode Cache { get; } = cache;
}
