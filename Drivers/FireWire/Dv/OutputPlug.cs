using Sluice.FireWire.Core;

namespace Sluice.Drivers.Dv;

/// <summary>
/// What an output plug control register says: on which channel a node sends, how much, and for how many. Source: IEC 61883-1, section 7.5.
/// </summary>
internal readonly struct OutputPlug(uint value)
{
    /// <summary>Where the master register and the first plug are; a plug beside the first is not used.</summary>
    public const ulong Master = BusRegisters.Base + 0x900, First = Master + 4;

    private const uint Online = 1u << 31, Broadcast = 1u << 30, MostConnections = 0x3F, ChannelAndRate = 0x3Fu << 16 | 3 << 14;
    private const int ConnectionsShift = 24, OverheadUnits = 32;

    public readonly uint Value = value;

    /// <summary>The node can send now.</summary>
    public bool IsOnline => (Value & Online) != 0;

    /// <summary>Somebody listens, or all are meant to: the channel stays as it is.</summary>
    public bool IsConnected => (Value & (Broadcast | MostConnections << ConnectionsShift)) != 0;

    /// <summary>Whether one more may say that it listens.</summary>
    public bool HasRoom => (Value >> ConnectionsShift & MostConnections) != MostConnections;

    /// <summary>Whether anybody listens.</summary>
    public bool HasConnections => (Value >> ConnectionsShift & MostConnections) != 0;

    public int Channel => (int)(Value >> 16) & 0x3F;

    /// <summary>The longest packet, its CIP header included.</summary>
    public uint PacketBytes => (Value & 0x3FF) * 4;

    /// <summary>What arbitration and gaps take, in units of bandwidth (7.4: 0 is the greatest).</summary>
    public uint Overhead => (Value >> 10 & 0xF) == 0 ? 16 * OverheadUnits : (Value >> 10 & 0xF) * OverheadUnits;

    /// <summary>With the first connection.</summary>
    public OutputPlug WithFirst(int channel, BusSpeed rate) => new(Value & ~ChannelAndRate | (uint)channel << 16 | (uint)rate << 14 | 1u << ConnectionsShift);

    /// <summary>With one more. There must be room.</summary>
    public OutputPlug WithOneMore() => new(Value + (1u << ConnectionsShift));

    /// <summary>With one less. There must be one.</summary>
    public OutputPlug WithOneLess() => new(Value - (1u << ConnectionsShift));
}
