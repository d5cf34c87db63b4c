using System;

namespace Sluice.Drivers.Dv;

/// <summary>
/// The codes of coefficients: so many zeros and an amplitude, or the end of a block. Codes of one length follow one another, and shorter ones come first, so
/// that their number in that order is all there is to know. Source: IEC 61834-2, section 7 (table of variable length codes); SMPTE 314M, section 5.
/// </summary>
internal static class DvCode
{
    /// <summary>Bits of the longest, and the run that ends a block.</summary>
    public const int MostBits = 16, End = 127;

    private const int FirstLength = 2;

    // Codes of 2 to 12 bits, the sign not counted.
    private static ReadOnlySpan<byte> Counts => [1, 1, 4, 4, 4, 8, 16, 16, 7, 8, 20];

    // Run and amplitude of each.
    private static ReadOnlySpan<byte> Codes =>
    [
        0, 1, 0, 2, End, 0, 1, 1, 0, 3, 0, 4, 2, 1, 1, 2, 0, 5, 0, 6, 3, 1, 4, 1, 0, 7, 0, 8,
        5, 1, 6, 1, 2, 2, 1, 3, 1, 4, 0, 9, 0, 10, 0, 11,
        7, 1, 8, 1, 9, 1, 10, 1, 3, 2, 4, 2, 2, 3, 1, 5, 1, 6, 1, 7, 0, 12, 0, 13, 0, 14, 0, 15, 0, 16, 0, 17,
        11, 1, 12, 1, 13, 1, 14, 1, 5, 2, 6, 2, 3, 3, 4, 3, 2, 4, 2, 5, 1, 8, 0, 18, 0, 19, 0, 20, 0, 21, 0, 22,
        5, 3, 3, 4, 3, 5, 2, 6, 1, 9, 1, 10, 1, 11,
        0, 0, 1, 0, 6, 3, 4, 4, 3, 6, 1, 12, 1, 13, 1, 14,
        2, 0, 3, 0, 4, 0, 5, 0, 7, 2, 8, 2, 9, 2, 10, 2, 7, 3, 8, 3, 4, 5, 3, 7, 2, 7, 2, 8, 2, 9, 2, 10, 2, 11, 1, 15, 1, 16, 1, 17,
    ];

    /// <summary>Reads a code.</summary>
    /// <param name="window">16 bits that begin with it.</param>
    /// <returns>Its bits, the sign included.</returns>
    public static int Read(uint window, out int run, out int amplitude)
    {
        int bits;
        run = 0;
        switch (window >> 9)
        {
            case 0x7E:
                // A run alone.
                run = (int)(window >> 3) & 0x3F;
                amplitude = 0;
                return 13;
            case 0x7F:
                // An amplitude alone.
                amplitude = (int)(window >> 1) & 0xFF;
                bits = 15;
                break;
            default:
                uint first = 0;
                int at = 0, length = FirstLength;
                // All others end here: their codes leave no gap.
                for (; (window >> 16 - length) - first >= Counts[length - FirstLength]; length++)
                {
                    at += Counts[length - FirstLength];
                    first = first + Counts[length - FirstLength] << 1;
                }
                at += (int)((window >> 16 - length) - first);
                run = Codes[2 * at];
                amplitude = Codes[2 * at + 1];
                bits = length;
                break;
        }
        if (amplitude == 0)
            return bits;
        if ((window >> 15 - bits & 1) != 0)
            amplitude = -amplitude;
        return bits + 1;
    }
}
