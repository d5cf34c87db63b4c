using System;
using Sluice.Mm;

namespace Sluice.Pci;

/// <summary>The machine's PCI functions.</summary>
public static class PciBus
{
    private static PciScan? _scan;

    /// <summary>All functions, by bus, device and function.</summary>
    public static ReadOnlySpan<PciFunction> Functions => _scan == null ? default : _scan.Functions;

    /// <summary>The ports' way into configuration space; null if the machine has none.</summary>
    public static LegacyConfiguration? Legacy { get; private set; }

    /// <summary>The memory ways into configuration space.</summary>
    public static ReadOnlySpan<EcamConfiguration> Ecam => _ecam;

    /// <summary>Whether the firmware permits MSI and MSI-X.</summary>
    public static bool AllowMessages { get; set; } = true;

    private static EcamConfiguration[] _ecam = [];

    /// <summary>
    /// Finds all functions. Once, while starting, after memory; prints a summary.
    /// </summary>
    /// <param name="regions">Where firmware says that configuration spaces are; those over memory are not believed.</param>
    /// <param name="memory">Firmware's memory map: no BAR may lie over memory.</param>
    /// <param name="platform">Registers of the platform that no BAR may lie over.</param>
    public static void Initialize(ReadOnlySpan<EcamRegion> regions, ReadOnlySpan<MemoryRange> memory, ReadOnlySpan<MemoryRange> platform)
    {
        AddressClaims claims = new();
        foreach (MemoryRange range in memory)
        {
            // BARs do lie in ranges called reserved; firmware calls the registers of what it uses itself so.
            if (range.Kind != MemoryKind.Reserved)
                claims.Reserve(range.Start, range.Bytes, BarFault.OverlapsMemory);
        }
        foreach (MemoryRange range in platform)
            claims.Reserve(range.Start, range.Bytes, BarFault.OverlapsPlatform);
        _ecam = Believable(regions, claims);
        foreach (EcamConfiguration access in _ecam)
            claims.Reserve(access.Region.Start, access.Region.Bytes, BarFault.OverlapsPlatform);

        Legacy = LegacyConfiguration.IsPresent() ? new LegacyConfiguration() : null;
        _scan = new PciScan(Legacy, _ecam);
        _scan.Run(claims);
        ReadOnlySpan<byte> way = _ecam.Length > 0 ? "memory"u8 : Legacy != null ? "ports"u8 : "nothing"u8;
        Log.Info($"pci: {_scan.Functions.Length} functions on {_scan.Buses} buses, configuration through {way}");
    }

    private static EcamConfiguration[] Believable(ReadOnlySpan<EcamRegion> regions, AddressClaims claims)
    {
        int count = 0;
        var accesses = new EcamConfiguration[regions.Length];
        foreach (EcamRegion region in regions)
        {
            if (claims.IsFree(region.Start, region.Bytes))
                accesses[count++] = new EcamConfiguration(region);
            else
                Log.Warn($"pci: configuration space at {region.Start.Value:x} would lie over memory; not used");
        }
        var believed = new EcamConfiguration[count];
        accesses.AsSpan(0, count).CopyTo(believed);
        return believed;
    }
}
