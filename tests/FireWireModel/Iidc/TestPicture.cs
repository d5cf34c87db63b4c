using System;

namespace Sluice.FireWire.Iidc;

/// <summary>
/// A picture to test with: eight bars, white to black as on a television, a white square that goes to the right by eight pixels with each
/// frame, and the frame's number in the first four bytes.
/// </summary>
public static class TestPicture
{
    private const int Bars = 8, Square = 32, Step = 8;

    // Source: ITU-R BT.601, section 2.5, bars of full amplitude.
    private static readonly (byte R, byte G, byte B)[] _bars =
        [(255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0)];

    /// <summary>Draws a frame.</summary>
    /// <param name="brightness">128: as it is; what it is above is added to the luminance.</param>
    public static void Draw(in VideoMode mode, uint frame, int brightness, Span<byte> picture)
    {
        int line = mode.Width * mode.BitsPerPixel / 8, squareAt = (int)(frame * Step % (uint)(mode.Width - Square));
        Span<byte> plain = picture[..line];
        DrawLine(mode, plain, -Square, brightness);
        int first = (mode.Height - Square) / 2;
        for (int y = 1; y < mode.Height; y++)
            plain.CopyTo(picture[(y * line)..]);
        Span<byte> crossed = picture.Slice(first * line, line);
        DrawLine(mode, crossed, squareAt, brightness);
        for (int y = 1; y < Square; y++)
            crossed.CopyTo(picture[((first + y) * line)..]);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(picture, frame);
    }

    private static void DrawLine(in VideoMode mode, Span<byte> line, int squareAt, int brightness)
    {
        // The least that has whole bytes: four pixels.
        for (int x = 0, at = 0; x < mode.Width; x += 4)
        {
            (int y0, int u, int v, (byte R, byte G, byte B) color) = Look(mode, x, squareAt, brightness);
            at += mode.Coding switch
            {
                PixelCoding.Mono8 => Put(line[at..], y0, y0, y0, y0),
                PixelCoding.Mono16 => Put(line[at..], y0, y0, y0, y0) + Put(line[(at + 4)..], y0, y0, y0, y0),
                PixelCoding.Yuv411 => Put(line[at..], u, y0, y0) + Put(line[(at + 3)..], v, y0, y0),
                PixelCoding.Yuv422 => Put(line[at..], u, y0, v, y0) + Put(line[(at + 4)..], u, y0, v, y0),
                PixelCoding.Yuv444 => PutFour(line[at..], u, y0, v),
                _ => PutFour(line[at..], color.R, color.G, color.B),
            };
        }
    }

    private static (int Y, int U, int V, (byte, byte, byte) Color) Look(in VideoMode mode, int x, int squareAt, int brightness)
    {
        (byte r, byte g, byte b) = x >= squareAt && x < squareAt + Square ? ((byte)255, (byte)255, (byte)255) : _bars[x * Bars / mode.Width];
        int more = brightness - 128;
        (r, g, b) = (Clip(r + more), Clip(g + more), Clip(b + more));
        // ITU-R BT.601 in thousandths.
        int y = ((299 * r) + (587 * g) + (114 * b) + 500) / 1000;
        return (y, Clip(128 + ((b - y) * 564 / 1000)), Clip(128 + ((r - y) * 713 / 1000)), (r, g, b));
    }

    private static byte Clip(int value) => (byte)Math.Clamp(value, 0, 255);

    private static int Put(Span<byte> to, params ReadOnlySpan<int> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
            to[i] = (byte)bytes[i];
        return bytes.Length;
    }

    private static int PutFour(Span<byte> to, int first, int second, int third)
    {
        for (int i = 0; i < 12; i += 3)
            Put(to[i..], first, second, third);
        return 12;
    }
}
