using System;
using Sluice.Devices.Pci;
using Sluice.Pci;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Pci;

public sealed class InterruptTests
{
    private const byte Line = 11;

    private static SimulatedFunction Device() =>
        ScanTests.Endpoint().WithBar(0, BarShape.Memory32, 0x4000, 0xFEB0_0000).WithPin(1, Line);

    private static SimulatedFunction WithAll() => Device().WithMsi().WithMsiX(0, 0x2000, 0x3000, 5);

    [Theory]
    [InlineData(InterruptKinds.All, InterruptKinds.MsiX)]
    [InlineData(InterruptKinds.Msi | InterruptKinds.Line, InterruptKinds.Msi)]
    [InlineData(InterruptKinds.Line, InterruptKinds.Line)]
    [InlineData(InterruptKinds.None, InterruptKinds.None)]
    public void The_best_way_allowed_is_chosen_and_delivers(InterruptKinds allowed, InterruptKinds expected)
    {
        using var machine = new PciMachine();
        SimulatedFunction device = WithAll();
        PciFunction function = machine.ScanFor(device);
        var handler = new Handler(device);
        Assert.Equal(Error.None, function.EnableMemoryAndBusMaster());
        Assert.Equal(expected != InterruptKinds.None, function.TryEnableInterrupt(handler, "test"u8, allowed, out InterruptKinds chosen));
        Assert.Equal((expected, expected), (chosen, function.InterruptKind));
        if (expected != InterruptKinds.None)
        {
            device.Interrupt();
            device.Interrupt();
            Assert.Equal(2, handler.Calls);
        }
        function.DisableInterrupt();
        Assert.True(expected == InterruptKinds.None || !device.Interrupt());
        Assert.Equal(0, machine.Interrupts.Taken);
        Assert.Equal(0, machine.Interrupts.Stray);
        Assert.Empty(device.Violations);
    }

    [Fact]
    public void Without_vectors_the_pin_serves()
    {
        using var machine = new PciMachine();
        machine.Interrupts.VectorsLeft = 0;
        SimulatedFunction device = WithAll();
        PciFunction function = machine.ScanFor(device);
        Assert.True(function.TryEnableInterrupt(new Handler(device), "test"u8, InterruptKinds.All, out InterruptKinds chosen));
        Assert.Equal(InterruptKinds.Line, chosen);
    }

    [Fact]
    public void Where_firmware_forbids_messages_none_are_used()
    {
        using var machine = new PciMachine();
        PciBus.AllowMessages = false;
        SimulatedFunction device = WithAll();
        PciFunction function = machine.ScanFor(device);
        Assert.True(function.TryEnableInterrupt(new Handler(device), "test"u8, InterruptKinds.All, out InterruptKinds chosen));
        Assert.Equal(InterruptKinds.Line, chosen);
    }

    [Fact]
    public void A_function_without_pin_and_messages_must_be_polled()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = ScanTests.Endpoint();
        PciFunction function = machine.ScanFor(device);
        Assert.False(function.TryEnableInterrupt(new Handler(device), "test"u8, InterruptKinds.All, out InterruptKinds chosen));
        Assert.Equal(InterruptKinds.None, chosen);
        Assert.Equal(0, machine.Interrupts.Taken);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void All_shapes_of_MSI_deliver(bool wide, bool masks)
    {
        using var machine = new PciMachine();
        SimulatedFunction device = Device().WithMsi(wide, masks);
        PciFunction function = machine.ScanFor(device);
        var handler = new Handler(device);
        Assert.Equal(Error.None, function.EnableMemoryAndBusMaster());
        Assert.True(function.TryEnableInterrupt(handler, "test"u8, InterruptKinds.Msi, out _));
        Assert.True(device.Interrupt());
        Assert.Equal(1, handler.Calls);
    }

    [Theory]
    [InlineData(0x3FF0u, 0x0000u)]      // runs past the BAR
    [InlineData(0x0000u, 0x4000u)]      // pending bits behind it
    [InlineData(0xFFFF_FFF8u, 0x0000u)] // offset that wraps
    public void An_MSI_X_table_outside_its_BAR_is_refused_and_MSI_serves(uint table, uint pending)
    {
        using var machine = new PciMachine();
        SimulatedFunction device = Device().WithMsi().WithMsiX(0, 0x2000, 0x3000, 5);
        int offset = Offset(device);
        device.Set(offset + 4, table, 4);
        device.Set(offset + 8, pending, 4);
        PciFunction function = machine.ScanFor(device);
        Assert.True(function.TryEnableInterrupt(new Handler(device), "test"u8, InterruptKinds.All, out InterruptKinds chosen));
        Assert.Equal(InterruptKinds.Msi, chosen);
        Assert.Equal(1, machine.Interrupts.Taken);
    }

    [Theory]
    [InlineData(1u)]        // not implemented
    [InlineData(2u)]        // ports
    [InlineData(3u)]        // over memory
    [InlineData(7u)]        // no such register
    public void An_MSI_X_table_in_an_unusable_BAR_is_refused(uint bar)
    {
        using var machine = new PciMachine();
        SimulatedFunction device = WithAll().WithBar(2, BarShape.Ports, 0x100, 0xC000).WithBar(3, BarShape.Memory32, 0x4000, 0x10_0000);
        device.Set(Offset(device) + 4, 0x2000 | bar, 4);
        PciFunction function = machine.ScanFor(device);
        Assert.True(function.TryEnableInterrupt(new Handler(device), "test"u8, InterruptKinds.All, out InterruptKinds chosen));
        Assert.Equal(InterruptKinds.Msi, chosen);
    }

    [Fact]
    public void An_MSI_X_table_that_keeps_nothing_is_given_up()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = WithAll();
        device.ReadsUntilGone = null;
        PciFunction function = machine.ScanFor(device);
        DeviceMemory.Host = new SimulatedPciHost();         // from now on mappings lead to nobody
        Assert.True(function.TryEnableInterrupt(new Handler(device), "test"u8, InterruptKinds.All, out InterruptKinds chosen));
        Assert.Equal(InterruptKinds.Msi, chosen);
        Assert.False(device.MsiX!.IsEnabled);
        Assert.Equal(1, machine.Interrupts.Taken);
    }

    [Fact]
    public void Only_the_first_entry_of_a_table_is_unmasked()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = WithAll();
        PciFunction function = machine.ScanFor(device);
        Assert.True(function.TryEnableInterrupt(new Handler(device), "test"u8, InterruptKinds.MsiX, out _));
        Assert.True(device.MsiX!.IsEnabled && !device.MsiX.AllMasked && !device.MsiX.IsMasked(0));
        for (int i = 1; i < 5; i++)
            Assert.True(device.MsiX.IsMasked(i));
    }

    [Fact]
    public void A_function_that_dies_at_any_read_leaks_no_vector()
    {
        for (int reads = 0; reads < 80; reads++)
        {
            using var machine = new PciMachine();
            SimulatedFunction device = WithAll();
            PciFunction function = machine.ScanFor(device);
            device.ReadsUntilGone = reads;
            bool enabled = function.TryEnableInterrupt(new Handler(device), "test"u8, InterruptKinds.All, out _);
            Assert.Equal(enabled ? 1 : 0, machine.Interrupts.Taken);
            function.DisableInterrupt();
            Assert.Equal(0, machine.Interrupts.Taken);
        }
    }

    [Fact]
    public void Without_bus_mastering_no_message_leaves()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = WithAll();
        PciFunction function = machine.ScanFor(device);
        var handler = new Handler(device);
        Assert.Equal(Error.None, function.EnableMemoryAndBusMaster());
        Assert.True(function.TryEnableInterrupt(handler, "test"u8, InterruptKinds.MsiX, out _));
        function.DisableBusMaster();
        Assert.False(device.Interrupt());
        Assert.Equal(0, handler.Calls);
    }

    [Fact]
    public void A_pin_that_firmware_left_interrupting_is_silent_until_a_driver_takes_it()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = Device();
        Assert.True(device.Interrupt());
        PciFunction function = machine.ScanFor(device);
        var neighbour = new Handler(device);
        Assert.True(machine.Interrupts.TryTakeLine(InterruptLine.Pci(Line), neighbour, "neighbour"u8, out _));
        Assert.False(device.Interrupt());
        Assert.Equal(0, neighbour.Calls);
        Assert.Equal(PciStatus.Interrupt, function.Status & PciStatus.Interrupt);

        var handler = new Handler(device);
        Assert.True(function.TryEnableInterrupt(handler, "test"u8, InterruptKinds.All, out _));
        Assert.True(neighbour.Calls + handler.Calls > 0);
    }

    [Fact]
    public void Commands_of_bridges_and_of_functions_without_a_pin_stay_as_firmware_left_them()
    {
        using var machine = new PciMachine();
        SimulatedFunction bridge = machine.Host.Root.Plug(1, 0, new SimulatedBridge()).WithPin(1, Line), pinless = machine.Host.Root.Plug(2, 0, ScanTests.Endpoint());
        machine.Host.NumberBuses();
        bridge.Set(4, 7, 2);
        pinless.Set(4, 3, 2);
        machine.Scan();
        Assert.Equal((7u, 3u), (bridge.Get(4, 2), pinless.Get(4, 2)));
    }

    private static int Offset(SimulatedFunction device)
    {
        int offset = (int)device.Get(0x34, 1);
        while (device.Get(offset, 1) != 0x11)
            offset = (int)device.Get(offset + 1, 1);
        return offset;
    }

    private sealed class Handler(SimulatedFunction device) : IInterruptHandler
    {
        public int Calls { get; private set; }

        public bool OnInterrupt()
        {
            Calls++;
            device.LowerPin();
            return true;
        }
    }
}
