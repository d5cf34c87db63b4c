using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;

namespace Sluice.Build;

/// <summary>Packs the list that Kernel/Pci/names.awk chose into the table that Kernel/Pci/PciNameTable.cs reads; the format stands there.</summary>
public static class PciNameList
{
    private sealed record Entry(int Id, string Name, List<Entry> Below);

    /// <summary>The table, of lines of a kind, a number in hexadecimal and a name.</summary>
    public static byte[] Pack(IEnumerable<string> lines)
    {
        List<Entry> classes = [], vendors = [];
        foreach (string line in lines)
        {
            string[] words = line.Split(' ', 3);
            if (words.Length < 3 || !ushort.TryParse(words[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ushort id))
                throw new InvalidDataException($"no name of PCI: {line}");
            List<Entry> list = words[0] switch
            {
                "class" => classes,
                "vendor" => vendors,
                "device" when vendors.Count > 0 => vendors[^1].Below,
                _ => throw new InvalidDataException($"no name of PCI: {line}"),
            };
            list.Add(new Entry(id, words[2], []));
        }
        List<byte> ids = [];
        List<string> names = [];
        UnwindEncoder.Number(ids, (uint)classes.Count);
        Append(ids, names, classes, hasBelow: false);
        Append(ids, names, vendors, hasBelow: true);
        (byte[] pairs, byte[] packed) = NamePacker.Pack(names);
        return [.. BitConverter.GetBytes((ushort)ids.Count), .. ids, .. pairs, .. packed];
    }

    private static void Append(List<byte> ids, List<string> names, List<Entry> list, bool hasBelow)
    {
        int before = 0;
        foreach (Entry entry in list.OrderBy(entry => entry.Id))
        {
            UnwindEncoder.Number(ids, (uint)(entry.Id - before));
            before = entry.Id;
            names.Add(entry.Name);
            if (!hasBelow)
                continue;
            UnwindEncoder.Number(ids, (uint)entry.Below.Count);
            Append(ids, names, entry.Below, hasBelow: false);
        }
    }
}
