using System;

namespace Sluice.Drivers.Video;

/// <summary>Lines of frames as red, green and blue. Source: ITU-R BT.601, section 2.5, all of 0 to 255 in use, as cameras do.</summary>
public static class PixelLine
{
    /// <summary>Makes 0xRRGGBB of pixels; as many as fit.</summary>
    /// <param name="line">As the coding says.</param>
    public static void ToRgb(PixelCoding coding, ReadOnlySpan<byte> line, Span<uint> rgb)
    {
        switch (coding)
        {
            case PixelCoding.Yuv444:
                for (int x = 0, at = 0; x < rgb.Length && at + 3 <= line.Length; x++, at += 3)
                    rgb[x] = Rgb(line[at + 1], line[at], line[at + 2]);
                break;
            case PixelCoding.Yuv422:
                for (int x = 0, at = 0; x + 2 <= rgb.Length && at + 4 <= line.Length; x += 2, at += 4)
                {
                    rgb[x] = Rgb(line[at + 1], line[at], line[at + 2]);
                    rgb[x + 1] = Rgb(line[at + 3], line[at], line[at + 2]);
                }
                break;
            case PixelCoding.Yuv411:
                for (int x = 0, at = 0; x + 4 <= rgb.Length && at + 6 <= line.Length; x += 4, at += 6)
                {
                    for (int i = 0; i < 4; i++)
                        rgb[x + i] = Rgb(line[at + 1 + i + i / 2], line[at], line[at + 3]);
                }
                break;
            case PixelCoding.Rgb8:
                for (int x = 0, at = 0; x < rgb.Length && at + 3 <= line.Length; x++, at += 3)
                    rgb[x] = (uint)line[at] << 16 | (uint)line[at + 1] << 8 | line[at + 2];
                break;
            case PixelCoding.Mono8:
                for (int x = 0; x < rgb.Length && x < line.Length; x++)
                    rgb[x] = 0x01_0101u * line[x];
                break;
            default:
                for (int x = 0; x < rgb.Length && 2 * x + 2 <= line.Length; x++)
                    rgb[x] = 0x01_0101u * line[2 * x];
                break;
        }
    }

    private static uint Rgb(int y, int u, int v)
    {
        // In 256ths: 1.402, 0.344, 0.714, 1.772.
        (u, v) = (u - 128, v - 128);
        return Clip(y + (359 * v >> 8)) << 16 | Clip(y - (88 * u + 183 * v >> 8)) << 8 | Clip(y + (454 * u >> 8));
    }

    private static uint Clip(int value) => (uint)Math.Clamp(value, 0, 255);
}
