using Sluice.Acpi;
using Sluice.Boot;
using Sluice.Platform;

namespace Sluice.Shell;

/// <summary>The end of a session.</summary>
internal static class PowerCommands
{
    // QEMU's isa-debug-exit, where the harness put it; QEMU ends with twice the value plus one.
    private const ushort DebugExit = 0xF4;
    private const uint Passed = 0x10, Failed = 0x11;

    // QEMU ends a moment after the write, while its CPU runs on.
    private const ulong ExitMicroseconds = 200_000;

    /// <summary>Starts the machine again.</summary>
    public static bool Reboot(CommandWords words)
    {
        if (words.TryNext(out _))
            return false;
        NetworkStart.Flush();
        Power.Reboot();
        return true;
    }

    /// <summary>Switches the machine off.</summary>
    public static bool PowerOff(CommandWords words)
    {
        if (words.TryNext(out _))
            return false;
        NetworkStart.Flush();
        Power.PowerOff();
        return true;
    }

    /// <summary>Ends QEMU with a status; switches other machines off.</summary>
    public static void Exit(bool good)
    {
        NetworkStart.Flush();
        PortIo.Out32(DebugExit, good ? Passed : Failed);
        Clock.Delay(ExitMicroseconds);
        Power.PowerOff();
    }
}
