using System.Runtime.CompilerServices;
using Sluice.Runtime;

namespace System.Numerics;

/// <summary>
/// Counts and rotations of bits. The compiler has instructions for most: BSF, BSR, ROL, ROR, which every x86-64 CPU has.
/// A method that names itself is one that it always replaces.
/// </summary>
public static class BitOperations
{
    /// <summary>Zeros above the highest one; all bits for 0.</summary>
    [Intrinsic] public static int LeadingZeroCount(uint value) => LeadingZeroCount(value);

    /// <inheritdoc cref="LeadingZeroCount(uint)"/>
    [Intrinsic] public static int LeadingZeroCount(ulong value) => LeadingZeroCount(value);

    /// <summary>Zeros below the lowest one; all bits for 0.</summary>
    [Intrinsic] public static int TrailingZeroCount(uint value) => TrailingZeroCount(value);

    /// <inheritdoc cref="TrailingZeroCount(uint)"/>
    [Intrinsic] public static int TrailingZeroCount(ulong value) => TrailingZeroCount(value);

    /// <inheritdoc cref="TrailingZeroCount(uint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TrailingZeroCount(int value) => TrailingZeroCount((uint)value);

    /// <inheritdoc cref="TrailingZeroCount(uint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TrailingZeroCount(long value) => TrailingZeroCount((ulong)value);

    /// <summary>Number of the highest one; 0 for 0, too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Log2(uint value) => 31 ^ LeadingZeroCount(value | 1);

    /// <inheritdoc cref="Log2(uint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Log2(ulong value) => 63 ^ LeadingZeroCount(value | 1);

    /// <summary>Number of ones.</summary>
    public static int PopCount(uint value) => BitAlgorithms.PopCount(value);

    /// <inheritdoc cref="PopCount(uint)"/>
    public static int PopCount(ulong value) => BitAlgorithms.PopCount(value);

    /// <summary>Whether exactly one bit is set.</summary>
    public static bool IsPow2(uint value) => (value & (value - 1)) == 0 && value != 0;

    /// <inheritdoc cref="IsPow2(uint)"/>
    public static bool IsPow2(ulong value) => (value & (value - 1)) == 0 && value != 0;

    /// <inheritdoc cref="IsPow2(uint)"/>
    public static bool IsPow2(int value) => (value & (value - 1)) == 0 && value > 0;

    /// <inheritdoc cref="IsPow2(uint)"/>
    public static bool IsPow2(long value) => (value & (value - 1)) == 0 && value > 0;

    /// <summary>The lowest power of two that is not below; 0 if there is none, and for 0.</summary>
    public static uint RoundUpToPowerOf2(uint value) => (uint)(0x1_0000_0000UL >> LeadingZeroCount(value - 1));

    /// <inheritdoc cref="RoundUpToPowerOf2(uint)"/>
    public static ulong RoundUpToPowerOf2(ulong value)
    {
        int shift = 64 - LeadingZeroCount(value - 1);
        return shift == 64 ? 0 : 1UL << shift;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint RotateLeft(uint value, int bits) => (value << bits) | (value >> (32 - bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong RotateLeft(ulong value, int bits) => (value << bits) | (value >> (64 - bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint RotateRight(uint value, int bits) => (value >> bits) | (value << (32 - bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong RotateRight(ulong value, int bits) => (value >> bits) | (value << (64 - bits));
}
