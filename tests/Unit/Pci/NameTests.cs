using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Sluice.Pci;
using Xunit;

namespace Sluice.Tests.Pci;

public sealed class NameTests
{
    [Theory]
    [InlineData(0x8086, 0x29C0, 0x060000, "Intel 82G33/G31/P35/P31 Express DRAM Controller")]
    [InlineData(0x8086, 0x1237, 0x060000, "Intel 440FX - 82441FX PMC [Natoma]")]
    [InlineData(0x8086, 0x10D3, 0x020000, "Intel 82574L Gigabit Network Connection")]
    [InlineData(0x1234, 0x11E8, 0x00FF00, "QEMU Educational device")]
    [InlineData(0x1234, 0x1111, 0x030000, "QEMU Standard VGA")]
    [InlineData(0x8086, 0xFFF1, 0x0C0010, "Intel FireWire (IEEE 1394)")]     // unknown device: its class
    [InlineData(0xFFF1, 0x0001, 0x020000, "vendor fff1 Ethernet controller")]
    [InlineData(0xFFF1, 0x0001, 0x440000, "vendor fff1 device 0001")]
    public void Devices_have_names(ushort vendor, ushort device, int pciClass, string expected) =>
        Assert.Equal(expected, Text($"{new PciName(vendor, device, Class(pciClass))}"));

    [Fact]
    public void Parts_of_a_name_can_be_had_alone()
    {
        var name = new PciName(0x8086, 0x10D3, Class(0x020000));
        Assert.Equal("Intel|82574L Gigabit Network Connection|Ethernet controller", Text($"{name:vendor}|{name:device}|{name:class}"));
        Assert.Equal("||", Text($"{new PciName(0xFFF1, 1, Class(0x440000)):vendor}|{new PciName(0xFFF1, 1, Class(0)):device}|"));
    }

    [Fact]
    public void A_subclass_without_a_name_has_that_of_its_base() =>
        Assert.Equal("Network controller", Text($"{new PciName(0, 0, Class(0x026600)):class}"));

    [Fact]
    public void FireWire_controllers_of_all_vendors_are_in_the_table()
    {
        int known = 0, all = 0;
        string vendor = "";
        foreach (string line in File.ReadLines("/usr/share/misc/pci.ids"))
        {
            if (line.StartsWith("C ", StringComparison.Ordinal))
                break;
            if (line.Length > 4 && Uri.IsHexDigit(line[0]))
                vendor = line[..4];
            if (!line.StartsWith('\t') || line.StartsWith("\t\t", StringComparison.Ordinal) || !line.Contains("1394", StringComparison.Ordinal))
                continue;
            all++;
            known += new PciName(Convert.ToUInt16(vendor, 16), Convert.ToUInt16(line[1..5], 16), default).Known.Device ? 1 : 0;
        }
        Assert.InRange(all, 50, 1000);
        Assert.Equal(all, known);
    }

    /// <summary>The table against a plain reading of the same file: whatever it has is right, for every vendor and device.</summary>
    [Fact]
    public void Every_name_in_the_table_is_the_one_in_the_file()
    {
        int devices = 0;
        string vendor = "";
        HashSet<string> lacking = [];
        foreach (string line in File.ReadLines("/usr/share/misc/pci.ids"))
        {
            if (line.StartsWith("C ", StringComparison.Ordinal))
                break;
            if (line.Length > 4 && Uri.IsHexDigit(line[0]))
                vendor = line[..4];
            if (!line.StartsWith('\t') || line.StartsWith("\t\t", StringComparison.Ordinal))
                continue;
            var name = new PciName(Convert.ToUInt16(vendor, 16), Convert.ToUInt16(line[1..5], 16), default);
            if (!name.Known.Device)
                continue;
            devices++;
            string text = Text($"{name:device}");
            if (!line[7..].StartsWith(text, StringComparison.Ordinal) && !text.Contains('?'))
                lacking.Add($"{vendor} {line} != {text}");
        }
        Assert.True(devices > 500);
        Assert.True(lacking.Count < devices / 50, string.Join('\n', lacking));
    }

    [Fact]
    public void The_table_is_small() =>
        Assert.InRange(new FileInfo(Path.Combine(AppContext.BaseDirectory, "pci-names.bin")).Length, 16 << 10, 24 << 10);

    private static PciClass Class(int code) => new((byte)(code >> 16), (byte)(code >> 8), (byte)code);

    private static string Text(in Utf8Message message) => Encoding.UTF8.GetString(message.Text);
}
