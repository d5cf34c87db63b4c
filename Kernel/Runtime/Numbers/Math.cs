using Internal.Runtime.CompilerHelpers;

namespace System;

/// <summary>Arithmetic on integers beyond the operators. Results as .NET's.</summary>
public static partial class Math
{
    public static int Min(int a, int b) => a < b ? a : b;
    public static uint Min(uint a, uint b) => a < b ? a : b;
    public static long Min(long a, long b) => a < b ? a : b;
    public static ulong Min(ulong a, ulong b) => a < b ? a : b;
    public static nint Min(nint a, nint b) => a < b ? a : b;
    public static nuint Min(nuint a, nuint b) => a < b ? a : b;

    public static int Max(int a, int b) => a > b ? a : b;
    public static uint Max(uint a, uint b) => a > b ? a : b;
    public static long Max(long a, long b) => a > b ? a : b;
    public static ulong Max(ulong a, ulong b) => a > b ? a : b;
    public static nint Max(nint a, nint b) => a > b ? a : b;
    public static nuint Max(nuint a, nuint b) => a > b ? a : b;

    /// <summary>The value, or the bound that it is beyond; panics if the bounds are crossed.</summary>
    public static int Clamp(int value, int min, int max) => (int)Clamp((long)value, min, max);

    /// <inheritdoc cref="Clamp(int, int, int)"/>
    public static uint Clamp(uint value, uint min, uint max) => (uint)Clamp((long)value, min, max);

    /// <inheritdoc cref="Clamp(int, int, int)"/>
    public static long Clamp(long value, long min, long max)
    {
        if (min > max)
            ThrowHelpers.ThrowArgumentException();
        return value < min ? min : value > max ? max : value;
    }

    /// <inheritdoc cref="Clamp(int, int, int)"/>
    public static ulong Clamp(ulong value, ulong min, ulong max)
    {
        if (min > max)
            ThrowHelpers.ThrowArgumentException();
        return value < min ? min : value > max ? max : value;
    }

    /// <summary>Panics for the lowest value, whose opposite there is not.</summary>
    public static int Abs(int value) => value >= 0 ? value : checked(-value);

    /// <inheritdoc cref="Abs(int)"/>
    public static long Abs(long value) => value >= 0 ? value : checked(-value);

    public static int Sign(int value) => (value >> 31) | (int)((uint)-value >> 31);
    public static int Sign(long value) => (int)(value >> 63) | (int)((ulong)-value >> 63);

    /// <summary>Quotient and remainder; panics if <paramref name="right"/> is 0.</summary>
    public static (int Quotient, int Remainder) DivRem(int left, int right)
    {
        int quotient = left / right;
        return (quotient, left - quotient * right);
    }

    /// <inheritdoc cref="DivRem(int, int)"/>
    public static (uint Quotient, uint Remainder) DivRem(uint left, uint right)
    {
        uint quotient = left / right;
        return (quotient, left - quotient * right);
    }

    /// <inheritdoc cref="DivRem(int, int)"/>
    public static (long Quotient, long Remainder) DivRem(long left, long right)
    {
        long quotient = left / right;
        return (quotient, left - quotient * right);
    }

    /// <inheritdoc cref="DivRem(int, int)"/>
    public static (ulong Quotient, ulong Remainder) DivRem(ulong left, ulong right)
    {
        ulong quotient = left / right;
        return (quotient, left - quotient * right);
    }

    public static long BigMul(int a, int b) => (long)a * b;

    public static ulong BigMul(uint a, uint b) => (ulong)a * b;

    /// <summary>The full product of 128 bits; returns its high half.</summary>
    public static ulong BigMul(ulong a, ulong b, out ulong low) => Sluice.Runtime.BitAlgorithms.BigMul(a, b, out low);
}
