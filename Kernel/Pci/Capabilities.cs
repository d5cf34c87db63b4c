using System.Runtime.CompilerServices;

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

    /// <summary>A pointer leads into what comes before capabilities.</summary>
    BadPointer,

    /// <summary>A pointer leads back.</summary>
    Loop,

    /// <summary>All ones: the function no longer answers.</summary>
    Gone,
}

/// <summary>A walk over a function's capabilities: each once, so it ends. Source: PCI Local Bus 3.0, section 6.7.</summary>
public struct CapabilityWalk
{
    /// <summary>Most entries that fit: 192 bytes behind the header, 4 each.</summary>
    public const int MostEntries = 48;

    private const uint FirstOffset = 0x40;

    private CapabilityPath _path;
    private uint _next;

    internal CapabilityWalk(PciFunction function)
    {
        _path = new CapabilityPath(function);
        PciStatus status = function.Status;
        if (status == PciStatus.Gone || (status & PciStatus.HasCapabilities) == 0)
            return;
        uint pointer = function.Kind == HeaderKind.CardBus ? ConfigurationOffsets.CardBusCapabilities : ConfigurationOffsets.Capabilities;
        _next = CapabilityPath.Pointer(function.Read(pointer, 1));
    }

    /// <summary>How it ended.</summary>
    public readonly WalkEnd End => _path.End;

    /// <summary>Finds the next one; false at the end, whatever its reason.</summary>
    public bool TryNext(out CapabilityId id, out uint offset)
    {
        id = default;
        offset = _next;
        _next = 0;
        if (offset == 0 || !_path.TryRead(offset, FirstOffset, out uint header))
            return false;
        id = (CapabilityId)header;
        _next = CapabilityPath.Pointer(header >> 8 & 0xFF);
        return true;
    }
}

/// <summary>
/// A walk over a function's extended capabilities: each once, so it ends. Source: PCI Express Base Specification 6.0, section 7.6.
/// </summary>
public struct ExtendedCapabilityWalk
{
    /// <summary>Most entries that a list may have: 3840 bytes, and each 4 of them may begin one.</summary>
    public const int MostEntries = 960;

    private const uint FirstOffset = 0x100;

    private CapabilityPath _path;
    private uint _next;

    internal ExtendedCapabilityWalk(PciFunction function)
    {
        _path = new CapabilityPath(function);
        // No list begins with zeros, nor with all ones, as behind bridges that hide the extended space.
        if (function.ConfigurationBytes > FirstOffset && function.Read(FirstOffset, 4) is not (0 or uint.MaxValue))
            _next = FirstOffset;
    }

    /// <summary>How it ended.</summary>
    public readonly WalkEnd End => _path.End;

    /// <summary>Finds the next one; false at the end, whatever its reason.</summary>
    public bool TryNext(out ExtendedCapabilityId id, out uint offset)
    {
        id = default;
        offset = _next;
        _next = 0;
        if (offset == 0 || !_path.TryRead(offset, FirstOffset, out uint header))
            return false;
        id = (ExtendedCapabilityId)header;
        _next = CapabilityPath.Pointer(header >> 20);
        return true;
    }
}

/// <summary>Where a walk has been in configuration space, and how it ended: what both walks have in common.</summary>
internal struct CapabilityPath(PciFunction function)
{
    private readonly PciFunction _function = function;
    private Places _visited;

    public WalkEnd End { get; private set; }

    /// <summary>A pointer without its two lowest bits: reserved, and to be masked.</summary>
    public static uint Pointer(uint value) => value & ~3U;

    /// <summary>Reads the header at an offset; false, with the reason, if none can be there or it was read before.</summary>
    public bool TryRead(uint offset, uint first, out uint header)
    {
        header = uint.MaxValue;
        ref ulong visited = ref _visited[(int)(offset / 256)];
        ulong place = 1UL << (int)(offset / 4 & 63);
        if (offset < first)
            End = WalkEnd.BadPointer;
        else if ((visited & place) != 0)
            End = WalkEnd.Loop;
        else if ((header = _function.Read(offset, 4)) == uint.MaxValue)
            End = WalkEnd.Gone;
        visited |= place;
        return End == WalkEnd.Regular;
    }

    // A bit for each 4 bytes of the space.
    [InlineArray((int)ConfigurationAccess.ExtendedBytes / 256)]
    private struct Places
    {
        private ulong _first;
    }
}
