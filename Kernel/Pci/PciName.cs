using System;

namespace Sluice.Pci;

/// <summary>
/// A function's name for people: <c>{name}</c> gives vendor and device, or vendor and class where the device is not in the table;
/// <c>{name:vendor}</c>, <c>{name:device}</c> and <c>{name:class}</c> one of them, nothing if unknown.
/// </summary>
public readonly struct PciName(ushort vendor, ushort device, PciClass pciClass) : IUtf8Formattable
{
    /// <summary>What the table knows: vendor, device, class.</summary>
    public (bool Vendor, bool Device, bool Class) Known
    {
        get
        {
            PciNameTable table = PciNameTable.Kernel;
            table.Find(vendor, device, out int vendorName, out int deviceName);
            return (vendorName >= 0, deviceName >= 0, table.FindClass(pciClass) >= 0);
        }
    }

    public void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format)
    {
        PciNameTable table = PciNameTable.Kernel;
        table.Find(vendor, device, out int vendorName, out int deviceName);
        int className = table.FindClass(pciClass);
        if (format.Length != 0)
        {
            int one = format[0] switch { 'v' => vendorName, 'd' => deviceName, _ => className };
            if (one >= 0)
                table.Write(one, ref writer);
            return;
        }
        Write(table, vendorName, ref writer, "vendor "u8, vendor);
        writer.Append((byte)' ');
        Write(table, deviceName >= 0 ? deviceName : className, ref writer, "device "u8, device);
    }

    private static void Write(PciNameTable table, int name, ref Utf8Writer writer, ReadOnlySpan<byte> what, ushort id)
    {
        if (name >= 0)
        {
            table.Write(name, ref writer);
            return;
        }
        writer.Append(what);
        writer.Append((ulong)id, "x4");
    }
}
