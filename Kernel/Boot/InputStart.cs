using Sluice.Console;

namespace Sluice.Boot;

/// <summary>Finds what people type on.</summary>
internal static class InputStart
{
    /// <summary>Opens the keyboard, unless the boot arguments forbid it, and lets it and the serial port interrupt. Once. Allocates.</summary>
    public static void Initialize()
    {
        if (BootArguments.IsOn(Argument.Keyboard) && Keyboard.TryOpen(null, out Keyboard? keyboard))
        {
            Terminal.Attach(keyboard);
            Log.Info($"keyboard: PS/2");
        }
        Terminal.TakeInterrupts();
    }
}
