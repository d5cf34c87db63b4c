namespace Sluice.Pci;

/// <summary>
/// Memory through which the configuration spaces of some buses are reached: 4 KiB for each function.
/// Source: PCI Express Base Specification 6.0, section 7.2.2.
/// </summary>
public readonly struct EcamRegion
{
    /// <summary>Bytes for each bus.</summary>
    public const uint BytesPerBus = 1 << 20;

    private EcamRegion(PhysAddr bus0, ushort segment, byte firstBus, byte lastBus)
    {
        Bus0 = bus0;
        Segment = segment;
        FirstBus = firstBus;
        LastBus = lastBus;
    }

    /// <summary>Where bus 0 is or would be: the region's own memory begins at <see cref="FirstBus"/>.</summary>
    public PhysAddr Bus0 { get; }

    public ushort Segment { get; }

    public byte FirstBus { get; }

    public byte LastBus { get; }

    /// <summary>Address of the first byte.</summary>
    public PhysAddr Start => AddressOf(FirstBus);

    /// <summary>Bytes in all.</summary>
    public ulong Bytes => (ulong)(LastBus - FirstBus + 1) * BytesPerBus;

    /// <summary>Where a bus of the region is.</summary>
    public PhysAddr AddressOf(byte bus) => Bus0 + bus * (ulong)BytesPerBus;

    /// <summary>Makes a region; false if it is not aligned to a bus, ends before it begins, or lies beyond 52 bits.</summary>
    public static bool TryCreate(PhysAddr bus0, ushort segment, byte firstBus, byte lastBus, out EcamRegion region)
    {
        region = new EcamRegion(bus0, segment, firstBus, lastBus);
        const ulong physicalLimit = 1UL << 52;
        return bus0.Value != 0 && bus0.IsAligned(BytesPerBus) && firstBus <= lastBus && bus0.Value < physicalLimit - 256UL * BytesPerBus;
    }
}
