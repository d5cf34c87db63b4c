using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Sluice.Runtime;

namespace Sluice.Console;

/// <summary>
/// Cells drawn into a framebuffer of RGB pixels. Each glyph row is written in spans of two pixels; on screens that are wide for
/// the font, each dot becomes a square of several pixels. Pure: hosted tests compile this file, too.
/// </summary>
internal sealed unsafe class FramebufferDisplay : CellDisplay
{
    private const int MaxSide = 16384, MaxCells = 24_000, MinColumns = 20, MinRows = 4;

    // From twice as many pixels across on, each dot is doubled, and so on.
    private const int PixelsPerScale = 1280;

    private readonly byte* _pixels;
    private readonly int _pitch, _height, _bytesPerPixel, _scale;
    private readonly PixelLayout _layout;
    private Colours _colours;

    private FramebufferDisplay(byte* pixels, int pitch, int height, PixelLayout layout, int scale, int columns, int rows)
        : base(columns, rows)
    {
        _pixels = pixels;
        _pitch = pitch;
        _height = height;
        _bytesPerPixel = layout.Bytes;
        _scale = scale;
        _layout = layout;
        for (int i = 0; i < 256; i++)
            _colours[i] = layout.Pack(Palette.Rgb((byte)i));
    }

    /// <summary>Whether a description makes sense: known pixels, lines that do not overlap, a size that machines have.</summary>
    public static bool IsPossible(uint pitch, uint width, uint height, PixelLayout layout) =>
        layout.IsUsable && width <= MaxSide && height <= MaxSide && pitch <= 8 * MaxSide && pitch >= width * (uint)layout.Bytes;

    /// <summary>
    /// A display on pixels that stay mapped, <paramref name="pitch"/> bytes a line; <paramref name="scale"/> pixels a dot, 0 for as
    /// many as look right. False if the description makes no sense or the picture is too small for text.
    /// </summary>
    public static bool TryCreate(byte* pixels, uint pitch, uint width, uint height, PixelLayout layout, int scale,
        [NotNullWhen(true)] out FramebufferDisplay? display)
    {
        display = null;
        if (!IsPossible(pitch, width, height, layout))
            return false;
        if (scale == 0)
            scale = (int)width / PixelsPerScale > 0 ? (int)width / PixelsPerScale : 1;
        while (Cells(width, height, scale) > MaxCells)
            scale++;
        int columns = (int)width / (Font.Width * scale), rows = (int)height / (Font.Height * scale);
        if (columns < MinColumns || rows < MinRows)
            return false;
        display = new FramebufferDisplay(pixels, (int)pitch, (int)height, layout, scale, columns, rows);
        return true;
    }

    public override bool HasAllGlyphs => true;

    // What cells cover: so text can be drawn over it.
    public override int PixelWidth => Columns * Font.Width * _scale;

    public override int PixelHeight => Rows * Font.Height * _scale;

    public override void Clear()
    {
        // Padding at the end of a line takes the colour as well: one run of stores for the whole picture.
        uint colour = _colours[Palette.Background];
        for (int y = 0; y < _height; y++)
        {
            byte* line = _pixels + (long)y * _pitch;
            if (_bytesPerPixel == 4)
                MemoryOperations.Fill(line, (ulong)colour << 32 | colour, (nuint)(_pitch & ~3));
            else
                Fill(line, _pitch / _bytesPerPixel, colour);
        }
    }

    public override void Draw(int row, int column, ReadOnlySpan<Cell> cells)
    {
        byte* start = _pixels + (long)row * Font.Height * _scale * _pitch + (long)column * Font.Width * _scale * _bytesPerPixel;
        foreach (Cell cell in cells)
        {
            uint foreground = _colours[cell.Foreground], background = _colours[cell.Background];
            if (_bytesPerPixel == 4 && _scale == 1)
                DrawWide(start, cell, foreground, background);
            else
                DrawScaled(start, Font.Rows(cell.Glyph, cell.IsBold), foreground, background);
            start += Font.Width * _scale * _bytesPerPixel;
        }
    }

    public override void DrawPixels(int x, int y, ReadOnlySpan<uint> rgb)
    {
        byte* pixel = _pixels + (long)y * _pitch + (long)x * _bytesPerPixel;
        foreach (uint one in rgb)
        {
            Fill(pixel, 1, _layout.Pack(one));
            pixel += _bytesPerPixel;
        }
    }

    private static int Cells(uint width, uint height, int scale) =>
        (int)width / (Font.Width * scale) * ((int)height / (Font.Height * scale));

    // 32-bit pixels, two at a time: the four ways in which two neighbours can look are made once a cell.
    private void DrawWide(byte* target, Cell cell, uint foreground, uint background)
    {
        ulong b = background, f = foreground;
        ulong* pairs = stackalloc ulong[4];
        pairs[0] = b << 32 | b;
        pairs[1] = f << 32 | b;                             // the right one is the higher half
        pairs[2] = b << 32 | f;
        pairs[3] = f << 32 | f;
        fixed (byte* rows = Font.Rows(cell.Glyph, cell.IsBold))
        {
            for (int y = 0; y < Font.Height; y++)
            {
                uint bits = rows[y];
                ulong* line = (ulong*)target;
                line[0] = pairs[bits >> 6];
                line[1] = pairs[bits >> 4 & 3];
                line[2] = pairs[bits >> 2 & 3];
                line[3] = pairs[bits & 3];
                target += _pitch;
            }
        }
    }

    private void DrawScaled(byte* target, ReadOnlySpan<byte> rows, uint foreground, uint background)
    {
        foreach (byte bits in rows)
        {
            for (int i = 0; i < _scale; i++, target += _pitch)
            {
                byte* pixel = target;
                for (int mask = 0x80; mask != 0; mask >>= 1, pixel += _scale * _bytesPerPixel)
                    Fill(pixel, _scale, (bits & mask) != 0 ? foreground : background);
            }
        }
    }

    private void Fill(byte* pixel, int count, uint colour)
    {
        for (; count > 0; count--)
        {
            if (_bytesPerPixel == 4)
            {
                *(uint*)pixel = colour;
            }
            else
            {
                *(ushort*)pixel = (ushort)colour;
                if (_bytesPerPixel == 3)
                    pixel[2] = (byte)(colour >> 16);
            }
            pixel += _bytesPerPixel;
        }
    }

    [InlineArray(256)]
    private struct Colours
    {
        private uint _first;
    }
}
