using System.Runtime.CompilerServices;
using System.Threading;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// A field of a structure that CPU and device use at once. Each read and each write is one access of the field's width, in program
/// order, never repeated and never left out: what was read once and checked is what is used.
/// </summary>
/// <typeparam name="T">1, 2, 4 or 8 bytes, in the device's byte order.</typeparam>
public struct Shared<T> where T : unmanaged
{
    private T _value;

    /// <summary>Reads it; what the device wrote before it wrote this is seen by reads that follow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Read()
    {
        DeviceTurn.BeforeRead();
        if (Unsafe.SizeOf<T>() == 1)
            return Unsafe.BitCast<byte, T>(Volatile.Read(ref Unsafe.As<T, byte>(ref _value)));
        if (Unsafe.SizeOf<T>() == 2)
            return Unsafe.BitCast<ushort, T>(Volatile.Read(ref Unsafe.As<T, ushort>(ref _value)));
        if (Unsafe.SizeOf<T>() == 4)
            return Unsafe.BitCast<uint, T>(Volatile.Read(ref Unsafe.As<T, uint>(ref _value)));
        return Unsafe.BitCast<ulong, T>(Volatile.Read(ref Unsafe.As<T, ulong>(ref _value)));
    }

    /// <summary>
    /// Writes it, after all writes before it: the word that gives a descriptor away is written by this, last. In write-combining
    /// memory use <see cref="Coherent{T}.Publish"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(T value)
    {
        if (Unsafe.SizeOf<T>() == 1)
            Volatile.Write(ref Unsafe.As<T, byte>(ref _value), Unsafe.BitCast<T, byte>(value));
        else if (Unsafe.SizeOf<T>() == 2)
            Volatile.Write(ref Unsafe.As<T, ushort>(ref _value), Unsafe.BitCast<T, ushort>(value));
        else if (Unsafe.SizeOf<T>() == 4)
            Volatile.Write(ref Unsafe.As<T, uint>(ref _value), Unsafe.BitCast<T, uint>(value));
        else
            Volatile.Write(ref Unsafe.As<T, ulong>(ref _value), Unsafe.BitCast<T, ulong>(value));
    }
}
