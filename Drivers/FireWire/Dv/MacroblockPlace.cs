using System;

namespace Sluice.Drivers.Dv;

/// <summary>
/// Where a compressed macroblock's picture is. The five of a video segment come from five columns of superblocks, so that what is lost on tape is
/// scattered; within a superblock they go up and down. Source: IEC 61834-2, section 6 (shuffling); SMPTE 314M, section 4.
/// </summary>
internal readonly struct MacroblockPlace
{
    // In a segment: the column of superblocks of each, and how many sequences its row is from that of the segment.
    private const int Segment = 5;

    /// <summary>Its upper left corner, in blocks of 8 by 8 pixels.</summary>
    public readonly int X, Y;

    /// <summary>Two by two blocks of luminance; else four in a row.</summary>
    public readonly bool IsSquare;

    /// <param name="sequence">Of the block of video, below 10 or 12.</param>
    /// <param name="number">Of the block in its sequence, below 135.</param>
    public MacroblockPlace(bool is50, int sequence, int number)
    {
        int place = number % Segment, at = number / Segment;
        int column = Columns[place], row = (sequence + Rows[place]) % DvSystem.Sequences(is50);
        // Superblocks of 27: 9 columns of 3; or, 4 blocks wide, 4.5 columns of 6, every second one beginning in the middle of a column.
        int high = is50 ? 3 : 6;
        at += !is50 && column % 2 != 0 ? 3 : 0;
        int x = at / high, y = at % high;
        if (x % 2 != 0)
            y = high - 1 - y;
        x += is50 ? 9 * column : 9 * column / 2;
        // At the right edge of 525/60 half a macroblock is left: two wide, two high.
        IsSquare = is50 || x == 22;
        X = x * (is50 ? 2 : 4);
        Y = row * 6 + y * (IsSquare ? 2 : 1);
    }

    private static ReadOnlySpan<byte> Columns => [2, 1, 3, 0, 4];

    private static ReadOnlySpan<byte> Rows => [2, 6, 8, 0, 4];
}
