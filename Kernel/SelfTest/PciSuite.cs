using System;
using Sluice.Boot;
using Sluice.Mm;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.SelfTest;

/// <summary>The machine's PCI functions, and interrupts by each of the ways that devices have.</summary>
internal static unsafe partial class PciSuite
{
    private const ushort Intel = 0x8086, Qemu = 0x1234, RedHat = 0x1B36, Virtio = 0x1AF4;

    public static void Register(ref Suite suite)
    {
        suite.Case("a host bridge is there, every function once"u8, &HostBridge);
        suite.Case("BARs lie over no memory and not over each other"u8, &BarsApart);
        suite.Case("sizing has left everything where it was"u8, &Unchanged);
        suite.Case("both ways into configuration space agree"u8, &WaysAgree);
        suite.Case("lists of capabilities end"u8, &Capabilities);
        suite.Case("bridges lead to the functions behind them"u8, &Bridges);
        suite.Case("nobody answers where nobody is"u8, &Nobody);
        suite.Case("functions have names"u8, &Names);
        suite.Case("edu: identification and factorial"u8, &EduComputes);
        suite.Case("edu: MSI"u8, &EduByMsi);
        suite.Case("edu: INTx"u8, &EduByLine);
        suite.Case("edu: polling"u8, &EduByPolling);
        suite.Case("edu: a masked message waits"u8, &EduMasked);
        suite.Case("82574: MSI-X"u8, &E1000eSuite.MsiXIsDelivered);
    }

    private static bool HasPci(ref Ktap t)
    {
        if (PciBus.Functions.IsEmpty)
            t.Skip("this machine has no PCI"u8);
        return !PciBus.Functions.IsEmpty;
    }

    private static void HostBridge(ref Ktap t)
    {
        if (!HasPci(ref t))
            return;
        ReadOnlySpan<PciFunction> functions = PciBus.Functions;
        bool bridge = false;
        for (int i = 0; i < functions.Length; i++)
        {
            bridge |= functions[i].Class.IsHostBridge;
            for (int j = 0; j < i; j++)
                t.Check(functions[i].Address != functions[j].Address, "an address of its own"u8);
        }
        t.Check(bridge, "a host bridge"u8);
    }

    private static void BarsApart(ref Ktap t)
    {
        if (!HasPci(ref t))
            return;
        foreach (PciFunction function in PciBus.Functions)
        {
            for (int i = 0; i < function.Bars.Length; i++)
            {
                Bar bar = function.Bars[i];
                if (!bar.IsUsable)
                    continue;
                t.Check((bar.Bytes & bar.Bytes - 1) == 0 && bar.Address.IsAligned(bar.Bytes), "a power of two, aligned to itself"u8);
                foreach (MemoryRange range in BootInformation.MemoryMap)
                    t.Check(!bar.IsMemory || range.Kind != MemoryKind.Usable || Apart(bar, range.Start, range.Bytes), "not over memory"u8);
                t.Equal(1, (ulong)CountTouching(bar), "BARs at its addresses, itself included"u8);
            }
        }
    }

    private static int CountTouching(Bar bar)
    {
        int count = 0;
        foreach (PciFunction function in PciBus.Functions)
        {
            foreach (Bar other in function.Bars)
                count += other.IsUsable && other.IsMemory == bar.IsMemory && !Apart(bar, other.Address, other.Bytes) ? 1 : 0;
        }
        return count;
    }

    private static bool Apart(Bar bar, PhysAddr start, ulong bytes) => bar.Address + bar.Bytes <= start || bar.Address >= start + bytes;

    private static void Unchanged(ref Ktap t)
    {
        if (!HasPci(ref t))
            return;
        foreach (PciFunction function in PciBus.Functions)
        {
            for (int i = 0; i < function.Bars.Length; i++)
            {
                Bar bar = function.Bars[i];
                uint flags = bar.IsMemory ? 15u : 3u;
                if (bar.IsPresent)
                    t.Equal((uint)bar.Address.Value & ~flags, function.Read(ConfigurationOffsets.FirstBar + 4 * (uint)i, 4) & ~flags, "address"u8);
            }
        }
        // The screen was in use before; a card that sizing left off would show nothing, and the boot loader's framebuffer is its BAR.
        foreach (PciFunction function in PciBus.Functions)
        {
            if (function.Class.Base == 3 && function.Class.Subclass == 0)
                t.Check((function.Command.Read() & PciCommand.MemorySpace) != 0, "the screen's device decodes memory"u8);
        }
    }

    private static void WaysAgree(ref Ktap t)
    {
        if (PciBus.Legacy == null || PciBus.Ecam.IsEmpty)
        {
            t.Skip("there is only one way"u8);
            return;
        }
        foreach (PciFunction function in PciBus.Functions)
        {
            for (uint offset = ConfigurationOffsets.VendorId; offset < ConfigurationOffsets.FirstBar; offset += 4)
            {
                // Status changes by itself.
                if (offset != ConfigurationOffsets.Command)
                    t.Equal(function.Read(offset, 4), PciBus.Legacy.Read(function.Address, offset, 4), "through the ports"u8);
            }
            t.Equal(function.VendorId, PciBus.Legacy.Read(function.Address, ConfigurationOffsets.VendorId, 2), "two bytes"u8);
            t.Equal(function.Revision, PciBus.Legacy.Read(function.Address, ConfigurationOffsets.Revision, 1), "one byte"u8);
        }
    }

    private static void Capabilities(ref Ktap t)
    {
        if (!HasPci(ref t))
            return;
        foreach (PciFunction function in PciBus.Functions)
        {
            CapabilityWalk walk = function.Capabilities;
            int count = 0;
            while (walk.TryNext(out _, out _))
                count++;
            t.Check(walk.End == WalkEnd.Regular && count <= CapabilityWalk.MostEntries, "the list ends as it should"u8);
            ExtendedCapabilityWalk extended = function.ExtendedCapabilities;
            while (extended.TryNext(out _, out _))
                count++;
            t.Check(extended.End == WalkEnd.Regular, "so does that of the extended ones"u8);
        }
    }

    private static void Bridges(ref Ktap t)
    {
        int bridges = 0;
        foreach (PciFunction bridge in PciBus.Functions)
        {
            if (bridge.Kind != HeaderKind.Bridge)
                continue;
            bridges++;
            uint secondary = bridge.Read(ConfigurationOffsets.SecondaryBus, 1), last = bridge.Read(ConfigurationOffsets.SubordinateBus, 1);
            t.Check(secondary > bridge.Address.Bus && last >= secondary, "buses below have higher numbers"u8);
        }
        foreach (PciFunction function in PciBus.Functions)
            t.Check(function.Address.Bus == 0 || LeadsTo(function.Address.Bus), "a bridge leads to its bus"u8);
        if (bridges == 0)
            t.Skip("no bridges"u8);
    }

    private static bool LeadsTo(byte bus)
    {
        foreach (PciFunction function in PciBus.Functions)
        {
            if (function.Kind == HeaderKind.Bridge && function.Read(ConfigurationOffsets.SecondaryBus, 1) == bus)
                return true;
        }
        return false;
    }

    private static void Nobody(ref Ktap t)
    {
        if (!HasPci(ref t))
            return;
        for (int device = 0; device < PciAddress.DevicesPerBus; device++)
        {
            PciAddress address = new(0, 0, device, 0);
            bool found = false;
            foreach (PciFunction function in PciBus.Functions)
                found |= function.Address == address;
            if (found)
                continue;
            if (PciBus.Legacy != null)
                t.Equal(uint.MaxValue, PciBus.Legacy.Read(address, 0, 4), "through the ports"u8);
            foreach (EcamConfiguration ecam in PciBus.Ecam)
            {
                if (ecam.Region.Segment == 0 && ecam.Region.FirstBus == 0)
                    t.Equal(uint.MaxValue, ecam.Read(address, 0, 4), "through memory"u8);
            }
        }
    }

    private static void Names(ref Ktap t)
    {
        if (!FirmwareConfig.IsPresent())
        {
            t.Skip("not QEMU: anything may be plugged in"u8);
            return;
        }
        foreach (PciFunction function in PciBus.Functions)
        {
            (bool vendor, bool device, bool pciClass) = function.Name.Known;
            bool isQemus = function.VendorId is Intel or Qemu or RedHat or Virtio;
            if (!t.Check(vendor && pciClass && (device || !isQemus), "vendor, device and class"u8))
                Ktap.Note($"{function.Address} {function.VendorId:x4}:{function.DeviceId:x4} class {function.Class}: {function.Name}");
        }
    }
}
