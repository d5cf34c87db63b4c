using Sluice.Acpi;
using Sluice.Console;

namespace Sluice.Boot;

/// <summary>Finds what people type on.</summary>
internal static class InputStart
{
    /// <summary>Opens the keyboard, unless the boot arguments forbid it, and lets it and the serial port interrupt. Once, when interrupts work. Allocates.</summary>
    public static void Initialize()
    {
        if (BootArguments.IsOn(Argument.Keyboard) && Keyboard.TryOpen(IsKnown(in Firmware.Fadt), out Keyboard? keyboard))
        {
            Terminal.Attach(keyboard);
            Log.Info($"keyboard: PS/2");
        }
        Terminal.TakeInterrupts();
    }

    // Old tables say nothing.
    private static bool? IsKnown(ref readonly Fadt fadt) =>
        (fadt.BootFlags & PcBootFlags.KeyboardController) != 0 ? true : fadt.MayHaveKeyboardController ? null : false;
}
