using System;
using System.Runtime.InteropServices;
using Sluice.Console;
using Xunit;

namespace Sluice.Tests.Terminals;

/// <summary>A framebuffer in ordinary memory, with guard bytes behind each end, that can be compared with what cells should look like.</summary>
internal sealed unsafe class Picture : IDisposable
{
    private const int Guard = 4096;
    private const byte GuardByte = 0xA7;

    private readonly byte* _memory;
    private readonly int _bytes, _pitch, _width, _height, _scale;
    private readonly PixelLayout _layout;

    public Picture(int width, int height, PixelLayout layout, int padding = 0, int scale = 1)
    {
        (_width, _height, _layout, _scale) = (width, height, layout, scale);
        _pitch = width * layout.Bytes + padding;
        _bytes = _pitch * height;
        _memory = (byte*)NativeMemory.Alloc((nuint)(_bytes + 2 * Guard));
        new Span<byte>(_memory, _bytes + 2 * Guard).Fill(GuardByte);
        Assert.True(FramebufferDisplay.TryCreate(Pixels, (uint)_pitch, (uint)width, (uint)height, layout, 0, out FramebufferDisplay? display));
        Display = display;
    }

    public static PixelLayout Xrgb32 => new(4, new Channel(16, 8), new Channel(8, 8), new Channel(0, 8));

    public static PixelLayout Rgb24 => new(3, new Channel(16, 8), new Channel(8, 8), new Channel(0, 8));

    public static PixelLayout Rgb565 => new(2, new Channel(11, 5), new Channel(5, 6), new Channel(0, 5));

    public FramebufferDisplay Display { get; }

    public byte* Pixels => _memory + Guard;

    public void Dispose() => NativeMemory.Free(_memory);

    public uint Pixel(int x, int y)
    {
        Assert.InRange(x, 0, _width - 1);
        Assert.InRange(y, 0, _height - 1);
        byte* at = Pixels + y * _pitch + x * _layout.Bytes;
        return _layout.Bytes switch
        {
            2 => *(ushort*)at,
            3 => (uint)(at[0] | at[1] << 8 | at[2] << 16),
            _ => *(uint*)at,
        };
    }

    /// <summary>Fails unless a cell shows exactly this.</summary>
    public void AssertShows(int row, int column, Cell cell)
    {
        ReadOnlySpan<byte> rows = Font.Rows(cell.Glyph, cell.IsBold);
        uint foreground = _layout.Pack(Palette.Rgb(cell.Foreground)), background = _layout.Pack(Palette.Rgb(cell.Background));
        for (int y = 0; y < Font.Height * _scale; y++)
        {
            for (int x = 0; x < Font.Width * _scale; x++)
            {
                uint expected = (rows[y / _scale] >> (7 - x / _scale) & 1) != 0 ? foreground : background;
                uint actual = Pixel(column * Font.Width * _scale + x, row * Font.Height * _scale + y);
                if (expected != actual)
                    Assert.Fail($"row {row}, column {column}, dot {x},{y}: {actual:x}, not {expected:x}");
            }
        }
    }

    /// <summary>Fails if anything outside the picture was written.</summary>
    public void AssertGuards()
    {
        Assert.Equal(-1, new ReadOnlySpan<byte>(_memory, Guard).IndexOfAnyExcept(GuardByte));
        Assert.Equal(-1, new ReadOnlySpan<byte>(Pixels + _bytes, Guard).IndexOfAnyExcept(GuardByte));
    }
}
