using System;
using Sluice.Console;
using Sluice.Drivers.Video;

namespace Sluice.Shell;

/// <summary>
/// Pictures in the upper right of the screen, over the text, which is there again after <see cref="Close"/>. On a screen that is too small
/// every second pixel is shown, or every third, and so on; without pixels, nothing.
/// </summary>
internal readonly ref struct PictureView
{
    private const int MostWidth = 720;

    private readonly TextScreen? _screen;
    private readonly int _width, _height, _step;

    /// <summary>A view for pictures of one size.</summary>
    public PictureView(TextScreen? screen, int width, int height)
    {
        _screen = screen == null || screen.PixelWidth == 0 || width > MostWidth ? null : screen;
        _width = width;
        _height = height;
        _step = 1;
        while (_screen != null && (width / _step > screen!.PixelWidth || height / _step > screen.PixelHeight))
            _step++;
    }

    /// <summary>Whether it is for pictures of this size.</summary>
    public bool IsFor(in VideoPicture picture) => _width == picture.Width && _height == picture.Height;

    /// <summary>Shows a picture.</summary>
    public void Draw(in VideoPicture picture)
    {
        if (_screen == null)
            return;
        Span<uint> line = stackalloc uint[MostWidth];
        int bytes = picture.Bytes.Length / _height, count = _width / _step;
        for (int y = 0; y < _height / _step; y++)
        {
            PixelLine.ToRgb(picture.Coding, picture.Bytes.Slice(y * _step * bytes, bytes), line.Slice(0, _width));
            for (int x = 1; _step != 1 && x < count; x++)
                line[x] = line[x * _step];
            _screen.DrawPixels(_screen.PixelWidth - count, y, line.Slice(0, count));
        }
    }

    /// <summary>The text again.</summary>
    public void Close() => _screen?.Restore();
}
