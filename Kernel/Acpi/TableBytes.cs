using System;
using System.Runtime.InteropServices;

namespace Sluice.Acpi;

/// <summary>
/// The bytes of a firmware table, little-endian. What lies past the end reads as 0: so do the fields that an older, shorter version
/// of a table lacks, and no length that firmware claims leads outside.
/// </summary>
internal readonly ref struct TableBytes(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>How many there are.</summary>
    public int Length => _bytes.Length;

    public byte U8(int offset) => Has(offset, 1) ? _bytes[offset] : (byte)0;

    public ushort U16(int offset) => Has(offset, 2) ? MemoryMarshal.Read<ushort>(_bytes.Slice(offset)) : (ushort)0;

    public uint U32(int offset) => Has(offset, 4) ? MemoryMarshal.Read<uint>(_bytes.Slice(offset)) : 0;

    public ulong U64(int offset) => Has(offset, 8) ? MemoryMarshal.Read<ulong>(_bytes.Slice(offset)) : 0;

    /// <summary>Whether that many bytes are there.</summary>
    public bool Has(int offset, int bytes) => offset >= 0 && offset <= _bytes.Length - bytes;

    /// <summary>A part; panics if it is not all there.</summary>
    public TableBytes Slice(int start, int length) => new(_bytes.Slice(start, length));

    /// <summary>The sum of all bytes modulo 256: 0 in a table that is whole.</summary>
    public static byte Sum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (byte value in bytes)
            sum += value;
        return sum;
    }
}
