namespace Sluice.Console;

/// <summary>Where a framebuffer keeps red, green and blue in a pixel. Pure: hosted tests compile this file, too.</summary>
internal readonly struct PixelLayout(int bytes, Channel red, Channel green, Channel blue)
{
    private readonly Channel _red = red, _green = green, _blue = blue;

    /// <summary>Bytes in a pixel: 2, 3 or 4.</summary>
    public int Bytes { get; } = bytes;

    /// <summary>Whether pixels of this kind can be written: a known width, and each channel inside it.</summary>
    public bool IsUsable => Bytes is >= 2 and <= 4 && _red.Fits(8 * Bytes) && _green.Fits(8 * Bytes) && _blue.Fits(8 * Bytes);

    /// <summary>The pixel for a colour 0xRRGGBB.</summary>
    public uint Pack(uint rgb) => _red.Pack(rgb >> 16 & 0xFF) | _green.Pack(rgb >> 8 & 0xFF) | _blue.Pack(rgb & 0xFF);
}

/// <summary>A channel of a pixel: its lowest bit and how many bits it has.</summary>
internal readonly struct Channel(byte position, byte bits)
{
    private readonly byte _position = position, _bits = bits;

    /// <summary>Whether it lies inside a pixel of that many bits.</summary>
    public bool Fits(int pixelBits) => _bits is > 0 and <= 16 && _position + _bits <= pixelBits;

    /// <summary>The channel's part of a pixel for a value of 0 to 255.</summary>
    public uint Pack(uint value) => (_bits <= 8 ? value >> (8 - _bits) : value << (_bits - 8) | value >> (16 - _bits)) << _position;
}
