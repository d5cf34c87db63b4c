using System;
using System.IO;
using System.Text;
using Sluice.Build;
using Sluice.Pci;
using Xunit;

namespace Sluice.Tests.Builds;

/// <summary>The table of PCI names from a list of a few, whatever their order.</summary>
public sealed class PciNameListTests
{
    private static readonly byte[] _table = PciNameList.Pack(
        ["class 02ff Network", "class 0200 Ethernet", "vendor 8086 Intel", "device 10d3 A card", "device 0001 Another", "vendor 0001 First", "vendor ffff Last", "device ffff The end"]);

    [Theory]
    [InlineData(0x8086, 0x10D3, "Intel", "A card")]
    [InlineData(0x8086, 0x0001, "Intel", "Another")]
    [InlineData(0x8086, 0x0002, "Intel", "")]
    [InlineData(0x0001, 0x10D3, "First", "")]
    [InlineData(0xFFFF, 0xFFFF, "Last", "The end")]
    [InlineData(0x0000, 0x0001, "", "")]
    [InlineData(0x1234, 0x10D3, "", "")]
    public void Vendors_and_their_devices_are_found(ushort vendor, ushort device, string vendorName, string deviceName)
    {
        PciNameTable table = new(_table);
        table.Find(vendor, device, out int foundVendor, out int foundDevice);
        Assert.Equal((vendorName, deviceName), (Text(foundVendor), Text(foundDevice)));
    }

    [Theory]
    [InlineData(0x02, 0x00, "Ethernet")]
    [InlineData(0x02, 0x80, "Network")]
    [InlineData(0x03, 0x00, "")]
    public void Classes_are_found_by_subclass_or_base(byte baseClass, byte subclass, string name) =>
        Assert.Equal(name, Text(new PciNameTable(_table).FindClass(new PciClass(baseClass, subclass, 0))));

    [Theory]
    [InlineData("device 0001 Before any vendor")]
    [InlineData("vendor 12345 Too long")]
    [InlineData("vendor wxyz No number")]
    [InlineData("vendor 1234")]
    [InlineData("bus 0001 Of no kind")]
    public void A_line_that_makes_no_sense_stops_the_build(string line) => Assert.Throws<InvalidDataException>(() => PciNameList.Pack([line]));

    private static string Text(int name)
    {
        Utf8Writer writer = new(new byte[100]);
        if (name >= 0)
            new PciNameTable(_table).Write(name, ref writer);
        return Encoding.ASCII.GetString(writer.Written);
    }
}
