using System;
using Sluice.Drivers.Video;

namespace Sluice.Drivers.Dv;

/// <summary>
/// A picture that blocks of 8 by 8 samples are drawn into: 525/60 has a pair of differences for four pixels of a line, 625/50 for two by two, of which the lines
/// are told twice. Video has black at 16 and white at 235, differences 224 steps; pictures use all of a byte. Source: ITU-R BT.601, section 2.5.
/// </summary>
internal readonly ref struct DvCanvas(Span<byte> memory, bool is50)
{
    private const int Block = 8;

    // Samples are around 0, which is 128; in 4,096ths, 255 / 219 and 255 / 224.
    private const int LuminanceZero = 128 - 16, LuminanceScale = 4769, DifferenceScale = 4663, ScaleBits = 12;

    private readonly Span<byte> _memory = memory;

    /// <summary>All of it.</summary>
    public VideoPicture Picture => new(DvSystem.Width, Lines, is50 ? PixelCoding.Yuv422 : PixelCoding.Yuv411, _memory.Slice(0, Lines * LineBytes));

    private int Lines => is50 ? DvSystem.Lines50 : DvSystem.Lines60;

    private int LineBytes => is50 ? DvSystem.Width * 2 : DvSystem.Width * 3 / 2;

    /// <summary>Draws a block of luminance.</summary>
    /// <param name="x">In blocks, as <paramref name="y"/>.</param>
    /// <param name="y">From above.</param>
    public void PutLuminance(int x, int y, ReadOnlySpan<int> samples)
    {
        for (int line = 0; line < Block; line++)
        {
            Span<byte> row = Line(y * Block + line);
            for (int i = 0; i < Block; i++)
            {
                int at = x * Block + i;
                row[is50 ? 2 * at + 1 : at / 4 * 6 + 1 + at % 4 + at % 4 / 2] = Byte((samples[line * Block + i] + LuminanceZero) * LuminanceScale, 0);
            }
        }
    }

    /// <summary>Draws one of the differences of a macroblock.</summary>
    public void PutDifference(in MacroblockPlace place, bool isRed, ReadOnlySpan<int> samples)
    {
        int group = is50 ? 4 : 6, offset = isRed ? group / 2 : 0, first = place.X * Block / (is50 ? 2 : 4);
        for (int i = 0; i < samples.Length; i++)
        {
            int x = i % Block, y = i / Block;
            if (is50)
            {
                y = 2 * y;
            }
            else if (place.IsSquare && x >= Block / 2)
            {
                // The right half is what is below.
                x -= Block / 2;
                y += Block;
            }
            byte level = Byte(samples[i] * DifferenceScale, 128);
            Line(place.Y * Block + y)[(first + x) * group + offset] = level;
            if (is50)
                Line(place.Y * Block + y + 1)[(first + x) * group + offset] = level;
        }
    }

    private Span<byte> Line(int y) => _memory.Slice(y * LineBytes, LineBytes);

    private static byte Byte(int scaled, int zero) => (byte)Math.Clamp(zero + (scaled + (1 << ScaleBits - 1) >> ScaleBits), 0, 255);
}
