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
        for (Zone zone = Highest(mask); ; zone--)
        {
            if (Pages.TryTake(order, zone, owner, out run))
            {
                if (run.Start.Value + run.Bytes - 1 <= mask)
                    return true;
                Pages.Give(ref run);
            }
            if (zone == Zone.Dma)
                return false;
        }
    }

    public void Give(ref PageRun run) => Pages.Give(ref run);

    // A mask between two zones' ends begins with the upper one.
    public static Zone Highest(ulong mask) => mask > uint.MaxValue ? Zone.Normal : mask > 0xFF_FFFF ? Zone.Dma32 : Zone.Dma;
}
