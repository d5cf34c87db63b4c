using System;
using Sluice.Platform;

namespace Sluice.Mm;

public sealed unsafe partial class PageAllocator
{
    /// <summary>
    /// Takes a run that ends as high as possible, but not above an address, of what the zones have (not of what CPUs keep at hand). Slow: it
    /// looks through all free lists. Its memory holds whatever was there before.
    /// </summary>
    /// <param name="order">Number of pages as a power of two, up to <see cref="MaxOrder"/>.</param>
    /// <param name="last">The last byte that will do.</param>
    /// <param name="owner">On whose behalf, for the leak report.</param>
    /// <param name="run">Empty if there is none.</param>
    [NotInInterrupt]
    public bool TryTakeHighest(int order, ulong last, OwnerTag owner, out PageRun run)
    {
        if (TryTakeHighestListed(order, last, owner, out run))
            return true;
        Drain();
        return TryTakeHighestListed(order, last, owner, out run);
    }

    [OwnershipInternals("here the handle is made")]
    private bool TryTakeHighestListed(int order, ulong last, OwnerTag owner, out PageRun run)
    {
        run = default;
        ulong pages = last == ulong.MaxValue ? 1UL << 52 : (last + 1) >> 12;
        if (pages == 0 || (uint)order > MaxOrder)
            return false;
        uint lastFrame = (uint)Math.Min(pages - 1, uint.MaxValue - 1);
        bool first = true;
        for (int zone = (int)Zones.Of(lastFrame); zone >= 0; zone--)
        {
            BuddyZone source = _zones[zone];
            if (source.Managed == 0 || (!first && source.Available < source.Reserve + (1UL << order)))
                continue;
            first = false;
            if (!source.TryTakeHighest(order, lastFrame, Page.InUse | (uint)zone << Page.ZoneShift | (uint)order, out PageRun found))
                continue;
            RunLists.Of(_cpus[Cpu.Id], found)->Held++;
            if (Poison)
                CheckPoison(found.Frame, order);
            run = new PageRun(found.Value | (uint)owner.Id << 16);
            Own.KeepForGood(ref found);
            _sections.PageAt(run.Frame)->Word = run.Word;
            return true;
        }
        return false;
    }
}
