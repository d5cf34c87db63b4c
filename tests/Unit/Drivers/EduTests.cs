using System;
using Sluice.Devices;
using Sluice.Devices.Pci;
using Sluice.Drivers;
using Sluice.Drivers.Edu;
using Sluice.Pci;
using Sluice.Platform;
using Sluice.Tests.Pci;
using Xunit;

namespace Sluice.Tests.Drivers;

public sealed class EduTests : IDisposable
{
    private readonly EduMachine _machine = new();

    private SimulatedEdu Device => _machine.Device;

    public void Dispose() => _machine.Dispose();

    [Theory]
    [InlineData(InterruptKinds.Msi)]
    [InlineData(InterruptKinds.Line)]
    public void Factorials_are_computed_with_an_interrupt_each(InterruptKinds kind)
    {
        Edu edu = _machine.Probe();
        Assert.True(edu.TryUseInterrupt(kind));
        Assert.Equal(Error.None, edu.Factorial(12, out uint factorial));
        Assert.Equal(479001600u, factorial);
        Assert.Equal(1, edu.Interrupts);
        Assert.True(Device.IsQuiet);
    }

    [Theory]
    [InlineData(InterruptKinds.Msi)]
    [InlineData(InterruptKinds.Line)]
    public void Each_interrupt_raised_is_seen_once_and_acknowledged(InterruptKinds kind)
    {
        Edu edu = _machine.Probe();
        Assert.True(edu.TryUseInterrupt(kind));
        for (uint i = 1; i <= 50; i++)
        {
            edu.Raise(i << 8);
            Assert.Equal(Error.None, edu.WaitForCause(i << 8, 1000));
            Assert.Equal((0u, (int)i), (Device.Causes, edu.Interrupts));
        }
    }

    [Fact]
    public void A_neighbours_interrupt_is_not_claimed()
    {
        Edu edu = _machine.Probe();
        Assert.False(edu.OnInterrupt());
        Assert.Equal(0, edu.Interrupts);
    }

    [Fact]
    public void A_factorial_that_is_never_done_costs_a_second_and_then_the_device_is_busy()
    {
        Edu edu = _machine.Probe();
        Device.IsStuck = true;
        ulong before = _machine.Clock.ElapsedMicroseconds;
        Assert.Equal(Error.Timeout, edu.Factorial(5, out _));
        Assert.InRange(_machine.Clock.ElapsedMicroseconds - before, 1_000_000u, 1_100_000u);
        Assert.Equal(Error.Busy, edu.Factorial(5, out _));
    }

    [Fact]
    public void Probe_refuses_what_is_not_edu_and_leaves_it_without_interrupt()
    {
        Device.Identity = 0x010000EE;
        Assert.Equal(Error.NotSupported, Edu.Probe(_machine.ScanFor(Device), out Driver? driver));
        Assert.Null(driver);
        Assert.Equal(0, _machine.Pci.Interrupts.Taken);
    }

    [Fact]
    public void Probe_refuses_a_device_that_does_not_answer_as_it_should()
    {
        Device.IsDead = true;
        Assert.Equal(Error.Malformed, Edu.Probe(_machine.ScanFor(Device), out _));
    }

    [Fact]
    public void Probe_refuses_a_BAR_that_is_too_small()
    {
        var small = new SimulatedFunction(0x1234, 0x11E8, 0x00FF00);
        small.WithBar(0, BarShape.Memory32, 0x40, 0xFEA0_0000);
        Assert.Equal(Error.NotSupported, Edu.Probe(_machine.ScanFor(small), out _));
    }

    [Fact]
    public void A_device_pulled_at_any_register_read_gives_an_error_and_claims_no_interrupt()
    {
        for (int reads = 0; reads < 12; reads++)
        {
            using var machine = new EduMachine();
            SimulatedEdu device = machine.Device;
            device.RegisterReadsUntilGone = reads;
            Error error = Edu.Probe(machine.ScanFor(device), out Driver? driver);
            if (driver is not Edu edu)
            {
                Assert.Contains(error, new[] { Error.DeviceGone, Error.NotSupported, Error.Malformed });
                continue;
            }
            Error computing = edu.Factorial(5, out uint factorial);
            Assert.Equal(device.IsGone, computing != Error.None);
            Assert.True(computing != Error.None || factorial == 120);
            Assert.False(edu.OnInterrupt());
            edu.Quiesce();
        }
    }

    [Fact]
    public void Quiescing_leaves_every_endpoint_silent_and_without_DMA()
    {
        SimulatedFunction other = _machine.Pci.Host.Root.Plug(5, 0, ScanTests.Endpoint());
        SimulatedBridge bridge = _machine.Pci.Host.Root.Plug(6, 0, new SimulatedBridge());
        other.Set(4, 6, 2);             // firmware left it running
        bridge.Set(4, 6, 2);
        _machine.Pci.Host.Root.Plug(3, 0, Device);
        PciFunction[] functions = _machine.Scan();
        DriverTable.Start(functions);
        Assert.Equal(1, DriverTable.Drivers.Length);
        Assert.True(Device.IsBusMaster);
        Device.Raise(0);
        DriverTable.Quiesce(functions);
        Assert.True(Device.IsQuiet);
        Assert.False(Device.IsBusMaster || other.IsBusMaster);
        Assert.True(bridge.IsBusMaster);
        Assert.Equal(0, _machine.Pci.Interrupts.Taken);
        Assert.Equal(0, DriverTable.Drivers.Length);
    }

    [Fact]
    public void Quiescing_survives_devices_that_are_gone()
    {
        _machine.Pci.Host.Root.Plug(3, 0, Device);
        PciFunction[] functions = _machine.Scan();
        DriverTable.Start(functions);
        _machine.Pci.Host.Root.Pull(3, 0);
        DriverTable.Quiesce(functions);
        Assert.Equal(0, _machine.Pci.Interrupts.Taken);
    }

    [Fact]
    public void A_function_whose_probe_fails_is_left_quiet_and_undriven()
    {
        Device.IsDead = true;
        _machine.Pci.Host.Root.Plug(3, 0, Device);
        PciFunction[] functions = _machine.Scan();
        DriverTable.Start(functions);
        Assert.Equal(0, DriverTable.Drivers.Length);
        Assert.Null(DriverTable.Of(functions[0]));
        Assert.False(Device.IsBusMaster);
    }

    [Theory]
    [InlineData(0x0C0010, true)]
    [InlineData(0x0C0000, false)]
    [InlineData(0x020000, false)]
    public void Classes_match_by_all_three_bytes(uint classCode, bool fits)
    {
        PciFunction function = _machine.ScanFor(new SimulatedFunction(0x104C, 0x8023, classCode));
        Assert.Equal(fits, DeviceMatch.Interface(0x0C, 0x00, 0x10).Fits(function));
        Assert.True(DeviceMatch.Id(0x104C, 0x8023).Fits(function));
        Assert.False(DeviceMatch.Id(0x104C, 0x8024).Fits(function));
    }
}
