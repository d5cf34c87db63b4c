using System;
using Sluice.Console;
using Sluice.Drivers;
using Sluice.Pci;

namespace Sluice.Shell;

/// <summary>The PCI functions: all as a tree, or one in detail.</summary>
internal static class PciReport
{
    private const int MostDepth = 8;

    public static bool Run(CommandWords words)
    {
        if (!words.TryNext(out ReadOnlySpan<byte> address))
        {
            List();
            return true;
        }
        if (words.TryNext(out _))
            return false;
        foreach (PciFunction function in PciBus.Functions)
        {
            Utf8Message name = $"{function.Address}";
            if (!name.Text.SequenceEqual(address))
                continue;
            PciDetails.Write(function);
            return true;
        }
        Terminal.WriteLine($"there is no function {address}; pci lists those there are, as 00:1f.2");
        return true;
    }

    private static void List()
    {
        if (PciBus.Functions.IsEmpty)
            Terminal.WriteLine($"no PCI functions were found");
        foreach (PciFunction function in PciBus.Functions)
        {
            PciAddress address = function.Address;
            if (IsFirstOnBus(function) && !IsBehindBridge(address.Segment, address.Bus))
                WriteBus(address.Segment, address.Bus, 0);
        }
    }

    // What is behind a bridge follows it, a step to the right.
    private static void WriteBus(ushort segment, byte bus, int depth)
    {
        foreach (PciFunction function in PciBus.Functions)
        {
            if (function.Address.Segment != segment || function.Address.Bus != bus)
                continue;
            WriteFunction(function, depth);
            if (TryGetBusBelow(function, out byte below) && depth < MostDepth)
                WriteBus(segment, below, depth + 1);
        }
    }

    private static void WriteFunction(PciFunction function, int depth)
    {
        Span<byte> room = stackalloc byte[2 * MostDepth + 16];
        Utf8Writer place = new(room);
        place.Repeat((byte)' ', 2 * depth);
        Utf8Message address = $"{function.Address}";
        place.Append(address.Text);
        Terminal.Write($"  \e[1;96m{place.Written,-12}\e[0m \e[90m{function.VendorId:x4}:{function.DeviceId:x4}\e[0m  {function.Name}");
        if (DriverTable.Of(function) is Driver driver)
            Terminal.Write($"  \e[92m[{driver.Name}]\e[0m");
        Terminal.Write("\n"u8);
    }

    private static bool IsFirstOnBus(PciFunction function)
    {
        foreach (PciFunction other in PciBus.Functions)
        {
            if (other.Address.Segment == function.Address.Segment && other.Address.Bus == function.Address.Bus)
                return other == function;
        }
        return false;
    }

    private static bool IsBehindBridge(ushort segment, byte bus)
    {
        foreach (PciFunction function in PciBus.Functions)
        {
            if (function.Address.Segment == segment && TryGetBusBelow(function, out byte below) && below == bus)
                return true;
        }
        return false;
    }

    // Buses below have higher numbers; firmware that says otherwise would lead in a circle.
    private static bool TryGetBusBelow(PciFunction function, out byte below)
    {
        below = 0;
        if (function.Kind != HeaderKind.Bridge)
            return false;
        below = (byte)function.Read(ConfigurationOffsets.SecondaryBus, 1);
        return below > function.Address.Bus && below != 0xFF;
    }
}
