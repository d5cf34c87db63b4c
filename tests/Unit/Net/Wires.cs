using System;
using System.Buffers.Binary;
using Sluice.Net;

namespace Sluice.Tests.Net;

/// <summary>Packets made and read by another hand than the stack's: plain, slow, by the RFCs' figures.</summary>
internal static class Wires
{
    public static byte[] Ethernet(MacAddress to, MacAddress from, ushort type, ReadOnlySpan<byte> data, ushort? vlan = null)
    {
        byte[] frame = new byte[(vlan == null ? 14 : 18) + data.Length];
        to.Write(frame);
        from.Write(frame.AsSpan(6));
        int at = 12;
        if (vlan is { } tag)
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), 0x8100);
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(14), tag);
            at = 16;
        }
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(at), type);
        data.CopyTo(frame.AsSpan(at + 2));
        return frame;
    }

    public static byte[] Arp(ushort operation, MacAddress sender, Ipv4Address senderIp, MacAddress target, Ipv4Address targetIp)
    {
        byte[] arp = [0, 1, 8, 0, 6, 4, (byte)(operation >> 8), (byte)operation, .. new byte[20]];
        sender.Write(arp.AsSpan(8));
        Put(arp, 14, senderIp);
        target.Write(arp.AsSpan(18));
        Put(arp, 24, targetIp);
        return arp;
    }

    public static byte[] Ipv4(Ipv4Address from, Ipv4Address to, byte protocol, ReadOnlySpan<byte> data, byte ttl = 64, ushort fragment = 0x4000, ReadOnlySpan<byte> options = default)
    {
        byte[] packet = new byte[20 + options.Length + data.Length];
        packet[0] = (byte)(0x40 | 5 + options.Length / 4);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), 0x1234);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), fragment);
        packet[8] = ttl;
        packet[9] = protocol;
        Put(packet, 12, from);
        Put(packet, 16, to);
        options.CopyTo(packet.AsSpan(20));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), Checksum(packet.AsSpan(0, 20 + options.Length)));
        data.CopyTo(packet.AsSpan(20 + options.Length));
        return packet;
    }

    public static byte[] Udp(Ipv4Address from, ushort fromPort, Ipv4Address to, ushort toPort, ReadOnlySpan<byte> data, bool sum = true)
    {
        byte[] udp = new byte[8 + data.Length];
        BinaryPrimitives.WriteUInt16BigEndian(udp, fromPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(2), toPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(4), (ushort)udp.Length);
        data.CopyTo(udp.AsSpan(8));
        if (sum)
            BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(6), UdpChecksum(from, to, udp));
        return udp;
    }

    public static byte[] Echo(byte type, ushort id, ushort sequence, ReadOnlySpan<byte> data)
    {
        byte[] echo = [type, 0, 0, 0, (byte)(id >> 8), (byte)id, (byte)(sequence >> 8), (byte)sequence, .. data];
        BinaryPrimitives.WriteUInt16BigEndian(echo.AsSpan(2), Checksum(echo));
        return echo;
    }

    /// <summary>A UDP datagram in IPv4 in Ethernet.</summary>
    public static byte[] Datagram(MacAddress to, MacAddress from, Ipv4Address source, ushort sourcePort, Ipv4Address destination, ushort port, ReadOnlySpan<byte> data) =>
        Ethernet(to, from, 0x0800, Ipv4(source, destination, 17, Udp(source, sourcePort, destination, port, data)));

    /// <summary>Of a UDP datagram with its field zero or left out: what must stand there.</summary>
    public static ushort UdpChecksum(Ipv4Address from, Ipv4Address to, ReadOnlySpan<byte> udp)
    {
        byte[] all = new byte[12 + udp.Length];
        Put(all, 0, from);
        Put(all, 4, to);
        all[9] = 17;
        BinaryPrimitives.WriteUInt16BigEndian(all.AsSpan(10), (ushort)udp.Length);
        udp.CopyTo(all.AsSpan(12));
        all[18] = all[19] = 0;
        ushort sum = Checksum(all);
        return sum == 0 ? (ushort)0xFFFF : sum;
    }

    /// <summary>RFC 1071 word by word.</summary>
    public static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += (i & 1) == 0 ? (uint)bytes[i] << 8 : bytes[i];
            if (sum > 0xFFFF)
                sum -= 0xFFFF;
        }
        return (ushort)~sum;
    }

    /// <summary>Stops a test if lengths or checksums in an IPv4 frame are wrong.</summary>
    public static void MustBeRight(ReadOnlySpan<byte> frame)
    {
        ReadOnlySpan<byte> ip = frame[14..];
        Xunit.Assert.Equal(0x45, ip[0]);
        int total = BinaryPrimitives.ReadUInt16BigEndian(ip[2..]);
        Xunit.Assert.Equal(ip.Length, total);
        Xunit.Assert.Equal(0, Checksum(ip[..20]));
        if (ip[9] == 1)
            Xunit.Assert.Equal(0, Checksum(ip[20..]));
        if (ip[9] != 17)
            return;
        ReadOnlySpan<byte> udp = ip[20..];
        Xunit.Assert.Equal(udp.Length, BinaryPrimitives.ReadUInt16BigEndian(udp[4..]));
        Xunit.Assert.Equal(UdpChecksum(Address(ip[12..]), Address(ip[16..]), udp), BinaryPrimitives.ReadUInt16BigEndian(udp[6..]));
    }

    public static Ipv4Address Address(ReadOnlySpan<byte> bytes) => Ipv4Address.FromNumber(BinaryPrimitives.ReadUInt32BigEndian(bytes));

    private static void Put(byte[] bytes, int at, Ipv4Address address) => BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at), address.Number);
}
