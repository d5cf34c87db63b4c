using System;

namespace Sluice.Runtime;

/// <summary>Numbers as UTF-8 digits. Pure: hosted tests compile this file, too, and compare it with the BCL.</summary>
public static class NumberFormat
{
    /// <summary>Most digits that a 64-bit number has in any base used here, sign included.</summary>
    public const int MaxDigits = 64;

    /// <summary>Decimal digits, right-aligned in <paramref name="buffer"/> (at least 20 bytes); returns the part used.</summary>
    public static Span<byte> Decimal(ulong value, Span<byte> buffer)
    {
        int at = buffer.Length;
        do
        {
            ulong rest = value / 10;
            buffer[--at] = (byte)('0' + (value - rest * 10));
            value = rest;
        }
        while (value != 0);
        return buffer.Slice(at);
    }

    /// <summary>As the unsigned one, with a minus sign where needed (at least 20 bytes).</summary>
    public static Span<byte> Decimal(long value, Span<byte> buffer)
    {
        if (value >= 0)
            return Decimal((ulong)value, buffer);
        Span<byte> digits = Decimal((ulong)-value, buffer);   // -long.MinValue wraps to the right bits
        int at = buffer.Length - digits.Length - 1;
        buffer[at] = (byte)'-';
        return buffer.Slice(at);
    }

    /// <summary>Hexadecimal digits, at least <paramref name="minimum"/> (1 to 64) of them; right-aligned, returns the part used.</summary>
    public static Span<byte> Hexadecimal(ulong value, int minimum, bool upperCase, Span<byte> buffer)
    {
        int at = buffer.Length;
        int letters = (upperCase ? 'A' : 'a') - 10;
        do
        {
            int digit = (int)(value & 15);
            buffer[--at] = (byte)(digit < 10 ? '0' + digit : letters + digit);
            value >>= 4;
        }
        while (value != 0 || buffer.Length - at < minimum);
        return buffer.Slice(at);
    }
}
