using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.Net;
using Sluice.Tests.Net;

namespace Sluice.Tests.Fuzz.Network;

/// <summary>
/// Whoever else is on the wire: frames that a good neighbour, a DHCP and a TFTP server would send, by what the card sent last, and what becomes of
/// them when somebody means ill.
/// </summary>
internal sealed class Peer(Func<MacAddress> station)
{
    public static readonly Ipv4Address Ours = NetMachine.First, Theirs = NetMachine.Second;

    public static readonly MacAddress Mac = NetMachine.SecondMac;

    /// <summary>A port that echoes; one whose datagrams wait.</summary>
    public const ushort EchoPort = 7, QueuePort = 5000;

    // TFTP answers from a port of its own choice.
    private const ushort TransferPort = 6900;

    /// <summary>A frame for the card: whole, changed here and there, cut, or nothing but noise.</summary>
    public byte[] Choose(Choices choices, List<byte[]> sent)
    {
        byte[] frame = choices.Pick(2, 3, 3, 3, 2, 3, 3, 2, 2, 1, 3) switch
        {
            0 => Plain(choices),
            1 => Wires.Ethernet(choices.OneIn(2) ? station() : MacAddress.Broadcast, Mac, 0x0806,
                Wires.Arp((ushort)choices.Pick(3, 3, 1), Mac, Theirs, choices.OneIn(2) ? station() : default, choices.OneIn(8) ? Theirs : Ours)),
            2 => Wires.Ethernet(station(), Mac, 0x0800, Wires.Ipv4(Theirs, Ours, 1, Wires.Echo((byte)(choices.OneIn(4) ? 0 : 8), 1, 2, Noise(choices, 1400)), options: new byte[4 * choices.Pick(6, 1, 1)])),
            3 => Wires.Datagram(station(), Mac, Theirs, 4000, Ours, EchoPort, Noise(choices, 1472)),
            4 => Wires.Datagram(station(), Mac, Theirs, 4000, Ours, QueuePort, Noise(choices, 1472)),
            5 => Answer(choices, sent),
            6 => Wires.Datagram(MacAddress.Broadcast, Mac, Theirs, 67, Ours, 68, Dhcp(choices, Transaction(sent))),
            7 => Wires.Datagram(station(), Mac, Theirs, TransferPort, Ours, (ushort)(49152 + choices.Small(4)), Tftp(choices)),
            8 => Wires.Ethernet(station(), Mac, 0x0800, Noise(choices, 1500), choices.OneIn(2) ? (ushort)choices.Below(4096) : null),
            9 => Wires.Datagram(station(), Mac, Theirs, 4000, Ours, EchoPort, Noise(choices, 8900)),
            _ => Odd(choices),
        };
        for (int changes = choices.Pick(4, 2, 1, 1); changes > 0 && frame.Length != 0; changes--)
            Change(choices, frame);
        int cut = choices.OneIn(6) ? choices.Below(frame.Length + 1) : frame.Length;
        frame = frame[..cut];
        return frame.Length >= 60 || choices.OneIn(4) ? frame : [.. frame, .. new byte[60 - frame.Length]];
    }

    /// <summary>An ARP request that every card answers whose interface has our address.</summary>
    public byte[] Question() => [.. Wires.Ethernet(MacAddress.Broadcast, Mac, 0x0806, Wires.Arp(1, Mac, Theirs, default, Ours)), .. new byte[18]];

    /// <summary>A datagram that comes back.</summary>
    public byte[] Echo(int bytes) => Wires.Datagram(station(), Mac, Theirs, 4000, Ours, EchoPort, new byte[bytes]);

    private byte[] Plain(Choices choices)
    {
        byte[] frame = new byte[60 + choices.Small(1455)];
        choices.Fill(frame);
        station().Write(frame);
        frame[6] = 2;
        return frame;
    }

    // Right at the outside: of any protocol, for whom it is not, fragments.
    private byte[] Odd(Choices choices)
    {
        byte protocol = choices.Pick(3, 2, 1) switch { 0 => 1, 1 => 17, _ => (byte)choices.Below(256) };
        byte[] data = choices.OneIn(2) ? Wires.Echo((byte)choices.Pick(1, 1, 1, 1, 1, 1, 1, 1, 4), 1, 1, Noise(choices, 100)) : Noise(choices, 100);
        Ipv4Address to = choices.Pick(2, 1, 1, 1) switch { 0 => Ours, 1 => Ipv4Address.Broadcast, 2 => NetMachine.Ip("10.0.0.255"), _ => Ipv4Address.FromNumber(choices.Word()) };
        Ipv4Address from = choices.OneIn(6) ? Ipv4Address.FromNumber(choices.Word()) : Theirs;
        return Wires.Ethernet(choices.OneIn(3) ? MacAddress.Broadcast : station(), Mac, 0x0800,
            Wires.Ipv4(from, to, protocol, data, fragment: choices.OneIn(4) ? (ushort)choices.Below(1 << 16) : (ushort)0x4000));
    }

    private static byte[] Noise(Choices choices, int most)
    {
        byte[] bytes = new byte[choices.Small(most + 1)];
        choices.Fill(bytes);
        return bytes;
    }

    // Fields of the headers more often than data; to values that matter.
    private static void Change(Choices choices, byte[] frame)
    {
        int at = choices.OneIn(3) ? choices.Below(frame.Length) : Math.Min(12 + choices.Below(50), frame.Length - 1);
        frame[at] = choices.Pick(1, 1, 1, 2) switch
        {
            0 => 0,
            1 => 0xFF,
            2 => (byte)(frame[at] ^ 1 << choices.Below(8)),
            _ => (byte)choices.Below(256),
        };
    }

    // What a good neighbour would say to the newest frame that asks for something.
    private byte[] Answer(Choices choices, List<byte[]> sent)
    {
        for (int i = sent.Count - 1; i >= 0 && i >= sent.Count - 4; i--)
        {
            byte[] frame = sent[i];
            if (frame.Length >= 42 && frame[12] == 8 && frame[13] == 6 && frame[21] == 1)
                return Wires.Ethernet(station(), Mac, 0x0806, Wires.Arp(2, Mac, Wires.Address(frame.AsSpan(38)), station(), Wires.Address(frame.AsSpan(28))));
            if (frame.Length < 42 || frame[12] != 8 || frame[13] != 0 || frame[14] != 0x45)
                continue;
            if (frame[23] == 1 && frame[34] == 8)
            {
                int total = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(16)), frame.Length - 14);
                return Wires.Ethernet(station(), Mac, 0x0800, Wires.Ipv4(Wires.Address(frame.AsSpan(30)), Ours, 1,
                    Wires.Echo(0, BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(38)), BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(40)), frame.AsSpan(42, Math.Max(0, total - 28)))));
            }
            ushort from = BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(34)), to = BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(36));
            if (frame[23] == 17 && to == 67)
                return Wires.Datagram(MacAddress.Broadcast, Mac, Theirs, 67, Ours, 68, Dhcp(choices, Transaction(sent)));
            if (frame[23] == 17 && (to is 69 or TransferPort))
                return Wires.Datagram(station(), Mac, Theirs, TransferPort, Ours, from, Tftp(choices));
        }
        return Question();
    }

    // Of the newest DHCP message.
    private static uint Transaction(List<byte[]> sent)
    {
        for (int i = sent.Count - 1; i >= 0 && i >= sent.Count - 8; i--)
        {
            if (sent[i].Length >= 282 && sent[i][23] == 17 && sent[i][37] == 67)
                return BinaryPrimitives.ReadUInt32BigEndian(sent[i].AsSpan(46));
        }
        return 7;
    }

    private byte[] Dhcp(Choices choices, uint transaction)
    {
        byte[] message = DhcpServer.Message(2, choices.Pick(3, 3, 2, 1) switch { 0 => 2, 1 => 5, 2 => 6, _ => choices.Below(10) },
            transaction, station(), Ours, Theirs, choices.OneIn(3) ? choices.Word() : 1000, Theirs);
        for (int changes = choices.Pick(5, 1, 1, 1); changes > 0; changes--)
            message[choices.OneIn(2) ? choices.Below(message.Length) : 236 + choices.Below(64)] = (byte)choices.Below(256);
        return message;
    }

    private static byte[] Tftp(Choices choices) => choices.Pick(3, 2, 1, 2) switch
    {
        0 => [0, 3, 0, (byte)choices.Small(8), .. new byte[choices.OneIn(2) ? 512 : choices.Small(1500)]],
        1 => [0, 6, .. "blksize\0"u8, .. System.Text.Encoding.ASCII.GetBytes($"{choices.Small(3000)}"), 0],
        2 => [0, 5, 0, 1, .. "no\0"u8],
        _ => [0, (byte)choices.Below(8), .. Noise(choices, 60)],
    };
}
