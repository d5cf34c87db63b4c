using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.Net;

namespace Sluice.Tests.Net;

/// <summary>A DHCP server on the other end of a wire, written by RFC 2131's figures, that can be told to misbehave.</summary>
internal sealed class DhcpServer(TestPort port)
{
    public Ipv4Address Server { get; set; } = NetMachine.Second;

    public Ipv4Address Offered { get; set; } = NetMachine.Ip("10.0.0.50");

    public uint Lease { get; set; } = 1000;

    /// <summary>Changes an answer before it goes out; null sends none.</summary>
    public Func<int, byte[], byte[]?> Change { get; set; } = (_, message) => message;

    /// <summary>Whether somebody has the address that is offered.</summary>
    public bool IsTaken { get; set; }

    /// <summary>Kinds of message that came: 1 discover, 3 request, 4 decline, 7 release.</summary>
    public List<int> Kinds { get; } = [];

    /// <summary>The fixed part and options of the last message.</summary>
    public byte[] Last { get; private set; } = [];

    /// <summary>Looks at what came and answers.</summary>
    public void Serve()
    {
        foreach (byte[] frame in port.ReceiveAll())
        {
            if (frame[12] == 8 && frame[13] == 6)
            {
                if (IsTaken && Wires.Address(frame.AsSpan(38)) == Offered)
                    port.Send(Wires.Ethernet(NetMachine.FirstMac, port.Mac, 0x0806, Wires.Arp(2, port.Mac, Offered, NetMachine.FirstMac, default)));
                else if (Wires.Address(frame.AsSpan(38)) == Server && frame[21] == 1)
                    port.Send(Wires.Ethernet(NetMachine.FirstMac, port.Mac, 0x0806, Wires.Arp(2, port.Mac, Server, NetMachine.FirstMac, Wires.Address(frame.AsSpan(28)))));
                continue;
            }
            Wires.MustBeRight(frame);
            if (BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(36)) == 67)
                Answer(frame.AsSpan(42).ToArray());
        }
    }

    private void Answer(byte[] message)
    {
        Last = message;
        int kind = Option(message, 53) is [var only] ? only : 0;
        Kinds.Add(kind);
        int answer = kind switch { 1 => 2, 3 => 5, _ => 0 };
        if (answer == 0)
            return;
        byte[]? reply = Change(answer, Message(2, answer, BinaryPrimitives.ReadUInt32BigEndian(message.AsSpan(4)), NetMachine.FirstMac, Offered, Server, Lease, Server));
        if (reply != null)
            port.Send(Wires.Datagram(NetMachine.FirstMac, port.Mac, Server, 67, Offered, 68, reply));
    }

    /// <summary>An option of a message; null if it has none.</summary>
    public static byte[]? Option(byte[] message, byte code)
    {
        for (int at = 240; at < message.Length && message[at] != 255; at += message[at] == 0 ? 1 : 2 + message[at + 1])
            if (message[at] == code)
                return message[(at + 2)..(at + 2 + message[at + 1])];
        return null;
    }

    public static byte[] Message(byte operation, int kind, uint transaction, MacAddress client, Ipv4Address yours, Ipv4Address server, uint lease, Ipv4Address router)
    {
        byte[] message = new byte[300];
        (message[0], message[1], message[2]) = (operation, 1, 6);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(4), transaction);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(16), yours.Number);
        client.Write(message.AsSpan(28));
        byte[] options = [99, 130, 83, 99, 53, 1, (byte)kind, 54, 4, 0, 0, 0, 0, 51, 4, 0, 0, 0, 0, 1, 4, 255, 255, 255, 0, 3, 4, 0, 0, 0, 0, 255];
        BinaryPrimitives.WriteUInt32BigEndian(options.AsSpan(9), server.Number);
        BinaryPrimitives.WriteUInt32BigEndian(options.AsSpan(15), lease);
        BinaryPrimitives.WriteUInt32BigEndian(options.AsSpan(27), router.Number);
        options.CopyTo(message, 236);
        return message;
    }
}
