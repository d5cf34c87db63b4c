using System;
using Sluice.Boot;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>Interrupts and time, in the order in which they can start.</summary>
internal static unsafe class InterruptSystem
{
    /// <summary>
    /// Takes the controllers over from firmware, measures the clocks and lets interrupts in. Once, on the first CPU, when memory can be
    /// mapped. Without a local APIC all still works, by polling.
    /// </summary>
    /// <param name="topology">How interrupts are wired.</param>
    /// <param name="powerManagementTimer">The port of ACPI's timer; 0 if there is none.</param>
    public static void Start(in InterruptTopology topology, ushort powerManagementTimer)
    {
        LegacyPic.ShutOff();
        LocalApic.TryEnable(topology, (ApicAccess)BootArguments.Number(Argument.Apic));
        TscCalibration.Run(powerManagementTimer);
        Machine.StartCpu();
        ApicController controller = new(topology, StartIoApics(topology));
        bool hasAlarm = LocalApic.IsEnabled && (CpuFeatures.TscDeadline || TscCalibration.ApicCountsPerSecond > 1_000_000);
        Machine.Connect(controller, hasAlarm);
        if (LocalApic.IsEnabled)
            controller.TakeVector(LocalApic.ErrorVector, new ApicErrors(), "interrupt errors"u8);
        if (hasAlarm)
        {
            ApicTimer timer = new(TscCalibration.ApicCountsPerSecond);
            controller.TakeVector(LocalApic.TimerVector, timer, "timer"u8);
            Machine.Timers.Connect(timer);
        }
        ReadOnlySpan<byte> kind = !LocalApic.IsEnabled ? "none"u8 : LocalApic.IsX2Apic ? "x2APIC"u8 : "xAPIC"u8;
        Log.Info($"interrupts: local APIC {LocalApic.Id} ({kind}), timer {TimerKind(hasAlarm)}");
        Cpu.EnableInterrupts();
    }

    private static IoApic?[] StartIoApics(in InterruptTopology topology)
    {
        IoApic?[] ioApics = new IoApic?[topology.IoApicCount];
        for (int i = 0; i < ioApics.Length && LocalApic.IsEnabled; i++)
        {
            IoApicDescription description = topology.IoApic(i);
            ulong address = description.Address.Value;
            if (!VirtualMemory.TryMapDevice(description.Address, IoApic.Bytes, CacheMode.Uncached, out byte* mapped))
                Log.Warn($"interrupts: cannot map the I/O APIC at {address:x}, its lines are polled");
            else if (IoApic.TryStart(new Mmio(mapped, IoApic.Bytes), description.FirstInterrupt, out ioApics[i]))
                Log.Info($"interrupts: I/O APIC at {address:x}, {ioApics[i]!.Pins} pins from interrupt {description.FirstInterrupt}");
            else
                Log.Warn($"interrupts: no I/O APIC answers at {address:x}, its lines are polled");
        }
        return ioApics;
    }

    private static ReadOnlySpan<byte> TimerKind(bool hasAlarm) =>
        !hasAlarm ? "polled"u8 : CpuFeatures.TscDeadline ? "by time stamp"u8 : "by count"u8;
}
