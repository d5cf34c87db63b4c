using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Net;

// The headers as they lie in packets, at any address. What is compared with constants is compared as it lies.

/// <summary>16 bits in network byte order.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct Big16
{
    /// <summary>As the CPU reads the two bytes.</summary>
    public ushort Raw;

    /// <summary>The number.</summary>
    public ushort Value
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly get => BinaryPrimitives.ReverseEndianness(Raw);
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        set => Raw = BinaryPrimitives.ReverseEndianness(value);
    }

    /// <summary>A number in network byte order.</summary>
    public static ushort RawOf(ushort value) => BinaryPrimitives.ReverseEndianness(value);
}

/// <summary>An Ethernet header. Source: IEEE 802.3-2018, section 3.2.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct EthernetHeader
{
    public const uint Bytes = 14, VlanBytes = 4;

    // EtherTypes as they lie.
    public const ushort Ipv4 = 0x0008, Arp = 0x0608, Vlan = 0x0081;

    public uint DestinationLow;
    public ushort DestinationHigh, SourceLow;
    public uint SourceHigh;

    /// <summary>What follows, or <see cref="Vlan"/>: then tag and type follow.</summary>
    public ushort Type;

    public Big16 Tag;

    public ushort TaggedType;

    public readonly MacAddress Destination => MacAddress.FromNumber(DestinationLow | (ulong)DestinationHigh << 32);

    public readonly MacAddress Source => MacAddress.FromNumber(SourceLow | (ulong)SourceHigh << 16);

    /// <summary>Writes both addresses.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set(MacAddress destination, MacAddress source)
    {
        DestinationLow = (uint)destination.Number;
        DestinationHigh = (ushort)(destination.Number >> 32);
        SourceLow = (ushort)source.Number;
        SourceHigh = (uint)(source.Number >> 16);
    }
}

/// <summary>ARP for Ethernet and IPv4. Source: RFC 826.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct ArpPacket
{
    public const uint Bytes = 28;

    // As they lie: Ethernet, IPv4, 6 and 4 bytes of address; the operations.
    public const ulong Kind = 0x0406_0008_0100;
    public const ushort Request = 0x0100, Reply = 0x0200;

    public ushort HardwareKind, ProtocolKind, Lengths, Operation;
    public ushort SenderLow;
    public uint SenderHigh;
    public Ipv4Address SenderProtocol;
    public ushort TargetLow;
    public uint TargetHigh;
    public Ipv4Address TargetProtocol;

    public readonly bool IsForEthernetAndIpv4 => (HardwareKind | (ulong)ProtocolKind << 16 | (ulong)Lengths << 32) == Kind;

    public MacAddress Sender
    {
        readonly get => MacAddress.FromNumber(SenderLow | (ulong)SenderHigh << 16);
        set => (SenderLow, SenderHigh) = ((ushort)value.Number, (uint)(value.Number >> 16));
    }

    public MacAddress Target
    {
        readonly get => MacAddress.FromNumber(TargetLow | (ulong)TargetHigh << 16);
        set => (TargetLow, TargetHigh) = ((ushort)value.Number, (uint)(value.Number >> 16));
    }
}

/// <summary>An IPv4 header without options. Source: RFC 791, section 3.1.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct Ipv4Header
{
    public const uint Bytes = 20;

    public const byte Plain = 0x45, Icmp = 1, Udp = 17, OurTimeToLive = 64;

    // More fragments, and the offset; as they lie. Do not fragment, likewise.
    public const ushort Fragment = 0xFF3F, DoNotFragment = 0x0040;

    // Fragment bits, time to live and protocol as they lie together: no fragment, any time, UDP.
    public const uint PlainMask = 0xFF00_FF3F, PlainUdp = 0x1100_0000;

    public byte VersionAndWords, Service;
    public Big16 Length;
    public ushort Identification, FragmentBits;
    public byte TimeToLive, Protocol;
    public ushort Checksum;
    public Ipv4Address Source, Destination;
}

/// <summary>An ICMP echo. Source: RFC 792.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct IcmpEcho
{
    public const uint Bytes = 8;

    // Type and code as they lie together.
    public const ushort Request = 8, Reply = 0;

    public ushort TypeAndCode, Checksum;
    public Big16 Identifier, Sequence;
}

/// <summary>A UDP header. Source: RFC 768.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct UdpHeader
{
    public const uint Bytes = 8;

    public Big16 Source, Destination, Length;
    public ushort Checksum;
}
