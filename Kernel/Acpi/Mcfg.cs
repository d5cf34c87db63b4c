using System;
using Sluice.Pci;

namespace Sluice.Acpi;

/// <summary>
/// Where the PCI configuration spaces are in memory. Source: PCI Firmware Specification 3.3, section 4.1.2, tables 4-2 and 4-3.
/// </summary>
internal readonly ref struct Mcfg(ReadOnlySpan<byte> table)
{
    private const int FirstEntry = 44, EntryBytes = 16;
    private readonly TableBytes _table = new(table);

    /// <summary>Entries, sound or not; a rest too small for one does not count.</summary>
    public int Count => _table.Length < FirstEntry ? 0 : (_table.Length - FirstEntry) / EntryBytes;

    /// <summary>An entry by its number; false if its numbers make no sense.</summary>
    public bool TryGet(int number, out EcamRegion region)
    {
        region = default;
        if ((uint)number >= (uint)Count)
            return false;
        int at = FirstEntry + number * EntryBytes;
        return EcamRegion.TryCreate(new PhysAddr(_table.U64(at)), _table.U16(at + 8), _table.U8(at + 10), _table.U8(at + 11), out region);
    }
}
