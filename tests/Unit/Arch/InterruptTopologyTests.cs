using Sluice.Arch;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Arch;

public sealed class InterruptTopologyTests
{
    [Fact]
    public void Without_overrides_ISA_lines_lead_to_the_interrupt_of_their_number()
    {
        var topology = new InterruptTopology();
        for (byte line = 0; line < 16; line++)
        {
            Assert.True(topology.TryResolve(InterruptLine.Isa(line), out uint interrupt, out LineTrigger trigger));
            Assert.Equal(line, interrupt);
            Assert.Equal(LineTrigger.EdgeHigh, trigger);
        }
        Assert.False(topology.TryResolve(InterruptLine.Isa(16), out _, out _));
    }

    [Fact]
    public void An_override_moves_a_line_and_takes_the_input_from_whoever_had_it()
    {
        var topology = new InterruptTopology();
        topology.Override(0, 2, LineTrigger.EdgeHigh);
        topology.Override(9, 9, LineTrigger.LevelLow);
        Assert.True(topology.TryResolve(InterruptLine.Isa(0), out uint interrupt, out _));
        Assert.Equal(2u, interrupt);
        Assert.False(topology.TryResolve(InterruptLine.Isa(2), out _, out _));
        Assert.True(topology.TryResolve(InterruptLine.Isa(9), out interrupt, out LineTrigger trigger));
        Assert.Equal((9u, LineTrigger.LevelLow), (interrupt, trigger));
    }

    [Fact]
    public void Two_lines_that_change_places_both_keep_an_input()
    {
        var topology = new InterruptTopology();
        topology.Override(3, 4, LineTrigger.EdgeHigh);
        topology.Override(4, 3, LineTrigger.EdgeHigh);
        Assert.True(topology.TryResolve(InterruptLine.Isa(3), out uint three, out _));
        Assert.True(topology.TryResolve(InterruptLine.Isa(4), out uint four, out _));
        Assert.Equal((4u, 3u), (three, four));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(16)]
    [InlineData(255)]
    public void A_PCI_register_without_a_line_leads_nowhere(byte register) =>
        Assert.False(new InterruptTopology().TryResolve(InterruptLine.Pci(register), out _, out _));

    [Theory]
    [InlineData(LineTrigger.EdgeHigh, LineTrigger.LevelLow)]
    [InlineData(LineTrigger.LevelHigh, LineTrigger.LevelHigh)]
    [InlineData(LineTrigger.LevelLow, LineTrigger.LevelLow)]
    public void A_PCI_line_is_a_low_level_unless_an_override_knows_the_level_better(LineTrigger overridden, LineTrigger expected)
    {
        var topology = new InterruptTopology();
        topology.Override(11, 11, overridden);
        Assert.True(topology.TryResolve(InterruptLine.Pci(11), out uint interrupt, out LineTrigger trigger));
        Assert.Equal((11u, expected), (interrupt, trigger));
        Assert.True(topology.TryResolve(InterruptLine.Pci(10), out _, out trigger));
        Assert.Equal(LineTrigger.LevelLow, trigger);
    }

    [Fact]
    public void A_global_interrupt_stays_as_it_is_named()
    {
        var topology = new InterruptTopology();
        topology.Override(5, 20, LineTrigger.EdgeHigh);
        Assert.True(topology.TryResolve(InterruptLine.Global(20, LineTrigger.LevelHigh), out uint interrupt, out LineTrigger trigger));
        Assert.Equal((20u, LineTrigger.LevelHigh), (interrupt, trigger));
    }

    [Fact]
    public void Nonsense_of_firmware_is_left_out_and_counted()
    {
        var topology = new InterruptTopology();
        topology.AddIoApic(new IoApicDescription { Address = new PhysAddr(0xFEC0_0000) });
        topology.AddIoApic(new IoApicDescription { Address = new PhysAddr(0xFEC0_0000), FirstInterrupt = 24 });
        topology.AddIoApic(new IoApicDescription { Address = new PhysAddr(0xFEC1_0000) });
        topology.Override(16, 20, LineTrigger.EdgeHigh);
        topology.AddLocalNonMaskable(new NonMaskableInput { Number = 2 });
        Assert.Equal(1, topology.IoApicCount);
        Assert.Equal(0, topology.LocalNonMaskableCount);
        Assert.Equal(4, topology.Ignored);
        for (uint i = 0; i < 100; i++)
        {
            topology.AddIoApic(new IoApicDescription { Address = new PhysAddr(0xFED0_0000 + i * 4096), FirstInterrupt = 100 + i });
            topology.AddLocalNonMaskable(new NonMaskableInput { Number = 1 });
            topology.AddGlobalNonMaskable(new NonMaskableInput { Number = i });
        }
        Assert.Equal(InterruptTopology.MaxIoApics, topology.IoApicCount);
        Assert.Equal(InterruptTopology.MaxNonMaskable, topology.LocalNonMaskableCount);
        Assert.Equal(InterruptTopology.MaxNonMaskable, topology.GlobalNonMaskableCount);
    }

    [Fact]
    public void Without_ACPI_the_timer_is_on_pin_2()
    {
        Assert.True(InterruptTopology.Conventional.TryResolve(InterruptLine.Isa(0), out uint interrupt, out _));
        Assert.Equal(2u, interrupt);
        Assert.Equal(0xFEC0_0000u, InterruptTopology.Conventional.IoApic(0).Address.Value);
    }
}
