using System;
using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>How the local APIC's registers are reached.</summary>
internal enum ApicAccess : byte
{
    /// <summary>By MSR where the CPU has x2APIC and nothing speaks against it.</summary>
    Auto,

    /// <summary>In memory (xAPIC), unless firmware has left that behind.</summary>
    Memory,

    /// <summary>By MSR (x2APIC) where the CPU has it.</summary>
    Msr,
}

/// <summary>
/// This CPU's local APIC: by MSRs where the CPU has x2APIC, else by registers in memory. Source: Intel SDM volume 3, chapter 11 (APIC).
/// </summary>
internal static unsafe class LocalApic
{
    /// <summary>The kernel's own vectors.</summary>
    public const byte TimerVector = 0xF0, ErrorVector = 0xFE, SpuriousVector = 0xFF;

    /// <summary>Where messages for local APICs go; the destination's id is in bits 19:12.</summary>
    public const ulong MessageAddress = 0xFEE0_0000;

    private const uint BaseMsr = 0x1B, FirstX2ApicMsr = 0x800;
    private const ulong BaseX2Apic = 1 << 10, BaseEnabled = 1 << 11;
    private const ulong BaseAddress = 0x000F_FFFF_FFFF_F000;

    private static byte* _registers;
    private static bool _x2Apic;

    /// <summary>The registers that are used, by their offset in memory; the MSR of x2APIC is a sixteenth of it further.</summary>
    private enum Register : uint
    {
        Id = 0x20,
        Version = 0x30,
        TaskPriority = 0x80,
        EndOfInterrupt = 0xB0,
        SpuriousVector = 0xF0,
        InService = 0x100,
        Request = 0x200,
        ErrorStatus = 0x280,
        Command = 0x300,
        CommandHigh = 0x310,
        TimerEntry = 0x320,
        ThermalEntry = 0x330,
        PerformanceEntry = 0x340,
        Lint0Entry = 0x350,
        Lint1Entry = 0x360,
        ErrorEntry = 0x370,
        TimerInitialCount = 0x380,
        TimerCurrentCount = 0x390,
        TimerDivide = 0x3E0,
        SelfInterrupt = 0x3F0,
    }

    /// <summary>Bits of the entries of the local vector table, and of the command register.</summary>
    [Flags]
    private enum Entry : uint
    {
        NonMaskable = 4 << 8,
        ActiveLow = 1 << 13,
        Level = 1 << 15,
        Masked = 1 << 16,
        TimerDeadline = 2 << 17,
        ToSelf = 1 << 18,
    }

    /// <summary>Whether it runs.</summary>
    public static bool IsEnabled { get; private set; }

    /// <summary>Whether it is used by MSRs.</summary>
    public static bool IsX2Apic => _x2Apic;

    /// <summary>Its id: the destination of interrupts for this CPU.</summary>
    public static uint Id { get; private set; }

    /// <summary>
    /// Takes it over from firmware: all local sources masked, those for non-maskable interrupts set up, enabled. False, with a line in
    /// the log, where there is none. Interrupts off; once for each CPU.
    /// </summary>
    public static bool TryEnable(in InterruptTopology topology, ApicAccess access)
    {
        if (!CpuFeatures.LocalApic)
        {
            Log.Warn($"interrupts: this CPU has no local APIC, everything is polled");
            return false;
        }
        ulong state = CpuRegisters.ReadMsr(BaseMsr);
        _x2Apic = ChooseX2Apic(access, isOn: (state & BaseX2Apic) != 0);
        if (!_x2Apic && !TryMap(topology, state))
            return false;
        state |= BaseEnabled;
        CpuRegisters.WriteMsr(BaseMsr, state);      // the way into x2APIC leads over xAPIC
        if (_x2Apic)
            CpuRegisters.WriteMsr(BaseMsr, state | BaseX2Apic);

        Id = _x2Apic ? Read(Register.Id) : Read(Register.Id) >> 24;
        Write(Register.SpuriousVector, SpuriousVector | 1u << 8);       // software enable: before the entries, or they stay masked
        Write(Register.TaskPriority, 0);
        MaskAllEntries();
        for (int i = 0; i < topology.LocalNonMaskableCount; i++)
        {
            NonMaskableInput input = topology.LocalNonMaskable(i);
            Write(input.Number == 0 ? Register.Lint0Entry : Register.Lint1Entry, (uint)(Entry.NonMaskable | Signal(input.Trigger)));
        }
        Write(Register.ErrorEntry, ErrorVector);
        ReadErrors();
        DropInService();
        IsEnabled = true;
        return true;
    }

    /// <summary>Says that the handler of the interrupt in service is done.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void EndOfInterrupt() => Write(Register.EndOfInterrupt, 0);

    /// <summary>Interrupts this CPU with a vector.</summary>
    public static void InterruptSelf(byte vector)
    {
        if (_x2Apic)
            Write(Register.SelfInterrupt, vector);
        else
            Write(Register.Command, vector | (uint)Entry.ToSelf);
    }

    /// <summary>Whether an interrupt is in service: it was delivered and not ended.</summary>
    public static bool IsInService(byte vector) => IsSet(Register.InService, vector);

    /// <summary>Whether an interrupt waits for delivery.</summary>
    public static bool IsRequested(byte vector) => IsSet(Register.Request, vector);

    /// <summary>Takes and clears the error bits.</summary>
    public static uint ReadErrors()
    {
        Write(Register.ErrorStatus, 0);     // the write latches what came since the last one
        return Read(Register.ErrorStatus);
    }

    /// <summary>
    /// Stops the timer and has it count down once, or wait for a time stamp, when told; its interrupt is let through or not.
    /// </summary>
    public static void SetTimer(bool byDeadline, bool interrupts)
    {
        Write(Register.TimerInitialCount, 0);
        Write(Register.TimerDivide, 0b0001);        // by 4: fine enough at 24 MHz, seconds long at 1 GHz
        Entry mode = (byDeadline ? Entry.TimerDeadline : 0) | (interrupts ? 0 : Entry.Masked);
        Write(Register.TimerEntry, TimerVector | (uint)mode);
        // Intel SDM volume 3, "TSC-Deadline Mode": a deadline must not overtake the entry's write to memory.
        System.Threading.Interlocked.MemoryBarrier();
    }

    /// <summary>Starts the timer's count; 0 stops it.</summary>
    public static void SetTimerCount(uint count) => Write(Register.TimerInitialCount, count);

    /// <summary>What is left of the count.</summary>
    public static uint TimerCount => Read(Register.TimerCurrentCount);

    private static bool ChooseX2Apic(ApicAccess access, bool isOn)
    {
        // There is no way back from x2APIC without switching the APIC off.
        if (isOn || !CpuFeatures.X2Apic)
            return isOn;
        // QEMU's interpreter (seen in 11.1, -cpu max) ends with "Bad icount read" when the timer is reached by MSR while it counts
        // instructions (-icount), and cannot be asked whether it counts.
        return access == ApicAccess.Msr || access == ApicAccess.Auto && !CpuFeatures.IsQemuInterpreter;
    }

    private static bool TryMap(in InterruptTopology topology, ulong state)
    {
        PhysAddr address = new(state & BaseAddress);
        if (address.Value == 0)
            address = topology.LocalApic;
        if (address != topology.LocalApic)
            Log.Warn($"interrupts: local APIC at {address.Value:x}, firmware says {topology.LocalApic.Value:x}");
        if (VirtualMemory.TryMapDevice(address, PhysAddr.PageSize, CacheMode.Uncached, out _registers))
            return true;
        Log.Warn($"interrupts: no room to map the local APIC, everything is polled");
        return false;
    }

    private static void MaskAllEntries()
    {
        Write(Register.TimerEntry, TimerVector | (uint)Entry.Masked);
        Write(Register.Lint0Entry, SpuriousVector | (uint)Entry.Masked);
        Write(Register.Lint1Entry, SpuriousVector | (uint)Entry.Masked);
        uint highest = Read(Register.Version) >> 16 & 0xFF;
        if (highest >= 4)
            Write(Register.PerformanceEntry, SpuriousVector | (uint)Entry.Masked);
        if (highest >= 5)
            Write(Register.ThermalEntry, SpuriousVector | (uint)Entry.Masked);
    }

    // Firmware, or a kernel before us, may have left an interrupt in service; it would hold back all of lower priority.
    private static void DropInService()
    {
        for (int i = 0; i < 256 && IsAnyInService(); i++)
            EndOfInterrupt();
    }

    private static bool IsAnyInService()
    {
        uint any = 0;
        for (uint word = 0; word < 8; word++)
            any |= Read(Register.InService + 0x10 * word);
        return any != 0;
    }

    private static Entry Signal(LineTrigger trigger) =>
        (trigger is LineTrigger.EdgeLow or LineTrigger.LevelLow ? Entry.ActiveLow : 0)
        | (trigger >= LineTrigger.LevelHigh ? Entry.Level : 0);

    private static bool IsSet(Register first, byte vector) => (Read(first + (uint)(vector >> 5) * 0x10) >> (vector & 31) & 1) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Read(Register register) => _x2Apic
        ? (uint)CpuRegisters.ReadMsr(FirstX2ApicMsr + ((uint)register >> 4))
        : System.Threading.Volatile.Read(ref *(uint*)(_registers + (uint)register));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(Register register, uint value)
    {
        if (_x2Apic)
            CpuRegisters.WriteMsr(FirstX2ApicMsr + ((uint)register >> 4), value);
        else
            System.Threading.Volatile.Write(ref *(uint*)(_registers + (uint)register), value);
    }
}
