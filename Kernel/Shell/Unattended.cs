using System;
using Sluice.Acpi;
using Sluice.Bench;
using Sluice.Boot;

namespace Sluice.Shell;

/// <summary>What the boot arguments ask for without anybody typing: tests, measurements, and what follows them.</summary>
internal static class Unattended
{
    /// <summary>Does it; returns if the shell is to follow.</summary>
    public static void Run()
    {
        BootCost.Note();
        ReadOnlySpan<byte> panic = BootArguments.Text(Argument.Panic);
        if (!panic.IsEmpty && !PanicCommand.TryCause(panic))
            Log.Warn($"boot argument ignored: panic={panic}: there is no such kind");
        bool good = true;
        if (BootArguments.IsGiven(Argument.Test))
            good &= TestCommand.RunAll(BootArguments.Text(Argument.Test));
        if (BootArguments.IsGiven(Argument.Bench))
            good &= BenchCommand.RunAll(BootArguments.Text(Argument.Bench));
        switch (BootArguments.After)
        {
            case After.Exit:
                PowerCommands.Exit(good);
                break;
            case After.PowerOff:
                NetworkStart.Flush();
                Power.PowerOff();
                break;
            case After.Reboot:
                NetworkStart.Flush();
                Power.Reboot();
                break;
        }
    }
}
