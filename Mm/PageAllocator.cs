using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Mm;

/// <summary>
/// Hands out runs of 2^order pages, aligned to their size, from zones that say how high a device can reach.
/// Three layers, each asked when the one above has nothing: per-CPU lists of runs for each order (this file),
/// the buddy system of a zone (<see cref="BuddyZone"/>), and sections of memory never used yet, whose metadata is
/// laid out when they are opened, so that starting costs the same whatever the size of memory.
/// </summary>
/// <remarks>Any context but interrupt handlers. The static face of the machine's one is <see cref="Pages"/>.</remarks>
public sealed unsafe partial class PageAllocator
{
    /// <summary>The largest run: 2^12 pages, 16 MiB.</summary>
    public const int MaxOrder = 12;

    private readonly BuddyZone[] _zones = [new BuddyZone(), new BuddyZone(), new BuddyZone()];

    private SectionTable _sections;

    // The lists of the only CPU. Closed ones when there are several, or when runs are poisoned: then every call takes
    // the general way, which asks for the CPU's number and for what is to be checked.
    private RunLists* _only;
    private RunLists* _closed;
    private RunLists** _cpus;

    /// <summary>
    /// Takes a run. Its memory holds whatever was there before.
    /// </summary>
    /// <param name="order">Number of pages as a power of two; one outside 0 to <see cref="MaxOrder"/> cannot be served.</param>
    /// <param name="zone">The highest zone that will do.</param>
    /// <param name="owner">On whose behalf, for the leak report.</param>
    /// <param name="run">The run, to be given back with <see cref="Give"/>; empty if there is none.</param>
    /// <returns>False if no run of that size is free in the zone or below, save what is kept for the lower zone's own.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [NotInInterrupt]
    public bool TryTake(int order, Zone zone, OwnerTag owner, out PageRun run) =>
        RunLists.TryTake(_only, order, zone, owner, out run) || TryTakeGeneral(order, zone, owner, out run);

    /// <summary>
    /// Gives a run back and empties the handle. Stops the machine if the run is empty, was given back before or is not
    /// from here; nothing is changed then.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [OwnershipInternals("here the handle ends")]
    [NotInInterrupt]
    public void Give(ref PageRun run)
    {
        RunLists* lists = _only;
        PageRun given = run;
        run = default;
        if (!RunLists.TryGive(lists, given))
            GiveGeneral(given);
    }

    /// <summary>Gives all runs that this CPU keeps at hand back to their zones, where they merge.</summary>
    [NotInInterrupt]
    public void Drain()
    {
        RunLists* lists = _cpus[Cpu.Id];
        for (int zone = 0; zone < Zones.Count; zone++)
        {
            for (int order = 0; order <= MaxOrder; order++)
            {
                RunList* list = RunLists.For(lists, (Zone)zone, order);
                if (list->Count != 0)
                    Return(RunList.Entries(list)[0].Zone, order, list, list->Count);
            }
        }
    }

    /// <summary>What this CPU's short way works on; it changes with <see cref="TryAddCpu"/>.</summary>
    internal RunLists* ShortWay => _only;

    /// <summary>Takes a run when the short way has none.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal bool TryTakeGeneral(int order, Zone zone, OwnerTag owner, out PageRun run)
    {
        run = default;
        int requested = (int)zone < Zones.Count ? (int)zone : (int)Zone.Any;
        if ((uint)order <= MaxOrder)
        {
            RunLists* lists = _cpus[Cpu.Id];
            if (TryTakeFromZones(lists, order, requested, owner, out run))
                return true;
            // What lies in this CPU's lists may merge to what is asked for. Other CPUs' lists stay as they are.
            Drain();
            if (TryTakeFromZones(lists, order, requested, owner, out run))
                return true;
        }
        _zones[requested].Failures++;
        return false;
    }

    private bool TryTakeFromZones(RunLists* lists, int order, int requested, OwnerTag owner, out PageRun run)
    {
        bool first = true;
        for (int zone = requested; zone >= 0; zone--)
        {
            BuddyZone source = _zones[zone];
            if (source.Managed == 0)
                continue;
            if (first || source.Available >= source.Reserve + (1UL << order))
            {
                RunList* list = RunLists.For(lists, (Zone)zone, order);
                if (list->Count == 0)
                    Refill(source, (Zone)zone, order, list);
                if (list->Count != 0)
                {
                    if (Poison)
                        CheckPoison(RunList.Entries(list)[list->Count - 1].Frame, order);
                    return RunLists.TryTake(lists, order, (Zone)zone, owner, out run);
                }
            }
            first = false;
        }
        run = default;
        return false;
    }

    /// <summary>Gives a run back when the short way would not have it, or says what is wrong with the handle.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    [OwnershipInternals("here the handle ends")]
    internal void GiveGeneral(PageRun given)
    {
        Bug.If(given.IsEmpty, "an empty page run was given back"u8);
        Page* page = _sections.IsOpen(given.Frame >> SectionTable.Order) ? _sections.PageAt(given.Frame) : null;
        Bug.If(page == null, "a page run was given back that is not memory of this allocator"u8);
        Bug.If((page->State & Page.InUse) == 0, "a page run was given back twice, or was never taken"u8);
        Bug.If(page->Word != given.Word, "a page run was given back twice; by now it is somebody else's"u8);

        RunLists* lists = _cpus[Cpu.Id];
        RunList* list = RunLists.Of(lists, given);
        if (list->Limit == 0)
        {
            page->State = 0;
            if (Poison)
                PutPoison(given.Frame, given.Order);
            list->Held--;
            _zones[(int)given.Zone].Give(given.Order, &given, 1);
            return;
        }
        if (list->Count == list->Limit)
            Return(given.Zone, given.Order, list, list->Limit / 2);
        RunLists.TryGive(lists, given);
        if (Poison)
            PutPoison(given.Frame, given.Order);
    }

    private static void Refill(BuddyZone source, Zone zone, int order, RunList* list)
    {
        list->Count = source.Take(order, Page.InUse | (uint)zone << Page.ZoneShift | (uint)order, RunList.Entries(list));
        list->Held += list->Count;
    }

    // The last entries of a list go back to the zone.
    private void Return(Zone zone, int order, RunList* list, ulong count)
    {
        list->Count -= count;
        list->Held -= count;
        _zones[(int)zone].Give(order, RunList.Entries(list) + list->Count, count);
    }
}
