using System;
using Sluice.Drivers.Video;

namespace Sluice.Drivers.Dv;

/// <summary>
/// A picture that blocks of 8 by 8 are drawn into: 525/60 has a pair of differences for four pixels of a line, 625/50 for two by two, of which the lines
/// are told twice. Video has black at 16 and white at 235, differences 224 steps; pictures use all of a byte. Source: ITU-R BT.601, section 2.5.
/// </summary>
internal readonly ref struct DvCanvas(Span<byte> memory, bool is50)
{
    private const int Block = 8;

    private readonly Span<byte> _memory = memory;

    /// <summary>All of it.</summary>
    public VideoPicture Picture => new(DvSystem.Width, Lines, is50 ? PixelCoding.Yuv422 : PixelCoding.Yuv411, _memory.Slice(0, Lines * LineBytes));

    private int Lines => is50 ? DvSystem.Lines50 : DvSystem.Lines60;

    private int LineBytes => is50 ? DvSystem.Width * 2 : DvSystem.Width * 3 / 2;

    /// <summary>Gives a block one luminance.</summary>
    /// <param name="x">In blocks, as <paramref name="y"/>.</param>
    /// <param name="y">From above.</param>
    public void FillLuminance(int x, int y, int value)
    {
        byte level = Stretch(value - 16, 219);
        for (int line = 0; line < Block; line++)
        {
            Span<byte> row = _memory.Slice((y * Block + line) * LineBytes, LineBytes);
            for (int i = x * Block; i < (x + 1) * Block; i++)
                row[is50 ? 2 * i + 1 : i / 4 * 6 + 1 + i % 4 + i % 4 / 2] = level;
        }
    }

    /// <summary>Gives a macroblock one of its differences.</summary>
    public void FillDifference(in MacroblockPlace place, bool isRed, int value)
    {
        byte level = Stretch(value - 128, 224, 128);
        int width = Block * (place.IsSquare ? 2 : 4), height = Block * (place.IsSquare ? 2 : 1);
        int pixels = is50 ? 2 : 4, bytes = is50 ? 4 : 6, offset = isRed ? bytes / 2 : 0;
        for (int line = 0; line < height; line++)
        {
            Span<byte> row = _memory.Slice((place.Y * Block + line) * LineBytes, LineBytes);
            for (int i = place.X * Block; i < place.X * Block + width; i += pixels)
                row[i / pixels * bytes + offset] = level;
        }
    }

    private static byte Stretch(int value, int range, int zero = 0) => (byte)Math.Clamp(zero + (value * 255 + range / 2) / range, 0, 255);
}
