using System;
using Sluice.Platform;

namespace Sluice.Console;

/// <summary>
/// Cells in VGA text memory: two bytes each, character of code page 437 and attribute. For BIOS machines whose boot loader found
/// no graphics mode. Source: IBM VGA/XGA Technical Reference, section 2, alphanumeric modes.
/// </summary>
internal sealed unsafe class VgaTextDisplay : CellDisplay
{
    /// <summary>Bytes in a cell of text memory.</summary>
    public const int CellBytes = 2;

    // The upper half of code page 437; the lower one is ASCII but for the lowest 32.
    private const string Upper =
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■";

    // And of its lowest 32, which were control characters once.
    private const string Lowest = "\0☺☻♥♦♣♠•◘○◙♂♀♪♫☼▶◀↕‼¶§▬↨↑↓→←∟↔▲▼";

    // The CRT controller's cursor start register; this bit hides the cursor.
    private const ushort ControllerIndex = 0x3D4, ControllerData = 0x3D5;
    private const byte CursorStart = 0x0A, CursorOff = 0x20;

    private readonly ushort* _memory;

    /// <summary>Text memory that stays mapped.</summary>
    public VgaTextDisplay(byte* memory, int columns, int rows)
        : base(columns, rows) => _memory = (ushort*)memory;

    public override bool HasAllGlyphs => false;

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
        int at = Upper.IndexOf((char)rune);
        if (at >= 0)
            return (byte)(0x80 + at);
        at = Lowest.IndexOf((char)rune);
        return at > 0 ? (byte)at : (byte)'?';
    }

    /// <summary>Hides the hardware's cursor, which stays where the boot loader left it: this kernel's is a cell like others.</summary>
    public static void HideCursor()
    {
        PortIo.Out8(ControllerIndex, CursorStart);
        PortIo.Out8(ControllerData, CursorOff);
    }

    // Bold is bright here. Blink stands in for bright backgrounds in most modes, so backgrounds are the eight dark ones.
    private static ushort Pack(Cell cell)
    {
        int foreground = Attribute(cell.Foreground) | (cell.IsBold ? 8 : 0);
        return (ushort)(Character(Font.RuneOf(cell.Glyph)) | foreground << 8 | (Attribute(cell.Background) & 7) << 12);
    }

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
