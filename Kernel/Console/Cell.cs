namespace Sluice.Console;

/// <summary>One place of the screen: a glyph of <see cref="Font"/> and two colours of <see cref="Palette"/>.</summary>
internal readonly struct Cell
{
    private const uint BoldBit = 0x8000;

    private readonly uint _bits;

    public Cell(ushort glyph, bool bold, byte foreground, byte background) =>
        _bits = glyph | (bold ? BoldBit : 0) | (uint)foreground << 16 | (uint)background << 24;

    private Cell(uint bits) => _bits = bits;

    /// <summary>A cell that equals none that is ever shown.</summary>
    public static Cell Unknown => new(0x7FFF);

    /// <summary>All of it; equal cells look the same.</summary>
    public uint Bits => _bits;

    public int Glyph => (int)(_bits & 0x7FFF);

    public bool IsBold => (_bits & BoldBit) != 0;

    public byte Foreground => (byte)(_bits >> 16);

    public byte Background => (byte)(_bits >> 24);

    /// <summary>With the colours exchanged: how the cursor shows.</summary>
    public Cell Reversed => new((_bits & 0xFFFF) | _bits >> 8 & 0x00FF_0000 | _bits << 8 & 0xFF00_0000);
}
