using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Core;
using Sluice.FireWire.Simulation;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Trees as the model's PHYs identify themselves, and what is no tree.</summary>
public sealed class TopologyTests
{
    // PHY 0: S100, power 4, port 0 to its parent. PHY 1: S200, port 1 to its parent, began the reset. PHY 2: S400, contender, power 1, link on.
    private static readonly uint[] _chain = [0x803F_0480, 0x813F_4062, 0x827F_897C];

    private readonly Topology _topology = new();

    [Fact]
    public void A_chain_of_three_is_read_bit_for_bit()
    {
        Assert.Equal(TopologyError.None, _topology.Read(_chain, 2));
        Assert.Equal((3, 2, 2, 2, 2, 63), (_topology.Count, _topology.Root, _topology.Local, _topology.ResourceManager, _topology.MostHops, _topology.GapCount));
        Assert.Equal((2, 2, 63), (_topology[0].Parent, _topology[1].Parent, _topology[2].Parent));
        Assert.Equal((0, 1, 63), (_topology[2].FirstChild, _topology[0].NextSibling, _topology[1].NextSibling));
        SelfId first = _topology[0].Self, second = _topology[1].Self, root = _topology[2].Self;
        Assert.True(first is { Node: 0, Speed: BusSpeed.S100, PowerClass: 4, IsLinkActive: false, IsContender: false, HasInitiatedReset: false, GapCount: 63 });
        Assert.True(second is { Node: 1, Speed: BusSpeed.S200, PowerClass: 0, HasInitiatedReset: true });
        Assert.True(root is { Node: 2, Speed: BusSpeed.S400, PowerClass: 1, IsLinkActive: true, IsContender: true, HasInitiatedReset: false });
        Assert.Equal([PortState.NotConnected, PortState.Child, PortState.Child], new[] { root.Port(0), root.Port(1), root.Port(2) });
        Assert.Equal(2, _topology.Hops(0, 1, out BusSpeed speed));
        Assert.Equal(BusSpeed.S100, speed);
        Assert.Equal(1, _topology.Hops(2, 1, out speed));
        Assert.Equal(BusSpeed.S200, speed);
        Assert.Equal(_chain, _topology.Packets.ToArray());
    }

    [Fact]
    public void Further_packets_hold_further_ports()
    {
        // 16 ports, only the last one connected, to the parent; then the root.
        Assert.Equal(TopologyError.None, _topology.Read([0x807F_8057, 0x8081_5555, 0x8091_5600, 0x817F_80C2], 1));
        Assert.Equal((PortState.NotConnected, PortState.Parent, PortState.Absent),
            (_topology[0].Self.Port(14), _topology[0].Self.Port(15), _topology[0].Self.Port(16)));
    }

    public static TheoryData<uint[], TopologyError> Malformed => new()
    {
        { [], TopologyError.Empty },
        { new uint[253], TopologyError.TooMany },
        { [0x403F_0480], TopologyError.BadPacket },
        { [0x8080_0000], TopologyError.BadPacket },                                             // further packet without a first
        { [0x803F_0481, 0x813F_40F0], TopologyError.BadPacket },                                // announced, but another node's first comes
        { [0x803F_0481], TopologyError.BadPacket },                                             // announced, nothing comes
        { [0x803F_0481, 0x8090_0000, 0x813F_40F0], TopologyError.BadPacket },                   // n = 1 before n = 0
        { [0x803F_0481, 0x8180_0000, 0x813F_40F0], TopologyError.BadPacket },                   // another node's
        { [0x803F_0481, 0x8080_0001, 0x8090_0001, 0x80A0_0001, 0x80B0_0000, 0x813F_40F0], TopologyError.BadPacket },   // a fifth one
        { [0x813F_0480, 0x803F_40C0], TopologyError.WrongOrder },
        { [0x803F_0480, 0x803F_40C0], TopologyError.WrongOrder },
        { [0x803F_0480, 0x823F_40C0], TopologyError.WrongOrder },
        { [0x803F_04A0, 0x813F_40C0], TopologyError.TwoParents },
        { [0x803F_0480, 0x813F_40F0], TopologyError.NoSuchChildren },
        { [0x803F_04C0], TopologyError.NoSuchChildren },
        { [0x803F_0440, 0x813F_40C0], TopologyError.EarlyRoot },
        { [0x803F_0480], TopologyError.NoRoot },
        { [0x803F_0480, 0x813F_4040], TopologyError.NoRoot },
        { [0x803F_0480, 0x813F_40E0], TopologyError.NoRoot },
        { [0x803F_0480, 0x813F_4080, 0x823F_40C0], TopologyError.NoRoot },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void What_is_no_tree_has_a_name_and_leaves_nothing(uint[] packets, TopologyError expected)
    {
        Assert.Equal(TopologyError.None, _topology.Read(_chain, 0));
        Assert.Equal(expected, _topology.Read(packets, 0));
        Assert.Equal((0, 0), (_topology.Count, _topology.Packets.Length));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(63)]
    [InlineData(-1)]
    public void A_number_that_nobody_has_is_not_ours(int local) => Assert.Equal(TopologyError.NotLocal, _topology.Read(_chain, local));

    [Fact]
    public void Sixty_four_nodes_are_too_many()
    {
        // 0 is a child of 1, that of 2, and so on; the last has no parent.
        uint[] packets = [.. Enumerable.Range(0, 64).Select(i => 0x803F_0000 | (uint)i << 24 | (i == 0 ? 0x80u : i == 63 ? 0xC0u : 0xE0u))];
        Assert.Equal(TopologyError.TooMany, _topology.Read(packets, 0));
        packets[62] = packets[62] & ~0xF0u | 0xC0;
        Assert.Equal(TopologyError.None, _topology.Read(packets.AsSpan(0, 63), 0));
        Assert.Equal(62, _topology.MostHops);
        Assert.Equal(63, _topology.BestGapCount);
    }

    [Fact]
    public void Quadlets_and_their_inverses_come_apart()
    {
        Span<uint> pairs = [_chain[0], ~_chain[0], _chain[1], ~_chain[1]];
        var packets = new uint[2];
        Assert.Equal(TopologyError.None, Topology.Unpair(pairs, packets));
        Assert.Equal(_chain[..2], packets);
        Assert.Equal(TopologyError.TooMany, Topology.Unpair(pairs, new uint[1]));
        Assert.Equal(TopologyError.NotInverse, Topology.Unpair(pairs[..3], packets));
        for (int bit = 0; bit < 128; bit++)
        {
            pairs[bit / 32] ^= 1u << bit % 32;
            Assert.Equal(TopologyError.NotInverse, Topology.Unpair(pairs, packets));
            pairs[bit / 32] ^= 1u << bit % 32;
        }
    }

    [Fact]
    public void Gap_counts_are_those_of_the_table_and_the_greatest_where_it_ends()
    {
        int[] expected = [63, 5, 7, 8, 10, 13, 16, 18, 21, 24, 26, 29, 32, 35, 37, 40, 43, 46, 48, 51, 54, 57, 59, 62, 63, 63];
        Assert.Equal(expected, Enumerable.Range(0, expected.Length).Select(Topology.GapCountFor));
        Assert.Equal(63, Topology.GapCountFor(-1));
        // From 4 hops on one line: there and back, 144 ns of a PHY and 4.5 m at 5.05 ns, in bits of BASE_RATE. An arbitration reset gap, 32 bits
        // for each count, must be longer than a subaction gap and the arbitration delay, 16 and 4, when the rates of two PHYs differ by 200 ppm.
        const double slope = 2 * (144e-9 + 4.5 * 5.05e-9) * 98.304e6 / (32 - 20 * 1.0002);
        double least = Enumerable.Range(4, 20).Max(hops => expected[hops] - 1 - slope * hops), most = Enumerable.Range(4, 20).Min(hops => expected[hops] - slope * hops);
        Assert.True(least < most, $"some start rounds up to all figures: {least} {most}");
        Assert.Equal(TopologyError.None, _topology.Read(_chain, 0));
        Assert.Equal(7, _topology.BestGapCount);
        // A PHY that repeats with delays that the table does not know.
        Assert.Equal(TopologyError.None, _topology.Read([_chain[0], _chain[1], _chain[2] | 0xC000], 0));
        Assert.Equal(63, _topology.BestGapCount);
        // Not the same everywhere.
        Assert.Equal(TopologyError.None, _topology.Read([_chain[0], _chain[1] & ~0x3F_0000u, _chain[2]], 0));
        Assert.Equal(-1, _topology.GapCount);
    }

    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 60).Select(i => (ulong)i)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Any_tree_is_read_as_it_is_wired(ulong seed)
    {
        Model.Segment segment = RandomTree(seed, 1 + new SeededRandom(seed).Below(63));
        int count = segment.Phys.Count;
        Assert.Equal(TopologyError.None, _topology.Read(segment.SelfIds, (int)(seed % (ulong)count)));
        Assert.Equal(count, _topology.Count);
        Assert.Equal(segment.Root!.PhysicalId, _topology.Root);
        int[] height = new int[count];
        int most = 0;
        for (int i = 0; i < count; i++)
        {
            Model.Phy phy = segment.Phys[i];
            Model.Port? up = phy.Ports.SingleOrDefault(port => port.Code == Model.PortCode.Parent);
            Assert.Equal(up?.Peer!.Phy.PhysicalId ?? 63, _topology[i].Parent);
            Assert.Equal(phy.Ports.Where(port => port.Code == Model.PortCode.Child).Select(port => port.Peer!.Phy.PhysicalId), ChildrenOf(i));
            Assert.Equal(phy.Ports.Select(port => (int)port.Code), Enumerable.Range(0, phy.Ports.Count).Select(port => (int)_topology[i].Self.Port(port)));
            int[] hops = HopsFrom(phy);
            for (int j = 0; j < count; j++)
            {
                Assert.Equal(hops[j], _topology.Hops(i, j, out BusSpeed speed));
                Assert.Equal((int)segment.SpeedBetween(i, j), (int)speed);
            }
            most = Math.Max(most, hops.Max());
        }
        Assert.Equal(most, _topology.MostHops);
        Assert.Equal(segment.Phys.Any(phy => phy.MaxSpeed == Model.Speed.S800), _topology.HasFastPhys);
        // Nobody's link works here, so nobody manages.
        Assert.Equal(63, _topology.ResourceManager);
        uint[] active = [.. segment.SelfIds.ToArray().Select(packet => (packet & 1 << 23) == 0 ? packet | 1 << 22 : packet)];
        Assert.Equal(TopologyError.None, _topology.Read(active, 0));
        Assert.Equal(segment.Phys.LastOrDefault(phy => phy.IsContender)?.PhysicalId ?? 63, _topology.ResourceManager);

        IEnumerable<int> ChildrenOf(int node)
        {
            for (int child = _topology[node].FirstChild; child != 63; child = _topology[child].NextSibling)
                yield return child;
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void What_is_changed_at_random_is_a_tree_for_us_if_it_is_one_for_the_model(ulong seed)
    {
        var random = new SeededRandom(seed * 77);
        var packets = new List<uint>(RandomTree(seed, 1 + random.Below(20)).SelfIds.ToArray());
        int trees = 0;
        for (int round = 0; round < 500; round++)
        {
            var changed = new List<uint>(packets);
            for (int changes = 1 + random.Below(3); changes > 0 && changed.Count > 0; changes--)
                Change(changed, random);
            uint[] all = [.. changed];
            TopologyError error = _topology.Read(all, 0);
            bool isTree = Model.Topology.TryDecode(all, out IReadOnlyList<Model.TopologyNode> nodes);
            // The model's nodes may have more packets than 27 ports take.
            bool isBeyond = nodes.Any(node => node.Ports.Count > SelfId.MostPorts);
            Assert.True(isTree == (error == TopologyError.None) || isBeyond, $"{error}: {string.Join(' ', all.Select(packet => packet.ToString("X8")))}");
            if (error != TopologyError.None)
                continue;
            trees++;
            Assert.Equal(nodes.Count, _topology.Count);
            Assert.All(nodes, node => Assert.All(node.Children, child => Assert.Equal(node.Id, _topology[child].Parent)));
        }
        Assert.InRange(trees, 1, 499);
    }

    [Fact]
    public void Noise_never_reaches_outside()
    {
        var random = new SeededRandom(4711);
        var noise = new uint[300];
        for (int round = 0; round < 20_000; round++)
        {
            int count = random.Below(12), node = 0;
            for (int i = 0; i < count; i++)
            {
                // Mostly what looks like the packets of the next node.
                noise[i] = (uint)random.Next();
                if (random.Below(8) != 0)
                    noise[i] = noise[i] & 0x00FF_FFFF | 0x8000_0000 | (uint)(random.Below(8) == 0 ? node : node++) << 24;
            }
            TopologyError error = _topology.Read(noise.AsSpan(0, count), random.Below(64));
            Assert.Equal(error == TopologyError.None, _topology.Count != 0);
            for (int i = 0; i < _topology.Count - 1; i++)
                Assert.InRange(_topology[i].Parent, i + 1, _topology.Count - 1);
        }
    }

    internal static Model.Segment RandomTree(ulong seed, int count)
    {
        var random = new SeededRandom(seed);
        var simulator = new Simulator();
        var bus = new Model.FireWireBus(simulator, seed);
        var phys = new List<Model.Phy>();
        for (int i = 0; i < count; i++)
        {
            phys.Add(bus.Add($"{i}", null, new Model.PhyTraits(2 + random.Below(15), (Model.Speed)random.Below(4), random.Below(8), random.Coin())));
            Model.Phy[] free = [.. phys.Take(i).Where(phy => phy.Ports.Any(port => port.Peer == null))];
            if (i > 0)
                bus.Connect(Free(phys[i]), Free(free[random.Below(free.Length)]));
        }
        simulator.RunFor(BusTime.TicksPerSecond);
        return phys[0].Segment;

        Model.Port Free(Model.Phy phy)
        {
            Model.Port[] ports = [.. phy.Ports.Where(port => port.Peer == null)];
            return ports[random.Below(ports.Length)];
        }
    }

    private static void Change(List<uint> packets, SeededRandom random)
    {
        int at = random.Below(packets.Count);
        switch (random.Below(5))
        {
            case 0:
                packets.RemoveAt(at);
                break;
            case 1:
                packets.Insert(at, packets[random.Below(packets.Count)]);
                break;
            case 2:
                int other = random.Below(packets.Count);
                (packets[at], packets[other]) = (packets[other], packets[at]);
                break;
            default:
                packets[at] ^= 1u << random.Below(32);
                break;
        }
    }

    private static int[] HopsFrom(Model.Phy from)
    {
        int[] hops = [.. Enumerable.Repeat(-1, from.Segment.Phys.Count)];
        hops[from.PhysicalId] = 0;
        var next = new Queue<Model.Phy>([from]);
        while (next.TryDequeue(out Model.Phy? phy))
        {
            foreach (Model.Port port in phy.Ports.Where(port => port.IsConnected && hops[port.Peer!.Phy.PhysicalId] < 0))
            {
                hops[port.Peer!.Phy.PhysicalId] = hops[phy.PhysicalId] + 1;
                next.Enqueue(port.Peer.Phy);
            }
        }
        return hops;
    }
}
