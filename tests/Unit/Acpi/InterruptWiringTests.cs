using System;
using Sluice.Acpi;
using Sluice.Arch;
using Sluice.Platform;
using Xunit;
using static Sluice.Tests.Acpi.SimulatedFirmware;

namespace Sluice.Tests.Acpi;

public sealed class InterruptWiringTests
{
    [Fact]
    public void QEMUs_machine_is_wired_as_its_MADT_says()
    {
        InterruptTopology topology = InterruptWiring.Read(new Madt(QemuTables.Madt), Fadt.Parse(QemuTables.Fadt));
        Assert.Equal((0xFEE0_0000ul, 1, 1, 0), (topology.LocalApic.Value, topology.IoApicCount, topology.LocalNonMaskableCount, topology.Ignored));
        Assert.Equal(0xFEC0_0000ul, topology.IoApic(0).Address.Value);
        Assert.Equal(1u, topology.LocalNonMaskable(0).Number);
        Assert.True(topology.TryResolve(InterruptLine.Isa(0), out uint timer, out LineTrigger edge));
        Assert.Equal((2u, LineTrigger.EdgeHigh), (timer, edge));
        Assert.True(topology.TryResolve(InterruptLine.Pci(11), out uint pci, out LineTrigger level));
        Assert.Equal((11u, LineTrigger.LevelHigh), (pci, level));
    }

    [Theory]
    [InlineData(0x0000, LineTrigger.EdgeHigh)]
    [InlineData(0x0005, LineTrigger.EdgeHigh)]
    [InlineData(0x0007, LineTrigger.EdgeLow)]
    [InlineData(0x000C, LineTrigger.LevelLow)]
    [InlineData(0x000D, LineTrigger.LevelHigh)]
    [InlineData(0x000F, LineTrigger.LevelLow)]
    public void Flags_of_an_override_become_a_trigger(ushort flags, LineTrigger expected)
    {
        byte[] table = Table("APIC", [
            0, 0, 0xE0, 0xFE, 1, 0, 0, 0,
            1, 12, 0, 0, 0, 0, 0xC0, 0xFE, 0, 0, 0, 0,
            2, 10, 0, 9, 20, 0, 0, 0, .. BitConverter.GetBytes(flags)]);
        Assert.True(InterruptWiring.Read(new Madt(table), default).TryResolve(InterruptLine.Isa(9), out uint interrupt, out LineTrigger trigger));
        Assert.Equal((20u, expected), (interrupt, trigger));
    }

    [Fact]
    public void Of_the_local_NMI_pins_those_of_the_boot_processor_count()
    {
        byte[] table = Table("APIC", [
            0, 0, 0xE0, 0xFE, 1, 0, 0, 0,
            0, 8, 7, 3, 1, 0, 0, 0,
            0, 8, 8, 5, 1, 0, 0, 0,
            1, 12, 0, 0, 0, 0, 0xC0, 0xFE, 0, 0, 0, 0,
            4, 6, 8, 0, 0, 0,
            4, 6, 7, 0, 0, 1]);
        InterruptTopology topology = InterruptWiring.Read(new Madt(table), default);
        Assert.Equal(1, topology.LocalNonMaskableCount);
        Assert.Equal(1u, topology.LocalNonMaskable(0).Number);
    }

    [Fact]
    public void Without_a_MADT_the_machine_is_wired_as_PCs_were()
    {
        InterruptTopology topology = InterruptWiring.Read(default, default);
        Assert.Equal(1, topology.IoApicCount);
        Assert.Equal(0xFEE0_0000ul, topology.LocalApic.Value);
    }
}
