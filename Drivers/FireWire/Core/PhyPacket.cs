namespace Sluice.FireWire.Core;

/// <summary>What packets between PHYs are.</summary>
public enum PhyPacketKind : byte
{
    /// <summary>Sets root or gap count.</summary>
    Configuration,
    LinkOn,
    SelfId,

    /// <summary>Both first bits set: no such packet.</summary>
    Reserved,

    /// <summary>A configuration packet that sets nothing: 1394a's extensions, by <see cref="PhyPacket.Type"/>.</summary>
    Extended,
}

/// <summary>Types of extended packets. Source: IEEE 1394a-2000, sections 4.3.4.4.1 to 4.3.4.4.6.</summary>
public enum ExtendedPhyType : byte
{
    Ping = 0,
    RemoteAccess = 1,
    RemoteReply = 3,
    RemoteAccessPaged = 5,
    RemoteReplyPaged = 7,
    RemoteCommand = 8,
    RemoteConfirmation = 0xA,
    Resume = 0xF,
}

/// <summary>
/// A packet between PHYs: one quadlet, on the bus followed by its inverse. Source: IEEE 1394-1995, section 4.3.4; 1394a-2000, the same.
/// </summary>
public readonly struct PhyPacket(uint quadlet)
{
    private const uint ForceRoot = 1 << 23, SetGap = 1 << 22;

    public readonly uint Quadlet = quadlet;

    public PhyPacketKind Kind => (PhyPacketKind)(Quadlet >> 30) is PhyPacketKind.Configuration && (Quadlet & (ForceRoot | SetGap)) == 0
        ? PhyPacketKind.Extended : (PhyPacketKind)(Quadlet >> 30);

    /// <summary>Whom it names, or whose it is.</summary>
    public int Node => (int)(Quadlet >> 24) & 0x3F;

    /// <summary>Configuration: the node named is to be root at the next reset.</summary>
    public bool IsForcingRoot => (Quadlet & ForceRoot) != 0;

    /// <summary>Configuration: all set <see cref="GapCount"/>.</summary>
    public bool IsSettingGap => (Quadlet & SetGap) != 0;

    /// <summary>Configuration and self-ID.</summary>
    public int GapCount => (int)(Quadlet >> 16) & 0x3F;

    /// <summary>Extended packets.</summary>
    public ExtendedPhyType Type => (ExtendedPhyType)(Quadlet >> 18 & 0xF);

    /// <summary>Remote replies: the register's value.</summary>
    public byte Data => (byte)Quadlet;

    /// <summary>Sets who is root after the next reset, or the gap count of all, or both (4.3.4.3).</summary>
    /// <param name="root">A node, or below 0 to leave it to chance.</param>
    /// <param name="gapCount">0 to 63, or below 0 to leave it.</param>
    public static PhyPacket Configuration(int root, int gapCount) =>
        new((root < 0 ? 0 : (uint)(root & 0x3F) << 24 | ForceRoot) | (gapCount < 0 ? 0 : (uint)(gapCount & 0x3F) << 16 | SetGap));

    /// <summary>Wakes the link of a node (4.3.4.2).</summary>
    public static PhyPacket LinkOn(int node) => new(1u << 30 | (uint)(node & 0x3F) << 24);

    /// <summary>Has a node send its self-IDs again; the time that takes is measured (1394a-2000, 4.3.4.4.1).</summary>
    public static PhyPacket Ping(int node) => Extended(node, ExtendedPhyType.Ping, 0);

    /// <summary>Asks for one of the first eight registers of a PHY (4.3.4.4.2).</summary>
    public static PhyPacket ReadRegister(int node, int register) => Extended(node, ExtendedPhyType.RemoteAccess, (uint)(register & 7) << 8);

    /// <summary>Asks for a register of a page, one of eight (4.3.4.4.2).</summary>
    public static PhyPacket ReadPaged(int node, int page, int port, int register) =>
        Extended(node, ExtendedPhyType.RemoteAccessPaged, (uint)(page & 7) << 15 | (uint)(port & 0xF) << 11 | (uint)(register & 7) << 8);

    private static PhyPacket Extended(int node, ExtendedPhyType type, uint fields) => new((uint)(node & 0x3F) << 24 | (uint)type << 18 | fields);
}
