namespace Sluice.FireWire.Nodes;

/// <summary>Where a node's registers lie. Source: IEEE 1394-1995, section 8.3.2; 1394a-2000 for the broadcast channel.</summary>
public static class Csr
{
    /// <summary>The start of a node's registers.</summary>
    public const ulong Base = 0xFFFF_F000_0000;

    public const int StateClear = 0x000, StateSet = 0x004, NodeIds = 0x008, ResetStart = 0x00C, SplitTimeoutHi = 0x018, SplitTimeoutLo = 0x01C;
    public const int CycleTime = 0x200, BusTime = 0x204, BusyTimeout = 0x210, BusManagerId = 0x21C, BandwidthAvailable = 0x220;
    public const int ChannelsHi = 0x224, ChannelsLo = 0x228, BroadcastChannel = 0x234;
    public const int Rom = 0x400, RomEnd = 0x800, TopologyMap = 0x1000, TopologyMapEnd = 0x1400, End = 0x1_0000;

    /// <summary>Nobody is bus manager.</summary>
    public const uint NoManager = 0x3F;

    /// <summary>Allocation units of a cycle's 100 us.</summary>
    public const uint AllBandwidth = 4915;
}

/// <summary>
/// Four registers that are changed by compare-swap alone: what an isochronous resource manager keeps. A bus reset sets them anew.
/// Source: IEEE 1394-1995, sections 8.3.2.3.6 to 8.3.2.3.8.
/// </summary>
public sealed class ManagerRegisters
{
    private readonly uint[] _values = new uint[4];

    /// <summary>What bandwidth and channels become at a reset.</summary>
    public uint InitialBandwidth { get; set; } = Csr.AllBandwidth;

    public uint InitialChannelsHi { get; set; } = uint.MaxValue;

    public uint InitialChannelsLo { get; set; } = uint.MaxValue;

    /// <summary>Which one an offset from <see cref="Csr.Base"/> is, or -1: manager, bandwidth, channels 0 to 31, channels 32 to 63.</summary>
    public static int IndexOf(ulong offset) => offset is >= Csr.BusManagerId and <= Csr.ChannelsLo && (offset & 3) == 0 ? (int)(offset - Csr.BusManagerId) / 4 : -1;

    public uint this[int index] => _values[index];

    /// <summary>Sets a register if it is what is expected.</summary>
    /// <returns>What it was.</returns>
    public uint CompareSwap(int index, uint expected, uint value)
    {
        uint old = _values[index];
        if (old == expected)
            _values[index] = Mask(index, value);
        return old;
    }

    public void Reset()
    {
        _values[0] = Csr.NoManager;
        _values[1] = Mask(1, InitialBandwidth);
        _values[2] = InitialChannelsHi;
        _values[3] = InitialChannelsLo;
    }

    private static uint Mask(int index, uint value) => index switch { 0 => value & 0x3F, 1 => value & 0x1FFF, _ => value };
}
