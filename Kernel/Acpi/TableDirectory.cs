using System;

namespace Sluice.Acpi;

/// <summary>Where one table is.</summary>
internal readonly struct TableEntry(TableSignature signature, PhysAddr start, uint bytes)
{
    public TableSignature Signature { get; } = signature;
    public PhysAddr Start { get; } = start;
    public uint Bytes { get; } = bytes;
}

/// <summary>
/// All tables that the firmware lists, checked: readable, of a believable length, with a correct checksum, each listed once,
/// none overlapping another. One that is not is left out, with a line in the log. Source: ACPI 6.5, sections 5.2.6 to 5.2.8.
/// </summary>
internal sealed class TableDirectory(FirmwareMemory memory)
{
    /// <summary>Bytes of the header that all tables begin with.</summary>
    public const int HeaderBytes = 36;

    // Real machines: about 30 tables, the longest (a DSDT) below 1 MiB. The bounds hold off nonsense, no more.
    private const int Capacity = 128;
    private const uint MaxBytes = 4 << 20;
    private const int MaxComplaints = 16;

    private readonly FirmwareMemory _memory = memory;
    private readonly TableEntry[] _tables = new TableEntry[Capacity];
    private int _count, _complaints;

    /// <summary>The tables, in the order they are listed; the DSDT comes after the FADT that names it.</summary>
    public ReadOnlySpan<TableEntry> Tables => new(_tables, 0, _count);

    /// <summary>Entries that were left out.</summary>
    public int Skipped { get; private set; }

    /// <summary>Reads the list; false if neither the 64-bit nor the 32-bit one is sound. Once.</summary>
    public bool TryRead(Rsdp rsdp)
    {
        if (rsdp.Xsdt.Value != 0 && TryRead(rsdp.Xsdt, TableSignature.Xsdt, sizeof(ulong)))
            return true;
        return rsdp.Rsdt.Value != 0 && TryRead(rsdp.Rsdt, TableSignature.Rsdt, sizeof(uint));
    }

    /// <summary>Finds a table; of several with one name (SSDT) the one with a number from 0.</summary>
    public bool TryFind(TableSignature signature, int number, out ReadOnlySpan<byte> table)
    {
        foreach (TableEntry entry in Tables)
        {
            if (entry.Signature == signature && number-- == 0)
                return _memory.TryRead(entry.Start, entry.Bytes, out table);
        }
        table = default;
        return false;
    }

    private bool TryRead(PhysAddr list, TableSignature signature, int addressBytes)
    {
        if (!TryReadTable(list, out TableSignature found, out ReadOnlySpan<byte> bytes))
            return false;
        if (found != signature)
        {
            Skip(list, $"is {found}, not {signature}");
            return false;
        }
        TableBytes entries = new(bytes);
        for (int at = HeaderBytes; entries.Has(at, addressBytes); at += addressBytes)
        {
            PhysAddr address = new(addressBytes == sizeof(ulong) ? entries.U64(at) : entries.U32(at));
            if (_count == Capacity)
            {
                Skip(address, $"and all after it: more than {Capacity} tables");
                break;
            }
            if (address != list && Add(address) && _tables[_count - 1].Signature == TableSignature.Fadt)
                AddDsdt();
        }
        return true;
    }

    private bool Add(PhysAddr address)
    {
        if (address.Value == 0 || IsListed(address))    // some firmware has empty or repeated entries
            return false;
        if (!TryReadTable(address, out TableSignature signature, out ReadOnlySpan<byte> bytes))
            return false;
        if (signature == TableSignature.Rsdt || signature == TableSignature.Xsdt)
            return Skip(address, $"is a list in a list");
        if (_count == Capacity)
            return Skip(address, $"is one too many");
        foreach (TableEntry other in Tables)
        {
            if (address < other.Start + other.Bytes && other.Start < address + (uint)bytes.Length)
                return Skip(address, $"({signature}) overlaps {other.Signature}");
        }
        _tables[_count++] = new TableEntry(signature, address, (uint)bytes.Length);
        return true;
    }

    // The DSDT is the one table that no list names.
    private void AddDsdt()
    {
        if (TryFind(TableSignature.Fadt, 0, out ReadOnlySpan<byte> bytes))
            Add(Fadt.Parse(bytes).Dsdt);
    }

    private bool IsListed(PhysAddr address)
    {
        foreach (TableEntry entry in Tables)
        {
            if (entry.Start == address)
                return true;
        }
        return false;
    }

    private bool TryReadTable(PhysAddr address, out TableSignature signature, out ReadOnlySpan<byte> bytes)
    {
        signature = default;
        bytes = default;
        if (address.Value > ulong.MaxValue - MaxBytes || !_memory.TryRead(address, HeaderBytes, out ReadOnlySpan<byte> header))
            return Skip(address, $"is not in memory");
        TableBytes fields = new(header);
        signature = new TableSignature(fields.U32(0));
        uint length = fields.U32(4);
        if (length is < HeaderBytes or > MaxBytes)
            return Skip(address, $"({signature}) claims {length} bytes");
        if (!_memory.TryRead(address, length, out bytes))
            return Skip(address, $"({signature}, {length} bytes) is not all in memory");
        if (TableBytes.Sum(bytes) != 0)
            return Skip(address, $"({signature}) has a wrong checksum");
        return true;
    }

    private bool Skip(PhysAddr address, scoped in Utf8Message why)
    {
        Skipped++;
        if (_complaints++ < MaxComplaints)
            Log.Warn($"acpi: table at {address.Value:x} {why.Text}; skipped");
        return false;
    }
}
