using System;
using System.Buffers.Binary;
using Sluice.Dma;

namespace Sluice.Net;

/// <summary>An echo that came back.</summary>
public struct PingReply
{
    public Ipv4Address From;
    public ushort Sequence;

    /// <summary>Bytes of data, routers left to live, and how long it took.</summary>
    public uint Bytes;

    /// <inheritdoc cref="Bytes"/>
    public byte TimeToLive;

    /// <inheritdoc cref="Bytes"/>
    public ulong Microseconds;

    /// <summary>Whether each byte is the one that was sent.</summary>
    public bool IsRight;
}

/// <summary>Sends echo requests and takes the replies; one at a time per interface. Made while starting.</summary>
public sealed unsafe class Pinger
{
    private const int Remembered = 64, Piece = 256;

    private readonly ulong[] _sentAt = new ulong[Remembered];
    private readonly uint[] _sizes = new uint[Remembered];
    private readonly byte[] _piece = new byte[Piece];
    private IpInterface? _interface;
    private ushort _identifier, _sequence;

    /// <summary>Data of each request from now on: at most <see cref="IpInterface.LongestPayload"/>.</summary>
    public uint Bytes { get; set; }

    /// <summary>Replies from now on are those to this run's requests.</summary>
    /// <param name="bytes">See <see cref="Bytes"/>.</param>
    public void Start(IpInterface ip, uint bytes)
    {
        Stop();
        _interface = ip;
        Bytes = bytes;
        _sequence = 0;
        _identifier = (ushort)(1 + ip.Random.Below(ushort.MaxValue));
        ip.AwaitEchoes(_identifier);
    }

    /// <summary>Takes no more replies.</summary>
    public void Stop()
    {
        _interface?.AwaitEchoes(0);
        _interface = null;
    }

    /// <summary>Sends the next request; false if it was dropped.</summary>
    public bool TrySend(Ipv4Address to, ulong now)
    {
        if (!_interface!.TryTakePacket(Bytes, out Frame packet))
            return false;
        _sequence++;
        _sentAt[_sequence % Remembered] = now;
        _sizes[_sequence % Remembered] = Bytes;
        Fill(ref packet, 0);
        return _interface.TrySendEcho(ref packet, to, _identifier, _sequence);
    }

    /// <summary>Takes a reply; false if there is none.</summary>
    public bool TryTake(ulong now, out PingReply reply)
    {
        reply = default;
        if (!_interface!.TryTakeEcho(out Frame frame))
            return false;
        // The interface has checked all of it: header, lengths, checksum.
        uint link = ((EthernetHeader*)Packet.Data(ref frame))->Type == EthernetHeader.Vlan ? EthernetHeader.Bytes + EthernetHeader.VlanBytes : EthernetHeader.Bytes;
        var header = (Ipv4Header*)(Packet.Data(ref frame) + link);
        uint data = link + (header->VersionAndWords & 0xFU) * 4 + IcmpEcho.Bytes;
        var echo = (IcmpEcho*)(Packet.Data(ref frame) + data - IcmpEcho.Bytes);
        reply.From = header->Source;
        reply.TimeToLive = header->TimeToLive;
        reply.Sequence = echo->Sequence.Value;
        reply.Bytes = frame.PacketLength - data;
        bool isRecent = (ushort)(_sequence - reply.Sequence) < Remembered;
        reply.Microseconds = isRecent ? now - _sentAt[reply.Sequence % Remembered] : 0;
        reply.IsRight = isRecent && reply.Bytes == _sizes[reply.Sequence % Remembered] && IsRight(ref frame, data);
        frame.Free();
        return true;
    }

    // Byte i of request s is i * 7 + i / 256 + s.
    private void Fill(ref Frame packet, uint from)
    {
        Span<byte> bytes = packet.Bytes;
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = Byte(from + (uint)i, _sequence);
        if (!packet.HasRest)
            return;
        Frame rest = packet.TakeRest();
        Fill(ref rest, from + (uint)bytes.Length);
        packet.Append(ref rest);
    }

    private bool IsRight(ref Frame frame, uint data)
    {
        ushort sequence = BinaryPrimitives.ReadUInt16BigEndian(frame.Bytes.Slice((int)data - 2));
        for (uint at = 0; at < frame.PacketLength - data;)
        {
            int count = Packet.CopyTo(ref frame, data + at, _piece);
            for (int i = 0; i < count; i++)
            {
                if (_piece[i] != Byte(at + (uint)i, sequence))
                    return false;
            }
            at += (uint)count;
        }
        return true;
    }

    private static byte Byte(uint index, ushort sequence) => (byte)(index * 7 + index / 256 + sequence);
}
