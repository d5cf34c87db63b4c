using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>Errors that the local APIC reports by an interrupt: logged once for each kind, and counted.</summary>
internal sealed class ApicErrors : IInterruptHandler
{
    private uint _reported;

    /// <summary>Errors so far.</summary>
    public static ulong Count { get; private set; }

    public bool OnInterrupt()
    {
        uint errors = LocalApic.ReadErrors();
        Count++;
        if ((errors & ~_reported) != 0)
            Log.Warn($"interrupts: local APIC error, status {errors:x2} (Intel SDM volume 3, \"Error Status Register\")");
        _reported |= errors;
        return errors != 0;
    }
}
