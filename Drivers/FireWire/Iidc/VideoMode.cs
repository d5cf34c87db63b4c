using Sluice.Drivers.Video;

namespace Sluice.Drivers.Iidc;

/// <summary>A mode of Format_0, for pictures of up to 640 by 480 pixels. Source: IIDC 1.31, section 2.1.2, table of Format_0.</summary>
public readonly struct VideoMode(ushort width, ushort height, PixelCoding coding)
{
    /// <summary>Modes that there are, and frame rates: n is 1.875 times 2^n frames a second.</summary>
    public const int Modes = 7, Rates = 8;

    public readonly ushort Width = width, Height = height;
    public readonly PixelCoding Coding = coding;

    /// <summary>A mode by its number.</summary>
    public static VideoMode Of(int number) => number switch
    {
        0 => new VideoMode(160, 120, PixelCoding.Yuv444),
        1 => new VideoMode(320, 240, PixelCoding.Yuv422),
        _ => new VideoMode(640, 480, number switch
        {
            2 => PixelCoding.Yuv411,
            3 => PixelCoding.Yuv422,
            4 => PixelCoding.Rgb8,
            5 => PixelCoding.Mono8,
            _ => PixelCoding.Mono16,
        }),
    };

    public int BitsPerPixel => Coding switch
    {
        PixelCoding.Yuv444 or PixelCoding.Rgb8 => 24,
        PixelCoding.Yuv422 or PixelCoding.Mono16 => 16,
        PixelCoding.Yuv411 => 12,
        _ => 8,
    };

    public int FrameBytes => Width * Height * BitsPerPixel / 8;

    /// <summary>Packets of a frame, one a cycle: 240 at 30 frames a second.</summary>
    public static int Packets(int rate) => 3840 >> rate;

    /// <summary>Bytes of each; 0 if a frame has no such packets.</summary>
    public int PacketBytes(int rate) => FrameBytes % (Packets(rate) * 4) == 0 ? FrameBytes / Packets(rate) : 0;
}
