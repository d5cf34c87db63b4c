using System;

namespace Sluice.Console;

/// <summary>
/// Text in letters eight lines high, made of quarter blocks: each of them stands for two by two dots of the font. It is text like
/// any other, so it scrolls and needs no graphics. Pure: hosted tests compile this file, too.
/// </summary>
internal static class BigText
{
    /// <summary>Cells across a letter.</summary>
    public const int LetterColumns = Font.Width / 2;

    /// <summary>Lines down a letter.</summary>
    public const int Lines = Font.Height / 2;

    // By the dots in a quarter: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
    private const string Quarters = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█";

    /// <summary>Cells that a text of ASCII takes.</summary>
    public static int Columns(ReadOnlySpan<byte> text) => text.Length * LetterColumns;

    /// <summary>Appends one of the lines that a text of ASCII is made of.</summary>
    public static void AppendLine(ref Utf8Writer target, ReadOnlySpan<byte> text, int line)
    {
        foreach (byte character in text)
        {
            ReadOnlySpan<byte> rows = Font.Rows(Font.GlyphOf(character), bold: true);
            for (int x = Font.Width - 2; x >= 0; x -= 2)
                target.AppendRune(Quarters[Quarter(rows[2 * line] >> x, rows[2 * line + 1] >> x)]);
        }
    }

    // The left one of two dots is the higher bit.
    private static int Quarter(int upper, int lower) => upper >> 1 & 1 | (upper & 1) << 1 | (lower >> 1 & 1) << 2 | (lower & 1) << 3;
}
