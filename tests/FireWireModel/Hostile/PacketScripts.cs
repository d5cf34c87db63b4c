using System.Collections.Generic;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Hostile;

/// <summary>Packets that no link should make. Source of the rules: IEEE 1394-1995, section 6.2.</summary>
internal static class PacketScripts
{
    private const int Burst = 64;

    private static readonly int[] _reserved = [3, 8, 0xC, 0xD, 0xE, 0xF];

    public static IReadOnlyList<Script> All { get; } =
    [
        new("tcodes", 5, "sends packets with transaction codes that there are not, and forged cycle starts") { Step = SendReserved },
        new("payload", 5, "sends blocks of more than 4,096 bytes, and of more than their speed has") { Step = SendLarge },
        new("lengths", 5, "sends blocks, locks and streams whose length is not what their header says") { Step = SendWrongLengths },
        new("crc", 5, "sends packets with wrong checks of header or data") { Step = SendWrongChecks },
        new("streams", 5, "sends stream packets on all channels: no CIP header, no GASP header, too short, too long") { Step = SendStreams },
        new("random", 5, "sends headers and data by chance, also from numbers that are not its own") { Step = SendRandom },
        new("flood", 15, "sends small writes, to all and to each, as fast as the bus lets it") { Step = Flood },
    ];

    private static void SendReserved(HostileNode node)
    {
        int code = _reserved[node.Random.Below(_reserved.Length)];
        Packet packet = node.Request((Tcode)code, code == 8 ? (ushort)0xFFFF : node.Target());
        if (node.Random.Coin())
            node.Fill(packet, node.Random.Below(64));
        node.Send(packet);
    }

    private static void SendLarge(HostileNode node)
    {
        Packet packet = node.Request(node.Random.Coin() ? Tcode.WriteBlock : Tcode.Lock, node.Target());
        node.Fill(packet, node.Random.Coin() ? 4097 + node.Random.Below(4096) : packet.Speed.MostAsynchronousBytes + 1 + node.Random.Below(8));
        node.Send(packet);
        Packet read = node.Request(Tcode.ReadBlock, node.Target());
        read.Q3 = (uint)(4097 + node.Random.Below(61_439)) << 16;
        node.Send(read);
    }

    private static void SendWrongLengths(HostileNode node)
    {
        Tcode[] codes = [Tcode.WriteBlock, Tcode.Lock, Tcode.ReadBlockResponse, Tcode.LockResponse];
        Packet packet = node.Request(codes[node.Random.Below(codes.Length)], node.Target());
        node.Fill(packet, node.Random.Below(256));
        int[] lengths = [0, 1, packet.DataBytes + 1, packet.DataBytes - 1, 4096, 0xFFFF];
        packet.Q3 = ((uint)lengths[node.Random.Below(lengths.Length)] << 16) | (uint)node.Random.Below(10);
        node.Send(packet);
        // The length is right, and wrong for what it is to do.
        Packet locks = node.Request(Tcode.Lock, node.Target());
        node.Fill(locks, node.Random.Below(20));
        locks.Q3 = (locks.Q3 & 0xFFFF_0000) | (uint)node.Random.Below(9);
        node.Send(locks);
        Packet stream = node.Stream(node.Random.Below(64), node.Random.Below(512));
        stream.Q0 = (stream.Q0 & 0xFFFF) | ((uint)lengths[node.Random.Below(lengths.Length)] << 16);
        node.Send(stream);
    }

    private static void SendWrongChecks(HostileNode node)
    {
        Packet packet = node.Request(node.Random.Coin() ? Tcode.WriteBlock : Tcode.Lock, node.Target());
        node.Fill(packet, 8);
        packet.HasHeaderError = node.Random.Coin();
        packet.HasDataError = !packet.HasHeaderError;
        node.Send(packet);
        Packet stream = node.Stream(node.Random.Below(64), 64);
        stream.HasDataError = true;
        node.Send(stream);
    }

    private static void SendStreams(HostileNode node)
    {
        for (int i = 0; i < 4; i++)
        {
            // 31 is the broadcast channel of IP over 1394, 63 a camcorder's.
            int channel = node.Random.Below(3) switch { 0 => 31, 1 => 63, _ => node.Random.Below(64) };
            node.Send(node.Stream(channel, node.Random.Below(4) switch { 0 => 0, 1 => node.Random.Below(16), 2 => node.Random.Below(512), _ => 8192 }));
        }
    }

    private static void SendRandom(HostileNode node)
    {
        Packet packet = node.Request((Tcode)node.Random.Below(16), node.Target());
        packet.Q0 = (packet.Q0 & 0xFFFF_00FF) | ((uint)node.Random.Next() & 0xFF00);
        packet.Q1 = ((uint)node.SomeSource() << 16) | ((uint)node.Random.Next() & 0xFFFF);
        packet.Q2 = (uint)node.Random.Next();
        if (node.Random.Coin())
            node.Fill(packet, node.Random.Below(2048));
        node.Send(packet);
    }

    private static void Flood(HostileNode node)
    {
        for (int i = 0; i < Burst; i++)
            node.Send(node.Request(Tcode.WriteQuadlet, node.Random.Below(8) == 0 ? (ushort)0xFFFF : node.Target()));
    }
}
