using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime;
using System.Runtime.CompilerServices;
using Sluice.Arch;
using Sluice.Boot;
using Sluice.Drivers;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Acpi;

/// <summary>Ends the machine's work: devices are made quiet, then it is switched off or reset.</summary>
internal static class Power
{
    // Not canonical: every access is an exception.
    private const ulong NotAnAddress = 1UL << 63;

    private static PowerControl? _control;

    /// <summary>Keeps what firmware says; without a call only the ways that every PC has are left. Once, after <see cref="Firmware"/>.</summary>
    public static void Initialize(PowerControl control) => _control = control;

    /// <summary>Whether ACPI says how to switch off.</summary>
    public static bool CanPowerOff => _control is { CanPowerOff: true };

    /// <summary>Whether ACPI says how to reset.</summary>
    public static bool CanReset => _control is { CanReset: true };

    /// <summary>Switches the machine off; where that does not work, says that the user may, and halts. Not in interrupt handlers.</summary>
    [DoesNotReturn]
    public static void PowerOff()
    {
        Begin("switching off"u8).TryPowerOff();
        Log.Warn($"power: this machine does not switch itself off; you may switch off now");
        Halt();
    }

    /// <summary>Resets the machine: ACPI's reset register, port CF9, keyboard controller, triple fault. Not in interrupt handlers.</summary>
    [DoesNotReturn]
    public static void Reboot()
    {
        Begin("restarting"u8).TryReset();
        TripleFault();
        Halt();
    }

    [DoesNotReturn]
    private static void Halt()
    {
        while (true)
            CpuRegisters.HaltForever();
    }

    private static PowerControl Begin(ReadOnlySpan<byte> what)
    {
        Log.Info($"power: {what}");
        DriverTable.Quiesce(PciBus.Functions);
        // What drivers have not released by now, nobody will.
        if (DmaStart.System?.Checker is { } checker)
        {
            checker.Sweep();
            checker.ReportLeaks(mark: 0);
        }
        Cpu.DisableInterrupts();
        return _control ?? new PowerControl(default, false, default, null);
    }

    // With no interrupt table an exception cannot be delivered, nor the one about that, and the CPU resets itself.
    private static unsafe void TripleFault()
    {
        ulong* empty = stackalloc ulong[2];
        empty[0] = empty[1] = 0;
        LoadInterruptTable(empty);
        *(byte*)NotAnAddress = 0;
    }

    [RuntimeImport("cpu_load_interrupt_table"), MethodImpl(MethodImplOptions.InternalCall)]
    private static extern unsafe void LoadInterruptTable(void* register);
}
