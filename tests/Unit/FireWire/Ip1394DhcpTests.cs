using System;
using System.Buffers.Binary;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Tests.Net;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>An address by DHCP over FireWire, whose messages name the client otherwise. Source: RFC 2855.</summary>
public sealed class Ip1394DhcpTests
{
    private static readonly Ipv4Address _offered = NetMachine.Ip("10.0.0.50");

    [Fact]
    public void A_server_on_the_bus_gives_an_address_with_messages_of_RFC_2855()
    {
        using var machine = new Ip1394Machine();
        (Ip1394Host client, Ip1394Host server) = machine.Pair();
        client.Ip.Unconfigure();
        // Whoever plays the server takes what comes to its device: our stack takes nothing from nobody.
        server.Device.Listener = null;
        Assert.True(client.Ip.Dhcp.TryStart());
        int answered = 0;
        machine.Until(() =>
        {
            answered += Serve(client, server) ? 1 : 0;
            return client.Ip.Address == _offered;
        }, 20_000_000);
        Assert.Equal(2, answered);
        Assert.Equal(2ul, client.Ip.Counters[IpCounter.DhcpMalformed]);
    }

    private static bool Serve(Ip1394Host client, Ip1394Host server)
    {
        Frame frame = default;
        if (server.Device.Receive(new Span<Frame>(ref frame)) == 0)
            return false;
        byte[] packet = NetMachine.Take(ref frame);
        if (packet[12] != 8 || packet[13] != 0)
            return false;
        Wires.MustBeRight(packet);
        byte[] message = packet[42..];
        // htype 24, hlen 0, no chaddr; to be answered to all; the client is its EUI-64 (type 27).
        Assert.Equal([1, 24, 0], message[..3]);
        Assert.Equal(new byte[16], message[28..44]);
        Assert.Equal(0x80, message[10]);
        byte[] identifier = [27, .. new byte[8]];
        BinaryPrimitives.WriteUInt64BigEndian(identifier.AsSpan(1), client.Node.Guid);
        Assert.Equal(identifier, DhcpServer.Option(message, 61));
        int kind = DhcpServer.Option(message, 53)![0];
        byte[] reply = DhcpServer.Message(2, kind == 1 ? 2 : 5, BinaryPrimitives.ReadUInt32BigEndian(message.AsSpan(4)), default, _offered, server.Ip.Address, 1000, default);
        // A server that answers as over Ethernet is not for us.
        Send(server, reply);
        (reply[1], reply[2]) = (24, 0);
        // The router of the message is none: the option goes.
        reply.AsSpan(236 + 25).Clear();
        reply[236 + 25] = 255;
        Send(server, reply);
        return true;
    }

    private static void Send(Ip1394Host server, byte[] message)
    {
        byte[] packet = Wires.Datagram(MacAddress.Broadcast, server.Device.Address, server.Ip.Address, 67, Ipv4Address.Broadcast, 68, message);
        Assert.True(CoreMachine.Frames.TryTake(out Frame frame));
        frame.SetLength((uint)packet.Length);
        frame.SetFlags(FrameFlags.None);
        packet.CopyTo(frame.Bytes);
        Assert.Equal(1, server.Device.Transmit(new Span<Frame>(ref frame)));
    }
}
