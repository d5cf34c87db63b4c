using Sluice.Boot;
using Sluice.Platform;

namespace Sluice.Acpi;

/// <summary>
/// The ways to switch the machine off or to reset it, best first. Each is tried and given time; a call that returns did not work.
/// Interrupts are off and devices are quiet by then. Sources: ACPI 6.5, sections 4.8.3.2 (PM1 control), 4.8.3.6 (reset register),
/// 4.8.3.7 (sleep control), 7.4.2.6 (S5), 16.3.1 (going to ACPI mode); Intel 82371 (PIIX), section 2.4.11 (port CF9).
/// </summary>
internal sealed class PowerControl
{
    private const uint SciEnable = 1 << 0, SleepTypeMask = 7 << 10, SleepEnable = 1 << 13;
    private const int SleepTypeShift = 10;
    private const uint ReducedSleepEnable = 1 << 5, ReducedTypeMask = 7 << 2;
    private const int ReducedTypeShift = 2;

    // ACPI gives no time; three seconds is what others grant firmware for going to ACPI mode.
    private const ulong EnableMicroseconds = 3_000_000, EffectMicroseconds = 500_000;

    private const ushort ResetControlPort = 0xCF9;
    private const byte ResetHard = 0x02, ResetNow = 0x06;
    private const ushort KeyboardStatusPort = 0x64, KeyboardCommandPort = 0x64;
    private const byte KeyboardInputFull = 0x02, KeyboardPulseReset = 0xFE;
    private const ulong KeyboardMicroseconds = 50_000;

    // QEMU: the PM1a control register that ACPI would name (since 2.0), and where it was before; type 0 is S5 on both.
    private const ushort QemuPort = 0x604, OldQemuPort = 0xB004;

    private readonly ushort _commandPort;
    private readonly byte _enableCommand, _resetValue;
    private readonly bool _hasSleepType, _isHardwareReduced;
    private readonly SleepType _softOff;
    private readonly FirmwareRegister _pm1a, _pm1b, _sleep, _reset;

    /// <summary>Opens the registers; the default <see cref="Fadt"/> leaves only what every PC has.</summary>
    public PowerControl(Fadt fadt, bool hasSleepType, SleepType softOff, Pci.ConfigurationAccess? configuration)
    {
        _commandPort = fadt.CommandPort;
        _enableCommand = fadt.EnableCommand;
        _isHardwareReduced = fadt.IsHardwareReduced;
        _hasSleepType = hasSleepType;
        _softOff = softOff;
        FirmwareRegister.TryOpen(fadt.Pm1aControl, 2, configuration, out _pm1a);
        FirmwareRegister.TryOpen(fadt.Pm1bControl, 2, configuration, out _pm1b);
        FirmwareRegister.TryOpen(fadt.SleepControl, 1, configuration, out _sleep);
        if (fadt.CanReset)
            FirmwareRegister.TryOpen(fadt.ResetRegister, 1, configuration, out _reset);
        _resetValue = fadt.ResetValue;
    }

    /// <summary>Whether ACPI says how to switch off.</summary>
    public bool CanPowerOff => _hasSleepType && (_isHardwareReduced ? _sleep : _pm1a).IsPresent;

    /// <summary>Whether ACPI says how to reset.</summary>
    public bool CanReset => _reset.IsPresent;

    /// <summary>Tries all ways to switch off.</summary>
    public void TryPowerOff()
    {
        if (CanPowerOff && _isHardwareReduced)
            SleepReduced();
        else if (CanPowerOff)
            Sleep();
        if (!FirmwareConfig.IsPresent())
            return;
        Log.Warn($"power: ACPI did not switch off; trying QEMU's port");
        PortIo.Out16(QemuPort, (ushort)SleepEnable);
        Clock.Delay(EffectMicroseconds);
        PortIo.Out16(OldQemuPort, (ushort)SleepEnable);
        Clock.Delay(EffectMicroseconds);
    }

    /// <summary>Tries all ways to reset but the triple fault.</summary>
    public void TryReset()
    {
        if (CanReset)
        {
            _reset.Write(_resetValue);
            Clock.Delay(EffectMicroseconds);
        }
        PortIo.Out8(ResetControlPort, ResetHard);
        PortIo.Out8(ResetControlPort, ResetNow);
        Clock.Delay(EffectMicroseconds);

        Deadline end = Deadline.In(KeyboardMicroseconds);
        while ((PortIo.In8(KeyboardStatusPort) & KeyboardInputFull) != 0 && !end.Passed)
            Cpu.Pause();
        PortIo.Out8(KeyboardCommandPort, KeyboardPulseReset);
        Clock.Delay(EffectMicroseconds);
    }

    private void Sleep()
    {
        EnterAcpiMode();
        uint a = _pm1a.Read() & ~(SleepTypeMask | SleepEnable) | (uint)_softOff.A << SleepTypeShift;
        uint b = _pm1b.Read() & ~(SleepTypeMask | SleepEnable) | (uint)_softOff.B << SleepTypeShift;
        // The type first, then the same with the bit that acts: some chips look at the type only when it stands already.
        _pm1a.Write(a);
        _pm1b.Write(b);
        _pm1a.Write(a | SleepEnable);
        _pm1b.Write(b | SleepEnable);
        Clock.Delay(EffectMicroseconds);
    }

    private void SleepReduced()
    {
        uint value = _sleep.Read() & ~ReducedTypeMask | (uint)_softOff.A << ReducedTypeShift;
        _sleep.Write(value | ReducedSleepEnable);
        Clock.Delay(EffectMicroseconds);
    }

    // Until firmware has handed over, it may take the write to PM1 for its own business.
    private void EnterAcpiMode()
    {
        if ((_pm1a.Read() & SciEnable) != 0 || _commandPort == 0 || _enableCommand == 0)
            return;
        PortIo.Out8(_commandPort, _enableCommand);
        Deadline end = Deadline.In(EnableMicroseconds);
        while ((_pm1a.Read() & SciEnable) == 0)
        {
            if (end.Passed)
            {
                Log.Warn($"power: firmware did not go to ACPI mode");
                return;
            }
            Cpu.Pause();
        }
    }
}
