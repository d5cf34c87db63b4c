using Sluice.Platform;

namespace Sluice.Pci;

/// <summary>
/// Configuration through memory: 4 KiB a function. A bus is mapped when it is first asked for; one that cannot be mapped is not
/// reached. Source: PCI Express Base Specification 6.0, section 7.2.2.
/// </summary>
public sealed class EcamConfiguration(EcamRegion region) : ConfigurationAccess
{
    private readonly Mmio[] _buses = new Mmio[region.LastBus - region.FirstBus + 1];

    // Asked once for each bus, or a bus that cannot be mapped would cost a try at each access.
    private readonly bool[] _asked = new bool[region.LastBus - region.FirstBus + 1];

    /// <summary>What it reaches.</summary>
    public EcamRegion Region { get; } = region;

    public override uint Reach(PciAddress function) => Bus(function).Length != 0 ? ExtendedBytes : 0;

    protected override uint ReadReached(PciAddress function, uint offset, uint bytes)
    {
        Mmio bus = Bus(function);
        uint at = OffsetOf(function) + offset;
        return bytes switch { 1 => bus.Read8(at), 2 => bus.Read16(at), _ => bus.Read32(at) };
    }

    protected override void WriteReached(PciAddress function, uint offset, uint bytes, uint value)
    {
        Mmio bus = Bus(function);
        uint at = OffsetOf(function) + offset;
        switch (bytes)
        {
            case 1:
                bus.Write8(at, (byte)value);
                break;
            case 2:
                bus.Write16(at, (ushort)value);
                break;
            default:
                bus.Write32(at, value);
                break;
        }
    }

    private static uint OffsetOf(PciAddress function) => (function.RequesterId & 0xFFU) << 12;

    private Mmio Bus(PciAddress function)
    {
        int index = function.Bus - Region.FirstBus;
        if (function.Segment != Region.Segment || index < 0 || index >= _buses.Length)
            return default;
        if (!_asked[index])
        {
            _asked[index] = true;
            if (!DeviceMemory.TryMap(Region.AddressOf(function.Bus), EcamRegion.BytesPerBus, out _buses[index]))
                Log.Warn($"pci: no address space left for the configuration of bus {function.Bus:x2}");
        }
        return _buses[index];
    }
}
