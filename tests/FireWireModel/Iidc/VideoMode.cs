namespace Sluice.FireWire.Iidc;

/// <summary>How pixels are coded. Source: IIDC 1.31, section 2.1.</summary>
public enum PixelCoding
{
    Yuv444,
    Yuv422,
    Yuv411,
    Rgb8,
    Mono8,
    Mono16,
}

/// <summary>A mode of Format_0. Source: IIDC 1.31, table of section 2.1.2.</summary>
/// <param name="Rates">Bit 7 - n: frame rate n of 1.875 times 2^n frames a second.</param>
public readonly record struct VideoMode(int Width, int Height, PixelCoding Coding, byte Rates)
{
    /// <summary>Rate 0 in eighths of a frame a second; rate n is 2^n times that.</summary>
    public const int SlowestRate = 15;

    private static readonly VideoMode[] _all =
    [
        new(160, 120, PixelCoding.Yuv444, 0x3C), new(320, 240, PixelCoding.Yuv422, 0xFC), new(640, 480, PixelCoding.Yuv411, 0xFC), new(640, 480, PixelCoding.Yuv422, 0xF8),
        new(640, 480, PixelCoding.Rgb8, 0xF8), new(640, 480, PixelCoding.Mono8, 0xFC), new(640, 480, PixelCoding.Mono16, 0xF8),
    ];

    public static int Count => _all.Length;

    /// <summary>Modes of Format_0 by number.</summary>
    public static VideoMode Of(int number) => _all[number];

    public int BitsPerPixel => Coding switch
    {
        PixelCoding.Yuv444 or PixelCoding.Rgb8 => 24,
        PixelCoding.Yuv422 or PixelCoding.Mono16 => 16,
        PixelCoding.Yuv411 => 12,
        _ => 8,
    };

    public int FrameBytes => Width * Height * BitsPerPixel / 8;

    public bool HasRate(int rate) => rate < 8 && (Rates & (0x80 >> rate)) != 0;

    /// <summary>Packets of a frame: 240 at 30 frames a second, twice as many at half the rate.</summary>
    public static int Packets(int rate) => 240 << 4 >> rate;

    /// <summary>Bytes of each packet's data.</summary>
    public int PacketBytes(int rate) => FrameBytes / Packets(rate);
}
