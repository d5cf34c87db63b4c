using Sluice.Acpi;
using Sluice.Platform;

namespace Sluice.Shell;

/// <summary>The end of a session.</summary>
internal static class PowerCommands
{
    // QEMU's isa-debug-exit, where the harness put it; QEMU ends with twice the value plus one.
    private const ushort DebugExit = 0xF4;
    private const uint Passed = 0x10, Failed = 0x11;

    public static bool Reboot(CommandWords words)
    {
        if (words.TryNext(out _))
            return false;
        Reboot();
        return true;
    }

    public static bool PowerOff(CommandWords words)
    {
        if (words.TryNext(out _))
            return false;
        PowerOff();
        return true;
    }

    /// <summary>Starts the machine again.</summary>
    public static void Reboot() => Power.Reboot();

    /// <summary>Switches the machine off, or says that the user may.</summary>
    public static void PowerOff() => Power.PowerOff();

    /// <summary>Ends QEMU with a status; on other machines, switches off.</summary>
    public static void Exit(bool good)
    {
        PortIo.Out32(DebugExit, good ? Passed : Failed);
        PowerOff();
    }
}
