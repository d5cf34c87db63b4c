using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Nodes;

/// <summary>What locks compute. Source: IEEE 1394-1995, table 6-10; IEEE 1212.</summary>
public static class LockMath
{
    /// <summary>How long the old value is; 0 if the data's length fits no lock.</summary>
    public static int WidthOf(LockOperation operation, int dataBytes) => operation switch
    {
        LockOperation.FetchAdd or LockOperation.LittleAdd => dataBytes is 4 or 8 ? dataBytes : 0,
        LockOperation.MaskSwap or LockOperation.CompareSwap or LockOperation.BoundedAdd or LockOperation.WrapAdd => dataBytes is 8 or 16 ? dataBytes / 2 : 0,
        _ => 0,
    };

    /// <summary>Carries a lock out.</summary>
    /// <param name="memory">4 or 8 bytes; the new value afterwards.</param>
    /// <param name="data">Argument and value, or the value alone.</param>
    public static void Apply(LockOperation operation, Span<byte> memory, ReadOnlySpan<byte> data)
    {
        bool isLittle = operation == LockOperation.LittleAdd;
        ulong old = Get(memory, isLittle), argument = Get(data[..memory.Length], isLittle);
        ulong value = data.Length > memory.Length ? Get(data[memory.Length..], isLittle) : argument;
        ulong result = operation switch
        {
            LockOperation.MaskSwap => (value & argument) | (old & ~argument),
            LockOperation.CompareSwap => old == argument ? value : old,
            LockOperation.FetchAdd or LockOperation.LittleAdd => old + value,
            LockOperation.BoundedAdd => old == argument ? old : old + value,
            _ => old == argument ? value : old + value,
        };
        if (memory.Length == 4 && isLittle)
            BinaryPrimitives.WriteUInt32LittleEndian(memory, (uint)result);
        else if (memory.Length == 4)
            BinaryPrimitives.WriteUInt32BigEndian(memory, (uint)result);
        else if (isLittle)
            BinaryPrimitives.WriteUInt64LittleEndian(memory, result);
        else
            BinaryPrimitives.WriteUInt64BigEndian(memory, result);
    }

    private static ulong Get(ReadOnlySpan<byte> bytes, bool isLittle) => (bytes.Length, isLittle) switch
    {
        (4, false) => BinaryPrimitives.ReadUInt32BigEndian(bytes),
        (4, true) => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        (_, false) => BinaryPrimitives.ReadUInt64BigEndian(bytes),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
    };
}
