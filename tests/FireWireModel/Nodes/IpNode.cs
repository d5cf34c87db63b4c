using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Nodes;

/// <summary>
/// A node that speaks IPv4 (RFC 2734) as little as a neighbour needs to be spoken to: it says that it has an address when it is asked for it,
/// sends UDP datagrams to port 7 back, and takes those to port 9. Datagrams in fragments are none to it.
/// </summary>
public sealed class IpNode : Node
{
    /// <summary>Where datagrams are written to it.</summary>
    public const ulong Fifo = 0x8000_0000_0000;

    /// <summary>The address that nodes have unless they are told otherwise: 10.13.94.2.</summary>
    public const uint DefaultAddress = 0x0A0D_5E02;

    private const int Channel = 31, GaspTag = 3, Header = 4, Ip = 20;
    private const uint Specifier = 0x5E, Ipv4Type = 0x0800, ArpType = 0x0806;
    private const ushort EchoPort = 7, DiscardPort = 9;

    // By node: where it has its datagrams written, as its last ARP packet said.
    private readonly ulong[] _fifos = new ulong[64];
    private readonly byte[] _answer = new byte[2048];

    public IpNode(in BusInformation information)
        : base(information, new RomDirectory().Value(0x03, (uint)(information.Guid >> 40)).Text("Sluice").Value(0x17, 5).Text("IPv4").Value(0x0C, 0x00_83C0)
            .Directory(0xD1, new RomDirectory().Value(0x12, Specifier).Text("IANA").Value(0x13, 1).Text("IPv4")))
    {
    }

    /// <summary>Its IPv4 address, first byte highest.</summary>
    public uint Address { get; init; } = DefaultAddress;

    /// <summary>ARP packets answered, datagrams sent back, and datagrams taken.</summary>
    public long Answered { get; private set; }

    public long Echoed { get; private set; }

    public long Taken { get; private set; }

    /// <summary>What was nothing of that, or could not be sent.</summary>
    public long Refused { get; private set; }

    public override void ResetStarted()
    {
        base.ResetStarted();
        Array.Clear(_fifos);
    }

    public override void ReceiveStream(Packet packet)
    {
        if (packet.Channel != Channel || packet.Tag != GaspTag || packet.HasDataError || packet.DataBytes < 8)
            return;
        ulong gasp = BinaryPrimitives.ReadUInt64BigEndian(packet.Data);
        if ((gasp & 0xFFFF_FFFF_FFFF) == ((ulong)Specifier << 24 | 1))
            Take((ushort)(gasp >> 48), packet.Data[8..]);
    }

    protected override Rcode Read(ushort source, ulong offset, Span<byte> data) => Rcode.AddressError;

    protected override Rcode Write(ushort source, ulong offset, ReadOnlySpan<byte> data, Speed speed)
    {
        if (offset != Fifo)
            return Rcode.AddressError;
        Take(source, data);
        return Rcode.Complete;
    }

    private void Take(ushort source, ReadOnlySpan<byte> data)
    {
        uint header = data.Length > Header ? BinaryPrimitives.ReadUInt32BigEndian(data) : uint.MaxValue;
        if (header == ArpType && data.Length >= Header + 32)
            TakeArp(source, data[Header..]);
        else if (header != Ipv4Type || data.Length < Header + Ip + 8 || data.Length > _answer.Length || !TryTakeUdp(source, data))
            Refused++;
    }

    private void TakeArp(ushort source, ReadOnlySpan<byte> arp)
    {
        _fifos[source & 0x3F] = BinaryPrimitives.ReadUInt64BigEndian(arp[16..]) & 0xFFFF_FFFF_FFFF;
        if (BinaryPrimitives.ReadUInt16BigEndian(arp[6..]) != 1 || BinaryPrimitives.ReadUInt32BigEndian(arp[28..]) != Address)
            return;
        Span<byte> answer = _answer.AsSpan(0, Header + 32);
        BinaryPrimitives.WriteUInt32BigEndian(answer, ArpType);
        arp[..8].CopyTo(answer[Header..]);
        answer[Header + 7] = 2;
        BinaryPrimitives.WriteUInt64BigEndian(answer[(Header + 8)..], Information.Guid);
        BinaryPrimitives.WriteUInt64BigEndian(answer[(Header + 16)..], (ulong)Information.MaxRecord << 56 | (ulong)Information.Speed << 48 | Fifo);
        BinaryPrimitives.WriteUInt32BigEndian(answer[(Header + 24)..], Address);
        arp.Slice(24, 4).CopyTo(answer[(Header + 28)..]);
        Answered++;
        Send(source, answer);
    }

    // Addresses and ports change places, so sums stay right.
    private bool TryTakeUdp(ushort source, ReadOnlySpan<byte> data)
    {
        const byte plain = 0x45, udp = 17;
        ReadOnlySpan<byte> ip = data[Header..];
        if (ip[0] != plain || ip[9] != udp || BinaryPrimitives.ReadUInt32BigEndian(ip[16..]) != Address)
            return false;
        switch (BinaryPrimitives.ReadUInt16BigEndian(ip[(Ip + 2)..]))
        {
            case DiscardPort:
                Taken++;
                return true;
            case EchoPort:
                Span<byte> answer = _answer.AsSpan(0, data.Length);
                data.CopyTo(answer);
                ip.Slice(12, 4).CopyTo(answer[(Header + 16)..]);
                ip.Slice(16, 4).CopyTo(answer[(Header + 12)..]);
                ip.Slice(Ip, 2).CopyTo(answer[(Header + Ip + 2)..]);
                ip.Slice(Ip + 2, 2).CopyTo(answer[(Header + Ip)..]);
                Echoed++;
                Send(source, answer);
                return true;
            default:
                return false;
        }
    }

    private void Send(ushort node, ReadOnlySpan<byte> data)
    {
        ulong fifo = _fifos[node & 0x3F];
        if (fifo == 0 || !TryWrite(node, fifo, data, Sent))
            Refused++;
    }

    private void Sent(Outcome outcome, ReadOnlySpan<byte> data) => Refused += outcome == Outcome.Complete ? 0 : 1;
}
