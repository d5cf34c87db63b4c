using System;
using System.Buffers.Binary;
using Sluice.Net;

namespace Sluice.Drivers.Ip1394;

/// <summary>Which part of a datagram a packet has. Source: RFC 2734, section 4.2.</summary>
public enum LinkFragment : byte
{
    Whole = 0,
    First = 1,
    Last = 2,
    Interior = 3,
}

/// <summary>
/// What stands before a datagram, or a part of one: a quadlet before a whole one, two before a part. Source: RFC 2734, section 4.2.
/// </summary>
public readonly struct EncapsulationHeader(uint q0, uint q1)
{
    public const int WholeBytes = 4, FragmentBytes = 8;

    /// <summary>What follows, as on Ethernet.</summary>
    public const ushort Ipv4 = 0x0800, Arp = 0x0806;

    /// <summary>Sizes and offsets have so many values.</summary>
    private const uint SizeMask = 0xFFF;

    public readonly uint Q0 = q0, Q1 = q1;

    public LinkFragment Kind => (LinkFragment)(Q0 >> 30);

    /// <summary>Whole datagrams and first fragments.</summary>
    public ushort EtherType => (ushort)Q0;

    /// <summary>Fragments: bytes of the datagram, 1 to 4,096.</summary>
    public int DatagramBytes => (int)(Q0 >> 16 & SizeMask) + 1;

    /// <summary>Fragments: where in the datagram its data goes.</summary>
    public int Offset => Kind == LinkFragment.First ? 0 : (int)(Q0 & SizeMask);

    /// <summary>Fragments: which datagram of its sender's it is a part of.</summary>
    public ushort Label => (ushort)(Q1 >> 16);

    public static EncapsulationHeader Whole(ushort type) => new(type, 0);

    /// <summary>The header of so many bytes of a datagram; the type stands in the first one only.</summary>
    public static EncapsulationHeader Fragment(ushort type, int datagram, int offset, int bytes, ushort label)
    {
        LinkFragment kind = offset == 0 ? LinkFragment.First : offset + bytes == datagram ? LinkFragment.Last : LinkFragment.Interior;
        return new((uint)kind << 30 | (uint)(datagram - 1) << 16 | (offset == 0 ? type : (uint)offset), (uint)label << 16);
    }
}

/// <summary>An ARP packet of this bus: whose an IPv4 address is, and where in its space datagrams are written. Source: RFC 2734, section 5.</summary>
public struct Arp1394
{
    public const int Bytes = 32;

    public const ushort Request = 1, Reply = 2;

    // IEEE 1394, IPv4, 16 and 4 bytes of address.
    private const ulong Kind = 0x0018_0800_1004_0000, KindMask = 0xFFFF_FFFF_FFFF_0000;

    public ushort Operation;

    /// <summary>EUI-64 of the sender.</summary>
    public ulong Guid;

    /// <summary>It takes blocks of 2^(this + 1) bytes; and no faster packets than at this speed.</summary>
    public byte MaxRecord, Speed;

    /// <summary>Where datagrams are written, in its 48 bits.</summary>
    public ulong Fifo;

    public Ipv4Address Sender, Target;

    /// <summary>Reads one; false if it is none. What is behind it is not looked at.</summary>
    public static bool TryRead(ReadOnlySpan<byte> data, out Arp1394 arp)
    {
        arp = default;
        if (data.Length < Bytes)
            return false;
        ulong kind = BinaryPrimitives.ReadUInt64BigEndian(data);
        arp.Operation = (ushort)kind;
        arp.Guid = BinaryPrimitives.ReadUInt64BigEndian(data[8..]);
        ulong hardware = BinaryPrimitives.ReadUInt64BigEndian(data[16..]);
        arp.MaxRecord = (byte)(hardware >> 56);
        arp.Speed = (byte)(hardware >> 48);
        arp.Fifo = hardware & 0xFFFF_FFFF_FFFF;
        arp.Sender = Ipv4Address.FromRaw(BinaryPrimitives.ReadUInt32LittleEndian(data[24..]));
        arp.Target = Ipv4Address.FromRaw(BinaryPrimitives.ReadUInt32LittleEndian(data[28..]));
        return (kind & KindMask) == Kind && arp.Operation is Request or Reply;
    }

    public readonly void Write(Span<byte> data)
    {
        BinaryPrimitives.WriteUInt64BigEndian(data, Kind | Operation);
        BinaryPrimitives.WriteUInt64BigEndian(data[8..], Guid);
        BinaryPrimitives.WriteUInt64BigEndian(data[16..], (ulong)MaxRecord << 56 | (ulong)Speed << 48 | Fifo);
        BinaryPrimitives.WriteUInt32LittleEndian(data[24..], Sender.Raw);
        BinaryPrimitives.WriteUInt32LittleEndian(data[28..], Target.Raw);
    }
}
