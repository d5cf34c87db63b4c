using System.Runtime;
using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>Interrupts of devices, vectors 32 to 255: from the stub to the handler. Allocates nothing, takes no lock.</summary>
internal static class DeviceInterrupts
{
    private static Targets _targets;
    private static Reported _reported;

    /// <summary>Interrupts that had a target.</summary>
    public static ulong Delivered { get; private set; }

    /// <summary>The local APIC's spurious interrupts.</summary>
    public static ulong Spurious { get; private set; }

    /// <summary>Interrupts without a target.</summary>
    public static ulong Unknown { get; private set; }

    /// <summary>Lines shut off so far.</summary>
    public static ulong LinesShutOff { get; set; }

    /// <summary>Leads a vector to a target, or nowhere. Interrupts off.</summary>
    public static void SetTarget(byte vector, InterruptTarget? target) => _targets[vector] = target;

    /// <summary>What a vector leads to.</summary>
    public static InterruptTarget? Target(byte vector) => _targets[vector];

    [InterruptPath]
    [RuntimeExport("device_interrupt_entry")]
    internal static void Enter(byte vector)
    {
        Machine.NoteInterrupt();
        Deliver(vector);
    }

    /// <summary>Has an interrupt handled. Interrupts off.</summary>
    [InterruptPath]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Deliver(byte vector)
    {
        InterruptTarget? target = _targets[vector];
        if (target == null)
        {
            HandleUnknown(vector);
            return;
        }
        Delivered = Delivered + 1;
        target.Deliver();
        // After the handler, which made the device lower its line: before, a level would interrupt again.
        LocalApic.EndOfInterrupt();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void HandleUnknown(byte vector)
    {
        if (vector == LocalApic.SpuriousVector)
            Spurious++;
        else
            Unknown++;
        if (!_reported[vector])
        {
            _reported[vector] = true;
            if (vector == LocalApic.SpuriousVector)
                Log.Info($"interrupts: a spurious one; more are only counted");
            else
                Log.Warn($"interrupts: vector {vector} that nobody asked for; more are only counted");
        }
        // Neither a spurious interrupt nor one of the 8259s is in service, and a needless end would end another's.
        if (LocalApic.IsEnabled && LocalApic.IsInService(vector))
            LocalApic.EndOfInterrupt();
    }

    // In place, and one for each vector that there is: nothing to be checked in an interrupt.
    [InlineArray(256)]
    private struct Targets
    {
        private InterruptTarget? _first;
    }

    [InlineArray(256)]
    private struct Reported
    {
        private bool _first;
    }
}
