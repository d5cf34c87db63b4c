using System;

namespace Sluice.Console;

/// <summary>
/// Cells in VGA text memory: two bytes each, character of code page 437 and attribute. For BIOS machines whose boot loader found
/// no graphics mode. Source: IBM VGA/XGA Technical Reference, section 2, alphanumeric modes. Pure: hosted tests compile this file, too.
/// </summary>
internal sealed unsafe class VgaTextDisplay : CellDisplay
{
    /// <summary>Bytes in a cell of text memory.</summary>
    public const int CellBytes = 2;

    // The upper half of code page 437; the lower one is ASCII as far as this writes it.
    private const string Upper =
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■";

    private readonly ushort* _memory;

    /// <summary>Text memory that stays mapped.</summary>
    public VgaTextDisplay(byte* memory, int columns, int rows)
        : base(columns, rows) => _memory = (ushort*)memory;

    public override void Clear()
    {
        ushort blank = Pack(new Cell(Font.Blank, false, Palette.Foreground, Palette.Background));
        for (int i = 0; i < Columns * Rows; i++)
            Write(i, blank);
    }

    public override void Draw(int row, int column, ReadOnlySpan<Cell> cells)
    {
        int at = row * Columns + column;
        foreach (Cell cell in cells)
            Write(at++, Pack(cell));
    }

    /// <summary>A character of code page 437 for a code point; <c>?</c> if it has none.</summary>
    public static byte Character(uint rune)
    {
        if (rune is >= ' ' and < 0x7F)
            return (byte)rune;
        if (rune == 0xA0)
            return (byte)' ';
        for (int i = 0; i < Upper.Length; i++)
        {
            if (Upper[i] == rune)
                return (byte)(0x80 + i);
        }
        return (byte)'?';
    }

    // Blink stands in for bright backgrounds in most modes, so backgrounds are the eight dark ones.
    private static ushort Pack(Cell cell) =>
        (ushort)(Character(Font.RuneOf(cell.Glyph)) | Attribute(cell.Foreground) << 8 | (Attribute(cell.Background) & 7) << 12);

    // Terminals count red, green, blue from bit 0, VGA from bit 2.
    private static int Attribute(byte colour)
    {
        int index = colour < 16 ? colour : Nearest(Palette.Rgb(colour));
        return index & 0b1010 | (index & 1) << 2 | index >> 2 & 1;
    }

    private static int Nearest(uint rgb)
    {
        uint red = rgb >> 16, green = rgb >> 8 & 0xFF, blue = rgb & 0xFF, brightest = red > green ? red : green;
        if (blue > brightest)
            brightest = blue;
        if (brightest < 0x50)
            return Palette.Black;
        uint threshold = brightest * 5 / 8;
        int index = (red > threshold ? 1 : 0) | (green > threshold ? 2 : 0) | (blue > threshold ? 4 : 0);
        return brightest > 0xD0 ? index | 8 : index;
    }

    private void Write(int at, ushort value) => System.Threading.Volatile.Write(ref _memory[at], value);
}
