using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// Bytes that nobody writes by chance: they follow from their address and from what they stand for. By their physical address, which is
/// also what reports are about. Noncoherent lines are the caller's business.
/// </summary>
internal static unsafe class Pattern
{
    /// <summary>All bytes zero: free bounce slots.</summary>
    public const ulong Zero = 0;

    /// <summary>Memory that no device may touch: guards, and buffers that the CPU has.</summary>
    public const ulong Guard = 0x6A09_E667_F3BC_C908;

    /// <summary>What the device has yet to write.</summary>
    public const ulong Unwritten = 0xBB67_AE85_84CA_A73B;

    /// <summary>Memory whose buffer was released.</summary>
    public const ulong Ended = 0x3C6E_F372_FE94_F82B;

    /// <summary>What the CPU reads of a buffer that the device has: the same anywhere, so that it is known where it was copied to.</summary>
    public const byte Poison = 0xDA;

    private const ulong Step = 0x9E37_79B9_7F4A_7C15;

    /// <summary>Fills memory.</summary>
    public static void Fill(ulong address, ulong bytes, ulong seed)
    {
        if (bytes == 0)
            return;
        byte* at = PhysicalMemory.At(new PhysAddr(address));
        ulong i = 0;
        for (; i < bytes && (address + i & 7) != 0; i++)
            at[i] = At(address + i, seed);
        ulong step = StepOf(seed), word = (address + i >> 3) * step;
        for (; i + 8 <= bytes; i += 8, word += step)
            *(ulong*)(at + i) = word ^ seed;
        for (; i < bytes; i++)
            at[i] = At(address + i, seed);
    }

    /// <summary>How many bytes are as <see cref="Fill"/> left them, from the first on.</summary>
    public static ulong Intact(ulong address, ulong bytes, ulong seed)
    {
        if (bytes == 0)
            return 0;
        byte* at = PhysicalMemory.At(new PhysAddr(address));
        ulong i = 0;
        for (; i < bytes && (address + i & 7) != 0; i++)
        {
            if (at[i] != At(address + i, seed))
                return i;
        }
        ulong step = StepOf(seed), word = (address + i >> 3) * step;
        for (; i + 8 <= bytes && *(ulong*)(at + i) == (word ^ seed); i += 8)
            word += step;
        while (i < bytes && at[i] == At(address + i, seed))
            i++;
        return i;
    }

    /// <summary>How many bytes are not as <see cref="Fill"/> left them, up to the last that is not; the first must be one.</summary>
    public static ulong Changed(ulong address, ulong bytes, ulong seed)
    {
        byte* at = PhysicalMemory.At(new PhysAddr(address));
        while (bytes > 1 && at[bytes - 1] == At(address + bytes - 1, seed))
            bytes--;
        return bytes;
    }

    /// <summary>
    /// Where the first 8 bytes lie that are as <see cref="Fill"/> left them, or the last 4 or more; <paramref name="bytes"/> if there are none.
    /// Fewer could be chance.
    /// </summary>
    public static ulong FirstIntact(ulong address, ulong bytes, ulong seed)
    {
        if (bytes == 0)
            return 0;
        byte* at = PhysicalMemory.At(new PhysAddr(address));
        for (ulong i = (0 - address) & 7; i + 8 <= bytes; i += 8)
        {
            if (*(ulong*)(at + i) == Word(address + i, seed))
                return i;
        }
        ulong end = bytes;
        while (end > 0 && at[end - 1] == At(address + end - 1, seed))
            end--;
        return bytes - end >= 4 ? end : bytes;
    }

    /// <summary>How many bytes hold <see cref="Poison"/>, from the first on.</summary>
    public static uint Poisoned(byte* at, uint bytes)
    {
        const ulong word = Poison * 0x0101_0101_0101_0101UL;
        uint i = 0;
        while (i + 8 <= bytes && *(ulong*)(at + i) == word)
            i += 8;
        while (i < bytes && at[i] == Poison)
            i++;
        return i;
    }

    /// <summary>Where the first row of 16 or more bytes of one value begins; <paramref name="bytes"/> if there is none.</summary>
    public static ulong FirstRow(ulong address, ulong bytes, byte value)
    {
        if (bytes < 16)
            return bytes;
        byte* at = PhysicalMemory.At(new PhysAddr(address));
        for (ulong i = 15; i < bytes; i += 16)
        {
            if (at[i] != value)
                continue;
            ulong first = i, end = i + 1;
            while (first > 0 && at[first - 1] == value)
                first--;
            while (end < bytes && at[end] == value)
                end++;
            if (end - first >= 16)
                return first;
        }
        return bytes;
    }

    private static ulong Word(ulong address, ulong seed) => (address >> 3) * StepOf(seed) ^ seed;

    private static ulong StepOf(ulong seed) => seed == Zero ? 0 : Step;

    private static byte At(ulong address, ulong seed) => (byte)(Word(address, seed) >> (int)(address & 7) * 8);
}
