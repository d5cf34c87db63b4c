using System;
using System.Collections.Generic;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Devices.Pci;
using Sluice.Pci;
using Xunit;

namespace Sluice.Tests.Pci;

public sealed class CapabilityTests
{
    [Fact]
    public void Capabilities_are_found_in_order()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = ScanTests.Endpoint();
        int power = device.AddCapability(0x01, 0, 0, 0, 0, 0, 0);
        int express = device.AddCapability(0x10, new byte[0x3A]);
        device.WithMsi();
        PciFunction function = machine.ScanFor(device);
        Assert.Equal([(CapabilityId.PowerManagement, (uint)power), (CapabilityId.PciExpress, (uint)express), (CapabilityId.Msi, 0x84u)], Walk(function, out WalkEnd end));
        Assert.Equal(WalkEnd.Regular, end);
        Assert.True(function.TryFind(CapabilityId.PciExpress, 0x3C, out uint offset));
        Assert.Equal((uint)express, offset);
        Assert.False(function.TryFind(CapabilityId.MsiX, 12, out _));
        Assert.False(function.TryFind(CapabilityId.PciExpress, 0xC0, out _));       // would run past the end
    }

    [Fact]
    public void Without_the_status_bit_there_are_none()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = ScanTests.Endpoint().WithMsi();
        device.Set(6, 0, 2);
        Assert.Empty(Walk(machine.ScanFor(device), out _));
    }

    [Theory]
    [InlineData(0x40, WalkEnd.Loop)]            // to itself
    [InlineData(0x3C, WalkEnd.BadPointer)]      // into the header
    [InlineData(0x04, WalkEnd.BadPointer)]
    [InlineData(0x00, WalkEnd.Regular)]
    public void A_bad_pointer_ends_the_walk_and_is_counted(byte pointer, WalkEnd expected)
    {
        using var machine = new PciMachine();
        SimulatedFunction device = ScanTests.Endpoint();
        int offset = device.AddCapability(0x09, 0, 0);
        Assert.Equal(0x40, offset);
        device.Set(offset + 1, pointer, 1);
        machine.Host.Root.Plug(3, 0, device);
        PciScan scan = machine.Scan();
        Assert.Equal([(CapabilityId.Vendor, 0x40u)], Walk(scan.Functions[0], out WalkEnd end));
        Assert.Equal(expected, end);
        Assert.Equal(expected == WalkEnd.Regular ? 0 : 1, scan.Faults);
    }

    // Source: PCI Local Bus 3.0, section 6.7; PCI Express Base Specification 6.0, section 7.6.3: software must mask them.
    [Fact]
    public void Reserved_bits_of_pointers_count_for_nothing()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = ScanTests.Endpoint();
        int first = device.AddCapability(0x09, 0, 0), second = device.AddCapability(0x10, new byte[0x3A]);
        device.Set(0x34, (uint)first | 3, 1);
        device.Set(first + 1, (uint)second | 2, 1);
        int third = device.AddExtendedCapability(0x000B, new byte[4]), fourth = device.AddExtendedCapability(0x0003, new byte[8]);
        device.Set(third + 2, (uint)(fourth | 1) << 4 | 1, 2);
        PciFunction function = machine.ScanFor(device);
        Assert.Equal([(CapabilityId.Vendor, (uint)first), (CapabilityId.PciExpress, (uint)second)], Walk(function, out WalkEnd end));
        Assert.Equal(WalkEnd.Regular, end);
        Assert.True(function.TryFind(ExtendedCapabilityId.SerialNumber, 12, out uint offset));
        Assert.Equal((uint)fourth, offset);
    }

    [Fact]
    public void The_longest_list_that_fits_is_walked_to_its_end()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = ScanTests.Endpoint();
        for (int i = 0; i < CapabilityWalk.MostEntries; i++)
            device.AddCapability(0x09, 0, 0);
        Assert.Equal(CapabilityWalk.MostEntries, Walk(machine.ScanFor(device), out WalkEnd end).Count);
        Assert.Equal(WalkEnd.Regular, end);
    }

    [Fact]
    public void Any_bytes_in_configuration_space_give_walks_that_end() =>
        Properties.ForAll(Gen.Choose(0, int.MaxValue), seed =>
        {
            var random = new Random(seed);
            using var machine = new PciMachine();
            SimulatedFunction device = ScanTests.Endpoint();
            PciFunction function = machine.ScanFor(device);
            for (int i = 0x40; i < 4096; i++)
                device.Set(i, (uint)(random.Next(3) == 0 ? random.Next(256) : random.Next(64) * 4), 1);
            device.Set(6, 0x10, 2);
            device.Set(0x34, (uint)random.Next(256), 1);
            long before = machine.Host.Accesses;
            List<(CapabilityId, uint Offset)> found = Walk(function, out _);
            Assert.True(found.Count <= CapabilityWalk.MostEntries);
            Assert.Equal(found.Count, new HashSet<uint>(found.ConvertAll(c => c.Offset)).Count);
            ExtendedCapabilityWalk extended = function.ExtendedCapabilities;
            int count = 0;
            while (extended.TryNext(out _, out uint offset))
            {
                Assert.True(offset is >= 0x100 and < 4096);
                Assert.True(++count <= ExtendedCapabilityWalk.MostEntries);
            }
            Assert.True(machine.Host.Accesses - before <= CapabilityWalk.MostEntries + ExtendedCapabilityWalk.MostEntries + 10);
        }, times: 300);

    [Fact]
    public void Extended_capabilities_are_found_through_memory_only()
    {
        foreach (bool ecam in new[] { true, false })
        {
            using var machine = new PciMachine(ecam);
            SimulatedFunction device = ScanTests.Endpoint();
            device.AddExtendedCapability(0x0001, new byte[0x40]);
            int serial = device.AddExtendedCapability(0x0003, new byte[8]);
            PciFunction function = machine.ScanFor(device);
            Assert.Equal(ecam, function.TryFind(ExtendedCapabilityId.SerialNumber, 12, out uint offset));
            Assert.Equal(ecam ? (uint)serial : 0, offset);
        }
    }

    [Fact]
    public void A_loop_of_extended_capabilities_shows_each_once()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = ScanTests.Endpoint();
        int first = device.AddExtendedCapability(0x000B, 0, 0, 0, 0), second = device.AddExtendedCapability(0x0003, new byte[8]);
        device.Set(second + 2, (uint)first << 4 | 1, 2);
        machine.Host.Root.Plug(3, 0, device);
        PciScan scan = machine.Scan();
        Assert.Equal(1, scan.Faults);
        ExtendedCapabilityWalk walk = scan.Functions[0].ExtendedCapabilities;
        Assert.True(walk.TryNext(out _, out uint offset) && offset == (uint)first);
        Assert.True(walk.TryNext(out _, out offset) && offset == (uint)second);
        Assert.False(walk.TryNext(out _, out _));
        Assert.Equal(WalkEnd.Loop, walk.End);
    }

    private static List<(CapabilityId, uint)> Walk(PciFunction function, out WalkEnd end)
    {
        List<(CapabilityId, uint)> found = [];
        CapabilityWalk walk = function.Capabilities;
        while (walk.TryNext(out CapabilityId id, out uint offset))
            found.Add((id, offset));
        end = walk.End;
        return found;
    }
}
