using System.Runtime.CompilerServices;

namespace Sluice.Mm;

/// <summary>
/// A stack of runs of one order and zone that one CPU keeps at hand. The entries, which follow in memory, are handles
/// as they will be handed out. Only that CPU touches it, with no lock: there is no preemption, and interrupt handlers
/// do not allocate.
/// </summary>
internal unsafe struct RunList
{
    /// <summary>Larger runs are not kept: too much memory to lay aside, and too seldom wanted.</summary>
    public const int LargestKept = 9;

    /// <summary>Runs that this CPU has handed out since the start.</summary>
    public ulong Taken;

    /// <summary>Runs in the list.</summary>
    public ulong Count;

    /// <summary>With this many the list is full; 0 where runs go straight back to the zone.</summary>
    public ulong Limit;

    /// <summary>Runs that came from the zone, less those that went back: in the list or in use.</summary>
    public ulong Held;

    /// <summary>Most runs that the list may ever hold; twice those of a chunk, which is what a refill can bring.</summary>
    public static uint Capacity(int order) => order < Chunk.Order ? 128u >> order : order <= LargestKept ? 2u : 1u;

    /// <summary>The first entry of a list.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PageRun* Entries(RunList* list) => (PageRun*)(list + 1);
}

/// <summary>
/// What one CPU needs to take and give runs the short way: this record, and behind it pointers to its lists, indexed by zone
/// and order side by side as in <see cref="Page.State"/>.
/// </summary>
[OwnershipInternals("handles wait here to be handed out")]
internal unsafe struct RunLists
{
    private const int PerZone = 1 << Page.ZoneShift;

    // A zone without memory has the lists of the next lower one with memory. The fourth row is that of the highest zone,
    // so that any two bits make a zone.
    private const int Pointers = 4 * PerZone;

    /// <summary>Where the metadata of pages is.</summary>
    public SectionTable Sections;

    /// <summary>Bytes that the lists of a CPU need.</summary>
    public static uint Bytes
    {
        get
        {
            uint bytes = 0;
            for (int order = 0; order <= PageAllocator.MaxOrder; order++)
                bytes += (uint)sizeof(RunList) + RunList.Capacity(order) * (uint)sizeof(PageRun);
            return HeadBytes + Zones.Count * bytes;
        }
    }

    /// <summary>Bytes that <see cref="LayClosed"/> needs.</summary>
    public static uint ClosedBytes => HeadBytes + (uint)sizeof(RunList);

    private static uint HeadBytes => (uint)sizeof(RunLists) + Pointers * (uint)sizeof(RunList*);

    /// <summary>Takes a run from a list; false if the list is empty or the order does not exist.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryTake(RunLists* lists, int order, Zone zone, OwnerTag owner, out PageRun run)
    {
        RunList* list;
        if ((uint)order > PageAllocator.MaxOrder || (list = For(lists, zone, order))->Count == 0)
        {
            run = default;
            return false;
        }
        ulong last = list->Count - 1;
        list->Count = last;
        list->Taken++;
        PageRun entry = RunList.Entries(list)[last];
        ulong value = entry.Value | (uint)owner.Id << 16, frame = value >> 32;
        lists->Sections.Pages[frame >> SectionTable.Order][frame].Word = (uint)value;
        run = new PageRun(value);
        return true;
    }

    /// <summary>Puts a run that is given back into its list; false if the list is full or something is wrong with the handle.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryGive(RunLists* lists, PageRun run)
    {
        Page* pages;
        RunList* list;
        ulong count, frame = run.Value >> 32, section = frame >> SectionTable.Order;
        if (section >= lists->Sections.Count || (pages = lists->Sections.Pages[section]) == null || pages[frame].Word != run.Word
            || (count = (list = Of(lists, run))->Count) >= list->Limit)
            return false;
        pages[frame].State = 0;
        // The handle with which it will be handed out next: another generation, no owner.
        RunList.Entries(list)[count] = new PageRun(frame << 32 | (ushort)(run.Word + (1 << Page.GenerationShift)));
        list->Count = count + 1;
        return true;
    }

    /// <summary>The list that serves requests for a zone; its order must be valid.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RunList* For(RunLists* lists, Zone zone, int order) => At(lists)[((int)zone & 3) << Page.ZoneShift | order];

    /// <summary>The list that a run in use belongs to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RunList* Of(RunLists* lists, PageRun run) => At(lists)[run.Value & Page.IndexMask];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static RunList** At(RunLists* lists) => (RunList**)(lists + 1);

    /// <summary>Makes empty lists in memory of <see cref="Bytes"/> bytes.</summary>
    public static RunLists* Lay(byte* memory, SectionTable sections, BuddyZone[] zones)
    {
        var lists = (RunLists*)memory;
        lists->Sections = sections;
        memory += HeadBytes;
        int served = 0;
        for (int zone = 0; zone < 4; zone++)
        {
            if (zone < Zones.Count && zones[zone].Managed != 0)
                served = zone;
            for (int order = 0; order < PerZone; order++)
            {
                RunList** entry = At(lists) + (zone << Page.ZoneShift | order);
                if (zone != 0 && zone != served)
                {
                    *entry = At(lists)[served << Page.ZoneShift | order];
                    continue;
                }
                *entry = null;
                if (order > PageAllocator.MaxOrder)
                    continue;
                *entry = (RunList*)memory;
                **entry = new RunList { Limit = order <= RunList.LargestKept ? RunList.Capacity(order) : 0 };
                memory = (byte*)(RunList.Entries(*entry) + RunList.Capacity(order));
            }
        }
        return lists;
    }

    /// <summary>Makes lists that are both empty and full, for ever, so that everything takes the general way.</summary>
    public static RunLists* LayClosed(byte* memory, SectionTable sections)
    {
        var lists = (RunLists*)memory;
        lists->Sections = sections;
        var closed = (RunList*)(memory + HeadBytes);
        *closed = default;
        for (int i = 0; i < Pointers; i++)
            At(lists)[i] = closed;
        return lists;
    }
}
