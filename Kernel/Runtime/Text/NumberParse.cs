using System;

namespace Sluice.Runtime;

/// <summary>Numbers from UTF-8 digits. Pure: hosted tests compile this file, too.</summary>
public static class NumberParse
{
    /// <summary>
    /// Reads all of <paramref name="text"/> as decimal digits, or as hexadecimal ones behind <c>0x</c>.
    /// False, and 0, if it is empty, holds anything else, or exceeds 64 bits.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        uint radix = 10;
        if (text.Length > 2 && text[0] == '0' && (text[1] | 0x20) == 'x')
        {
            radix = 16;
            text = text.Slice(2);
        }
        if (text.IsEmpty)
            return false;
        ulong result = 0;
        foreach (byte character in text)
        {
            uint digit = Digit(character);
            if (digit >= radix || result > (ulong.MaxValue - digit) / radix)
                return false;
            result = result * radix + digit;
        }
        value = result;
        return true;
    }

    private static uint Digit(byte character)
    {
        if (character is >= (byte)'0' and <= (byte)'9')
            return (uint)character - '0';
        uint letter = (uint)(character | 0x20) - 'a';
        return letter < 6 ? letter + 10 : uint.MaxValue;
    }
}
