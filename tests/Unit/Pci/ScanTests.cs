using System;
using System.Collections.Generic;
using System.Linq;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Devices.Pci;
using Sluice.Mm;
using Sluice.Pci;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Pci;

public sealed class ScanTests
{
    /// <summary>A tree of buses as numbers: each choice of the generator plugs a function in somewhere.</summary>
    private static Gen<(int Bus, int Device, int Function, bool IsBridge)[]> Topologies =>
        (from bus in Gen.Choose(0, 20)
         from device in Gen.Choose(0, 31)
         from function in Gen.Frequency((3, Gen.Constant(0)), (1, Gen.Choose(1, 7)))
         from isBridge in Gen.Frequency((1, Gen.Constant(true)), (2, Gen.Constant(false)))
         select (bus, device, function, isBridge)).ArrayOf().Select(plugs => plugs.Take(60).ToArray());

    [Fact]
    public void All_functions_of_any_topology_are_found_once() =>
        Properties.ForAll(Topologies, plugs =>
        {
            foreach ((bool ecam, bool ports) in new[] { (true, true), (false, true), (true, false) })
            {
                using var machine = new PciMachine(ecam, ports);
                Build(machine, plugs);
                byte last = machine.Host.NumberBuses();
                PciScan scan = machine.Scan();
                List<PciAddress> found = [];
                foreach (PciFunction function in scan.Functions)
                {
                    found.Add(function.Address);
                    Assert.Equal(function.Address.Bus, function.Bridge == null ? 0u : function.Bridge.Read(ConfigurationOffsets.SecondaryBus, 1));
                }
                Assert.Equal(Expected(machine.Host, last), found.Select(a => (a.Bus, a.Device, a.Function)).Order());
                Assert.Equal(0, scan.Faults);
                Assert.All(machine.Host.AllFunctions, function => Assert.Empty(function.Violations));
            }
        }, times: 60);

    [Fact]
    public void Numbers_that_bridges_make_up_never_lead_into_a_loop() =>
        Properties.ForAll(
            from plugs in Topologies
            from seed in Gen.Choose(0, int.MaxValue)
            select (plugs, seed),
            input =>
            {
                var random = new Random(input.seed);
                using var machine = new PciMachine();
                Build(machine, input.plugs);
                machine.Host.NumberBuses();
                foreach (SimulatedBridge bridge in machine.Host.AllFunctions.OfType<SimulatedBridge>())
                {
                    if (random.Next(2) == 0)
                        bridge.Number((byte)random.Next(256), (byte)random.Next(random.Next(2) == 0 ? 4 : 256), (byte)random.Next(256));
                }
                PciScan scan = machine.Scan();
                Assert.True(scan.Buses <= 256);
                Assert.Equal(scan.Functions.Length, Distinct(scan));
                // 32 devices of 8 functions on at most 256 buses, each asked a few dozen times.
                Assert.True(machine.Host.Accesses < 256 * 32 * 100);
            }, times: 100);

    [Fact]
    public void A_bus_that_two_bridges_claim_is_walked_once()
    {
        using var machine = new PciMachine();
        SimulatedBridge first = machine.Host.Root.Plug(1, 0, new SimulatedBridge());
        SimulatedBridge second = machine.Host.Root.Plug(2, 0, new SimulatedBridge());
        first.Below.Plug(0, 0, Endpoint());
        second.Below.Plug(0, 0, Endpoint());
        first.Number(0, 1, 1);
        second.Number(0, 1, 1);
        PciScan scan = machine.Scan();
        Assert.Equal(2, scan.Buses);
        Assert.Equal(3, scan.Functions.Length);
        Assert.Equal(1, scan.Faults);
    }

    [Theory]
    [InlineData(0, 0)]      // never numbered
    [InlineData(0, 5)]      // its own bus
    [InlineData(5, 4)]      // ends before it begins
    public void A_bridge_without_sensible_numbers_is_not_followed(byte secondary, byte subordinate)
    {
        using var machine = new PciMachine();
        SimulatedBridge bridge = machine.Host.Root.Plug(1, 0, new SimulatedBridge());
        bridge.Below.Plug(0, 0, Endpoint());
        bridge.Number(0, secondary, subordinate);
        PciScan scan = machine.Scan();
        Assert.Equal((1, 1), (scan.Buses, scan.Faults));
    }

    [Fact]
    public void Further_functions_are_asked_only_where_function_0_says_so()
    {
        using var machine = new PciMachine();
        machine.Host.Root.Plug(1, 0, Endpoint());
        machine.Host.Root.Plug(1, 3, Endpoint());
        machine.Host.Root.At(1, 0)!.IsMultiFunction = false;
        Assert.Equal(1, machine.Scan().Functions.Length);
    }

    [Theory]
    [InlineData(0x0003)]
    [InlineData(0x007F)]
    [InlineData(0x00FF)]
    public void A_function_with_an_unknown_header_is_skipped_and_its_neighbours_are_not(byte header)
    {
        using var machine = new PciMachine();
        machine.Host.Root.Plug(1, 0, new SimulatedFunction(0x1234, 1, 0, header));
        machine.Host.Root.Plug(2, 0, Endpoint());
        Assert.Equal(1, machine.Scan().Functions.Length);
    }

    [Theory]
    [InlineData(0xFFFF)]
    [InlineData(0x0000)]
    [InlineData(0x0001)]
    public void Ids_that_no_vendor_has_are_nobody(ushort vendor)
    {
        using var machine = new PciMachine();
        machine.Host.Root.Plug(1, 0, new SimulatedFunction(vendor, 0xFFFF, 0));
        Assert.Equal(0, machine.Scan().Functions.Length);
    }

    [Fact]
    public void A_function_that_dies_at_any_read_of_the_scan_does_no_harm()
    {
        for (int reads = 0; reads < 60; reads++)
        {
            using var machine = new PciMachine();
            SimulatedFunction dying = Endpoint().WithBar(0, BarShape.Memory64, 0x1000, 0x1_8000_1000);
            dying.WithMsi();
            dying.ReadsUntilGone = reads;
            machine.Host.Root.Plug(1, 0, dying);
            machine.Host.Root.Plug(2, 0, Endpoint());
            PciScan scan = machine.Scan();
            bool other = false;
            foreach (PciFunction function in scan.Functions)
                other |= function.Address == new PciAddress(0, 0, 2, 0);
            Assert.True(other);
        }
    }

    [Fact]
    public void Configuration_memory_that_shows_other_devices_than_the_ports_is_not_used()
    {
        using var machine = new PciMachine();
        machine.Host.Root.Plug(0, 0, PciMachine.HostBridge());
        machine.Host.EcamBuses = 0;
        PciScan scan = machine.Scan();
        Assert.Equal(1, scan.Functions.Length);
        Assert.Equal(256u, scan.Functions[0].ConfigurationBytes);
        Assert.Equal(1, scan.Faults);
    }

    [Fact]
    public void Buses_that_the_configuration_memory_lacks_are_reached_through_the_ports()
    {
        using var machine = new PciMachine();
        machine.Host.EcamBuses = 1;
        machine.Host.Root.Plug(1, 0, new SimulatedBridge()).Below.Plug(0, 0, Endpoint());
        machine.Host.NumberBuses();
        PciScan scan = machine.Scan();
        Assert.Equal(2, scan.Functions.Length);
        Assert.Equal((4096u, 256u), (scan.Functions[0].ConfigurationBytes, scan.Functions[1].ConfigurationBytes));
    }

    [Fact]
    public void Without_address_space_for_configuration_memory_the_ports_serve()
    {
        using var machine = new PciMachine();
        DeviceMemory.MappingsLeft = 0;
        machine.Host.Root.Plug(1, 0, Endpoint());
        Assert.Equal(256u, machine.Scan().Functions[0].ConfigurationBytes);
    }

    [Fact]
    public void A_machine_without_PCI_has_no_functions()
    {
        using var machine = new PciMachine(ecam: false, ports: false);
        machine.Host.Root.Plug(1, 0, Endpoint());
        Assert.Equal(0, machine.Scan().Functions.Length);
    }

    [Fact]
    public void Thousands_of_functions_are_cut_off()
    {
        using var machine = new PciMachine();
        for (int i = 0; i < 32; i++)
        {
            SimulatedBridge bridge = machine.Host.Root.Plug(i, 0, new SimulatedBridge());
            for (int j = 0; j < 32 * 8; j++)
                bridge.Below.Plug(j / 8, j % 8, Endpoint());
        }
        machine.Host.NumberBuses();
        PciScan scan = machine.Scan();
        Assert.Equal(PciScan.MostFunctions, scan.Functions.Length);
        Assert.Equal(1, scan.Faults);
    }

    internal static SimulatedFunction Endpoint() => new(0x1AF4, 0x1000, 0x020000);

    private static void Build(PciMachine machine, (int Bus, int Device, int Function, bool IsBridge)[] plugs)
    {
        List<SimulatedBus> buses = [machine.Host.Root];
        foreach ((int number, int device, int function, bool isBridge) in plugs)
        {
            SimulatedBus bus = buses[number % buses.Count];
            if (bus.At(device, function) != null || (function != 0 && bus.At(device, 0) == null))
                continue;
            if (isBridge)
                buses.Add(bus.Plug(device, function, new SimulatedBridge()).Below);
            else
                bus.Plug(device, function, Endpoint());
        }
    }

    private static IEnumerable<(byte, int, int)> Expected(SimulatedPciHost host, byte last)
    {
        for (int bus = 0; bus <= last; bus++)
        {
            for (int slot = 0; slot < 256; slot++)
            {
                if (host.Find((byte)bus, slot >> 3, slot & 7) != null)
                    yield return ((byte)bus, slot >> 3, slot & 7);
            }
        }
    }

    private static int Distinct(PciScan scan)
    {
        HashSet<int> addresses = [];
        foreach (PciFunction function in scan.Functions)
            addresses.Add(function.Address.RequesterId);
        return addresses.Count;
    }
}
