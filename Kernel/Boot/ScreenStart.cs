using Sluice.Console;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Boot;

/// <summary>Makes the boot loader's framebuffer the console's screen.</summary>
internal static unsafe class ScreenStart
{
    private const byte Rgb = 1, Text = 2;
    private const ulong EarlyBytes = 1UL << 32;

    /// <summary>
    /// Maps the picture and shows the log so far on it; without one, or with one that makes no sense, the kernel goes on without a screen.
    /// Once, when device memory can be mapped. Allocates.
    /// </summary>
    public static void Initialize()
    {
        ref readonly Framebuffer picture = ref BootInformation.Framebuffer;
        if (picture.Type == 0 || !BootArguments.IsOn(Argument.Screen))
            return;
        if (!IsPossible(in picture) ||
            !VirtualMemory.TryMapDevice(picture.Start, Bytes(in picture), CacheFor(in picture), out byte* memory) ||
            !TryAttach(in picture, memory, (int)BootArguments.Number(Argument.Scale)))
        {
            Log.Warn($"screen: {picture.Width} x {picture.Height}, {picture.BitsPerPixel} bits, type {picture.Type}: cannot be used");
            return;
        }
        TextScreen screen = Terminal.Screen!;
        if (picture.Type == Text)
            Log.Info($"screen: text, {screen.Columns} columns, {screen.Rows} rows");
        else
            Log.Info($"screen: {picture.Width} x {picture.Height}, {picture.BitsPerPixel} bits, {screen.Columns} columns, {screen.Rows} rows");
    }

    /// <summary>
    /// Shows the log so far while the boot loader's mapping of the low 4 GiB still stands, for a kernel that cannot start.
    /// Does nothing if there is a screen already, or none that can be reached.
    /// </summary>
    public static void InitializeEarly()
    {
        ref readonly Framebuffer picture = ref BootInformation.Framebuffer;
        if (Terminal.Screen is null && IsPossible(in picture) && picture.Start.Value + Bytes(in picture) <= EarlyBytes)
            TryAttach(in picture, PhysicalMemory.At(picture.Start), 0);
    }

    private static bool TryAttach(ref readonly Framebuffer picture, byte* memory, int scale)
    {
        CellDisplay? display = picture.Type == Text ? new VgaTextDisplay(memory, (int)picture.Width, (int)picture.Height)
            : FramebufferDisplay.TryCreate(memory, picture.Pitch, picture.Width, picture.Height, Layout(in picture), scale, out FramebufferDisplay? pixels) ? pixels
            : null;
        if (display is null)
            return false;
        TextScreen screen = new(display);
        if (picture.Type == Rgb)
            Banner.Draw(screen);
        else
            VgaTextDisplay.HideCursor();
        Terminal.Attach(screen);
        return true;
    }

    private static bool IsPossible(ref readonly Framebuffer picture) => picture.Type switch
    {
        Rgb => FramebufferDisplay.IsPossible(picture.Pitch, picture.Width, picture.Height, Layout(in picture)),
        Text => picture.Width is >= 40 and <= 160 && picture.Height is >= 10 and <= 100,
        _ => false,
    };

    private static ulong Bytes(ref readonly Framebuffer picture) =>
        picture.Type == Text ? (ulong)picture.Width * picture.Height * VgaTextDisplay.CellBytes : (ulong)picture.Pitch * picture.Height;

    private static CacheMode CacheFor(ref readonly Framebuffer picture) =>
        picture.Type == Text ? CacheMode.Uncached : CacheMode.WriteCombining;

    private static PixelLayout Layout(ref readonly Framebuffer picture) => new((picture.BitsPerPixel + 7) / 8,
        new Channel(picture.RedPosition, picture.RedBits),
        new Channel(picture.GreenPosition, picture.GreenBits),
        new Channel(picture.BluePosition, picture.BlueBits));
}
