using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Sluice.FireWire.Simulation;
using Sluice.Tests.FireWire.Model;
using Xunit;
using Ohci = Sluice.FireWire.Ohci.OhciRegister;

namespace Sluice.Tests.FireWire.OhciTests;

public sealed class RegisterTests : MachineTests
{
    [Fact]
    public void A_driver_finds_release_guid_options_and_contexts()
    {
        Assert.Equal(0x0101_0010u, Machine[Ohci.Version]);
        Assert.Equal((0x5254_0001u, 0x0000_0001u), (Machine[Ohci.GuidHi], Machine[Ohci.GuidLo]));
        Assert.Equal(0x3133_3934u, Machine[Ohci.BusId]);
        Assert.Equal((uint)Speed.S400, Machine[Ohci.BusOptions] & 7);
        Machine[Ohci.IrMask] = uint.MaxValue;
        Machine[Ohci.ItMask] = uint.MaxValue;
        Assert.Equal((0xFu, 0xFFu), (Machine[Ohci.IrMask], Machine[Ohci.ItMask]));
        Machine[Ohci.IrMask + 4] = 0xA;
        Assert.Equal(5u, Machine[Ohci.IrMask]);
        // What is not there reads as nothing.
        Assert.Equal((0u, 0u), (Machine[0x060], Machine[0x7FC]));
        byte[] rom = [.. Enumerable.Range(0, 8).Select(i =>
        {
            Machine[Ohci.GuidRom] = i == 0 ? 1u << 31 : 0;
            Machine[Ohci.GuidRom] = 1u << 25;
            return (byte)(Machine[Ohci.GuidRom] >> 16);
        })];
        Assert.Equal([0x52, 0x54, 0, 1, 0, 0, 0, 1], rom);
    }

    [Fact]
    public void A_soft_reset_ends_at_once_and_leaves_nothing()
    {
        Machine[Ohci.IntMask] = 0x8000_0000 | (uint)IntEvent.Software;
        Machine[Ohci.IntEvent] = (uint)IntEvent.Software;
        Assert.True(Machine.Interrupt);
        Machine[Ohci.HcControl] = (uint)HcControl.SoftReset;
        Assert.False(Machine.Interrupt);
        Assert.Equal((uint)HcControl.ProgramPhy, Machine[Ohci.HcControl]);
        Assert.Equal((0u, 0u, 0u), (Machine[Ohci.LinkControl], Machine[Ohci.ArRequest], Machine[Ohci.ArRequest + Ohci.CommandPtr]));
        // Undefined but for the master's, so drivers cannot rely on zeros.
        Assert.Equal((uint)IntEvent.SelfIdComplete, Machine[Ohci.IntMask] & (uint)(IntEvent.Master | IntEvent.SelfIdComplete));
        Assert.False(Machine.Controller.IsActive);
        // Nobody answers for it any more.
        Assert.Equal(Outcome.NoAck, Ask(done => Node.TryRead(Host, Csr.Base + Csr.Rom, 4, done)).Outcome);
    }

    [Fact]
    public void A_bus_reset_shows_its_events_in_order_and_self_ids_with_the_generation()
    {
        uint generation = (Machine[Ohci.SelfIdCount] >> 16) & 0xFF;
        Machine[Ohci.IntMask] = (uint)(IntEvent.Master | IntEvent.SelfIdComplete);
        NodePhy.InitiateReset(isLong: true);
        Assert.True(Machine.Controller.IsActive);
        Assert.Equal(IntEvent.BusReset, (IntEvent)Machine[Ohci.IntEvent] & (IntEvent.BusReset | IntEvent.SelfIdComplete));
        Assert.Equal(0u, Machine[Ohci.NodeId] >> 31);
        Machine[Ohci.IntEvent + 4] = (uint)IntEvent.BusReset;
        Assert.Equal(IntEvent.BusReset, (IntEvent)Machine[Ohci.IntEvent] & IntEvent.BusReset);
        Assert.False(Machine.Interrupt);
        Test.Settle();
        Assert.True(Machine.Interrupt);
        Assert.Equal((uint)IntEvent.SelfIdComplete, Machine[Ohci.IntEvent + 4]);
        uint isRoot = Machine.Phy.IsRoot ? 0x4000_0000u : 0;
        Assert.Equal(0x8800_FFC0 | isRoot | (uint)Machine.Phy.PhysicalId, Machine[Ohci.NodeId]);
        uint count = Machine[Ohci.SelfIdCount];
        Assert.Equal((((generation + 1) & 0xFF) << 16) | 20, count);
        Assert.Equal(count >> 16, Machine.Word(Machine.SelfIds) >> 16);
        uint[] ids = Machine.Phy.Segment.SelfIds.ToArray();
        for (uint i = 0; i < 2; i++)
            Assert.Equal((ids[i], ~ids[i]), (Machine.Word(Machine.SelfIds + 4 + (i * 8)), Machine.Word(Machine.SelfIds + 8 + (i * 8))));
        Machine[Ohci.IntEvent + 4] = (uint)IntEvent.BusReset;
        Assert.Equal(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.BusReset);
    }

    [Fact]
    public void A_self_id_buffer_that_is_no_memory_is_an_error_and_nothing_else()
    {
        Machine[Ohci.SelfIdBuffer] = 0xFFFF_F800;
        NodePhy.InitiateReset(isLong: true);
        Test.Settle();
        Assert.Equal(1u, Machine[Ohci.SelfIdCount] >> 31);
        Assert.NotEqual(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.SelfIdComplete);
    }

    [Fact]
    public void Phy_registers_are_read_and_written_and_need_the_links_power()
    {
        Machine[Ohci.PhyControl] = 0x8000 | (2 << 8);
        Assert.Equal(0x82E3_0200u, Machine[Ohci.PhyControl]);
        Assert.NotEqual(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.PhyRegisterReceived);
        Machine[Ohci.PhyControl] = 0x4000 | (4 << 8) | 0x83;
        Assert.Equal((false, 3), (Machine.Phy.IsContender, Machine.Phy.PowerClass));
        Machine[Ohci.HcControl + 4] = (uint)HcControl.LinkPower;
        Machine[Ohci.PhyControl] = 0x8000 | (3 << 8);
        Assert.NotEqual(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.RegisterAccessFailed);
        Assert.Equal(0u, Machine[Ohci.PhyControl] >> 31);
    }

    [Fact]
    public void The_four_registers_are_swapped_from_both_sides_and_set_anew_by_a_reset()
    {
        Machine[Ohci.InitialChannelsHi] = 0xFFFF_FFFE;
        Machine[Ohci.InitialBandwidth] = 1000;
        NodePhy.InitiateReset(isLong: true);
        Machine.FinishReset();
        ulong channels = Csr.Base + Csr.ChannelsHi;
        Assert.Equal([0xFF, 0xFF, 0xFF, 0xFE], Ask(done => Node.TryRead(Host, channels, 4, done)).Data);
        byte[] swap = [0xFF, 0xFF, 0xFF, 0xFE, 0x7F, 0xFF, 0xFF, 0xFE];
        Assert.Equal([0xFF, 0xFF, 0xFF, 0xFE], Ask(done => Node.TryLock(Host, channels, LockOperation.CompareSwap, swap, done)).Data);
        (Machine[Ohci.CsrData], Machine[Ohci.CsrCompare], Machine[Ohci.CsrControl]) = (1, 0x7FFF_FFFE, 2);
        Assert.Equal((0x8000_0002u, 0x7FFF_FFFEu), (Machine[Ohci.CsrControl], Machine[Ohci.CsrData]));
        Assert.Equal([0, 0, 0, 1], Ask(done => Node.TryRead(Host, channels, 4, done)).Data);
        Assert.Equal([0, 0, 0x03, 0xE8], Ask(done => Node.TryRead(Host, Csr.Base + Csr.BandwidthAvailable, 4, done)).Data);
        Assert.Equal([0, 0, 0, 0x3F], Ask(done => Node.TryRead(Host, Csr.Base + Csr.BusManagerId, 4, done)).Data);
        Assert.Equal(Outcome.TypeError, Ask(done => Node.TryWrite(Host, channels, [0, 0, 0, 0], done)).Outcome);
        Assert.Equal(Outcome.TypeError, Ask(done => Node.TryLock(Host, channels, LockOperation.FetchAdd, [0, 0, 0, 0], done)).Outcome);
    }

    [Fact]
    public void The_rom_comes_from_registers_and_memory_and_is_exchanged_by_a_bus_reset()
    {
        const uint first = 0x2_0000, second = 0x2_0400;
        uint[] rom = [0x0404_1234, 0x3133_3934, 0xF000_A242, 0x5254_0001, 1, 0x0001_ABCD, 0x0C00_83C0];
        for (uint i = 0; i < rom.Length; i++)
        {
            Machine.Put(first + (i * 4), Machine.Swap(rom[i]));
            Machine.Put(second + (i * 4), Machine.Swap(rom[i] + 1));
        }
        Machine[Ohci.HcControl + 4] = (uint)HcControl.LinkEnable;
        Machine[Ohci.ConfigRomMap] = first;
        Machine[Ohci.HcControl] = (uint)HcControl.LinkEnable;
        Machine[Ohci.ConfigRomHeader] = rom[0];
        Machine[Ohci.BusOptions] = rom[2];
        Assert.Equal([0xF0, 0, 0xA2, 0x42], Ask(done => Node.TryRead(Host, Csr.Base + Csr.Rom + 8, 4, done)).Data);
        Assert.Equal([0x52, 0x54, 0, 1], Ask(done => Node.TryRead(Host, Csr.Base + Csr.Rom + 12, 4, done)).Data);
        Assert.Equal([0x0C, 0, 0x83, 0xC0], Ask(done => Node.TryRead(Host, Csr.Base + Csr.Rom + 24, 4, done)).Data);
        Assert.Equal(Outcome.TypeError, Ask(done => Node.TryRead(Host, Csr.Base + Csr.Rom, 28, done)).Outcome);
        Machine[Ohci.HcControl] = (uint)HcControl.RomIsValid;
        Assert.Equal([0, 1, 0xAB, 0xCD, 0x0C, 0, 0x83, 0xC0], Ask(done => Node.TryRead(Host, Csr.Base + Csr.Rom + 20, 8, done)).Data);
        // The next one waits for a reset.
        Machine[Ohci.ConfigRomMap] = second;
        Assert.Equal([0x0C, 0, 0x83, 0xC0], Ask(done => Node.TryRead(Host, Csr.Base + Csr.Rom + 24, 4, done)).Data);
        NodePhy.InitiateReset(isLong: true);
        Machine.FinishReset();
        Assert.Equal([0x0C, 0, 0x83, 0xC1], Ask(done => Node.TryRead(Host, Csr.Base + Csr.Rom + 24, 4, done)).Data);
        // Registers get the words as they lie there.
        Assert.Equal(Machine.Swap(rom[0] + 1), Machine[Ohci.ConfigRomHeader]);
        Assert.Equal(Outcome.TypeError, Ask(done => Node.TryWrite(Host, Csr.Base + Csr.Rom, [0, 0, 0, 0], done)).Outcome);
        Assert.Equal(Outcome.TypeError, Ask(done => Node.TryRead(Host, Csr.Base + Csr.Rom + 1020, 8, done)).Outcome);
    }

    [Fact]
    public void Interrupts_rise_for_what_is_not_masked_and_again_when_more_stands_after_clearing()
    {
        Machine[Ohci.IntEvent] = (uint)IntEvent.Software;
        Assert.False(Machine.Interrupt);
        Machine[Ohci.IntMask] = (uint)(IntEvent.Software | IntEvent.CycleInconsistent);
        Assert.False(Machine.Interrupt);
        Machine[Ohci.IntMask] = (uint)IntEvent.Master;
        Assert.Equal((true, 1), (Machine.Interrupt, Machine.Edges));
        Machine[Ohci.IntEvent] = (uint)IntEvent.CycleInconsistent;
        Machine[Ohci.IntEvent + 4] = (uint)IntEvent.Software;
        Assert.Equal((true, 2), (Machine.Interrupt, Machine.Edges));
        Machine[Ohci.IntEvent + 4] = (uint)IntEvent.CycleInconsistent;
        Assert.Equal((false, 2), (Machine.Interrupt, Machine.Edges));
        // Those of isochronous contexts stand as long as theirs do.
        Machine[Ohci.IntMask] = (uint)IntEvent.IsochronousSent;
        Machine[Ohci.ItMask] = 2;
        Machine[Ohci.ItEvent] = 2;
        Assert.True(Machine.Interrupt);
        Machine[Ohci.IntEvent + 4] = (uint)IntEvent.IsochronousSent;
        Assert.True(Machine.Interrupt);
        Machine[Ohci.ItEvent + 4] = 2;
        Assert.False(Machine.Interrupt);
    }

    [Fact]
    public void The_cycle_timer_counts_and_tells_of_64_seconds()
    {
        Machine[Ohci.CycleTimer] = (63u << 25) | (7999u << 12);
        Machine[Ohci.IntMask] = (uint)IntEvent.Cycle64Seconds;
        Test.Simulator.RunFor(BusTime.TicksPerCycle / 2);
        Assert.Equal(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.Cycle64Seconds);
        Test.Simulator.RunFor(BusTime.TicksPerCycle);
        Assert.Equal(64u, Machine[Ohci.CycleTimer] >> 25);
        Assert.NotEqual(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.Cycle64Seconds);
        Machine[Ohci.IntEvent + 4] = (uint)IntEvent.Cycle64Seconds;
        Test.Simulator.RunFor(BusTime.TicksPerSecond * 64);
        Assert.NotEqual(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.Cycle64Seconds);
    }
}
