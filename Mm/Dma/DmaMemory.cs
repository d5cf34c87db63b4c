using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>Pages that a device reaches: the page allocator, asked with a mask instead of a zone.</summary>
internal sealed class DmaMemory(PageAllocator pages)
{
    public PageAllocator Pages { get; } = pages;

    /// <summary>Takes a run whose last byte is not above a mask; its memory holds whatever was there.</summary>
    public bool TryTake(int order, ulong mask, OwnerTag owner, out PageRun run)
    {
        // From the highest zone that may serve: its memory may happen to be low enough. Then from the one that surely is.
        bool wasAbove = false;
        for (int zone = (int)Highest(mask); zone >= 0; zone--)
        {
            if (!Pages.TryTake(order, (Zone)zone, owner, out run))
                continue;
            if (run.Start.Value + run.Bytes - 1 <= mask)
                return true;
            wasAbove = true;
            Pages.Give(ref run);
        }
        run = default;
        // The mask ends within a zone: what is free of it below is looked for.
        return wasAbove && Pages.TryTakeHighest(order, mask, owner, out run);
    }

    public void Give(ref PageRun run) => Pages.Give(ref run);

    // A mask between two zones' ends begins with the upper one.
    public static Zone Highest(ulong mask) => mask > uint.MaxValue ? Zone.Normal : mask > 0xFF_FFFF ? Zone.Dma32 : Zone.Dma;
}
