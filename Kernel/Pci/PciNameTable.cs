using System;
using System.Buffers.Binary;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Pci;

/// <summary>
/// Names out of Debian's pci.ids; names.awk chooses them, Kernel/Build/PciNameList.cs packs them. Numbers are of variable length, but
/// for the first:
/// <code>
/// bytes of the numbers (16 bits) | numbers | table of pairs | packed names in the order of the numbers (PackedName)
/// numbers: how many classes | each class (base and subclass, or base and 0xFF for the base itself), ascending, as distance from the one
/// before | per vendor, ascending: distance from the one before, how many devices, each device's distance from the one before
/// </code>
/// Finding takes ten thousand instructions, reading a name up to a million: for people, not for drivers.
/// </summary>
internal readonly ref struct PciNameTable
{
    private const ushort WholeBase = 0xFF;

    private readonly ReadOnlySpan<byte> _numbers, _pairs, _names;

    /// <summary>The table in the kernel's image.</summary>
    public static PciNameTable Kernel => new(EmbeddedData.PciNames);

    /// <summary>Takes the table's parts apart.</summary>
    public PciNameTable(ReadOnlySpan<byte> table)
    {
        int numbers = BinaryPrimitives.ReadUInt16LittleEndian(table);
        _numbers = table.Slice(2, numbers);
        ReadOnlySpan<byte> rest = table.Slice(2 + numbers);
        _pairs = rest.Slice(0, 2 * PackedName.PairCount);
        _names = rest.Slice(2 * PackedName.PairCount);
    }

    /// <summary>Finds the names of a vendor and of its device: their numbers among the names, -1 for one that is not there.</summary>
    public void Find(ushort vendor, ushort device, out int vendorName, out int deviceName)
    {
        vendorName = deviceName = -1;
        int at = 0, name = (int)VariableLength.Read(_numbers, ref at);
        for (int i = 0; i < name; i++)
            VariableLength.Read(_numbers, ref at);
        for (uint id = 0; at < _numbers.Length && id < vendor;)
        {
            id += VariableLength.Read(_numbers, ref at);
            int here = name++, devices = (int)VariableLength.Read(_numbers, ref at);
            int found = FindIn(devices, device, name, ref at);
            name += devices;
            if (id == vendor)
            {
                vendorName = here;
                deviceName = found;
            }
        }
    }

    /// <summary>Finds a class's name: that of the subclass, or of the base class where it has none; -1 if there is neither.</summary>
    public int FindClass(PciClass pciClass)
    {
        int subclass = FindClass(pciClass.Subclass, pciClass);
        return subclass >= 0 ? subclass : FindClass(WholeBase, pciClass);
    }

    /// <summary>Writes the name of a number.</summary>
    public void Write(int name, ref Utf8Writer writer)
    {
        PackedName text = default;
        int at = 0;
        for (int i = 0; i <= name; i++)
            text.ReadNext(_names, ref at, _pairs);
        writer.Append(text.Text);
    }

    private int FindClass(ushort subclass, PciClass pciClass)
    {
        int at = 0, classes = (int)VariableLength.Read(_numbers, ref at);
        return FindIn(classes, (uint)(pciClass.Base << 8 | subclass), 0, ref at);
    }

    // The number of an id's name in a list whose first name has the number given; goes behind the list.
    private int FindIn(int count, uint wanted, int firstName, ref int at)
    {
        int found = -1;
        uint id = 0;
        for (int i = 0; i < count; i++)
        {
            id += VariableLength.Read(_numbers, ref at);
            if (id == wanted)
                found = firstName + i;
        }
        return found;
    }
}
