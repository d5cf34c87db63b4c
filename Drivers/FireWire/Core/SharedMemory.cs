using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Runtime;

namespace Sluice.FireWire.Core;

/// <summary>What others did to memory that is offered to them.</summary>
public struct SharedMemoryCounters
{
    /// <summary>Carried out.</summary>
    public ulong Reads, Writes, Locks;

    /// <summary>Locks that are not where a number of their width can be.</summary>
    public ulong Misaligned;
}

/// <summary>Memory that every node may read, write and lock, while it is in the bus's table (<see cref="FireWireBus.Addresses"/>).</summary>
/// <param name="start">Where others find it.</param>
/// <param name="memory">It; stays as long as this is in the table.</param>
/// <param name="bytes">A multiple of 8.</param>
public sealed unsafe class SharedMemory(ulong start, byte* memory, int bytes) : AddressHandler(start, (ulong)bytes)
{
    private readonly byte* _memory = memory;

    /// <summary>What happened.</summary>
    public SharedMemoryCounters Counters;

    /// <summary>What is there now.</summary>
    public Span<byte> Memory => new(_memory, (int)Bytes);

    /// <inheritdoc/>
    public override ResponseCode Read(in IncomingRequest request, ulong offset, Span<byte> data)
    {
        Counters.Reads = Counters.Reads + 1;
        byte* from = _memory + (offset - Start);
        if (data.Length == 4)
            Unsafe.WriteUnaligned(ref MemoryMarshal.GetReference(data), *(uint*)from);
        else
            Copy(data, from);
        return ResponseCode.Complete;
    }

    /// <inheritdoc/>
    public override ResponseCode Write(in IncomingRequest request, ulong offset, ReadOnlySpan<byte> data)
    {
        Counters.Writes++;
        byte* to = _memory + (offset - Start);
        fixed (byte* from = data)
            BlockCopy.Copy(to, from, (uint)data.Length);
        return ResponseCode.Complete;
    }

    /// <inheritdoc/>
    public override ResponseCode Lock(in IncomingRequest request, ulong offset, LockOperation operation, ReadOnlySpan<byte> data, Span<byte> old)
    {
        // 1394-1995, 6.2.2.3.4: at a multiple of the width.
        if ((offset & (uint)(old.Length - 1)) != 0)
        {
            Counters.Misaligned++;
            return ResponseCode.AddressError;
        }
        Counters.Locks++;
        Span<byte> place = At(offset, old.Length);
        place.CopyTo(old);
        Change(operation, place, data);
        return ResponseCode.Complete;
    }

    /// <summary>Does what a lock does to a number of 4 or 8 bytes. Source: IEEE 1394-1995, table 6-10.</summary>
    /// <param name="place">The number, first byte highest; for little add lowest.</param>
    /// <param name="data">Argument and value; the value alone for the two plain additions.</param>
    public static void Change(LockOperation operation, Span<byte> place, ReadOnlySpan<byte> data)
    {
        int width = place.Length;
        if (operation == LockOperation.LittleAdd)
        {
            if (width == 4)
                BinaryPrimitives.WriteUInt32LittleEndian(place, BinaryPrimitives.ReadUInt32LittleEndian(place) + BinaryPrimitives.ReadUInt32LittleEndian(data));
            else
                BinaryPrimitives.WriteUInt64LittleEndian(place, BinaryPrimitives.ReadUInt64LittleEndian(place) + BinaryPrimitives.ReadUInt64LittleEndian(data));
            return;
        }
        ulong old = Number(place), first = Number(data.Slice(0, width)), value = data.Length > width ? Number(data.Slice(width)) : first;
        ulong changed = operation switch
        {
            LockOperation.MaskSwap => (value & first) | (old & ~first),
            LockOperation.CompareSwap => old == first ? value : old,
            LockOperation.FetchAdd => old + value,
            LockOperation.BoundedAdd => old == first ? old : old + value,
            LockOperation.WrapAdd => old == first ? value : old + value,
            _ => old,
        };
        if (width == 4)
            BinaryPrimitives.WriteUInt32BigEndian(place, (uint)changed);
        else
            BinaryPrimitives.WriteUInt64BigEndian(place, changed);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Copy(Span<byte> data, byte* from)
    {
        fixed (byte* to = data)
            BlockCopy.Copy(to, from, (uint)data.Length);
    }

    private Span<byte> At(ulong offset, int length) => new(_memory + (offset - Start), length);

    private static ulong Number(ReadOnlySpan<byte> bytes) =>
        bytes.Length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt64BigEndian(bytes);
}
