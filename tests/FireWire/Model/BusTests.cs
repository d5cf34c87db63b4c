using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Simulation;
using Xunit;

namespace Sluice.Tests.FireWire.Model;

/// <summary>Resets, PHYs and who gets the bus.</summary>
public sealed class BusTests
{
    [Fact]
    public void Plugging_and_unplugging_resets_both_sides_and_only_them()
    {
        var test = new TestBus();
        var (a, linkA) = test.AddRecorder(new PhyTraits());
        var (b, linkB) = test.AddRecorder(new PhyTraits());
        var (_, alone) = test.AddRecorder(new PhyTraits());
        test.Settle();
        Assert.Equal((1, 1, 1), (linkA.Identified, linkB.Identified, alone.Identified));
        test.Bus.Connect(a, b);
        Assert.True(a.Segment.IsResetting);
        Assert.Equal(63, a.PhysicalId);
        test.Settle();
        Assert.Same(a.Segment, b.Segment);
        Assert.Equal((2, 2, 1), (linkA.Identified, linkB.Identified, alone.Identified));
        Assert.Equal(2, linkA.SelfIds.Count);
        test.Bus.Disconnect(a);
        test.Settle();
        Assert.NotSame(a.Segment, b.Segment);
        Assert.Equal((3, 3, 1), (linkA.Identified, linkB.Identified, alone.Identified));
        Assert.Single(linkA.SelfIds);
        Assert.True(a.IsRoot && b.IsRoot);
    }

    [Fact]
    public void A_loop_a_second_cable_in_a_port_and_a_64th_node_are_refused()
    {
        var test = new TestBus();
        Phy[] phys = [.. Enumerable.Range(0, 64).Select(_ => test.AddRecorder(new PhyTraits(3)).Phy)];
        for (int i = 1; i < 63; i++)
            test.Bus.Connect(phys[i - 1], phys[i]);
        Assert.Throws<ArgumentException>(() => test.Bus.Connect(phys[0], phys[62]));
        Assert.Throws<ArgumentException>(() => test.Bus.Connect(phys[63], phys[62]));
        Assert.Throws<ArgumentException>(() => test.Bus.Connect(phys[0].Ports[0], phys[63].Ports[0]));
        test.Settle();
        Assert.Equal(63, phys[0].Segment.Phys.Count);
        // A chain of 63 is the deepest there is.
        Assert.True(Topology.TryDecode(phys[0].Segment.SelfIds, out _));
    }

    [Fact]
    public void A_reset_takes_its_time_and_a_second_one_in_between_starts_over()
    {
        var test = new TestBus();
        var (phy, link) = test.AddRecorder(new PhyTraits());
        test.Settle();
        phy.InitiateReset(isLong: true);
        test.Simulator.RunFor(BusTime.Microseconds(166));
        Assert.True(phy.Segment.IsResetting);
        phy.InitiateReset(isLong: true);
        test.Simulator.RunFor(BusTime.Microseconds(166));
        Assert.Equal((3, 1), (link.Resets, link.Identified));
        test.Settle();
        Assert.Equal(2, link.Identified);
        phy.InitiateReset(isLong: false);
        test.Simulator.RunFor(BusTime.Microseconds(40));
        Assert.Equal(3, link.Identified);
        Assert.Equal(2u, link.SelfIds[0] & 2);
    }

    [Fact]
    public void Gap_counts_stay_for_one_reset()
    {
        var test = new TestBus();
        var (a, linkA) = test.AddRecorder(new PhyTraits());
        var (b, linkB) = test.AddRecorder(new PhyTraits());
        test.Bus.Connect(a, b);
        test.Settle();
        var packet = new Packet();
        packet.Phy(PhyPacket.Configuration(b.PhysicalId, 7));
        linkA.Send(packet);
        test.Settle();
        Assert.Equal((7, 7), (a.GapCount, b.GapCount));
        Assert.Equal((false, true), (a.HoldsForRoot, b.HoldsForRoot));
        Assert.Equal([packet.Q0], linkB.Phys);
        a.InitiateReset(isLong: true);
        test.Settle();
        Assert.True(b.IsRoot);
        Assert.All(linkA.SelfIds, id => Assert.Equal(7u, (id >> 16) & 0x3F));
        a.InitiateReset(isLong: true);
        test.Settle();
        Assert.All(linkA.SelfIds, id => Assert.Equal(63u, (id >> 16) & 0x3F));
    }

    [Fact]
    public void Phys_answer_pings_and_remote_accesses()
    {
        var test = new TestBus();
        var (a, linkA) = test.AddRecorder(new PhyTraits());
        var (b, _) = test.AddRecorder(new PhyTraits(5, Speed.S800, Compliance: 2));
        test.Bus.Connect(a.Ports[0], b.Ports[4]);
        test.Settle();
        uint[] asked =
        [
            PhyPacket.Ping(b.PhysicalId), PhyPacket.RemoteAccess(b.PhysicalId, false, 0, 0, 2),
            PhyPacket.RemoteAccess(b.PhysicalId, true, PhyRegisters.VendorPage, 0, 0), PhyPacket.RemoteAccess(b.PhysicalId, true, PhyRegisters.PortPage, 4, 1),
        ];
        foreach (uint quadlet in asked)
        {
            var packet = new Packet();
            packet.Phy(quadlet);
            linkA.Send(packet);
        }
        test.Settle();
        uint[] own = [.. linkA.SelfIds.Where(id => PhyPacket.NodeOf(id) == b.PhysicalId)];
        Assert.Equal(2, own.Length);
        Assert.Equal([.. own, PhyPacket.RemoteReply(b.PhysicalId, asked[1], 0xE5), PhyPacket.RemoteReply(b.PhysicalId, asked[2], 2),
            PhyPacket.RemoteReply(b.PhysicalId, asked[3], (int)Speed.S400 << 5)], linkA.Phys);
    }

    [Fact]
    public void Phy_registers_tell_and_change_what_they_should()
    {
        var test = new TestBus();
        var (a, link) = test.AddRecorder(new PhyTraits(3, PowerClass: 4));
        var (b, _) = test.AddRecorder(new PhyTraits());
        b.HoldsForRoot = true;
        test.Bus.Connect(a.Ports[1], b.Ports[0]);
        test.Settle();
        PhyRegisters registers = a.Registers;
        Assert.Equal((1, 63, 0xE3, (int)Speed.S400 << 5, 0x84), (registers.Read(0), registers.Read(1), registers.Read(2), registers.Read(3), registers.Read(4)));
        Assert.Equal((1 << 2) | 3, b.Registers.Read(0));
        registers.Write(4, 0xC4);
        registers.Write(7, 1);
        Assert.Equal((0xF6, (int)Speed.S400 << 5), (registers.Read(8), registers.Read(9)));
        registers.Write(7, 2);
        Assert.Equal((0xF0, 0), (registers.Read(8), registers.Read(9)));
        registers.Write(7, PhyRegisters.VendorPage << 5);
        Assert.Equal((1, 0x54, 0x00), (registers.Read(8), registers.Read(11), registers.Read(12)));
        // What is latched goes away by writing ones, one bit of many.
        Assert.Equal(4, registers.Read(5) & 4);
        registers.Write(5, 4);
        Assert.Equal(0, registers.Read(5) & 4);
        registers.Write(1, 0x80 | 0x40 | 5);
        test.Settle();
        Assert.Equal(1u << 11, link.SelfIds[a.PhysicalId] & (1 << 11));
        Assert.Equal(5u, (link.SelfIds[a.PhysicalId] >> 16) & 0x3F);
        // Switched off, a port is as unplugged; switched on, as plugged in.
        registers.Write(7, 1);
        registers.Write(8, 1);
        test.Settle();
        Assert.Single(link.SelfIds);
        registers.Write(8, 0);
        test.Settle();
        Assert.Equal(2, link.SelfIds.Count);
    }

    [Fact]
    public void Nobody_acknowledges_what_he_cannot_hear()
    {
        var test = new TestBus();
        var (fast, link) = test.AddRecorder(new PhyTraits(3, Speed.S800));
        var (slow, _) = test.AddRecorder(new PhyTraits(2, Speed.S200));
        var (behind, far) = test.AddRecorder(new PhyTraits(1, Speed.S800));
        var (off, sleeper) = test.AddRecorder(new PhyTraits(1, Speed.S800));
        sleeper.IsOn = false;
        test.Bus.Connect(fast, slow);
        test.Bus.Connect(slow, behind);
        test.Bus.Connect(fast, off);
        test.Settle();
        far.Answer = Ack.BusyA;
        Send(link, fast, behind.PhysicalId, Speed.S200);
        Send(link, fast, behind.PhysicalId, Speed.S400);
        Send(link, fast, off.PhysicalId, Speed.S100);
        Send(link, fast, fast.PhysicalId, Speed.S100);
        Send(link, fast, 40, Speed.S100);
        Send(link, fast, 63, Speed.S100);
        Send(link, fast, behind.PhysicalId, Speed.S100, headerError: true);
        test.Settle();
        Assert.Equal([Ack.BusyA, Ack.Missing, Ack.Missing, Ack.Missing, Ack.Missing, Ack.Complete, Ack.Missing], link.Acks);
        Assert.Equal(2, far.Heard.Count);
        // The self-ID of a link without power says so.
        Assert.Equal(0u, link.SelfIds[off.PhysicalId] & (1 << 22));
    }

    [Fact]
    public void Everybody_has_a_turn_before_anybody_has_two_and_the_nearest_to_the_root_is_first()
    {
        var test = new TestBus();
        var links = new List<(Phy Phy, Recorder Link)>();
        for (int i = 0; i < 5; i++)
        {
            links.Add(test.AddRecorder(new PhyTraits()));
            if (i > 0)
                test.Bus.Connect(links[i - 1].Phy, links[i].Phy);
        }
        test.Settle();
        Recorder root = links.Single(link => link.Phy.IsRoot).Link;
        foreach ((Phy phy, Recorder link) in links.Where(link => !link.Phy.IsRoot))
        {
            for (int i = 0; i < 3; i++)
                Send(link, phy, root.Phy.PhysicalId, Speed.S400);
        }
        test.Settle();
        string[] round = ["WriteQuadlet from 3", "WriteQuadlet from 2", "WriteQuadlet from 1", "WriteQuadlet from 0"];
        Assert.Equal([.. round, .. round, .. round], root.Heard);
    }

    [Fact]
    public void A_cycle_has_its_start_then_isochronous_then_asynchronous_packets()
    {
        var test = new TestBus();
        var (a, linkA) = test.AddRecorder(new PhyTraits());
        var (b, linkB) = test.AddRecorder(new PhyTraits());
        test.Bus.Connect(a, b);
        a.HoldsForRoot = true;
        test.Settle();
        test.Settle();
        Assert.True(a.IsRoot);
        linkA.SendsCycles = true;
        linkB.WantsCycles = true;
        a.Segment.CyclesChanged();
        linkA.Clock.Write(100 << 12, test.Simulator.Now);
        long due = linkA.Clock.NextCycle(test.Simulator.Now);
        test.Simulator.RunTo(due - 10);
        linkB.Heard.Clear();
        // It is too late to be through before the cycle start.
        Send(linkA, a, b.PhysicalId, Speed.S100);
        Send(linkA, a, b.PhysicalId, Speed.S100);
        var iso = new Packet { Speed = Speed.S400 };
        iso.Stream(5, 1, 0, new byte[64]);
        linkA.Isochronous.Enqueue(iso);
        test.Simulator.RunFor(BusTime.TicksPerCycle);
        Assert.Equal(["WriteQuadlet from 1", "cycle 101", "channel 5", "WriteQuadlet from 1"], linkB.Heard);
        // All clocks follow the master's.
        Assert.Equal(linkA.CycleTime, linkB.CycleTime);
        linkA.SendsCycles = false;
        a.Segment.CyclesChanged();
        linkB.Heard.Clear();
        test.Simulator.RunFor(BusTime.TicksPerCycle * 10);
        Assert.Empty(linkB.Heard);
        Assert.Equal(linkA.CycleTime, linkB.CycleTime);
    }

    [Fact]
    public void A_reset_forgets_what_waited_for_the_bus()
    {
        var test = new TestBus();
        var (a, linkA) = test.AddRecorder(new PhyTraits());
        var (b, linkB) = test.AddRecorder(new PhyTraits());
        test.Bus.Connect(a, b);
        test.Settle();
        Send(linkA, a, b.PhysicalId, Speed.S400);
        a.InitiateReset(isLong: true);
        test.Settle();
        Assert.Empty(linkB.Heard);
        Assert.Empty(linkA.Acks);
        Send(linkA, a, b.PhysicalId, Speed.S400);
        test.Settle();
        Assert.Single(linkB.Heard);
    }

    private static void Send(Recorder link, Phy from, int to, Speed speed, bool headerError = false)
    {
        var packet = new Packet { Speed = speed };
        packet.Request(Tcode.WriteQuadlet, 0, (ushort)(0xFFC0 | to), (ushort)(0xFFC0 | from.PhysicalId), 0);
        packet.HasHeaderError = headerError;
        link.Send(packet);
    }
}
