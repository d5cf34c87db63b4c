using System;
using System.Runtime.InteropServices;
using Sluice.Platform;

namespace Sluice.Pci;

/// <summary>
/// The names that names.awk made of Debian's pci.ids; the format is described there. A search walks over the table, tens of
/// thousands of instructions: for people, not for drivers.
/// </summary>
internal readonly ref struct PciNameTable
{
    private const byte FirstLiteral = 0x20, FirstShortWord = 0x80;
    private const int ShortWords = 128;
    private const ushort WholeBase = 0xFF;

    private readonly ReadOnlySpan<byte> _wordEnds, _wordTexts, _classes, _vendors;

    /// <summary>The table in the kernel's image.</summary>
    public static PciNameTable Kernel => new(EmbeddedData.PciNames);

    /// <summary>Takes the table's parts apart.</summary>
    public PciNameTable(ReadOnlySpan<byte> table)
    {
        int wordBytes = Number(table), words = Number(table.Slice(2));
        _wordEnds = table.Slice(4, 2 * words);
        _wordTexts = table.Slice(4 + 2 * words, wordBytes - 4 - 2 * words);
        ReadOnlySpan<byte> rest = table.Slice(wordBytes);
        int classBytes = Number(rest);
        _classes = rest.Slice(2, classBytes - 2);
        _vendors = rest.Slice(classBytes);
    }

    /// <summary>Finds a vendor's name, and its list of devices.</summary>
    public bool TryFindVendor(ushort id, out ReadOnlySpan<byte> text, out ReadOnlySpan<byte> devices)
    {
        ReadOnlySpan<byte> rest = _vendors;
        while (rest.Length >= 4 && Number(rest) <= id && Number(rest) != ushort.MaxValue)
        {
            ushort found = Number(rest), bytes = Number(rest.Slice(2));
            text = TextAt(rest.Slice(4));
            int header = 4 + text.Length + 1;
            devices = rest.Slice(header, bytes);
            if (found == id)
                return true;
            rest = rest.Slice(header + bytes);
        }
        text = devices = default;
        return false;
    }

    /// <summary>Finds a device's name.</summary>
    public bool TryFindDevice(ushort vendor, ushort id, out ReadOnlySpan<byte> text)
    {
        TryFindVendor(vendor, out _, out ReadOnlySpan<byte> devices);
        return TryFindIn(devices, id, out text);
    }

    /// <summary>Finds a class's name: that of the subclass, or of the base class where it has none.</summary>
    public bool TryFindClass(PciClass pciClass, out ReadOnlySpan<byte> text) =>
        TryFindIn(_classes, (ushort)(pciClass.Base << 8 | pciClass.Subclass), out text) ||
        TryFindIn(_classes, (ushort)(pciClass.Base << 8 | WholeBase), out text);

    /// <summary>Writes a name that was found.</summary>
    public void Write(ReadOnlySpan<byte> text, ref Utf8Writer writer)
    {
        for (int i = 0; i < text.Length; i++)
        {
            byte code = text[i];
            if (code >= FirstShortWord)
                writer.Append(Word(code - FirstShortWord));
            else if (code >= FirstLiteral)
                writer.Append(code);
            else
                writer.Append(Word(ShortWords + (code - 1) * 256 + text[++i]));
        }
    }

    private static bool TryFindIn(ReadOnlySpan<byte> list, ushort id, out ReadOnlySpan<byte> text)
    {
        while (list.Length >= 3)
        {
            ushort found = Number(list);
            text = TextAt(list.Slice(2));
            if (found == id)
                return true;
            list = list.Slice(2 + text.Length + 1);
        }
        text = default;
        return false;
    }

    private ReadOnlySpan<byte> Word(int number)
    {
        int start = number == 0 ? 0 : Number(_wordEnds.Slice(2 * number - 2));
        return _wordTexts.Slice(start, Number(_wordEnds.Slice(2 * number)) - start);
    }

    // Up to the zero; the second byte of a long word may be zero too.
    private static ReadOnlySpan<byte> TextAt(ReadOnlySpan<byte> bytes)
    {
        int length = 0;
        while (bytes[length] != 0)
            length += bytes[length] < FirstLiteral ? 2 : 1;
        return bytes.Slice(0, length);
    }

    private static ushort Number(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<ushort>(bytes);
}
