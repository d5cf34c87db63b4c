using System;

namespace Sluice.Console;

/// <summary>
/// The console's glyphs, 8 by 16 pixels, regular and bold. A glyph is known by its number; number 0 is the blank.
/// The tables are made while building (Font.targets). Pure: hosted tests compile this file, too.
/// </summary>
internal static partial class Font
{
    /// <summary>Pixels across a glyph.</summary>
    public const int Width = 8;

    /// <summary>Pixels down a glyph; also its bytes.</summary>
    public const int Height = 16;

    /// <summary>Number of the blank.</summary>
    public const ushort Blank = 0;

    private const int RunBytes = 6;

    // ASCII is the first run of the tables: the converter sees to it.
    private const uint FirstAscii = ' ', LastAscii = '~';

    /// <summary>How many glyphs there are.</summary>
    public static int Count => GlyphCount;

    /// <summary>The glyph for a code point; the one for U+FFFD if the font has none.</summary>
    public static ushort GlyphOf(uint rune)
    {
        if (rune is >= FirstAscii and <= LastAscii)
            return (ushort)(rune - FirstAscii);
        return TryFind(rune, out ushort glyph) ? glyph : Replacement;
    }

    /// <summary>The glyph that stands for what the font lacks: it is the last one.</summary>
    public static ushort Replacement => (ushort)(GlyphCount - 1);

    /// <summary>Whether the font has a glyph for a code point.</summary>
    public static bool Has(uint rune) => TryFind(rune, out _);

    /// <summary>The code point of a glyph; U+FFFD for a number that is none.</summary>
    public static uint RuneOf(int glyph)
    {
        for (int run = 0; run < RunCount; run++)
        {
            int index = glyph - Field(run, 2);
            if (index >= 0 && index < Field(run, 1))
                return (uint)(Field(run, 0) + index);
        }
        return 0xFFFD;
    }

    /// <summary>
    /// The rows of a glyph from the top, one byte each, the top bit leftmost. A number that is no glyph gives the
    /// replacement; what is no letter is not bolder.
    /// </summary>
    public static ReadOnlySpan<byte> Rows(int glyph, bool bold)
    {
        if ((uint)glyph >= GlyphCount)
            glyph = Replacement;
        return (bold && glyph < BoldCount ? Bold : Regular).Slice(glyph * Height, Height);
    }

    private static bool TryFind(uint rune, out ushort glyph)
    {
        int low = 0, high = RunCount;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if ((uint)Field(middle, 0) <= rune)
                low = middle + 1;
            else
                high = middle;
        }
        glyph = 0;
        if (low == 0)
            return false;
        uint index = rune - (uint)Field(low - 1, 0);
        glyph = (ushort)(Field(low - 1, 2) + (int)index);
        return index < (uint)Field(low - 1, 1);
    }

    // Fields: 0 first code point, 1 count, 2 first glyph.
    private static int Field(int run, int field)
    {
        int at = run * RunBytes + field * 2;
        return Runs[at] | Runs[at + 1] << 8;
    }
}
