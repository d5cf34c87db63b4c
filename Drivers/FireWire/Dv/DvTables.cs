using System;

namespace Sluice.Drivers.Dv;

/// <summary>
/// The orders in which coefficients come, their weights, and the inverse cosine transform of 8 by 8. Made once. Source: IEC 61834-2, section 7;
/// SMPTE 314M, section 5.
/// </summary>
internal sealed class DvTables
{
    private const int Size = 8;

    // Of the transform's basis, and what rows keep for columns.
    private const int BasisBits = 12, KeptBits = 3;

    /// <summary>Place of each coefficient in the block, in the order in which they come; and in a block of two fields.</summary>
    public readonly byte[] Order = new byte[Size * Size], SplitOrder = new byte[Size * Size];

    public DvTables()
    {
        // Along the diagonals, up and down.
        int at = 0, split = 0;
        for (int sum = 0; sum < 2 * Size - 1; sum++)
        {
            for (int i = 0; i <= sum; i++)
            {
                int x = sum % 2 != 0 ? sum - i : i, splitX = sum % 2 == 0 || sum == 1 ? sum - i : i;
                if (x < Size && sum - x < Size)
                    Order[at++] = (byte)((sum - x) * Size + x);
                if (splitX >= Size || sum - splitX >= Size / 2)
                    continue;
                // Sum and difference of the fields.
                SplitOrder[split++] = (byte)((sum - splitX) * Size + splitX);
                SplitOrder[split++] = (byte)((sum - splitX + Size / 2) * Size + splitX);
            }
        }
    }

    // cos((2x + 1)uπ/16) / 2, for u = 0 divided by the root of 2, at u * 4 + x: the other four are these or their opposites.
    private static ReadOnlySpan<short> Basis =>
    [
        1448, 1448, 1448, 1448, 2009, 1703, 1138, 400, 1892, 784, -784, -1892, 1703, -400, -2009, -1138,
        1448, -1448, -1448, 1448, 1138, -2009, 400, 1703, 784, -1892, 1892, -784, 400, -1138, 1703, -2009,
    ];

    // What a coefficient was multiplied with, inverted, in 2^14ths: 1, cos 4 / (4 cos 7 cos 2), cos 4 / (2 cos 6), 1 / (2 cos 5), 7/8, cos 4 / cos 3,
    // cos 4 / cos 2, cos 4 / cos 1, of multiples of π/16.
    private static ReadOnlySpan<short> Weights => [16384, 16705, 17734, 18205, 18725, 19266, 21407, 22725];

    /// <summary>Gives a coefficient its weight.</summary>
    /// <param name="value">Up to 15 bits.</param>
    public int Weigh(int value, int x, int y) => (value * Weights[x] + (1 << 11) >> 12) * Weights[y] + (1 << 15) >> 16;

    /// <summary>Makes samples, around 0, of coefficients.</summary>
    public void Transform(Span<int> block, bool isSplit)
    {
        for (int row = 0; row < Size; row++)
            Transform(block.Slice(row * Size), 1, BasisBits - KeptBits);
        for (int column = 0; column < Size; column++)
        {
            if (isSplit)
                TransformFields(block.Slice(column));
            else
                Transform(block.Slice(column), Size, BasisBits + KeptBits);
        }
    }

    private static void Transform(Span<int> line, int step, int shift)
    {
        Span<int> made = stackalloc int[Size];
        for (int x = 0; x < Size / 2; x++)
        {
            int even = 1 << shift - 1, odd = 0;
            for (int u = 0; u < Size; u += 2)
            {
                even += line[u * step] * Basis[u * 4 + x];
                odd += line[(u + 1) * step] * Basis[(u + 1) * 4 + x];
            }
            made[x] = even + odd >> shift;
            made[Size - 1 - x] = even - odd >> shift;
        }
        for (int x = 0; x < Size; x++)
            line[x * step] = made[x];
    }

    // Lines of the two fields in turn: each has four coefficients of its own.
    private static void TransformFields(Span<int> column)
    {
        const int shift = BasisBits + KeptBits;
        Span<int> made = stackalloc int[Size];
        for (int y = 0; y < Size / 2; y++)
        {
            int sum = 1 << shift - 1, difference = 0;
            for (int v = 0; v < Size / 2; v++)
            {
                sum += column[v * Size] * Basis[v * 8 + y];
                difference += column[(v + Size / 2) * Size] * Basis[v * 8 + y];
            }
            made[2 * y] = sum + difference >> shift;
            made[2 * y + 1] = sum - difference >> shift;
        }
        for (int y = 0; y < Size; y++)
            column[y * Size] = made[y];
    }
}
