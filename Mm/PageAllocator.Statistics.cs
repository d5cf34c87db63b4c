using System;

namespace Sluice.Mm;

/// <summary>The state of one zone, in pages unless it says runs. Exact when no other CPU takes or gives meanwhile.</summary>
public struct ZoneReport
{
    /// <summary>Pages that can be handed out, in use or not: usable memory less what was reserved and the metadata.</summary>
    public ulong Managed;

    /// <summary>Pages in use.</summary>
    public ulong Used;

    /// <summary>Pages not in use: those in <see cref="Blocks"/>, <see cref="Cached"/> and <see cref="Untouched"/>.</summary>
    public ulong Free;

    /// <summary>Free pages in the CPUs' lists.</summary>
    public ulong Cached;

    /// <summary>Free pages in sections that were never used.</summary>
    public ulong Untouched;

    /// <summary>Pages kept from requests that a higher zone might serve, too.</summary>
    public ulong Reserve;

    /// <summary>Most pages that were out of the zone's lists at once: in use or cached.</summary>
    public ulong HighWater;

    /// <summary>Runs taken and given back since the start.</summary>
    public ulong Taken, Given;

    /// <summary>Requests for this zone that failed.</summary>
    public ulong Failures;

    /// <summary>Free blocks in the zone's lists, by order.</summary>
    public PerOrder Blocks;
}

/// <summary>What is held on one owner's behalf.</summary>
public struct OwnerReport
{
    public ulong Runs;
    public ulong Pages;
}

public sealed unsafe partial class PageAllocator
{
    /// <summary>Counts a zone.</summary>
    public ZoneReport Report(Zone zone)
    {
        BuddyZone source = _zones[(int)zone];
        var report = new ZoneReport
        {
            Managed = source.Managed,
            Untouched = source.Untouched,
            Reserve = source.Reserve,
            HighWater = source.HighWater,
            Failures = source.Failures,
        };
        for (int cpu = 0; cpu < Platform.Cpu.MaxCount && _cpus != null && source.Managed != 0; cpu++)
        {
            for (int order = 0; _cpus[cpu] != null && order <= MaxOrder; order++)
            {
                RunList* list = RunLists.For(_cpus[cpu], zone, order);
                ulong used = list->Held - list->Count;
                report.Cached += (ulong)list->Count << order;
                report.Used += used << order;
                report.Taken += list->Taken;
                report.Given += list->Taken - used;
            }
        }
        report.Free = source.Available + report.Cached;
        source.CountFree(ref report.Blocks);
        return report;
    }

    /// <summary>
    /// Sums runs in use by owner, indexed by <see cref="OwnerTag.Id"/>; walks all memory that was ever used.
    /// The leak report: whatever should hold nothing any more and still does.
    /// </summary>
    public void CountOwners(Span<OwnerReport> owners)
    {
        owners.Clear();
        foreach (MemoryPiece piece in Walk())
        {
            if (piece.Kind != PieceKind.Used || piece.Owner.Id >= owners.Length)
                continue;
            owners[piece.Owner.Id].Runs++;
            owners[piece.Owner.Id].Pages += piece.Frames;
        }
    }

    /// <summary>Walks all frames from 0 to the end of memory, in pieces that follow each other without gaps.</summary>
    public MemoryWalk Walk() => new(_map, _sections);
}
