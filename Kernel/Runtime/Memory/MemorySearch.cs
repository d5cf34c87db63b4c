using System.Numerics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Sluice.Runtime;

/// <summary>
/// Comparison and search of raw memory, 16 bytes a round; the last round may see bytes again. Pure algorithms: hosted
/// tests compile this file, too.
/// </summary>
public static unsafe class MemorySearch
{
    private const int AllEqual = 0xFFFF;

    /// <summary>Whether two pieces of memory hold the same bytes.</summary>
    public static bool Equal(byte* a, byte* b, nuint bytes)
    {
        if (bytes < 16)
            return EqualUpTo15(a, b, bytes);
        nuint at = 0;
        for (; at + 64 <= bytes; at += 64)
        {
            Vector128<byte> low = Sse2.And(Compare(a + at, b + at), Compare(a + at + 16, b + at + 16));
            Vector128<byte> high = Sse2.And(Compare(a + at + 32, b + at + 32), Compare(a + at + 48, b + at + 48));
            if (Sse2.MoveMask(Sse2.And(low, high)) != AllEqual)
                return false;
        }
        nuint last = bytes - 16;
        for (; at < last; at += 16)
        {
            if (Mask(a + at, b + at) != AllEqual)
                return false;
        }
        return Mask(a + last, b + last) == AllEqual;
    }

    /// <summary>Where two pieces of memory begin to differ; <paramref name="bytes"/> if they do not.</summary>
    public static nuint CommonBytes(byte* a, byte* b, nuint bytes)
    {
        nuint at = 0;
        for (; at + 16 <= bytes; at += 16)
        {
            int equal = Mask(a + at, b + at);
            if (equal != AllEqual)
                return at + (nuint)BitOperations.TrailingZeroCount(~equal);
        }
        while (at < bytes && a[at] == b[at])
            at++;
        return at;
    }

    /// <summary>Index of the first byte of a value; <paramref name="bytes"/> if there is none.</summary>
    public static nuint IndexOf(byte* memory, byte value, nuint bytes)
    {
        nuint at = 0;
        if (bytes < 16)
        {
            while (at < bytes && memory[at] != value)
                at++;
            return at;
        }
        Vector128<byte> wanted = Vector128.Create(value);
        nuint last = bytes - 16;
        for (; at < last; at += 16)
        {
            int found = Mask(memory + at, wanted);
            if (found != 0)
                return at + (nuint)BitOperations.TrailingZeroCount(found);
        }
        int foundLast = Mask(memory + last, wanted);
        return foundLast != 0 ? last + (nuint)BitOperations.TrailingZeroCount(foundLast) : bytes;
    }

    /// <summary>Index of the first place where a sequence of bytes stands; <paramref name="bytes"/> if it stands nowhere.</summary>
    public static nuint IndexOf(byte* memory, nuint bytes, byte* sequence, nuint sequenceBytes)
    {
        if (sequenceBytes == 0)
            return 0;
        nuint at = 0;
        while (at + sequenceBytes <= bytes)
        {
            // The first byte leads to the places worth a look.
            nuint places = bytes - at - sequenceBytes + 1;
            nuint skip = IndexOf(memory + at, *sequence, places);
            if (skip == places)
                break;
            at += skip;
            if (Equal(memory + at + 1, sequence + 1, sequenceBytes - 1))
                return at;
            at++;
        }
        return bytes;
    }

    // One bit for each of 16 pairs of bytes: set if they are equal.
    private static int Mask(byte* a, byte* b) => Sse2.MoveMask(Compare(a, b));

    private static int Mask(byte* a, Vector128<byte> b) => Sse2.MoveMask(Sse2.CompareEqual(*(Vector128<byte>*)a, b));

    private static Vector128<byte> Compare(byte* a, byte* b) => Sse2.CompareEqual(*(Vector128<byte>*)a, *(Vector128<byte>*)b);

    private static bool EqualUpTo15(byte* a, byte* b, nuint bytes)
    {
        if (bytes >= 8)
            return *(ulong*)a == *(ulong*)b && *(ulong*)(a + bytes - 8) == *(ulong*)(b + bytes - 8);
        if (bytes >= 4)
            return *(uint*)a == *(uint*)b && *(uint*)(a + bytes - 4) == *(uint*)(b + bytes - 4);
        if (bytes >= 2)
            return *(ushort*)a == *(ushort*)b && *(ushort*)(a + bytes - 2) == *(ushort*)(b + bytes - 2);
        return bytes == 0 || *a == *b;
    }
}
