namespace Sluice.Pci;

/// <summary>What a capability in the first 256 bytes is. Source: PCI Code and ID Assignment Specification 1.11, section 2.</summary>
public enum CapabilityId : byte
{
    PowerManagement = 0x01,
    Agp = 0x02,
    VitalProductData = 0x03,
    SlotId = 0x04,
    Msi = 0x05,
    HotSwap = 0x06,
    PciX = 0x07,
    HyperTransport = 0x08,
    Vendor = 0x09,
    DebugPort = 0x0A,
    HotPlug = 0x0C,
    BridgeSubsystem = 0x0D,
    PciExpress = 0x10,
    MsiX = 0x11,
    Sata = 0x12,
    AdvancedFeatures = 0x13,
}

/// <summary>What an extended capability is. Source: PCI Code and ID Assignment Specification 1.11, section 3.</summary>
public enum ExtendedCapabilityId : ushort
{
    AdvancedErrors = 0x0001,
    VirtualChannel = 0x0002,
    SerialNumber = 0x0003,
    PowerBudgeting = 0x0004,
    Vendor = 0x000B,
    AccessControl = 0x000D,
    AlternativeRouting = 0x000E,
    AddressTranslation = 0x000F,
    SingleRootVirtualization = 0x0010,
    ResizableBar = 0x0015,
    LatencyTolerance = 0x0018,
    SecondaryExpress = 0x0019,
    PowerSubstates = 0x001E,
}

/// <summary>Why a walk over capabilities ended.</summary>
public enum WalkEnd : byte
{
    /// <summary>It has not, or the list ended as it should.</summary>
    Regular,

    /// <summary>A pointer leads into the header, past the end, or is not aligned.</summary>
    BadPointer,

    /// <summary>A pointer leads back, or the list is longer than the space that it is in.</summary>
    Loop,

    /// <summary>All ones: the function no longer answers.</summary>
    Gone,
}

/// <summary>
/// A walk over a function's capabilities: at most 48, none twice. Source: PCI Local Bus 3.0, section 6.7.
/// </summary>
public struct CapabilityWalk
{
    /// <summary>Most entries that fit: 192 bytes behind the header, 4 each.</summary>
    public const int MostEntries = 48;

    private const uint FirstOffset = 0x40;

    private readonly PciFunction _function;
    private ulong _visited;
    private byte _next;
    private bool _started;

    internal CapabilityWalk(PciFunction function) => _function = function;

    /// <summary>How it ended.</summary>
    public WalkEnd End { get; private set; }

    /// <summary>Finds the next one; false at the end, whatever its reason.</summary>
    public bool TryNext(out CapabilityId id, out uint offset)
    {
        if (!_started)
        {
            _started = true;
            _next = First();
        }
        id = default;
        offset = _next;
        _next = 0;
        if (offset == 0)
            return false;
        uint header = uint.MaxValue;
        if (offset < FirstOffset || (offset & 3) != 0)
            End = WalkEnd.BadPointer;
        else if ((_visited & 1UL << (int)(offset / 4)) != 0)
            End = WalkEnd.Loop;
        else if ((header = _function.Read(offset, 4)) == uint.MaxValue)
            End = WalkEnd.Gone;
        if (End != WalkEnd.Regular)
            return false;
        _visited |= 1UL << (int)(offset / 4);
        id = (CapabilityId)header;
        _next = (byte)(header >> 8);
        return true;
    }

    // The low two bits of the first pointer are reserved and to be masked; those of the others too, but nobody sets them.
    private readonly byte First()
    {
        PciStatus status = _function.Status;
        if (status == PciStatus.Gone || (status & PciStatus.HasCapabilities) == 0)
            return 0;
        uint pointer = _function.Kind == HeaderKind.CardBus ? ConfigurationOffsets.CardBusCapabilities : ConfigurationOffsets.Capabilities;
        return (byte)(_function.Read(pointer, 1) & ~3U);
    }
}

/// <summary>
/// A walk over a function's extended capabilities, bounded by the space: 3840 bytes, 8 for the least entry; none twice.
/// Source: PCI Express Base Specification 6.0, section 7.6.
/// </summary>
public struct ExtendedCapabilityWalk
{
    /// <summary>Most entries that a list may have.</summary>
    public const int MostEntries = 480;

    private const uint FirstOffset = 0x100;

    private readonly PciFunction _function;
    private int _entries;
    private uint _next;

    internal ExtendedCapabilityWalk(PciFunction function)
    {
        _function = function;
        _next = function.ConfigurationBytes > FirstOffset ? FirstOffset : 0;
    }

    /// <summary>How it ended.</summary>
    public WalkEnd End { get; private set; }

    /// <summary>Finds the next one; false at the end, whatever its reason.</summary>
    public bool TryNext(out ExtendedCapabilityId id, out uint offset)
    {
        id = default;
        offset = _next;
        _next = 0;
        if (offset == 0)
            return false;
        uint header = uint.MaxValue;
        if (offset < FirstOffset || (offset & 3) != 0)
            End = WalkEnd.BadPointer;
        else if (_entries == MostEntries)
            End = WalkEnd.Loop;
        else if ((header = _function.Read(offset, 4)) == uint.MaxValue)
            End = offset == FirstOffset ? WalkEnd.Regular : WalkEnd.Gone;       // some bridges hide the extended space
        if (End != WalkEnd.Regular || header is 0 or uint.MaxValue)
            return false;
        _entries++;
        id = (ExtendedCapabilityId)header;
        _next = header >> 20;
        return true;
    }
}
