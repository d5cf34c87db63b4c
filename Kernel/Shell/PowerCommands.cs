using Sluice.Console;
using Sluice.Platform;

namespace Sluice.Shell;

/// <summary>The end of a session.</summary>
internal static class PowerCommands
{
    // QEMU's isa-debug-exit, where the harness put it; QEMU ends with twice the value plus one.
    private const ushort DebugExit = 0xF4;
    private const uint Passed = 0x10, Failed = 0x11;

    // The keyboard controller's command that pulses the CPU's reset line.
    private const ushort KeyboardCommand = 0x64;
    private const byte PulseReset = 0xFE;

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

    /// <summary>Starts the machine again; returns, with a line in the log, only if nothing works.</summary>
    public static void Reboot()
    {
        Log.Info($"rebooting");
        PortIo.Out8(KeyboardCommand, PulseReset);
        Clock.Delay(100_000);
        Log.Warn($"this machine cannot be rebooted by software; use its button");
    }

    /// <summary>Switches the machine off; returns, with a line in the log, only if nothing works.</summary>
    public static void PowerOff()
    {
        Log.Info($"switching off");
        Log.Warn($"this machine cannot be switched off by software; use its button");
    }

    /// <summary>Ends QEMU with a status; on other machines, switches off.</summary>
    public static void Exit(bool good)
    {
        PortIo.Out32(DebugExit, good ? Passed : Failed);
        PowerOff();
    }
}
