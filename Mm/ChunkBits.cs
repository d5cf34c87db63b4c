using System.Numerics;

namespace Sluice.Mm;

/// <summary>The six lowest levels of the buddy system: runs of 1 to 32 pages as bits of a 64-bit word.</summary>
internal static class ChunkBits
{
    /// <summary>The pages of a run of an order below 6, at bit 0.</summary>
    public static ulong Run(int order) => (1UL << (1 << order)) - 1;

    /// <summary>The first bit of each aligned run of an order below 6 whose pages are all free.</summary>
    public static ulong Runs(ulong free, int order)
    {
        if (order > 0) free &= free >> 1 & 0x5555_5555_5555_5555;
        if (order > 1) free &= free >> 2 & 0x1111_1111_1111_1111;
        if (order > 2) free &= free >> 4 & 0x0101_0101_0101_0101;
        if (order > 3) free &= free >> 8 & 0x0001_0001_0001_0001;
        if (order > 4) free &= free >> 16 & 0x0000_0001_0000_0001;
        return free;
    }

    /// <summary>All pages of the runs whose first bits are given.</summary>
    public static ulong Expand(ulong runs, int order)
    {
        for (int i = 0; i < order; i++)
            runs |= runs << (1 << i);
        return runs;
    }

    /// <summary>Order of the largest run. Some but not all pages must be free.</summary>
    public static int LargestOrder(ulong free)
    {
        if ((free &= free >> 1 & 0x5555_5555_5555_5555) == 0) return 0;
        if ((free &= free >> 2 & 0x1111_1111_1111_1111) == 0) return 1;
        if ((free &= free >> 4 & 0x0101_0101_0101_0101) == 0) return 2;
        if ((free &= free >> 8 & 0x0001_0001_0001_0001) == 0) return 3;
        return (free & free >> 16 & 0x0000_0001_0000_0001) == 0 ? 4 : 5;
    }

    /// <summary>Counts the runs that the free pages make, largest first, by order.</summary>
    public static void Count(ulong free, ref PerOrder counts)
    {
        for (int order = Chunk.Order - 1; order >= 0; order--)
        {
            ulong runs = Runs(free, order);
            counts[order] += (uint)BitOperations.PopCount(runs);
            free &= ~Expand(runs, order);
        }
    }
}
