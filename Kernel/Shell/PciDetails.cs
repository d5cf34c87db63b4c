using System;
using Sluice.Console;
using Sluice.Drivers;
using Sluice.Pci;

namespace Sluice.Shell;

/// <summary>One PCI function in full: ids, what it may do, BARs, capabilities.</summary>
internal static class PciDetails
{
    /// <summary>Writes it all.</summary>
    public static void Write(PciFunction function)
    {
        Terminal.WriteLine($"  \e[1;96m{function.Address}\e[0m  \e[1m{function.Name}\e[0m");
        Terminal.WriteLine($"    ids       {function.VendorId:x4}:{function.DeviceId:x4}, revision {function.Revision:x2}, subsystem {function.SubsystemVendorId:x4}:{function.SubsystemId:x4}");
        PciClass kind = function.Class;
        Terminal.WriteLine($"    class     {kind.Base:x2}.{kind.Subclass:x2}.{kind.Programming:x2}  {function.Name:class}");
        if (function.IsGone)
        {
            Terminal.WriteLine($"    \e[1;93mit no longer answers\e[0m");
            return;
        }
        if (function.Kind == HeaderKind.Bridge)
            WriteBuses(function);
        WriteCommand(function);
        WriteInterrupt(function);
        if (DriverTable.Of(function) is Driver driver)
            Terminal.WriteLine($"    driver    \e[92m{driver.Name}\e[0m");
        WriteBars(function);
        WriteCapabilities(function);
    }

    private static void WriteBuses(PciFunction function) => Terminal.WriteLine(
        $"    bridge    to bus {function.Read(ConfigurationOffsets.SecondaryBus, 1):x2}, last bus below {function.Read(ConfigurationOffsets.SubordinateBus, 1):x2}");

    private static void WriteCommand(PciFunction function)
    {
        PciCommand command = function.Command.Read();
        Terminal.Write("    may       "u8);
        Terminal.Write((command & PciCommand.MemorySpace) != 0 ? "answer at memory addresses, "u8 : default);
        Terminal.Write((command & PciCommand.PortSpace) != 0 ? "answer at ports, "u8 : default);
        Terminal.Write((command & PciCommand.BusMaster) != 0 ? "access memory itself"u8 : "not access memory itself"u8);
        Terminal.Write("\n"u8);
    }

    private static void WriteInterrupt(PciFunction function)
    {
        ReadOnlySpan<byte> kind = function.InterruptKind switch
        {
            InterruptKinds.MsiX => "by MSI-X"u8,
            InterruptKinds.Msi => "by MSI"u8,
            InterruptKinds.Line => "by its pin"u8,
            _ => "not in use"u8,
        };
        if (function.InterruptPin is > 0 and <= 4)
            Terminal.WriteLine($"    interrupt {kind}; pin {(char)('A' + function.InterruptPin - 1)}, firmware's line {function.InterruptLineRegister}");
        else
            Terminal.WriteLine($"    interrupt {kind}; no pin");
    }

    private static void WriteBars(PciFunction function)
    {
        ReadOnlySpan<Bar> bars = function.Bars;
        for (int i = 0; i < bars.Length; i++)
        {
            Bar bar = bars[i];
            if (!bar.IsPresent)
                continue;
            ReadOnlySpan<byte> kind = bar.Kind switch
            {
                BarKind.Ports => "ports"u8,
                BarKind.Memory64 => "memory, 64 bits"u8,
                _ => "memory, 32 bits"u8,
            };
            Terminal.Write($"    BAR {i}     {bar.Address.Value:x8}  {new ByteSize(bar.Bytes),9}  {kind}{(bar.IsPrefetchable ? ", prefetchable"u8 : default)}");
            if (bar.Fault != BarFault.None)
                Terminal.Write($"  \e[1;93m{TextOf(bar.Fault)}\e[0m");
            Terminal.Write("\n"u8);
        }
    }

    private static void WriteCapabilities(PciFunction function)
    {
        CapabilityWalk walk = function.Capabilities;
        while (walk.TryNext(out CapabilityId id, out uint offset))
            WriteCapability(offset, (uint)id, CapabilityNames.Of(id));
        WriteEnd(walk.End);
        ExtendedCapabilityWalk extended = function.ExtendedCapabilities;
        while (extended.TryNext(out ExtendedCapabilityId id, out uint offset))
            WriteCapability(offset, (uint)id, CapabilityNames.Of(id));
        WriteEnd(extended.End);
    }

    private static void WriteCapability(uint offset, uint id, ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty)
            Terminal.WriteLine($"    {offset:x3}       capability {id:x2}");
        else
            Terminal.WriteLine($"    {offset:x3}       {name}");
    }

    private static void WriteEnd(WalkEnd end)
    {
        ReadOnlySpan<byte> why = end switch
        {
            WalkEnd.BadPointer => "the list of capabilities ends in a pointer that leads nowhere"u8,
            WalkEnd.Loop => "the list of capabilities leads back into itself"u8,
            WalkEnd.Gone => "it no longer answers"u8,
            _ => default,
        };
        if (!why.IsEmpty)
            Terminal.WriteLine($"    \e[1;93m{why}\e[0m");
    }

    private static ReadOnlySpan<byte> TextOf(BarFault fault) => fault switch
    {
        BarFault.Unassigned => "firmware gave it no address"u8,
        BarFault.Malformed => "malformed"u8,
        BarFault.Misplaced => "its address does not fit its size"u8,
        BarFault.OverlapsMemory => "lies over memory"u8,
        BarFault.OverlapsPlatform => "lies over registers of the platform"u8,
        BarFault.OverlapsBar => "lies over another one"u8,
        _ => "size not asked for"u8,
    };
}
