using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Devices.Pci;
using Sluice.Mm;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Tests.Pci;

/// <summary>A simulated machine whose PCI the code under test scans.</summary>
internal sealed class PciMachine : IDisposable
{
    public const ulong EcamStart = 0xB000_0000;
    private readonly List<string> _warnings = [];

    public PciMachine(bool ecam = true, bool ports = true)
    {
        Machine.Reset();
        Host = new SimulatedPciHost { EcamStart = ecam ? EcamStart : 0, HasPorts = ports };
        PortIo.Device = Host;
        DeviceMemory.Host = Host;
        DeviceMemory.MappingsLeft = null;
        PciBus.AllowMessages = true;
        Interrupts = new SimulatedInterrupts();
    }

    public SimulatedPciHost Host { get; }

    public SimulatedInterrupts Interrupts { get; }

    /// <summary>Memory: 2 GiB, and 2 GiB above 4 GiB.</summary>
    public List<MemoryRange> Memory { get; } =
    [
        new(default, 0x8000_0000, MemoryKind.Usable),
        new(new PhysAddr(0x1_0000_0000), 0x8000_0000, MemoryKind.Usable),
    ];

    /// <summary>Finds all functions as the kernel does while it starts.</summary>
    public PciScan Scan()
    {
        Host.ConnectInterrupts(Interrupts.Send, (line, raised) => Interrupts.SetLine(line, raised));
        AddressClaims claims = new();
        foreach (MemoryRange range in Memory)
            claims.Reserve(range.Start, range.Bytes, BarFault.OverlapsMemory);
        EcamConfiguration[] ecam = [];
        if (Host.EcamStart != 0 && EcamRegion.TryCreate(new PhysAddr(Host.EcamStart), 0, 0, 255, out EcamRegion region))
        {
            ecam = [new EcamConfiguration(region)];
            claims.Reserve(region.Start, region.Bytes, BarFault.OverlapsPlatform);
        }
        var scan = new PciScan(LegacyConfiguration.IsPresent() ? new LegacyConfiguration() : null, ecam);
        scan.Run(claims);
        return scan;
    }

    /// <summary>Scans and gives the one function that is there beside the host bridge.</summary>
    public PciFunction ScanFor(SimulatedFunction device)
    {
        if (Host.Root.At(0, 0) == null)
            Host.Root.Plug(0, 0, HostBridge());
        Host.Root.Plug(3, 0, device);
        return Scan().Functions.ToArray().Single(f => f.Address == new PciAddress(0, 0, 3, 0));
    }

    public static SimulatedFunction HostBridge() => new(0x8086, 0x29C0, 0x060000);

    public void Dispose()
    {
        PortIo.Device = null;
        DeviceMemory.Host = null;
        Machine.Reset();
    }
}
