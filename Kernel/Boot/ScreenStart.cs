using Sluice.Console;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Boot;

/// <summary>Makes the boot loader's framebuffer the console's screen.</summary>
internal static unsafe class ScreenStart
{
    private const byte Rgb = 1, Text = 2;
    private const ulong MaxTextCells = 132 * 60;

    /// <summary>
    /// Maps the picture and shows the log so far on it; without one, or with one that makes no sense, the kernel goes on without a screen.
    /// Once, when device memory can be mapped. Allocates.
    /// </summary>
    public static void Initialize()
    {
        ref readonly Framebuffer picture = ref BootInformation.Framebuffer;
        if (picture.Type == 0 || !BootArguments.IsOn(Argument.Screen))
            return;
        CellDisplay? display = picture.Type == Rgb ? MapPixels(in picture) : picture.Type == Text ? MapText(in picture) : null;
        if (display is null)
        {
            Log.Warn($"screen: {picture.Width} x {picture.Height}, {picture.BitsPerPixel} bits, type {picture.Type}: cannot be used");
            return;
        }
        Terminal.Attach(new TextScreen(display));
        Log.Info($"screen: {picture.Width} x {picture.Height}, {picture.BitsPerPixel} bits, {display.Columns} columns, {display.Rows} rows");
    }

    private static FramebufferDisplay? MapPixels(ref readonly Framebuffer picture)
    {
        PixelLayout layout = new((picture.BitsPerPixel + 7) / 8,
            new Channel(picture.RedPosition, picture.RedBits),
            new Channel(picture.GreenPosition, picture.GreenBits),
            new Channel(picture.BluePosition, picture.BlueBits));
        if (!FramebufferDisplay.IsPossible(picture.Pitch, picture.Width, picture.Height, layout) ||
            !VirtualMemory.TryMapDevice(picture.Start, (ulong)picture.Pitch * picture.Height, CacheMode.WriteCombining, out byte* pixels))
        {
            return null;
        }
        var scale = (int)BootArguments.Number(Argument.Scale);
        return FramebufferDisplay.TryCreate(pixels, picture.Pitch, picture.Width, picture.Height, layout, scale, out FramebufferDisplay? display)
            ? display
            : null;
    }

    private static VgaTextDisplay? MapText(ref readonly Framebuffer picture)
    {
        ulong cells = (ulong)picture.Width * picture.Height;
        return picture.Width >= 40 && picture.Height >= 10 && cells <= MaxTextCells &&
            VirtualMemory.TryMapDevice(picture.Start, cells * VgaTextDisplay.CellBytes, CacheMode.Uncached, out byte* memory)
            ? new VgaTextDisplay(memory, (int)picture.Width, (int)picture.Height)
            : null;
    }
}
