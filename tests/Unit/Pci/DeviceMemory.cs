using System;
using Sluice.Devices.Pci;
using Sluice.Platform;

namespace Sluice.Pci;

/// <summary>The hosted twin: registers are those of this thread's simulated machine.</summary>
public static class DeviceMemory
{
    [ThreadStatic] private static SimulatedPciHost? _host;

    /// <summary>Whose memory space it is.</summary>
    public static SimulatedPciHost? Host
    {
        get => _host;
        set => _host = value;
    }

    /// <summary>Mappings that may still be made; then address space has run out.</summary>
    [field: ThreadStatic]
    public static int? MappingsLeft { get; set; }

    public static bool TryMap(PhysAddr start, uint bytes, out Mmio registers)
    {
        registers = default;
        if (_host == null || MappingsLeft == 0)
            return false;
        MappingsLeft--;
        registers = new Mmio(_host.Window(start.Value), bytes);
        return true;
    }
}
