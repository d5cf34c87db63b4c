using System.Collections.Generic;

namespace Sluice.FireWire.Bus;

/// <summary>
/// The first quadlets of packets between PHYs. Source: IEEE 1394-1995, section 4.3.4; 1394a-2000, section 5B (extended packets).
/// </summary>
public static class PhyPacket
{
    private const uint LinkOnKind = 0x4000_0000, KindMask = 0xC000_0000, SetRoot = 0x80_0000, SetGap = 0x40_0000;

    public static bool IsSelfId(uint packet) => (packet & KindMask) == 0x8000_0000;

    public static bool IsLinkOn(uint packet) => (packet & KindMask) == LinkOnKind;

    /// <summary>Sets root or gap count; without either, the packet is an extended one.</summary>
    public static bool IsConfiguration(uint packet) => (packet & KindMask) == 0 && (packet & (SetRoot | SetGap)) != 0;

    public static bool IsExtended(uint packet) => (packet & (KindMask | SetRoot | SetGap)) == 0;

    /// <summary>Which PHY a packet names.</summary>
    public static int NodeOf(uint packet) => (int)(packet >> 24) & 0x3F;

    /// <summary>The node that a configuration makes the root, or -1.</summary>
    public static int RootOf(uint packet) => (packet & SetRoot) != 0 ? NodeOf(packet) : -1;

    /// <summary>The gap count that a configuration sets, or -1.</summary>
    public static int GapOf(uint packet) => (packet & SetGap) != 0 ? (int)(packet >> 16) & 0x3F : -1;

    /// <summary>Extended packets: their type.</summary>
    public static ExtendedPhyType TypeOf(uint packet) => (ExtendedPhyType)((packet >> 18) & 0xF);

    /// <summary>Makes a configuration packet.</summary>
    /// <param name="root">Which node, or -1.</param>
    /// <param name="gapCount">0 to 63, or -1.</param>
    public static uint Configuration(int root, int gapCount) =>
        (root >= 0 ? ((uint)root << 24) | SetRoot : 0) | (gapCount >= 0 ? ((uint)gapCount << 16) | SetGap : 0);

    public static uint LinkOn(int node) => LinkOnKind | ((uint)node << 24);

    public static uint Ping(int node) => (uint)node << 24;

    /// <summary>Asks for a register of a PHY: one of the first eight, or of a page.</summary>
    public static uint RemoteAccess(int node, bool isPaged, int page, int port, int register) =>
        ((uint)node << 24) | ((uint)(isPaged ? ExtendedPhyType.AccessPaged : ExtendedPhyType.Access) << 18) |
        ((uint)page << 15) | ((uint)port << 11) | ((uint)register << 8);

    /// <summary>The answer to <see cref="RemoteAccess"/>.</summary>
    public static uint RemoteReply(int node, uint access, byte data)
    {
        ExtendedPhyType type = TypeOf(access) == ExtendedPhyType.Access ? ExtendedPhyType.Reply : ExtendedPhyType.ReplyPaged;
        return ((uint)node << 24) | ((uint)type << 18) | (access & 0x3_FF00) | data;
    }

    /// <summary>Adds a node's self-ID packets to a list.</summary>
    public static void AddSelfIds(Phy phy, List<uint> list)
    {
        uint id = 0x8000_0000 | ((uint)phy.PhysicalId << 24);
        int ports = phy.Ports.Count;
        bool hasMore = ports > 3;
        list.Add(id | (phy.IsLinkActive ? 1u << 22 : 0) | ((uint)phy.GapCount << 16) | ((uint)phy.MaxSpeed << 14) |
            (phy.IsContender ? 1u << 11 : 0) | ((uint)phy.PowerClass << 8) |
            Code(phy, 0, 6) | Code(phy, 1, 4) | Code(phy, 2, 2) | (phy.HasInitiatedReset ? 2u : 0) | (hasMore ? 1u : 0));
        for (int sequence = 0; hasMore; sequence++)
        {
            int first = 3 + (sequence * 8);
            uint packet = id | (1u << 23) | ((uint)sequence << 20);
            for (int i = 0; i < 8; i++)
                packet |= Code(phy, first + i, 16 - (i * 2));
            hasMore = ports > first + 8;
            list.Add(packet | (hasMore ? 1u : 0));
        }
    }

    private static uint Code(Phy phy, int port, int shift) => (port < phy.Ports.Count ? (uint)phy.Ports[port].Code : 0) << shift;
}

/// <summary>Types of extended packets. Source: IEEE 1394a-2000, section 5B.</summary>
public enum ExtendedPhyType
{
    Ping = 0,
    Access = 1,
    Reply = 3,
    AccessPaged = 5,
    ReplyPaged = 7,
    Command = 8,
    Confirmation = 0xA,
    Resume = 0xF,
}

/// <summary>What a self-ID says of a port. Source: IEEE 1394-1995, table 4-28.</summary>
public enum PortCode : byte
{
    Absent = 0,
    NotConnected = 1,
    Parent = 2,
    Child = 3,
}
