using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Net;
using Xunit;

namespace Sluice.Tests.Net;

/// <summary>What an interface does with good packets.</summary>
public sealed class IpTests
{
    [Fact]
    public void It_answers_who_asks_for_its_address()
    {
        using var machine = new NetMachine();
        (IpInterface ip, TestPort port) = machine.Station();
        ip.Configure(NetMachine.First, 24, default);
        port.Send(Wires.Ethernet(MacAddress.Broadcast, port.Mac, 0x0806, Wires.Arp(1, port.Mac, NetMachine.Second, default, NetMachine.First)));
        Assert.Equal(Wires.Ethernet(port.Mac, NetMachine.FirstMac, 0x0806, Wires.Arp(2, NetMachine.FirstMac, NetMachine.First, port.Mac, NetMachine.Second)), port.Receive());
        port.Send(Wires.Ethernet(MacAddress.Broadcast, port.Mac, 0x0806, Wires.Arp(1, port.Mac, NetMachine.Second, default, NetMachine.Ip("10.0.0.9"))));
        Assert.Null(port.Receive());
    }

    [Theory]
    [InlineData(0, 4096)]
    [InlineData(1, 4096)]
    [InlineData(56, 4096)]
    [InlineData(1472, 4096)]
    [InlineData(1472, 2048)]
    [InlineData(4000, 2048)]
    [InlineData(8972, 2048)]
    [InlineData(8971, 1025)]
    public void Echoes_come_back_whole(int bytes, int piece)
    {
        using var machine = new NetMachine();
        (Loopback device, Loopback other) = NetMachine.Wire(9014);
        IpInterface ip = machine.Interface(device);
        var port = new TestPort(machine, other);
        ip.Configure(NetMachine.First, 24, default);
        byte[] data = Bytes(bytes);
        foreach (byte ttl in (byte[])[64, 1, 255])
        {
            port.Send(Wires.Ethernet(NetMachine.FirstMac, port.Mac, 0x0800, Wires.Ipv4(NetMachine.Second, NetMachine.First, 1, Wires.Echo(8, 7, 9, data), ttl)), piece);
            byte[] reply = port.Receive()!;
            Assert.Equal(Wires.Ethernet(port.Mac, NetMachine.FirstMac, 0x0800, Wires.Ipv4(NetMachine.First, NetMachine.Second, 1, Wires.Echo(0, 7, 9, data))), reply);
        }
        Assert.Equal(3ul, ip.Counters.EchoesAnswered);
    }

    [Fact]
    public void Padding_and_options_are_passed_over()
    {
        using var machine = new NetMachine();
        (IpInterface ip, TestPort port) = machine.Station();
        ip.Configure(NetMachine.First, 24, default);
        byte[] packet = Wires.Ipv4(NetMachine.Second, NetMachine.First, 1, Wires.Echo(8, 7, 9, [1, 2, 3]), options: [1, 1, 1, 1, 0, 0, 0, 0]);
        port.Send([.. Wires.Ethernet(NetMachine.FirstMac, port.Mac, 0x0800, packet), .. new byte[30]]);
        byte[] reply = port.Receive()!;
        Assert.Equal(14 + packet.Length, reply.Length);
        Assert.Equal(Wires.Echo(0, 7, 9, [1, 2, 3]), reply[(14 + 28)..]);
        Assert.Equal(0, Wires.Checksum(reply.AsSpan(14, 28)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1472)]
    public void Datagrams_are_echoed_in_place(int bytes)
    {
        using var machine = new NetMachine();
        (IpInterface ip, TestPort port) = machine.Station();
        ip.Configure(NetMachine.First, 24, default);
        Assert.True(ip.TryOpen(7, out _, isEcho: true));
        byte[] data = Bytes(bytes);
        port.Send(Wires.Datagram(NetMachine.FirstMac, port.Mac, NetMachine.Second, 4000, NetMachine.First, 7, data));
        Assert.Equal(Wires.Datagram(port.Mac, NetMachine.FirstMac, NetMachine.First, 7, NetMachine.Second, 4000, data), port.Receive());
        // Between two such servers it would go on for good.
        port.Send(Wires.Datagram(NetMachine.FirstMac, port.Mac, NetMachine.Second, 7, NetMachine.First, 7, data));
        Assert.Null(port.Receive());
        Assert.Equal(1ul, ip.Counters[IpCounter.UdpEchoLoop]);
    }

    [Theory]
    [InlineData(NetworkFeatures.None)]
    [InlineData(NetworkFeatures.InsertsChecksums | NetworkFeatures.VerifiesChecksums)]
    public void Two_stations_find_each_other_and_talk(NetworkFeatures features)
    {
        using var machine = new NetMachine();
        (IpInterface first, IpInterface second) = machine.Pair(9014, features);
        Assert.True(first.TryOpen(0, out UdpSocket? client));
        Assert.True(second.TryOpen(5000, out UdpSocket? server));
        foreach (int bytes in (int[])[0, 1, 100, 1472, 5000, 8972])
        {
            byte[] data = Bytes(bytes);
            Assert.True(first.TryTakePacket((uint)bytes, out Frame packet));
            Fill(ref packet, data);
            Assert.True(client!.TrySend(ref packet, NetMachine.Second, 5000));
            machine.Run();
            Assert.True(server!.TryTake(out Frame received, out UdpSender sender));
            Assert.Equal((NetMachine.First, client.Port), (sender.Address, sender.Port));
            Assert.Equal(data, NetMachine.Take(ref received));
        }
        Assert.Equal((1, 1), (first.NeighbourCount, second.NeighbourCount));
    }

    [Fact]
    public void A_full_socket_drops_what_comes_and_counts_it()
    {
        using var machine = new NetMachine();
        (IpInterface ip, TestPort port) = machine.Station();
        ip.Configure(NetMachine.First, 24, default);
        Assert.True(ip.TryOpen(5, out UdpSocket? socket));
        for (int i = 0; i < UdpSocket.QueueCapacity + 3; i++)
            port.Send(Wires.Datagram(NetMachine.FirstMac, port.Mac, NetMachine.Second, 4000, NetMachine.First, 5, [(byte)i]));
        Assert.Equal(3ul, ip.Counters[IpCounter.UdpQueueFull]);
        for (int i = 0; i < UdpSocket.QueueCapacity; i++)
        {
            Assert.True(socket!.TryTake(out Frame frame, out _));
            Assert.Equal([(byte)i], NetMachine.Take(ref frame));
        }
    }

    [Fact]
    public void Packets_to_other_nets_go_by_the_gateway()
    {
        using var machine = new NetMachine();
        (IpInterface ip, TestPort port) = machine.Station();
        ip.Configure(NetMachine.First, 24, default);
        Assert.True(ip.TryOpen(0, out UdpSocket? socket));
        Send(ip, socket!, NetMachine.Ip("192.168.7.7"), [1]);
        Assert.Equal(1ul, ip.Counters[IpCounter.SendNoRoute]);
        ip.Configure(NetMachine.First, 24, NetMachine.Second);
        Send(ip, socket!, NetMachine.Ip("192.168.7.7"), [1]);
        machine.Run();
        Assert.Equal(Wires.Ethernet(MacAddress.Broadcast, NetMachine.FirstMac, 0x0806, Wires.Arp(1, NetMachine.FirstMac, NetMachine.First, default, NetMachine.Second)), port.Receive());
        port.Send(Wires.Ethernet(NetMachine.FirstMac, port.Mac, 0x0806, Wires.Arp(2, port.Mac, NetMachine.Second, NetMachine.FirstMac, NetMachine.First)));
        byte[] sent = port.Receive()!;
        Assert.Equal(port.Mac, MacAddress.Read(sent));
        Assert.Equal(NetMachine.Ip("192.168.7.7"), Wires.Address(sent.AsSpan(30)));
        Wires.MustBeRight(sent);
    }

    [Fact]
    public void Broadcasts_and_groups_have_their_own_addresses()
    {
        using var machine = new NetMachine();
        (IpInterface ip, TestPort port) = machine.Station();
        ip.Configure(NetMachine.First, 24, default);
        Assert.True(ip.TryOpen(0, out UdpSocket? socket));
        foreach ((string to, ulong mac) in ((string, ulong)[])[("255.255.255.255", 0xFFFF_FFFF_FFFF), ("10.0.0.255", 0xFFFF_FFFF_FFFF), ("224.129.2.3", 0x0302_015E_0001)])
        {
            Send(ip, socket!, NetMachine.Ip(to), [1]);
            machine.Run();
            Assert.Equal(mac, MacAddress.Read(port.Receive()!).Number);
        }
    }

    [Fact]
    public void Who_does_not_answer_is_asked_three_times_and_given_up()
    {
        using var machine = new NetMachine();
        (IpInterface ip, TestPort port) = machine.Station();
        ip.Configure(NetMachine.First, 24, default);
        Assert.True(ip.TryOpen(0, out UdpSocket? socket));
        for (int i = 0; i < 5; i++)
            Send(ip, socket!, NetMachine.Second, [1]);
        machine.Advance(10_000_000, 100_000);
        Assert.Equal(3, port.ReceiveAll().Count);
        Assert.Equal((2ul, 3ul), (ip.Counters[IpCounter.ArpPendingFull], ip.Counters[IpCounter.ArpTimeout]));
        Assert.Equal((0, 0), (ip.NeighbourCount, machine.Pool.Used));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Frames_of_its_VLAN_alone_come_through(bool byDevice)
    {
        using var machine = new NetMachine();
        (Loopback device, Loopback other) = NetMachine.Wire(features: byDevice ? NetworkFeatures.Vlan : NetworkFeatures.None);
        IpInterface ip = machine.Interface(device);
        var port = new TestPort(machine, other);
        ip.Vlan = 5;
        ip.Configure(NetMachine.First, 24, default);
        byte[] request = Wires.Arp(1, port.Mac, NetMachine.Second, default, NetMachine.First), reply = Wires.Arp(2, NetMachine.FirstMac, NetMachine.First, port.Mac, NetMachine.Second);
        port.Send(Wires.Ethernet(MacAddress.Broadcast, port.Mac, 0x0806, request));
        port.Send(Wires.Ethernet(MacAddress.Broadcast, port.Mac, 0x0806, request, 6));
        Assert.Null(port.Receive());
        Assert.Equal(2ul, ip.Counters[IpCounter.EthernetVlan]);
        if (byDevice)
            port.Send(Wires.Ethernet(MacAddress.Broadcast, port.Mac, 0x0806, request), flags: FrameFlags.Vlan, tag: 0x2005);
        else
            port.Send(Wires.Ethernet(MacAddress.Broadcast, port.Mac, 0x0806, request, 0x2005));
        Assert.Equal(Wires.Ethernet(port.Mac, NetMachine.FirstMac, 0x0806, reply, byDevice ? null : 0x2005), port.Receive());
        // And what it sends by itself has the tag.
        Assert.True(ip.TryOpen(0, out UdpSocket? socket));
        Send(ip, socket!, NetMachine.Second, [1, 2]);
        machine.Run();
        byte[] sent = port.Receive()!;
        Assert.Equal(byDevice ? [8, 0] : new byte[] { 0x81, 0, 0, 5, 8, 0 }, sent.AsSpan(12, byDevice ? 2 : 6).ToArray());
    }

    [Fact]
    public void It_talks_to_itself()
    {
        using var machine = new NetMachine();
        (IpInterface ip, TestPort port) = machine.Station();
        ip.Configure(NetMachine.First, 24, default);
        Assert.True(ip.TryOpen(0, out UdpSocket? client));
        Assert.True(ip.TryOpen(9, out UdpSocket? server));
        foreach (string to in (string[])["10.0.0.1", "127.0.0.1"])
        {
            Send(ip, client!, NetMachine.Ip(to), [1, 2, 3]);
            machine.Run();
            Assert.True(server!.TryTake(out Frame frame, out UdpSender sender));
            Assert.Equal(new byte[] { 1, 2, 3 }, NetMachine.Take(ref frame));
            Assert.Equal(NetMachine.Ip(to), sender.Address);
        }
        Assert.Null(port.Receive());
    }

    [Fact]
    public void While_the_link_is_down_nothing_is_kept_for_later()
    {
        using var machine = new NetMachine();
        (Loopback device, Loopback other) = NetMachine.Wire();
        IpInterface ip = machine.Interface(device);
        ip.Configure(NetMachine.First, 24, default);
        Assert.True(ip.TryOpen(0, out UdpSocket? socket));
        device.Link = default;
        Send(ip, socket!, Ipv4Address.Broadcast, [1]);
        machine.Run();
        Assert.Equal(1ul, ip.Counters[IpCounter.SendLinkDown]);
        Assert.Equal(0, machine.Pool.Used);
        Assert.Equal(0ul, other.Counters.Received);
    }

    internal static void Send(IpInterface ip, UdpSocket socket, Ipv4Address to, byte[] data, ushort port = 9)
    {
        Assert.True(ip.TryTakePacket((uint)data.Length, out Frame packet));
        Fill(ref packet, data);
        socket.TrySend(ref packet, to, port);
    }

    internal static void Fill(ref Frame packet, ReadOnlySpan<byte> data)
    {
        data[..(int)packet.Length].CopyTo(packet.Bytes);
        if (!packet.HasRest)
            return;
        int first = (int)packet.Length;
        Frame rest = packet.TakeRest();
        Fill(ref rest, data[first..]);
        packet.Append(ref rest);
    }

    internal static byte[] Bytes(int length) => [.. Enumerable.Range(1, length).Select(i => (byte)(i * 7 + i / 256))];
}
