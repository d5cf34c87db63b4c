namespace Sluice.Runtime;

/// <summary>Bit counts that need more than an instruction or two on a plain x86-64. Hosted tests compile this file, too.</summary>
public static class BitAlgorithms
{
    /// <summary>Number of ones, by adding up ever wider fields: of 2, 4, then 8 bits; a product adds the bytes.</summary>
    public static int PopCount(ulong value)
    {
        value -= (value >> 1) & 0x5555_5555_5555_5555;
        value = (value & 0x3333_3333_3333_3333) + ((value >> 2) & 0x3333_3333_3333_3333);
        value = (value + (value >> 4)) & 0x0F0F_0F0F_0F0F_0F0F;
        return (int)(value * 0x0101_0101_0101_0101 >> 56);
    }

    /// <summary>The full product of 128 bits; returns its high half. Schoolbook, in halves.</summary>
    public static ulong BigMul(ulong a, ulong b, out ulong low)
    {
        ulong aLow = (uint)a, aHigh = a >> 32, bLow = (uint)b, bHigh = b >> 32;
        ulong lowest = aLow * bLow;
        ulong middle = aHigh * bLow + (lowest >> 32);
        ulong middle2 = aLow * bHigh + (uint)middle;
        low = a * b;
        return aHigh * bHigh + (middle >> 32) + (middle2 >> 32);
    }
}
