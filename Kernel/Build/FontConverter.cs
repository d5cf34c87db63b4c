using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;

namespace Sluice.Build;

/// <summary>Tables for the kernel: runs of code points, and the glyphs of all runs one after another, regular and, for letters, bold.</summary>
/// <param name="Runs">First code point and length; ascending, not touching.</param>
/// <param name="Regular">16 bytes a glyph.</param>
/// <param name="Bold">The same for the first glyphs: letters and figures, which are what is written bold.</param>
public sealed record FontTables(IReadOnlyList<(int First, int Count)> Runs, byte[] Regular, byte[] Bold)
{
    /// <summary>The tables as C#.</summary>
    public string ToSource()
    {
        StringBuilder text = new();
        text.Append("""
            // Made while building, from Terminus Font: copyright (c) 2010-2014 Dimitar Toshkov Zhekov, SIL Open Font License 1.1.
            namespace Sluice.Console;

            internal static partial class Font
            {

            """);
        text.Append(CultureInfo.InvariantCulture, $"    private const int GlyphCount = {Regular.Length / BitmapFont.Height};\n");
        text.Append(CultureInfo.InvariantCulture, $"    private const int BoldCount = {Bold.Length / BitmapFont.Height};\n");
        text.Append(CultureInfo.InvariantCulture, $"    private const int RunCount = {Runs.Count};\n\n");
        List<byte> runs = [];
        int glyph = 0;
        foreach ((int first, int count) in Runs)
        {
            foreach (int value in (ReadOnlySpan<int>)[first, count, glyph])
                runs.AddRange([(byte)value, (byte)(value >> 8)]);
            glyph += count;
        }
        Append(text, "Runs", "First code point, count, number of the first glyph; 16 bits each, little-endian.", [.. runs]);
        Append(text, "Regular", "16 bytes a glyph, from the top; the top bit is leftmost.", Regular);
        Append(text, "Bold", "As the regular ones; those behind the last one are no bolder.", Bold);
        return text.Append("}\n").ToString();
    }

    private static void Append(StringBuilder text, string name, string summary, byte[] bytes)
    {
        text.Append(CultureInfo.InvariantCulture, $"    // {summary}\n    private static System.ReadOnlySpan<byte> {name} =>\n    [");
        for (int i = 0; i < bytes.Length; i++)
            text.Append(i % 16 == 0 ? "\n        " : " ").Append(CultureInfo.InvariantCulture, $"0x{bytes[i]:X2},");
        text.Append("\n    ];\n\n");
    }
}

/// <summary>Chooses the glyphs that the kernel's console shows.</summary>
public static class FontConverter
{
    // Latin Extended-A ends here.
    private const int LastBold = 0x17F;

    // ASCII, Latin, Greek, punctuation, arrows, mathematics, box drawing, blocks, shapes, check marks, the replacement character.
    private static readonly (int First, int Last)[] _wanted =
        [(0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x3FF), (0x2010, 0x23FF), (0x2500, 0x27BF), (0xFFFD, 0xFFFD)];

    /// <summary>What is replaced by U+FFFD when the font lacks it is for the kernel to say; ASCII and U+FFFD must be there.</summary>
    public static FontTables Convert(BitmapFont regular, BitmapFont bold)
    {
        List<(int First, int Count)> runs = [];
        List<byte> regularBytes = [], boldBytes = [];
        foreach ((int first, int last) in _wanted)
        {
            for (int codePoint = first; codePoint <= last; codePoint++)
            {
                byte[]? glyph = Block(codePoint) ?? Find(regular, codePoint);
                if (glyph is null)
                {
                    if (codePoint is <= 0x7E or 0xFFFD)
                        throw new InvalidDataException($"the font lacks U+{codePoint:X4}");
                    continue;
                }
                regularBytes.AddRange(glyph);
                if (codePoint <= LastBold)
                    boldBytes.AddRange(Find(bold, codePoint) ?? glyph);
                if (runs.Count > 0 && runs[^1].First + runs[^1].Count == codePoint)
                    runs[^1] = (runs[^1].First, runs[^1].Count + 1);
                else
                    runs.Add((codePoint, 1));
            }
        }
        return new FontTables(runs, [.. regularBytes], [.. boldBytes]);
    }

    private static byte[]? Find(BitmapFont font, int codePoint) => font.Glyphs.GetValueOrDefault(codePoint);

    /// <summary>
    /// Block elements by their definition, so that pictures made of them have no seams: the font draws some of them a pixel off and
    /// lacks the quadrants. Shades are left to the font. Source: The Unicode Standard 15.0, code chart U+2580.
    /// </summary>
    private static byte[]? Block(int codePoint) => codePoint switch
    {
        0x2580 => Rectangle(0, 0, 8, 8),
        >= 0x2581 and <= 0x2588 => Rectangle(0, 16 - 2 * (codePoint - 0x2580), 8, 2 * (codePoint - 0x2580)),
        >= 0x2589 and <= 0x258F => Rectangle(0, 0, 0x2590 - codePoint, 16),
        0x2590 => Rectangle(4, 0, 4, 16),
        0x2594 => Rectangle(0, 0, 8, 2),
        0x2595 => Rectangle(7, 0, 1, 16),
        >= 0x2596 and <= 0x259F => Quadrants("\x4\x8\x1\xD\x9\x7\xB\x2\x6\xE"[codePoint - 0x2596]),
        _ => null,
    };

    private static byte[] Rectangle(int left, int top, int width, int height)
    {
        byte[] glyph = new byte[BitmapFont.Height];
        for (int y = top; y < top + height; y++)
            glyph[y] = (byte)((0xFF00 >> width & 0xFF) >> left);
        return glyph;
    }

    // Bits: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
    private static byte[] Quadrants(int bits)
    {
        byte[] glyph = new byte[BitmapFont.Height];
        for (int y = 0; y < glyph.Length; y++)
        {
            int half = y < 8 ? bits & 3 : bits >> 2;
            glyph[y] = (byte)(((half & 1) != 0 ? 0xF0 : 0) | ((half & 2) != 0 ? 0x0F : 0));
        }
        return glyph;
    }
}
