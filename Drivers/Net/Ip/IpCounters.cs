using System;

namespace Sluice.Net;

/// <summary>Why a packet was dropped, or what else happened to an interface.</summary>
public enum IpCounter : byte
{
    EthernetShort, EthernetType, EthernetVlan,
    ArpMalformed, ArpConflict, ArpLocked, ArpTimeout, ArpPendingFull,
    Ipv4Short, Ipv4Version, Ipv4HeaderLength, Ipv4TotalLength, Ipv4Checksum, Ipv4Fragment, Ipv4Source, Ipv4Destination, Ipv4Protocol,
    IcmpLength, IcmpChecksum, IcmpType, IcmpToGroup, IcmpNobodyWaits,
    UdpLength, UdpChecksum, UdpNoPort, UdpQueueFull, UdpEchoLoop,
    SendNoRoute, SendNoFrame, SendTooLong, SendLinkDown, SendFull,
    DhcpMalformed, DhcpForeign, DhcpUnexpected, DhcpTimeout, DhcpRefused, DhcpConflict,

    /// <summary>How many there are.</summary>
    Count,
}

/// <summary>What happened to an interface's packets.</summary>
public sealed class IpCounters
{
    private readonly ulong[] _counts = new ulong[(int)IpCounter.Count];

    /// <summary>How often something happened.</summary>
    public ulong this[IpCounter what] => _counts[(int)what];

    /// <summary>Packets for us that were well formed, and packets given to the device.</summary>
    public ulong Received, Sent;

    /// <summary>ICMP echoes and UDP datagrams sent back, and ARP requests answered.</summary>
    public ulong EchoesAnswered, DatagramsEchoed, ArpAnswered;

    /// <summary>It happened once more.</summary>
    public void Add(IpCounter what) => _counts[(int)what]++;

    /// <summary>For people.</summary>
    public static ReadOnlySpan<byte> NameOf(IpCounter what) => NameList.At(Names, (int)what);

    // In the order of the counters.
    private static ReadOnlySpan<byte> Names =>
        "Ethernet: too short\n"u8 +
        "Ethernet: another protocol\n"u8 +
        "Ethernet: another VLAN\n"u8 +
        "ARP: malformed\n"u8 +
        "ARP: somebody has our address\n"u8 +
        "ARP: changes its address too soon\n"u8 +
        "ARP: packets for who does not answer\n"u8 +
        "ARP: too many packets wait for an answer\n"u8 +
        "IPv4: too short\n"u8 +
        "IPv4: another version\n"u8 +
        "IPv4: wrong header length\n"u8 +
        "IPv4: wrong total length\n"u8 +
        "IPv4: wrong checksum\n"u8 +
        "IPv4: a fragment\n"u8 +
        "IPv4: impossible source\n"u8 +
        "IPv4: not for us\n"u8 +
        "IPv4: another protocol\n"u8 +
        "ICMP: too short\n"u8 +
        "ICMP: wrong checksum\n"u8 +
        "ICMP: another type\n"u8 +
        "ICMP: an echo request to many\n"u8 +
        "ICMP: an echo that nobody waits for\n"u8 +
        "UDP: wrong length\n"u8 +
        "UDP: wrong checksum\n"u8 +
        "UDP: nobody has the port\n"u8 +
        "UDP: the socket's queue is full\n"u8 +
        "UDP: an echo that would never end\n"u8 +
        "sending: no way there\n"u8 +
        "sending: no frame free\n"u8 +
        "sending: longer than the device carries\n"u8 +
        "sending: the link is down\n"u8 +
        "sending: the device takes no more\n"u8 +
        "DHCP: malformed\n"u8 +
        "DHCP: not for us\n"u8 +
        "DHCP: not what was asked for\n"u8 +
        "DHCP: no answer in time\n"u8 +
        "DHCP: refused by the server\n"u8 +
        "DHCP: the address offered is in use\n"u8;
}

/// <summary>Texts by number, in one constant: shorter than a choice among many.</summary>
public static class NameList
{
    /// <summary>The text of a number, from 0; each of them ends with a line feed.</summary>
    public static ReadOnlySpan<byte> At(ReadOnlySpan<byte> names, int index)
    {
        while (true)
        {
            int end = names.IndexOf((byte)'\n');
            if (index-- == 0)
                return names.Slice(0, end);
            names = names.Slice(end + 1);
        }
    }
}
