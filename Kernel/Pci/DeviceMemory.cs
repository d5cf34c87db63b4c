using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Pci;

/// <summary>
/// Makes device registers reachable. (The hosted twin hands out the registers of simulated devices.)
/// </summary>
public static unsafe class DeviceMemory
{
    /// <summary>Maps registers uncached, for good; false if address space or memory for page tables ran out. Not in interrupt handlers.</summary>
    public static bool TryMap(PhysAddr start, uint bytes, out Mmio registers)
    {
        bool mapped = VirtualMemory.TryMapDevice(start, bytes, CacheMode.Uncached, out byte* pointer);
        registers = mapped ? new Mmio(pointer, bytes) : default;
        return mapped;
    }
}
