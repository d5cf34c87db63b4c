using System;

namespace Sluice.FireWire.Core;

/// <summary>What a self-ID says of a port. Source: IEEE 1394-1995, table 4-28.</summary>
public enum PortState : byte
{
    Absent,
    NotConnected,
    Parent,
    Child,
}

/// <summary>
/// What a node says of itself after a bus reset: one packet, and up to three more if it has more than three ports. Source: IEEE 1394-1995,
/// section 4.3.4.1; 1394a-2000, the same.
/// </summary>
public readonly struct SelfId(uint first, ulong ports)
{
    /// <summary>Ports of all packets of a node: 3, and 8 in each of three more.</summary>
    public const int MostPorts = 27;

    /// <summary>Packets of one node, and of a bus.</summary>
    public const int MostPackets = 4, MostOfBus = 63 * MostPackets;

    private const uint More = 1, IsExtended = 1 << 23, NodeMask = 0xFF00_0000;

    /// <summary>Its first packet.</summary>
    public readonly uint First = first;

    /// <summary>Two bits a port, the first lowest.</summary>
    public readonly ulong Ports = ports;

    public int Node => (int)(First >> 24) & 0x3F;

    /// <summary>Its link works, so it answers requests.</summary>
    public bool IsLinkActive => (First & 1 << 22) != 0;

    public int GapCount => (int)(First >> 16) & 0x3F;

    public BusSpeed Speed => (BusSpeed)(First >> 14 & 3);

    /// <summary>Would be bus or isochronous resource manager.</summary>
    public bool IsContender => (First & 1 << 11) != 0;

    /// <summary>Table 4-29.</summary>
    public int PowerClass => (int)(First >> 8) & 7;

    /// <summary>It began the reset.</summary>
    public bool HasInitiatedReset => (First & 2) != 0;

    /// <summary>One of <see cref="MostPorts"/>.</summary>
    public PortState Port(int index) => (PortState)(Ports >> 2 * index & 3);

    /// <summary>Takes the packets of one node from the front. False, if they are not those of one node in order; nothing is taken then.</summary>
    public static bool TryTake(ref ReadOnlySpan<uint> packets, out SelfId node)
    {
        node = default;
        if (packets.IsEmpty)
            return false;
        uint first = packets[0];
        if (new PhyPacket(first).Kind != PhyPacketKind.SelfId || (first & IsExtended) != 0)
            return false;
        ulong ports = (first >> 6 & 3) | (first >> 4 & 3) << 2 | (first >> 2 & 3) << 4;
        int taken = 1;
        for (uint last = first; (last & More) != 0; taken++)
        {
            if (taken == MostPackets || taken == packets.Length)
                return false;
            last = packets[taken];
            // Whose it is, and which of the further packets: n, bits 22:20.
            uint expected = first & NodeMask | IsExtended | (uint)(taken - 1) << 20;
            if ((last & (NodeMask | 0xF << 20)) != expected)
                return false;
            for (int i = 0; i < 8; i++)
                ports |= (ulong)(last >> 16 - 2 * i & 3) << 2 * (3 + 8 * (taken - 1) + i);
        }
        packets = packets[taken..];
        node = new SelfId(first, ports);
        return true;
    }
}
