using System;
using Sluice.Console;

namespace Sluice.Shell;

/// <summary>
/// Text in letters eight lines high, made of quarter blocks: each of them stands for two by two dots of the font. It is text like
/// any other, so it scrolls and needs no graphics.
/// </summary>
internal static class BigText
{
    /// <summary>Cells across a letter.</summary>
    public const int LetterColumns = Font.Width / 2;

    // By the dots in a quarter: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
    private const string Quarters = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█";

    /// <summary>Cells that a text takes.</summary>
    public static int Columns(ReadOnlySpan<byte> text) => text.Length * LetterColumns;

    /// <summary>Writes a line of ASCII to the screen alone: two parts, each behind a control sequence for its colour.</summary>
    public static void Write(ReadOnlySpan<byte> colour, ReadOnlySpan<byte> text, ReadOnlySpan<byte> nextColour, ReadOnlySpan<byte> next)
    {
        Span<byte> room = stackalloc byte[2048];
        for (int y = 0; y < Font.Height; y += 2)
        {
            Utf8Writer line = new(room);
            line.Append(colour);
            AppendRow(ref line, text, y);
            line.Append(nextColour);
            AppendRow(ref line, next, y);
            line.Append("\e[0m\n"u8);
            Terminal.Write(line.Written, Outputs.Screen);
        }
    }

    private static void AppendRow(ref Utf8Writer line, ReadOnlySpan<byte> text, int y)
    {
        foreach (byte character in text)
        {
            ReadOnlySpan<byte> rows = Font.Rows(Font.GlyphOf(character), bold: true);
            for (int x = 6; x >= 0; x -= 2)
                line.AppendRune(Quarters[Quarter(rows[y] >> x, rows[y + 1] >> x)]);
        }
    }

    // The left one of two dots is the higher bit.
    private static int Quarter(int upper, int lower) => upper >> 1 & 1 | (upper & 1) << 1 | (lower >> 1 & 1) << 2 | (lower & 1) << 3;
}
