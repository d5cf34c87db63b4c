using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;
using Xunit;

namespace Sluice.Tests.FireWire.Model;

/// <summary>Trees, their roots, and what self-ID packets say of them.</summary>
public sealed class TopologyTests
{
    [Fact]
    public void Self_ids_of_a_chain_of_three_are_bit_for_bit_those_of_the_standard()
    {
        var test = new TestBus();
        var (leaf, _) = test.AddRecorder(new PhyTraits(1, Speed.S100, PowerClass: 4));
        var (root, link) = test.AddRecorder(new PhyTraits(3, Speed.S400, PowerClass: 1, IsContender: true));
        var (other, _) = test.AddRecorder(new PhyTraits(2, Speed.S200));
        root.HoldsForRoot = true;
        test.Bus.Connect(leaf.Ports[0], root.Ports[1]);
        test.Bus.Connect(root.Ports[2], other.Ports[1]);
        test.Settle();
        Assert.Equal([
            // 10 000000 0 1 gap 111111 sp 00 00 c 0 pwr 100, p0 parent, i 0 (the later cable's ends began the last reset).
            0x807F0480,
            // PHY 1: sp 01, p0 not connected, p1 parent, i.
            0x817F4062,
            // PHY 2: sp 10, contender, power 1, p0 not connected, p1 and p2 children, i.
            0x827F897E,
        ], link.SelfIds);
    }

    [Fact]
    public void Many_ports_take_more_packets()
    {
        var test = new TestBus();
        var (hub, _) = test.AddRecorder(new PhyTraits(16));
        var (leaf, link) = test.AddRecorder(new PhyTraits(1));
        leaf.HoldsForRoot = true;
        test.Bus.Connect(hub.Ports[15], leaf.Ports[0]);
        test.Settle();
        // p3 to p10 of packet 0, p11 to p15 of packet 1, the last one the parent.
        Assert.Equal([0x807F8057, 0x80815555, 0x80915600, 0x817F80C2], link.SelfIds.ToArray());
    }

    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 60).Select(i => (ulong)i)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Self_ids_of_any_tree_decode_to_that_tree(ulong seed)
    {
        var random = new SeededRandom(seed);
        var test = new TestBus(seed);
        int count = 1 + random.Below(FireWireBus.MostNodes);
        var links = new List<Recorder>();
        for (int i = 0; i < count; i++)
        {
            var (phy, link) = test.AddRecorder(new PhyTraits(2 + random.Below(15), (Speed)random.Below(4), random.Below(8), random.Coin()));
            links.Add(link);
            if (i == 0)
                continue;
            Phy[] free = [.. test.Bus.Phys.Take(i).Where(other => other.Ports.Any(port => port.Peer == null))];
            Phy parent = free[random.Below(free.Length)];
            Port[] ports = [.. parent.Ports.Where(port => port.Peer == null)];
            test.Bus.Connect(ports[random.Below(ports.Length)], phy.Ports[random.Below(phy.Ports.Count)]);
        }
        Phy? wanted = random.Coin() ? test.Bus.Phys[random.Below(count)] : null;
        if (wanted != null)
            wanted.HoldsForRoot = true;
        test.Simulator.RunFor(BusTime.TicksPerSecond);
        test.Bus.Phys[random.Below(count)].InitiateReset(random.Coin());
        test.Simulator.RunFor(BusTime.TicksPerSecond);

        Segment segment = test.Bus.Phys[0].Segment;
        Assert.Equal(count, segment.Phys.Count);
        if (wanted != null)
            Assert.Same(wanted, segment.Root);
        Assert.Equal(count - 1, segment.Root!.PhysicalId);
        Assert.True(Topology.TryDecode(segment.SelfIds, out IReadOnlyList<TopologyNode> nodes));
        Assert.Equal(count, nodes.Count);
        foreach (Phy phy in test.Bus.Phys)
        {
            TopologyNode node = nodes[phy.PhysicalId];
            Assert.Equal((phy.MaxSpeed, phy.PowerClass, phy.IsContender, true), (node.Speed, node.PowerClass, node.IsContender, node.IsLinkActive));
            Assert.Equal(phy.Ports.Select(port => port.Code), node.Ports);
            Assert.Equal(phy.Ports.Where(port => port.Code == PortCode.Child).Select(port => port.Peer!.Phy.PhysicalId), node.Children);
            // A cable has a child's port at one end and a parent's at the other.
            Assert.All(phy.Ports, port => Assert.Equal(port.IsConnected, port.Code is PortCode.Child or PortCode.Parent));
            Assert.Equal(Walk(phy, segment.Phys.Count), Enumerable.Range(0, count).Select(other => segment.SpeedBetween(phy.PhysicalId, other)));
        }
        Assert.All(links, link => Assert.Equal(segment.SelfIds.ToArray(), link.SelfIds));
    }

    [Fact]
    public void The_same_seed_gives_the_same_root_and_another_may_give_another()
    {
        Phy[] roots = [.. Enumerable.Range(1, 40).Select(seed => RootOfTwo((ulong)seed))];
        Assert.Equal(2, roots.Select(root => root.Name).Distinct().Count());
        Assert.All(Enumerable.Range(1, 40), seed => Assert.Equal(roots[seed - 1].Name, RootOfTwo((ulong)seed).Name));

        static Phy RootOfTwo(ulong seed)
        {
            var test = new TestBus(seed);
            test.Bus.Connect(test.AddRecorder(new PhyTraits()).Phy, test.AddRecorder(new PhyTraits()).Phy);
            test.Settle();
            return test.Bus.Phys[0].Segment.Root!;
        }
    }

    [Theory]
    // An empty bus; a child without parent; a second root; wrong order; the middle of three packets missing.
    [InlineData()]
    [InlineData(0x807F80C0u)]
    [InlineData(0x807F8000u, 0x817F8000u)]
    [InlineData(0x817F8080u, 0x807F80C0u)]
    [InlineData(0x807F8057u, 0x80915600u, 0x817F80C2u)]
    [InlineData(0x807F8057u)]
    [InlineData(0x807F8080u, 0x817F8080u)]
    [InlineData(0x807F80A0u, 0x817F80C0u)]
    [InlineData(0x007F8080u, 0x817F80C0u)]
    public void What_is_no_tree_is_refused(params uint[] selfIds) => Assert.False(Topology.TryDecode(selfIds, out _));

    [Fact]
    public void Noise_is_never_worse_than_refused()
    {
        var random = new SeededRandom(3);
        for (int i = 0; i < 20_000; i++)
        {
            uint[] noise = [.. Enumerable.Range(0, random.Below(12)).Select(_ => 0x8000_0000 | (uint)random.Next())];
            if (Topology.TryDecode(noise, out IReadOnlyList<TopologyNode> nodes))
                Assert.Equal(nodes.Count - 1, nodes.Sum(node => node.Children.Count));
        }
    }

    // The slowest PHY on each path, found by walking it.
    private static Speed[] Walk(Phy from, int count)
    {
        var speeds = new Speed[count];
        var seen = new HashSet<Phy> { from };
        var next = new Stack<(Phy, Speed)>([(from, from.MaxSpeed)]);
        while (next.TryPop(out (Phy Phy, Speed Speed) at))
        {
            speeds[at.Phy.PhysicalId] = at.Speed;
            foreach (Port port in at.Phy.Ports.Where(port => port.Peer != null && seen.Add(port.Peer.Phy)))
                next.Push((port.Peer!.Phy, (Speed)Math.Min((byte)at.Speed, (byte)port.Peer.Phy.MaxSpeed)));
        }
        return speeds;
    }
}
