using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Acpi;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Acpi;

public sealed class PowerControlTests : IDisposable
{
    private const ushort Pm1a = 0x604, Command = 0xB2;
    private readonly Ports _ports = new();
    private readonly SimulatedClock _clock = new();

    public PowerControlTests() => PortIo.Device = _ports;

    public void Dispose()
    {
        PortIo.Device = null;
        _clock.Dispose();
    }

    [Fact]
    public void Switching_off_goes_to_ACPI_mode_first_then_writes_the_type_then_the_bit()
    {
        _ports.OnWrite = (port, value) =>
        {
            if (port == Command)
                _ports.Values[Pm1a] = 1;
        };
        Control(new SleepType(5, 0)).TryPowerOff();
        Assert.Equal([(Command, 2u), (Pm1a, 5u << 10 | 1), (Pm1a, 5u << 10 | 1 << 13 | 1)], _ports.Writes.Take(3));
    }

    [Fact]
    public void In_ACPI_mode_already_no_command_is_given()
    {
        _ports.Values[Pm1a] = 1;
        Control(new SleepType(0, 0)).TryPowerOff();
        Assert.DoesNotContain(_ports.Writes, w => w.Port == Command);
        Assert.Contains((Pm1a, 1u << 13 | 1), _ports.Writes);
    }

    [Fact]
    public void Firmware_that_never_goes_to_ACPI_mode_holds_us_three_seconds_not_longer()
    {
        Control(new SleepType(5, 0)).TryPowerOff();
        Assert.InRange(_clock.ElapsedMicroseconds, 3_000_000u, 6_000_000u);
        Assert.Contains((Pm1a, 5u << 10 | 1 << 13), _ports.Writes);
    }

    [Fact]
    public void Both_control_blocks_are_written_with_their_own_types()
    {
        byte[] table = QemuTables.Fadt;
        BitConverter.GetBytes(0x700).CopyTo(table, 68);
        _ports.Values[Pm1a] = 1;
        new PowerControl(Fadt.Parse(table), true, new SleepType(5, 3), null).TryPowerOff();
        Assert.Contains(((ushort)0x700, 3u << 10 | 1 << 13), _ports.Writes);
    }

    [Fact]
    public void Machines_without_fixed_hardware_sleep_by_the_sleep_control_register()
    {
        var table = new byte[268];
        BitConverter.GetBytes((uint)FixedFeatures.HardwareReduced).CopyTo(table, 112);
        table[244] = 1;
        BitConverter.GetBytes(0x450).CopyTo(table, 248);
        var control = new PowerControl(Fadt.Parse(table), true, new SleepType(5, 0), null);
        Assert.True(control.CanPowerOff);
        control.TryPowerOff();
        Assert.Contains(((ushort)0x450, 5u << 2 | 1 << 5), _ports.Writes);
        Assert.DoesNotContain(_ports.Writes, w => w.Port == Pm1a);
    }

    [Fact]
    public void Without_ACPI_only_QEMU_is_switched_off_by_its_ports()
    {
        var control = new PowerControl(default, false, default, null);
        Assert.False(control.CanPowerOff || control.CanReset);
        control.TryPowerOff();
        Assert.DoesNotContain(_ports.Writes, w => w.Port is 0x604 or 0xB004);
        _ports.Signature = "QEMU"u8.ToArray();
        control.TryPowerOff();
        Assert.Contains(((ushort)0x604, 1u << 13), _ports.Writes);
    }

    [Fact]
    public void A_reset_tries_ACPIs_register_then_CF9_then_the_keyboard_controller_and_ends()
    {
        _ports.Values[0x64] = 2;        // its input is never taken
        Control(default).TryReset();
        Assert.Equal([((ushort)0xCF9, 0x0Fu), ((ushort)0xCF9, 2u), ((ushort)0xCF9, 6u), ((ushort)0x64, 0xFEu)], _ports.Writes);
        Assert.InRange(_clock.ElapsedMicroseconds, 1_500_000u, 2_000_000u);
    }

    [Fact]
    public void A_reset_register_that_the_table_does_not_vouch_for_is_not_used()
    {
        byte[] table = QemuTables.Fadt;
        table[113] &= 0xFB;
        var control = new PowerControl(Fadt.Parse(table), false, default, null);
        Assert.False(control.CanReset);
        control.TryReset();
        Assert.DoesNotContain(((ushort)0xCF9, 0x0Fu), _ports.Writes);
    }

    private static PowerControl Control(SleepType type) => new(Fadt.Parse(QemuTables.Fadt), true, type, null);

    private sealed class Ports : ISimulatedRegisters
    {
        private int _signatureRead;

        public Dictionary<uint, ulong> Values { get; } = [];

        public List<(ushort Port, uint Value)> Writes { get; } = [];

        public byte[] Signature { get; set; } = [];

        public Action<ushort, ulong>? OnWrite { get; set; }

        public ulong Read(uint port, int width) =>
            port == 0x511 ? _signatureRead < Signature.Length ? Signature[_signatureRead++] : 0ul : Values.GetValueOrDefault(port);

        public void Write(uint port, int width, ulong value)
        {
            if (port == 0x510)
            {
                _signatureRead = 0;
                return;
            }
            Writes.Add(((ushort)port, (uint)value));
            OnWrite?.Invoke((ushort)port, value);
        }
    }
}
