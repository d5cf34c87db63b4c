using Internal.Runtime.CompilerHelpers;

namespace System;

/// <summary>
/// What the compiler looks for by name where a checked multiplication or conversion stands, even where it then does it
/// in place. A conversion truncates toward zero and panics for what does not fit, and for what is no number.
/// </summary>
public static partial class Math
{
    internal static long MultiplyChecked(long a, long b) => checked(a * b);

    internal static ulong MultiplyChecked(ulong a, ulong b) => checked(a * b);

    internal static int ConvertToInt32Checked(double value)
    {
        if (!(value > -2147483649.0 && value < 2147483648.0))
            ThrowHelpers.ThrowOverflowException();
        return (int)value;
    }

    internal static uint ConvertToUInt32Checked(double value)
    {
        if (!(value > -1.0 && value < 4294967296.0))
            ThrowHelpers.ThrowOverflowException();
        return (uint)value;
    }

    internal static long ConvertToInt64Checked(double value)
    {
        // The double next below the lowest long is lower by 2048.
        if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0))
            ThrowHelpers.ThrowOverflowException();
        return (long)value;
    }

    internal static ulong ConvertToUInt64Checked(double value)
    {
        if (!(value > -1.0 && value < 18446744073709551616.0))
            ThrowHelpers.ThrowOverflowException();
        return (ulong)value;
    }
}
