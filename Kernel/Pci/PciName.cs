using System;

namespace Sluice.Pci;

/// <summary>
/// A function's name for people: <c>{name}</c> gives vendor and device, or vendor and class where the device is not in the table;
/// <c>{name:vendor}</c>, <c>{name:device}</c> and <c>{name:class}</c> one of them, nothing if unknown.
/// </summary>
public readonly struct PciName(ushort vendor, ushort device, PciClass pciClass) : IUtf8Formattable
{
    /// <summary>Whether the table knows the vendor.</summary>
    public bool HasVendor => PciNameTable.Kernel.TryFindVendor(vendor, out _, out _);

    /// <summary>Whether the table knows the device.</summary>
    public bool HasDevice => PciNameTable.Kernel.TryFindDevice(vendor, device, out _);

    /// <summary>Whether the table knows the class.</summary>
    public bool HasClass => PciNameTable.Kernel.TryFindClass(pciClass, out _);

    public void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format)
    {
        PciNameTable table = PciNameTable.Kernel;
        char part = format.Length == 0 ? ' ' : format[0];
        bool hasVendor = table.TryFindVendor(vendor, out ReadOnlySpan<byte> vendorText, out _);
        bool hasDevice = table.TryFindDevice(vendor, device, out ReadOnlySpan<byte> deviceText);
        bool hasClass = table.TryFindClass(pciClass, out ReadOnlySpan<byte> classText);
        if (part is 'v' or ' ' && hasVendor)
            table.Write(vendorText, ref writer);
        else if (part == ' ')
            Unknown(ref writer, "vendor "u8, vendor);
        if (part == ' ')
            writer.Append((byte)' ');
        if (part is 'd' or ' ' && hasDevice)
            table.Write(deviceText, ref writer);
        else if ((part == 'c' || part == ' ') && hasClass)
            table.Write(classText, ref writer);
        else if (part == ' ')
            Unknown(ref writer, "device "u8, device);
    }

    private static void Unknown(ref Utf8Writer writer, ReadOnlySpan<byte> what, ushort id)
    {
        writer.Append(what);
        writer.Append((ulong)id, "x4");
    }
}
