using System;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Sluice.FireWire.Simulation;
using Sluice.Tests.FireWire.Model;
using Xunit;
using Ohci = Sluice.FireWire.Ohci.OhciRegister;

namespace Sluice.Tests.FireWire.OhciTests;

public sealed class AsynchronousTests : MachineTests
{
    [Fact]
    public void A_quadlet_is_read_and_its_response_lies_in_the_buffer_bit_for_bit()
    {
        Node.Memory[0] = 0x11;
        Node.Memory[3] = 0x44;
        uint block = Machine.Block(Machine.Header(Tcode.ReadQuadlet, NodeId, MemoryNode.DefaultBase));
        Assert.Equal(EventCode.AckPending, Machine.Send(Ohci.AtRequest, block));
        Assert.Equal(0x8412u, Machine.StatusOf(block) >> 16);
        uint at = Machine.ArResponseBuffer;
        Assert.Equal(((uint)Host << 16) | (5 << 10) | (1 << 8) | ((uint)Tcode.ReadQuadletResponse << 4), Machine.Word(at));
        Assert.Equal((0xFFC0u | (uint)NodeId) << 16, Machine.Word(at + 4));
        Assert.Equal([0x11, 0, 0, 0x44], Machine.Memory.AsSpan((int)at + 12, 4).ToArray());
        Assert.Equal(0x8400u | ((uint)Speed.S400 << 5) | 0x11, Machine.Word(at + 16) >> 16);
        Assert.Equal(IntEvent.RequestSent | IntEvent.ResponseReceived, (IntEvent)Machine[Ohci.IntEvent] & (IntEvent)0x3F);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Blocks_go_out_in_the_order_that_the_switch_says(bool noSwap)
    {
        if (noSwap)
            Machine[Ohci.HcControl] = (uint)HcControl.NoByteSwap;
        byte[] data = [1, 2, 3, 4, 5, 6, 7, 8];
        uint block = Machine.Block(Machine.Header(Tcode.WriteBlock, NodeId, MemoryNode.DefaultBase, 8 << 16), data);
        Assert.Equal(EventCode.AckComplete, Machine.Send(Ohci.AtRequest, block));
        Assert.Equal(noSwap ? [4, 3, 2, 1, 8, 7, 6, 5] : data, Node.Memory[..8].ToArray());
        block = Machine.Block(Machine.Header(Tcode.ReadBlock, NodeId, MemoryNode.DefaultBase, 8 << 16));
        Assert.Equal(EventCode.AckPending, Machine.Send(Ohci.AtRequest, block));
        Assert.Equal(8u << 16, Machine.Word(Machine.ArResponseBuffer + 12));
        Assert.Equal(data, Machine.Memory.AsSpan((int)Machine.ArResponseBuffer + 16, 8).ToArray());
    }

    [Fact]
    public void Blocks_are_linked_while_the_context_runs_and_taken_when_it_is_woken()
    {
        uint first = Machine.Block(Machine.Header(Tcode.WriteQuadlet, NodeId, MemoryNode.DefaultBase, 0x0100_0000));
        uint second = Machine.Block(Machine.Header(Tcode.WriteQuadlet, NodeId, MemoryNode.DefaultBase + 4, 0x0200_0000));
        uint third = Machine.Block(Machine.Header(Tcode.WriteQuadlet, NodeId, MemoryNode.DefaultBase + 8, 0x0300_0000));
        Machine.Put((first & ~0xFu) + 8, second);
        Machine.Send(Ohci.AtRequest, first);
        Assert.Equal((EventCode.AckComplete, EventCode.None), (Machine.EventOf(second), Machine.EventOf(third)));
        Assert.Equal((uint)ContextControl.Run | 0x11, Machine[Ohci.AtRequest]);
        Assert.Equal(second, Machine[Ohci.AtRequest + Ohci.CommandPtr]);
        Machine.Put((second & ~0xFu) + 8, third);
        Machine[Ohci.AtRequest] = (uint)ContextControl.Wake;
        Test.Simulator.RunActivity();
        Assert.Equal(EventCode.AckComplete, Machine.EventOf(third));
        Assert.Equal([1, 2, 3], new[] { 0, 4, 8 }.Select(at => (int)Node.Memory[at + 3] + Node.Memory[at]));
    }

    [Fact]
    public void What_nobody_takes_and_what_is_no_packet_is_said()
    {
        Assert.Equal(EventCode.MissingAck, Machine.Send(Ohci.AtRequest, Machine.Block(Machine.Header(Tcode.ReadQuadlet, 44, 0))));
        uint[] wrong = Machine.Header(Tcode.ReadQuadlet, NodeId, 0);
        wrong[0] |= 0xF0;
        Assert.Equal(EventCode.TcodeError, Machine.Send(Ohci.AtRequest, Machine.Block(wrong)));
        Assert.Equal(EventCode.TcodeError, Machine.Send(Ohci.AtRequest, Machine.Block(Machine.Header(Tcode.WriteQuadlet, NodeId, 0)[..3])));
        uint lost = Machine.Block(Machine.Header(Tcode.WriteBlock, NodeId, MemoryNode.DefaultBase, 8 << 16), new byte[8]);
        Machine.Put((lost & ~0xFu) + 36, 0xFFFF_0000);
        Assert.Equal(EventCode.DataRead, Machine.Send(Ohci.AtRequest, lost));
        Assert.Equal(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.UnrecoverableError);
    }

    [Fact]
    public void A_busy_node_is_tried_as_often_as_the_register_says()
    {
        (Phy phy, Recorder busy) = Test.AddRecorder(new PhyTraits());
        Test.Bus.Connect(phy, NodePhy);
        Machine.FinishReset();
        busy.Answer = Ack.BusyX;
        Assert.Equal(EventCode.AckBusyX, Machine.Send(Ohci.AtRequest, Machine.Block(Machine.Header(Tcode.ReadQuadlet, phy.PhysicalId, 0))));
        Assert.Equal(4, busy.Heard.Count);
    }

    [Theory]
    // Beyond memory; more than 8 descriptors; no OUTPUT_LAST at the end; no header.
    [InlineData(0xFFFF_0002u, EventCode.DescriptorRead)]
    [InlineData(0x0000_C009u, EventCode.Unknown)]
    [InlineData(0x0001_0004u, EventCode.Unknown)]
    [InlineData(0x0001_0001u, EventCode.Unknown)]
    public void A_program_that_is_none_kills_its_context_alone_until_run_is_cleared(uint command, EventCode expected)
    {
        Machine[Ohci.AtRequest + Ohci.CommandPtr] = command;
        Machine[Ohci.AtRequest] = (uint)ContextControl.Run;
        Test.Simulator.RunActivity();
        Assert.Equal((uint)(ContextControl.Run | ContextControl.Dead) | (uint)expected, Machine[Ohci.AtRequest]);
        Assert.NotEqual(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.UnrecoverableError);
        Machine[Ohci.AtRequest] = (uint)ContextControl.Wake;
        Assert.NotEqual(0u, Machine[Ohci.AtRequest] & (uint)ContextControl.Dead);
        Assert.Equal(Outcome.Complete, Ask(done => Node.TryRead(Host, Csr.Base + Csr.Rom, 4, done)).Outcome);
        Assert.Equal(EventCode.MissingAck, Machine.Send(Ohci.AtRequest, Machine.Block(Machine.Header(Tcode.ReadQuadlet, 44, 0))));
    }

    [Fact]
    public void A_bus_reset_flushes_what_was_loaded_and_nothing_old_goes_out_after_it()
    {
        uint first = Machine.Block(Machine.Header(Tcode.WriteQuadlet, NodeId, MemoryNode.DefaultBase, 1));
        uint second = Machine.Block(Machine.Header(Tcode.WriteQuadlet, NodeId, MemoryNode.DefaultBase, 1));
        Machine.Put((first & ~0xFu) + 8, second);
        Machine[Ohci.AtRequest + Ohci.CommandPtr] = first;
        Machine[Ohci.AtRequest] = (uint)ContextControl.Run;
        NodePhy.InitiateReset(isLong: true);
        Assert.Equal(EventCode.Flushed, Machine.EventOf(first));
        Assert.Equal(0u, Machine[Ohci.AtRequest] & (uint)ContextControl.Active);
        Machine.FinishReset();
        Machine[Ohci.AtRequest] = (uint)ContextControl.Wake;
        Test.Settle();
        Assert.Equal(EventCode.None, Machine.EventOf(second));
        Assert.Equal(0, Node.Memory[3] + Node.Memory[0]);
        Assert.Equal(EventCode.AckComplete, Machine.Send(Ohci.AtRequest, second));
    }

    [Fact]
    public void A_context_started_before_the_resets_event_is_cleared_waits_for_that()
    {
        NodePhy.InitiateReset(isLong: true);
        Test.Settle();
        uint block = Machine.Block(Machine.Header(Tcode.WriteQuadlet, NodeId, MemoryNode.DefaultBase, 1));
        Assert.Equal(EventCode.None, Machine.Send(Ohci.AtRequest, block));
        Machine[Ohci.IntEvent + 4] = (uint)IntEvent.BusReset;
        Test.Simulator.RunActivity();
        Assert.Equal(EventCode.AckComplete, Machine.EventOf(block));
    }

    [Fact]
    public void Each_bus_reset_stands_between_the_requests_before_and_after_it()
    {
        uint start = ArUsed(Ohci.ArRequest);
        NodePhy.InitiateReset(isLong: true);
        Machine.FinishReset();
        uint at = Machine.ArRequestBuffer + start;
        uint generation = (Machine[Ohci.SelfIdCount] >> 16) & 0xFF;
        Assert.Equal((0xE0u, generation << 16, 9u), (Machine.Word(at), Machine.Word(at + 8) & 0xFF_0000, (Machine.Word(at + 12) >> 16) & 0x1F));
    }

    [Fact]
    public void A_request_comes_in_and_its_response_goes_out()
    {
        uint start = ArUsed(Ohci.ArRequest);
        (Outcome Outcome, byte[] Data)? answer = null;
        Assert.True(Node.TryRead(Host, 0xFFFF_F000_1000, 4, (outcome, data) => answer = (outcome, data.ToArray())));
        Test.Simulator.RunActivity();
        Assert.Null(answer);
        uint at = Machine.ArRequestBuffer + start;
        Assert.Equal((0xFFFFu, 0xF000_1000u), (Machine.Word(at + 4) & 0xFFFF, Machine.Word(at + 8)));
        Assert.Equal(0x12u, (Machine.Word(at + 12) >> 16) & 0x1F);
        int label = (int)(Machine.Word(at) >> 10) & 0x3F;
        uint[] response = [((uint)Speed.S400 << 16) | ((uint)label << 10) | (1 << 8) | ((uint)Tcode.ReadQuadletResponse << 4), Machine.Word(at + 4) & 0xFFFF_0000, 0, 0x0403_0201];
        uint block = Machine.Block(response);
        Machine.Put((block & ~0xFu) + 12, (Machine[Ohci.CycleTimer] >> 12) + 1 & 0xFFFF);
        Assert.Equal(EventCode.AckComplete, Machine.Send(Ohci.AtResponse, block));
        Assert.Equal((Outcome.Complete, true), (answer!.Value.Outcome, answer.Value.Data.AsSpan().SequenceEqual((byte[])[1, 2, 3, 4])));
    }

    [Fact]
    public void A_response_whose_time_is_over_is_not_sent()
    {
        uint[] response = [((uint)Speed.S400 << 16) | (1 << 8) | ((uint)Tcode.WriteResponse << 4), (0xFFC0u | (uint)NodeId) << 16, 0];
        uint block = Machine.Block(response);
        Test.Simulator.RunFor(BusTime.TicksPerCycle * 3);
        Machine.Put((block & ~0xFu) + 12, ((Machine[Ohci.CycleTimer] >> 12) - 1) & 0xFFFF);
        Assert.Equal(EventCode.TimeOut, Machine.Send(Ohci.AtResponse, block));
    }

    [Fact]
    public void Packets_fill_buffers_to_the_last_byte_and_wait_outside_when_there_are_none()
    {
        uint start = ArUsed(Ohci.ArRequest);
        Assert.True(start < 200, "resets alone are there");
        int room = (int)(Machine.ArBytes - start), sent = 0;
        var data = new byte[480];
        for (int i = 0; i < data.Length; i++)
            data[i] = (byte)(i * 7);
        // 16 of header and 4 of trailer each; posted, so they are complete when they are in memory.
        for (; room >= 500; room -= 500, sent++)
            Assert.Equal(Outcome.Complete, Ask(done => Node.TryWrite(Host, 0x1_0000_0000, data, done)).Outcome);
        Assert.Equal(Outcome.Busy, Ask(done => Node.TryWrite(Host, 0x1_0000_0000, data, done)).Outcome);
        Assert.Equal(100, Machine.Controller.Full);
        for (uint i = 0; i < sent; i++)
        {
            uint at = Machine.ArRequestBuffer + start + (i * 500);
            Assert.Equal(480u << 16, Machine.Word(at + 12));
            Assert.Equal(data, Machine.Memory.AsSpan((int)at + 16, 480).ToArray());
        }
        Assert.NotEqual(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.ArRequestBuffer);
        uint current = Machine[Ohci.ArRequest + Ohci.CommandPtr] & ~0xFu;
        Assert.Equal((uint)room, Machine.Word(current + 12) & 0xFFFF);
        Assert.Equal(0u, Machine.Word(current - 16 + 12) & 0xFFFF);
        // One more buffer, and it goes on.
        uint more = Machine.Take(1);
        Machine.Put(more, Machine.Input(0x800), 0x3_0000, 0, 0x800);
        Machine.Put(current + 8, more | 1);
        Machine[Ohci.ArRequest] = (uint)ContextControl.Wake;
        Machine.WordsWritten.Clear();
        Assert.Equal(Outcome.Complete, Ask(done => Node.TryWrite(Host, 0x1_0000_0000, data, done)).Outcome);
        // The full buffer's status comes last: its packet is then in the next one, whoever looks.
        Assert.Equal([more + 12, current + 12], Machine.WordsWritten);
        Assert.Equal(0x800u - (500u - (uint)room), Machine.Word(more + 12) & 0xFFFF);
        Assert.Equal(more | 1, Machine[Ohci.ArRequest + Ohci.CommandPtr]);
    }

    [Fact]
    public void Phy_packets_go_out_and_come_in()
    {
        (Phy phy, Recorder recorder) = Test.AddRecorder(new PhyTraits());
        Test.Bus.Connect(phy, NodePhy);
        Machine.FinishReset();
        uint start = ArUsed(Ohci.ArRequest);
        uint quadlet = PhyPacket.Configuration(phy.PhysicalId, 10);
        Assert.Equal(EventCode.AckComplete, Machine.Send(Ohci.AtRequest, Machine.Block([(uint)Tcode.Phy << 4, quadlet, ~quadlet])));
        Assert.Equal([quadlet], recorder.Phys);
        Assert.True(phy.HoldsForRoot);
        var packet = new Packet();
        packet.Phy(PhyPacket.Ping(phy.PhysicalId));
        recorder.Send(packet);
        Test.Simulator.RunActivity();
        uint at = Machine.ArRequestBuffer + start;
        // The ping's answer is out before the ping is handed up, as PHYs are faster than links.
        uint[] seen = [Machine.Word(at + 4), Machine.Word(at + 20)];
        Assert.Contains(packet.Q0, seen);
        Assert.Contains(Machine.Phy.Segment.SelfIds[phy.PhysicalId], seen);
        Assert.Equal((0xE0u, 0x11u), (Machine.Word(at), (Machine.Word(at + 12) >> 16) & 0x1F));
    }

    [Fact]
    public void Requests_of_nodes_that_the_filter_keeps_out_are_as_if_nobody_were_there()
    {
        Machine[Ohci.RequestFilterHi + 4] = 0x8000_0000;
        Assert.Equal(Outcome.NoAck, Ask(done => Node.TryRead(Host, 0xFFFF_F000_1000, 4, done)).Outcome);
        Assert.Equal(Outcome.Complete, Ask(done => Node.TryRead(Host, Csr.Base + Csr.Rom, 4, done)).Outcome);
        Machine[Ohci.RequestFilterLo] = 1u << NodeId;
        Assert.Equal((Outcome)(-1), Ask(done => Node.TryRead(Host, 0xFFFF_F000_1000, 4, done)).Outcome);
    }

    [Fact]
    public void Two_machines_write_into_each_other()
    {
        var other = new Machine(Test, 0x5254_0001_0000_0002);
        Test.Bus.Connect(other.Phy, NodePhy);
        other.Start();
        Machine.FinishReset();
        other[Ohci.PhysicalFilterLo] = 1u << Machine.Phy.PhysicalId;
        byte[] data = [.. Enumerable.Range(0, 2048).Select(i => (byte)(i * 3))];
        uint block = Machine.Block(Machine.Header(Tcode.WriteBlock, other.Phy.PhysicalId, 0x9_0000, 2048u << 16), data);
        Assert.Equal(EventCode.AckComplete, Machine.Send(Ohci.AtRequest, block));
        Assert.Equal(data, other.Memory.AsSpan(0x9_0000, 2048).ToArray());
        Assert.Equal(1, other.Controller.PhysicalRequests);
    }

    // Bytes in the first buffer of a context that runs.
    private uint ArUsed(uint context) => (Machine.ArBytes / 2) - (Machine.Word((Machine[context + Ohci.CommandPtr] & ~0xFu) + 12) & 0xFFFF);
}
