using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Sluice.Acpi;

namespace Sluice.Tests.Acpi;

/// <summary>Firmware's tables in made-up memory: each block is memory, between them there is none.</summary>
internal sealed class SimulatedFirmware : FirmwareMemory
{
    private readonly SortedDictionary<ulong, byte[]> _blocks = [];

    /// <summary>Bytes asked for so far, answered or not.</summary>
    public long BytesAsked { get; private set; }

    public override bool TryRead(PhysAddr start, uint bytes, out ReadOnlySpan<byte> data)
    {
        BytesAsked += bytes;
        foreach ((ulong first, byte[] block) in _blocks)
        {
            if (start.Value < first || start.Value - first > (ulong)block.Length || bytes > (ulong)block.Length - (start.Value - first))
                continue;
            data = block.AsSpan((int)(start.Value - first), (int)bytes);
            return true;
        }
        data = default;
        return false;
    }

    /// <summary>Puts bytes at an address.</summary>
    public void Put(ulong address, byte[] bytes) => _blocks[address] = bytes;

    /// <summary>Puts a list of tables at an address, 64-bit or 32-bit.</summary>
    public void PutList(ulong address, bool wide, params ulong[] tables)
    {
        IEnumerable<byte> entries = tables.SelectMany(t => wide ? BitConverter.GetBytes(t) : BitConverter.GetBytes((uint)t));
        Put(address, Table(wide ? "XSDT" : "RSDT", entries.ToArray()));
    }

    /// <summary>A table with header and correct checksum.</summary>
    public static byte[] Table(string signature, params byte[] body)
    {
        var table = new byte[36 + body.Length];
        Encoding.ASCII.GetBytes(signature).CopyTo(table, 0);
        BitConverter.GetBytes(table.Length).CopyTo(table, 4);
        table[8] = 1;
        body.CopyTo(table, 36);
        return Seal(table);
    }

    /// <summary>Makes the sum of a table's bytes 0.</summary>
    public static byte[] Seal(byte[] table, int at = 9)
    {
        table[at] = 0;
        table[at] = (byte)-table.Sum(b => b);
        return table;
    }

    /// <summary>A root pointer with correct checksums.</summary>
    public static byte[] RootPointer(uint rsdt, ulong xsdt, byte revision = 2)
    {
        var bytes = new byte[revision >= 2 ? 36 : 20];
        "RSD PTR "u8.CopyTo(bytes);
        bytes[15] = revision;
        BitConverter.GetBytes(rsdt).CopyTo(bytes, 16);
        if (revision >= 2)
        {
            BitConverter.GetBytes(36).CopyTo(bytes, 20);
            BitConverter.GetBytes(xsdt).CopyTo(bytes, 24);
        }
        bytes[8] = (byte)-bytes.Take(20).Sum(b => b);
        return revision >= 2 ? Seal(bytes, 32) : bytes;
    }

    public static Rsdp Root(uint rsdt, ulong xsdt)
    {
        Xunit.Assert.True(Rsdp.TryParse(RootPointer(rsdt, xsdt), out Rsdp rsdp));
        return rsdp;
    }
}
