using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Sluice.Console;

namespace Sluice.Tests.Boot.Harness;

/// <summary>Reads the text off a picture of the screen, by the font that the kernel draws with.</summary>
/// <remarks>
/// A cell shows a glyph in two colours, whichever they are. Where several characters look the same (A in Latin and in Greek), it is
/// the one with the lowest code point; what is no glyph is U+FFFD.
/// </remarks>
internal static class ScreenText
{
    private const char Unknown = '\uFFFD';

    private static readonly Dictionary<UInt128, char> _glyphs = Glyphs();

    /// <summary>The rows of text, from the top, without the blanks at their ends; pixels of a dot's side is <paramref name="scale"/>.</summary>
    public static string[] Read(Screen screen, int scale = 1)
    {
        var rows = new string[screen.Height / (Font.Height * scale)];
        var row = new StringBuilder();
        for (int y = 0; y < rows.Length; y++)
        {
            for (int x = 0; x < screen.Width / (Font.Width * scale); x++) row.Append(ReadCell(screen, x * Font.Width * scale, y * Font.Height * scale, scale));
            rows[y] = row.ToString().TrimEnd();
            row.Clear();
        }
        return rows;
    }

    private static char ReadCell(Screen screen, int left, int top, int scale)
    {
        int first = screen[left, top];
        int? second = null;
        UInt128 bits = 0;
        for (int y = 0; y < Font.Height; y++)
        {
            for (int x = 0; x < Font.Width; x++)
            {
                int colour = screen[left + x * scale, top + y * scale];
                if (colour != first && colour != (second ??= colour)) return Unknown;
                bits = bits << 1 | (colour == first ? 0u : 1u);
            }
        }
        // The corner is mostly ground; if not, the picture is the other way round.
        return _glyphs.TryGetValue(bits, out char rune) || _glyphs.TryGetValue(~bits, out rune) ? rune : Unknown;
    }

    private static Dictionary<UInt128, char> Glyphs()
    {
        var glyphs = new Dictionary<UInt128, char>();
        for (int glyph = 0; glyph < Font.Count; glyph++)
        {
            foreach (bool bold in (bool[])[false, true])
            {
                UInt128 bits = 0;
                foreach (byte row in Font.Rows(glyph, bold)) bits = bits << 8 | row;
                glyphs.TryAdd(bits, (char)Font.RuneOf(glyph));
            }
        }
        return glyphs;
    }
}
