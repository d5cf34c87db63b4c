using System;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Sluice.FireWire.Simulation;
using Xunit;
using Ohci = Sluice.FireWire.Ohci.OhciRegister;

namespace Sluice.Tests.FireWire.OhciTests;

/// <summary>Each fault of a controller is what a driver then sees, and is gone when it is switched off.</summary>
public sealed class FaultTests : MachineTests
{
    public static TheoryData<string> Names => [.. FaultNames.All.Select(fault => FaultNames.NameOf(fault))];

    [Theory]
    [MemberData(nameof(Names))]
    public void After_a_fault_the_controller_is_started_anew_and_works(string name)
    {
        Machine.Controller.Faults = FaultNames.Parse(name);
        for (int i = 0; i < 20; i++)
        {
            Node.TryWrite(Host, 0xFFFF_F001_0000, new byte[64], (_, _) => { });
            Machine.Send(Ohci.AtRequest, ReadBlock());
            Test.Simulator.RunFor(BusTime.Microseconds(500));
        }
        NodePhy.InitiateReset(isLong: true);
        Test.Settle();
        Machine.Controller.Faults = OhciFaults.None;
        Machine[Ohci.HcControl] = (uint)HcControl.SoftReset;
        Machine.Start();
        Assert.Equal(EventCode.AckPending, Machine.Send(Ohci.AtRequest, ReadBlock()));
        Assert.Equal(Tcode.ReadQuadletResponse, (Tcode)((Machine.Word(Machine.ArResponseBuffer) >> 4) & 0xF));
        Assert.Equal(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.UnrecoverableError);
    }

    [Fact]
    public void All_faults_together_neither_throw_nor_hang()
    {
        Machine.Controller.Faults = FaultNames.All.Aggregate((one, other) => one | other) & ~OhciFaults.Gone;
        for (uint register = 0; register < Ohci.BarBytes; register += 4)
        {
            _ = Machine[register];
            Machine[register] = uint.MaxValue;
        }
        Test.Simulator.RunFor(BusTime.Microseconds(50_000));
    }

    [Fact]
    public void A_card_that_was_pulled_reads_as_ones_and_leaves_the_bus_to_others()
    {
        Machine.Controller.Faults = OhciFaults.Gone;
        for (uint register = 0; register < Ohci.BarBytes; register += 4)
            Assert.Equal(uint.MaxValue, Machine[register]);
        Machine[Ohci.IntMask] = uint.MaxValue;
        NodePhy.InitiateReset(isLong: true);
        Test.Settle();
        Assert.False(Machine.Interrupt);
        Assert.Equal(Outcome.NoAck, Ask(done => Node.TryRead(Host, Csr.Base + Csr.Rom, 4, done)).Outcome);
        // Back, it is as after power-on.
        Machine.Controller.Faults = OhciFaults.None;
        Assert.Equal((uint)HcControl.ProgramPhy, Machine[Ohci.HcControl]);
    }

    [Fact]
    public void What_never_ends_stands()
    {
        Machine.Controller.Faults = OhciFaults.StuckReset | OhciFaults.StuckPhy;
        Machine[Ohci.PhyControl] = 0x8000 | (1 << 8);
        Assert.Equal(0x8000u, Machine[Ohci.PhyControl] & 0x8000_8000);
        Machine[Ohci.PhyControl] = 0x4000 | (1 << 8);
        Assert.Equal(0x4000u, Machine[Ohci.PhyControl] & 0x4000);
        Machine[Ohci.HcControl] = (uint)HcControl.SoftReset;
        for (int i = 0; i < 100; i++)
        {
            Test.Settle();
            Assert.NotEqual(0u, Machine[Ohci.HcControl] & (uint)HcControl.SoftReset);
        }
        Machine.Controller.Faults = OhciFaults.None;
        Assert.Equal(0u, Machine[Ohci.HcControl] & (uint)HcControl.SoftReset);
    }

    [Fact]
    public void Link_power_does_not_come_on()
    {
        Machine[Ohci.HcControl + 4] = (uint)HcControl.LinkPower;
        Machine.Controller.Faults = OhciFaults.NoLinkPower;
        Machine[Ohci.HcControl] = (uint)HcControl.LinkPower;
        Assert.Equal(0u, Machine[Ohci.HcControl] & (uint)HcControl.LinkPower);
    }

    [Fact]
    public void Contexts_stay_active_never_finish_or_die()
    {
        Machine.Controller.Faults = OhciFaults.StuckContext;
        Machine[Ohci.ArRequest + 4] = (uint)ContextControl.Run;
        Assert.Equal((uint)ContextControl.Active, Machine[Ohci.ArRequest] & (uint)(ContextControl.Run | ContextControl.Active));
        Assert.Equal(0u, Machine[Ohci.IntMask] & (uint)ContextControl.Active);
        Machine.Controller.Faults = OhciFaults.StuckTransmit;
        Assert.Equal(EventCode.None, Machine.Send(Ohci.AtRequest, ReadBlock()));
        Test.Simulator.RunFor(BusTime.Microseconds(100_000));
        Assert.NotEqual(0u, Machine[Ohci.AtRequest] & (uint)ContextControl.Active);
        Machine.Controller.Faults = OhciFaults.DeadContext;
        Machine.Send(Ohci.AtRequest, ReadBlock());
        Assert.NotEqual(0u, Machine[Ohci.AtRequest] & (uint)ContextControl.Dead);
        Assert.NotEqual(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.UnrecoverableError);
    }

    [Fact]
    public void Interrupts_storm_come_for_nothing_or_not_at_all()
    {
        Machine[Ohci.IntMask] = (uint)(IntEvent.Master | IntEvent.RequestReceived | IntEvent.BusReset);
        Machine.Controller.Faults = OhciFaults.InterruptStorm;
        int edges = Machine.Edges;
        for (int i = 0; i < 100; i++)
        {
            Machine[Ohci.IntEvent + 4] = uint.MaxValue;
            Assert.NotEqual(0u, Machine[Ohci.IntEvent + 4]);
            Assert.True(Machine.Interrupt);
            Test.Simulator.RunFor(BusTime.Microseconds(1000));
        }
        Assert.True(Machine.Edges >= edges + 100);
        Machine.Controller.Faults = OhciFaults.InterruptSpurious;
        Machine[Ohci.IntEvent + 4] = uint.MaxValue;
        edges = Machine.Edges;
        Test.Simulator.RunFor(BusTime.Microseconds(100_000));
        Assert.InRange(Machine.Edges - edges, 90, 110);
        Assert.Equal((0u, false), (Machine[Ohci.IntEvent + 4], Machine.Interrupt));
        Machine.Controller.Faults = OhciFaults.InterruptLost;
        edges = Machine.Edges;
        NodePhy.InitiateReset(isLong: true);
        Test.Settle();
        Assert.NotEqual(0u, Machine[Ohci.IntEvent + 4] & (uint)IntEvent.BusReset);
        Assert.Equal((edges, false), (Machine.Edges, Machine.Interrupt));
    }

    [Fact]
    public void Memory_is_written_after_the_context_was_stopped_and_behind_buffers()
    {
        Machine.Controller.Faults = OhciFaults.WildDma;
        Receive(8);
        const uint half = Machine.ArBytes / 2;
        Assert.Equal(0x66, Machine.Memory[(int)Machine.ArRequestBuffer + (int)half]);
        Machine.Controller.Faults = OhciFaults.StrayDma;
        Machine[Ohci.ArRequest + 4] = (uint)ContextControl.Run;
        Machine.Memory.AsSpan((int)Machine.ArRequestBuffer, (int)half).Clear();
        Test.Simulator.RunFor(BusTime.Microseconds(3000));
        Assert.Equal(0x66, Machine.Memory[(int)Machine.ArRequestBuffer]);
    }

    [Theory]
    [InlineData(OhciFaults.ResidualAbove)]
    [InlineData(OhciFaults.ResidualBack)]
    public void Residual_counts_are_not_what_is_left(OhciFaults fault)
    {
        const uint bytes = Machine.ArBytes / 2;
        uint[] right = new uint[3], wrong = new uint[3];
        foreach (uint[] seen in (uint[][])[right, wrong])
        {
            Machine[Ohci.ArRequest + 4] = (uint)ContextControl.Run;
            uint first = Machine.RunReceive(Ohci.ArRequest, Machine.ArRequestBuffer);
            Machine.Controller.Faults = seen == right ? OhciFaults.None : fault;
            for (int i = 0; i < 3; i++)
            {
                Receive(8);
                seen[i] = Machine.Word(first + 12) & 0xFFFF;
            }
        }
        Assert.Equal([bytes - 28, bytes - 56, bytes - 84], right);
        Assert.True(fault == OhciFaults.ResidualAbove ? wrong.All(left => left > bytes) : wrong[1] >= wrong[0] || wrong[2] >= wrong[1], string.Join(' ', wrong));
    }

    [Fact]
    public void Received_packets_are_not_what_was_sent()
    {
        Machine[Ohci.ArRequest + 4] = (uint)ContextControl.Run;
        Machine.RunReceive(Ohci.ArRequest, Machine.ArRequestBuffer);
        Machine.Controller.Faults = OhciFaults.ReceiveCode;
        Receive(8);
        Assert.True(((Machine.Word(Machine.ArRequestBuffer) >> 4) & 0xF) is 3 or 0xC or 0xD or 0xF);
        Machine.Controller.Faults = OhciFaults.ReceiveLength;
        Receive(8);
        Assert.NotEqual(8u, Machine.Word(Machine.ArRequestBuffer + 28 + 12) >> 16);
        Machine.Controller.Faults = OhciFaults.ReceiveRefused;
        Receive(8);
        Assert.True((Machine.Word(Machine.ArRequestBuffer + 56 + 24) >> 16 & 0x1F) is 0x1D or 0x1E);
        Machine.Controller.Faults = OhciFaults.ReceiveCut;
        uint before = Machine[Ohci.ArRequest + Ohci.CommandPtr] & ~0xFu;
        uint left = Machine.Word(before + 12) & 0xFFFF;
        Receive(8);
        // Header quadlets in part, and the trailer.
        Assert.InRange(left - (Machine.Word(before + 12) & 0xFFFF), 8u, 12u);
    }

    [Fact]
    public void Finished_descriptors_lead_nowhere()
    {
        Machine.Controller.Faults = OhciFaults.Branch;
        uint block = ReadBlock();
        Machine.Send(Ohci.AtRequest, block);
        Assert.Equal([0xDEAD_BEE1, 0xDEAD_BEE1], [Machine.Word((block & ~0xFu) + 4), Machine.Word((block & ~0xFu) + 8)]);
    }

    [Fact]
    public void Self_ids_are_of_another_generation_no_inverse_an_error_too_many_or_none()
    {
        Machine.Controller.Faults = OhciFaults.SelfIdInverse;
        Reset();
        Assert.NotEqual(Machine.Word(Machine.SelfIds + 12), ~Machine.Word(Machine.SelfIds + 16));
        Machine.Controller.Faults = OhciFaults.SelfIdGeneration;
        uint generation = Machine[Ohci.SelfIdCount] & 0xFF_0000;
        Assert.NotEqual(generation, Machine[Ohci.SelfIdCount] & 0xFF_0000);
        Machine.Controller.Faults = OhciFaults.SelfIdError;
        Assert.NotEqual(0u, Machine[Ohci.SelfIdCount] >> 31);
        Machine.Controller.Faults = OhciFaults.SelfIdOverflow;
        Assert.True((Machine[Ohci.SelfIdCount] & 0x7FC) / 8 > 252);
        Machine.Controller.Faults = OhciFaults.SelfIdNone;
        Assert.Equal(0u, Machine[Ohci.SelfIdCount] & 0x7FC);
    }

    private void Reset()
    {
        NodePhy.InitiateReset(isLong: true);
        Test.Settle();
        Machine[Ohci.IntEvent + 4] = uint.MaxValue;
    }

    private uint ReadBlock() => Machine.Block(Machine.Header(Tcode.ReadQuadlet, NodeId, MemoryNode.DefaultBase));

    private void Receive(int bytes)
    {
        Node.TryWrite(Host, 0xFFFF_F001_0000, new byte[bytes], (_, _) => { });
        Test.Simulator.RunActivity();
    }
}
