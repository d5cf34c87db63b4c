using System.Runtime.CompilerServices;
using Sluice.Runtime;

namespace System;

/// <summary>Where the compiler and spans send copies, clears and fills.</summary>
internal static unsafe class SpanHelpers
{
    // The compiler calls the next three by name.
    internal static void Memmove(ref byte destination, ref byte source, nuint bytes) =>
        MemoryOperations.Copy((byte*)Unsafe.AsPointer(ref destination), (byte*)Unsafe.AsPointer(ref source), bytes);

    internal static void ClearWithoutReferences(ref byte destination, nuint bytes) =>
        MemoryOperations.Clear((byte*)Unsafe.AsPointer(ref destination), bytes);

    internal static void Fill(ref byte destination, byte value, nuint bytes) =>
        MemoryOperations.Fill((byte*)Unsafe.AsPointer(ref destination), value, bytes);

    // No collector moves or watches objects here, so references are copied and cleared as bytes, too.
    internal static void Move<T>(ref T destination, ref T source, nuint elements) =>
        Memmove(ref Unsafe.As<T, byte>(ref destination), ref Unsafe.As<T, byte>(ref source), elements * (nuint)Unsafe.SizeOf<T>());

    internal static void Clear<T>(ref T destination, nuint elements) =>
        ClearWithoutReferences(ref Unsafe.As<T, byte>(ref destination), elements * (nuint)Unsafe.SizeOf<T>());

    internal static void Fill<T>(ref T destination, nuint elements, T value)
    {
        byte* memory = (byte*)Unsafe.AsPointer(ref destination);
        // The compiler keeps the branch for the size of T.
        switch (Unsafe.SizeOf<T>())
        {
            case 1:
                MemoryOperations.Fill(memory, Unsafe.As<T, byte>(ref value), elements);
                break;
            case 2:
                MemoryOperations.Fill(memory, Unsafe.As<T, ushort>(ref value) * 0x0001_0001_0001_0001UL, elements * 2);
                break;
            case 4:
                MemoryOperations.Fill(memory, Unsafe.As<T, uint>(ref value) * 0x0000_0001_0000_0001UL, elements * 4);
                break;
            case 8:
                MemoryOperations.Fill(memory, Unsafe.As<T, ulong>(ref value), elements * 8);
                break;
            default:
                for (nuint i = 0; i < elements; i++)
                    Unsafe.Add(ref destination, i) = value;
                break;
        }
    }
}

/// <summary>The compiler's entry for copies that may hold references.</summary>
internal static class Buffer
{
    internal static void BulkMoveWithWriteBarrier(ref byte destination, ref byte source, nuint bytes) =>
        SpanHelpers.Memmove(ref destination, ref source, bytes);
}
