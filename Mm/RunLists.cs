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

/// <summary>The lists of one CPU: an array of pointers, indexed by zone and order side by side as in <see cref="Page.State"/>.</summary>
internal static unsafe class RunLists
{
    private const int PerZone = 1 << Page.ZoneShift;

    // A zone without memory has the lists of the next lower one with memory. The fourth row is that of the highest zone,
    // so that any two bits make a zone.
    private const int Pointers = 4 * PerZone;

    /// <summary>Bytes that the lists of a CPU need.</summary>
    public static uint Bytes
    {
        get
        {
            uint bytes = 0;
            for (int order = 0; order <= PageAllocator.MaxOrder; order++)
                bytes += (uint)sizeof(RunList) + RunList.Capacity(order) * (uint)sizeof(PageRun);
            return Pointers * (uint)sizeof(RunList*) + Zones.Count * bytes;
        }
    }

    /// <summary>Bytes that <see cref="LayClosed"/> needs.</summary>
    public static uint ClosedBytes => Pointers * (uint)sizeof(RunList*) + (uint)sizeof(RunList);

    /// <summary>The list that serves requests for a zone; its order must be valid.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RunList* For(RunList** lists, Zone zone, int order) => lists[((int)zone & 3) << Page.ZoneShift | order];

    /// <summary>The list that a run in use belongs to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RunList* Of(RunList** lists, PageRun run) => lists[run.Value & Page.IndexMask];

    /// <summary>Makes empty lists in memory of <see cref="Bytes"/> bytes.</summary>
    public static RunList** Lay(byte* memory, BuddyZone[] zones)
    {
        var lists = (RunList**)memory;
        memory += Pointers * sizeof(RunList*);
        int served = 0;
        for (int zone = 0; zone < 4; zone++)
        {
            if (zone < Zones.Count && zones[zone].Managed != 0)
                served = zone;
            for (int order = 0; order < PerZone; order++)
            {
                RunList** entry = lists + (zone << Page.ZoneShift | order);
                if (zone != 0 && zone != served)
                {
                    *entry = lists[served << Page.ZoneShift | order];
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
    public static RunList** LayClosed(byte* memory)
    {
        var lists = (RunList**)memory;
        var closed = (RunList*)(lists + Pointers);
        *closed = default;
        for (int i = 0; i < Pointers; i++)
            lists[i] = closed;
        return lists;
    }
}
