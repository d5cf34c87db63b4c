using System.Linq;
using Sluice.Dma;
using Sluice.Drivers.Ip1394;
using Sluice.FireWire.Nodes;
using Sluice.Net;
using Sluice.Tests.Dma;
using Sluice.Tests.Net;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>IPv4 between nodes of ours on the model's bus.</summary>
public sealed class Ip1394Tests
{
    public static TheoryData<string> Kinds => NetMachine.Kinds;

    [Theory, MemberData(nameof(Kinds))]
    public void Pings_of_all_kinds_of_sizes_go_both_ways(string kind)
    {
        using var machine = new Ip1394Machine(MachineKind.All.Single(known => known.ToString() == kind));
        (Ip1394Host one, Ip1394Host two) = machine.Pair();
        var pinger = new Pinger();
        foreach (uint bytes in (uint[])[0, 1, 56, 1472, 2015, 2016, 2017, 2018, 4000, one.Ip.LongestPayload])
        {
            machine.Ping(one, two, pinger, bytes);
            machine.Ping(two, one, pinger, bytes);
        }
        // Who answers knows who asked.
        Assert.Equal((0ul, 1ul), (one.Ip.Counters.ArpAnswered, two.Ip.Counters.ArpAnswered));
        CheckNothingDropped(one, two);
    }

    // The longest that goes whole at S100 has 512 - 4 - 28 bytes.
    [Fact]
    public void Every_size_arrives_at_S100_in_up_to_nine_fragments()
    {
        using var machine = new Ip1394Machine();
        (Ip1394Host one, Ip1394Host two) = machine.Pair(Model.Speed.S100);
        Assert.Equal(100, one.Device.Link.Megabits);
        var pinger = new Pinger();
        machine.Ping(one, two, pinger, 480);
        Assert.Equal(0ul, one.Device.Drops.FragmentsSent);
        machine.Ping(one, two, pinger, 481);
        Assert.Equal((2ul, 2ul, 1ul), (one.Device.Drops.FragmentsSent, two.Device.Drops.FragmentsReceived, two.Device.Drops.Reassembled));
        for (uint bytes = 0; bytes <= one.Ip.LongestPayload; bytes += bytes is < 600 or > 3990 ? 1u : 13)
            machine.Ping(one, two, pinger, bytes);
        machine.Ping(two, one, pinger, one.Ip.LongestPayload);
        CheckNothingDropped(one, two);
    }

    [Fact]
    public void What_is_said_to_all_is_heard_by_all_in_fragments_too()
    {
        using var machine = new Ip1394Machine();
        (Ip1394Host one, Ip1394Host two) = machine.Pair();
        Ip1394Host three = machine.Host();
        machine.Settle();
        Assert.True(one.Ip.TryOpen(5000, out UdpSocket? sender));
        Assert.True(two.Ip.TryOpen(5001, out UdpSocket? second));
        Assert.True(three.Ip.TryOpen(5001, out UdpSocket? third));
        foreach (int bytes in (int[])[1, 472, 473, 1472, 4000])
        {
            byte[] data = IpTests.Bytes(bytes);
            IpTests.Send(one.Ip, sender!, Ipv4Address.Broadcast, data, 5001);
            machine.Until(() => second!.Waiting != 0 && third!.Waiting != 0);
            foreach (UdpSocket socket in (UdpSocket[])[second!, third!])
            {
                Assert.True(socket.TryTake(out Frame frame, out UdpSender from));
                Assert.Equal(one.Ip.Address, from.Address);
                Assert.Equal(data, NetMachine.Take(ref frame));
            }
        }
        CheckNothingDropped(one, two, three);
    }

    [Fact]
    public void After_bus_resets_everybody_is_found_again_though_numbers_change()
    {
        using var machine = new Ip1394Machine();
        (Ip1394Host one, Ip1394Host two) = machine.Pair();
        var pinger = new Pinger();
        machine.Ping(one, two, pinger, 56);
        ulong asked = one.Ip.Counters.ArpAnswered + two.Ip.Counters.ArpAnswered;
        for (int i = 0; i < 4; i++)
        {
            CoreNode root = i % 2 == 0 ? two.Node : one.Node;
            (one.Node.Phy.HoldsForRoot, two.Node.Phy.HoldsForRoot) = (root == one.Node, root == two.Node);
            root.Phy.InitiateReset(isLong: true);
            machine.Core.Pass(3_000_000, 1000);
            Assert.Equal(root.Core.Topology.Local, root.Core.Topology.Root);
            machine.Ping(one, two, pinger, 4000);
            machine.Ping(two, one, pinger, 56);
        }
        // Nobody had to be asked where he is, and the link was never down.
        Assert.Equal(asked, one.Ip.Counters.ArpAnswered + two.Ip.Counters.ArpAnswered);
        Assert.Equal((1ul, 1ul), (one.Device.Counters.LinkChanges, two.Device.Counters.LinkChanges));
    }

    [Fact]
    public void Who_goes_away_takes_the_link_along_and_who_comes_back_brings_it()
    {
        using var machine = new Ip1394Machine();
        (Ip1394Host one, Ip1394Host two) = machine.Pair();
        var pinger = new Pinger();
        machine.Ping(one, two, pinger, 56);
        machine.Core.Bus.Disconnect(two.Node.Phy);
        machine.Core.Pass(3_000_000, 1000);
        Assert.False(one.Device.Link.IsUp);
        Assert.False(two.Device.Link.IsUp);
        machine.Core.Bus.Connect(one.Node.Phy, two.Node.Phy);
        machine.Settle();
        machine.Ping(one, two, pinger, 56);
    }

    [Fact]
    public void Many_datagrams_at_once_wait_for_their_turn()
    {
        using var machine = new Ip1394Machine();
        (Ip1394Host one, Ip1394Host two) = machine.Pair(Model.Speed.S100);
        Assert.True(one.Ip.TryOpen(5000, out UdpSocket? sender));
        Assert.True(two.Ip.TryOpen(5001, out UdpSocket? receiver));
        machine.Ping(one, two, new Pinger(), 56);
        // 60 packets of three fragments; 32 writes at a time.
        for (int i = 0; i < 20; i++)
            IpTests.Send(one.Ip, sender!, two.Ip.Address, IpTests.Bytes(1472), 5001);
        machine.Until(() => receiver!.Waiting == 20);
        CheckNothingDropped(one, two);
    }

    [Fact]
    public void A_neighbour_by_another_hand_is_found_and_sends_back_what_he_gets()
    {
        using var machine = new Ip1394Machine();
        Ip1394Host host = machine.Host();
        var peer = new IpNode(new BusInformation(0x1234_5678_9ABC_DEF0, MaxRecord: 10));
        machine.Core.Add(peer);
        machine.Settle();
        host.Ip.Configure(NetMachine.Ip("10.13.94.1"), 24, default);
        Assert.True(host.Ip.TryOpen(0, out UdpSocket? socket));
        foreach (int bytes in (int[])[1, 2, 3, 4, 1000, 1472, 2015])
        {
            byte[] data = IpTests.Bytes(bytes);
            IpTests.Send(host.Ip, socket!, NetMachine.Ip("10.13.94.2"), data, 7);
            machine.Until(() => socket!.Waiting != 0);
            Assert.True(socket!.TryTake(out Frame frame, out _));
            Assert.Equal(data, NetMachine.Take(ref frame));
            IpTests.Send(host.Ip, socket!, NetMachine.Ip("10.13.94.2"), data, 9);
        }
        machine.Until(() => peer.Taken == 7);
        Assert.Equal((1, 7, 0), (peer.Answered, peer.Echoed, peer.Refused));
        CheckNothingDropped(host);
    }

    [Fact]
    public void In_steady_state_nothing_is_allocated()
    {
        using var machine = new Ip1394Machine();
        (Ip1394Host one, Ip1394Host two) = machine.Pair();
        var pinger = new Pinger();
        machine.Ping(one, two, pinger, 4000);
        int total = CoreMachine.Frames.Total;
        for (int i = 0; i < 500; i++)
            machine.Ping(one, two, pinger, 4000);
        Assert.Equal(total, CoreMachine.Frames.Total);
    }

    private static void CheckNothingDropped(params Ip1394Host[] hosts)
    {
        foreach (Ip1394Host host in hosts)
        {
            Ip1394Counters drops = host.Device.Drops;
            (drops.FragmentsReceived, drops.FragmentsSent, drops.Reassembled) = (0, 0, 0);
            Assert.Equal(default, drops);
            NetworkCounters counters = host.Device.Counters;
            Assert.Equal(0ul, counters.SendDropped + counters.Missed + counters.NoFrames);
        }
    }
}
