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
        MemoryOperations.Fill((byte*)Unsafe.AsPointer(ref destination), 0, bytes);

    internal static void Fill(ref byte destination, byte value, nuint bytes) =>
        MemoryOperations.Fill((byte*)Unsafe.AsPointer(ref destination), value, bytes);

    // No collector moves or watches objects here, so references are copied and cleared as bytes, too.
    internal static void Move<T>(ref T destination, ref T source, nuint elements) =>
        Memmove(ref Unsafe.As<T, byte>(ref destination), ref Unsafe.As<T, byte>(ref source), elements * (nuint)Unsafe.SizeOf<T>());

    internal static void Clear<T>(ref T destination, nuint elements) =>
        ClearWithoutReferences(ref Unsafe.As<T, byte>(ref destination), elements * (nuint)Unsafe.SizeOf<T>());

    internal static void Fill<T>(ref T destination, nuint elements, T value)
    {
        if (Unsafe.SizeOf<T>() == 1)
        {
            Fill(ref Unsafe.As<T, byte>(ref destination), Unsafe.As<T, byte>(ref value), elements);
            return;
        }
        for (nuint i = 0; i < elements; i++)
            Unsafe.Add(ref destination, i) = value;
    }
}

/// <summary>The compiler's entry for copies that may hold references.</summary>
internal static class Buffer
{
    internal static void BulkMoveWithWriteBarrier(ref byte destination, ref byte source, nuint bytes) =>
        SpanHelpers.Memmove(ref destination, ref source, bytes);
}
