using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Sluice.Runtime;

/// <summary>
/// Copy and fill of raw memory, 64 bytes a round through vector registers. Rather than in small steps, an end is done
/// by a whole block that overlaps what is done already. Pure algorithms: hosted tests compile this file, too.
/// </summary>
public static unsafe class MemoryOperations
{
    /// <summary>Copies bytes; source and destination may overlap in any way.</summary>
    public static void Copy(byte* destination, byte* source, nuint bytes)
    {
        if (bytes <= 16)
            CopyUpTo16(destination, source, bytes);
        else if (bytes <= 64)
            CopyUpTo64(destination, source, bytes);
        else if ((nuint)(destination - source) >= bytes)
            CopyUpwards(destination, source, bytes);
        else
            CopyDownwards(destination, source, bytes);
    }

    /// <summary>Sets bytes to zero.</summary>
    public static void Clear(byte* destination, nuint bytes) => Fill(destination, 0UL, bytes);

    /// <summary>Sets bytes to a value.</summary>
    public static void Fill(byte* destination, byte value, nuint bytes) => Fill(destination, value * 0x0101_0101_0101_0101UL, bytes);

    /// <summary>
    /// Repeats a pattern of 8 bytes, lowest first, or one of 1, 2 or 4 bytes given several times;
    /// <paramref name="bytes"/> must be a multiple of its length.
    /// </summary>
    public static void Fill(byte* destination, ulong pattern, nuint bytes)
    {
        if (bytes < 16)
        {
            FillUpTo15(destination, pattern, bytes);
            return;
        }
        Vector128<ulong> block = Vector128.Create(pattern);
        nuint done = 0;
        for (; done + 128 <= bytes; done += 128)
        {
            Store64(destination + done, block);
            Store64(destination + done + 64, block);
        }
        for (; done + 16 <= bytes; done += 16)
            *(Vector128<ulong>*)(destination + done) = block;
        *(Vector128<ulong>*)(destination + bytes - 16) = block;
    }

    // All of the source is read before any of the destination is written.
    private static void CopyUpTo16(byte* destination, byte* source, nuint bytes)
    {
        if (bytes >= 8)
        {
            ulong first = *(ulong*)source, last = *(ulong*)(source + bytes - 8);
            *(ulong*)destination = first;
            *(ulong*)(destination + bytes - 8) = last;
        }
        else if (bytes >= 4)
        {
            uint first = *(uint*)source, last = *(uint*)(source + bytes - 4);
            *(uint*)destination = first;
            *(uint*)(destination + bytes - 4) = last;
        }
        else if (bytes != 0)
        {
            byte first = *source, middle = source[bytes / 2], last = source[bytes - 1];
            *destination = first;
            destination[bytes / 2] = middle;
            destination[bytes - 1] = last;
        }
    }

    private static void CopyUpTo64(byte* destination, byte* source, nuint bytes)
    {
        Vector128<byte> first = *(Vector128<byte>*)source, last = *(Vector128<byte>*)(source + bytes - 16);
        if (bytes > 32)
        {
            Vector128<byte> second = *(Vector128<byte>*)(source + 16), secondLast = *(Vector128<byte>*)(source + bytes - 32);
            *(Vector128<byte>*)(destination + 16) = second;
            *(Vector128<byte>*)(destination + bytes - 32) = secondLast;
        }
        *(Vector128<byte>*)destination = first;
        *(Vector128<byte>*)(destination + bytes - 16) = last;
    }

    // For a destination below the source, or apart. The last block is read first: by its turn it may be overwritten.
    private static void CopyUpwards(byte* destination, byte* source, nuint bytes)
    {
        nuint end = bytes - 64;
        byte* tail = source + end;
        Vector128<byte> tail0 = *(Vector128<byte>*)tail, tail1 = *(Vector128<byte>*)(tail + 16);
        Vector128<byte> tail2 = *(Vector128<byte>*)(tail + 32), tail3 = *(Vector128<byte>*)(tail + 48);
        nuint done = 0;
        do
        {
            Copy64(destination + done, source + done);
            done += 64;
        }
        while (done < end);
        destination += end;
        *(Vector128<byte>*)destination = tail0;
        *(Vector128<byte>*)(destination + 16) = tail1;
        *(Vector128<byte>*)(destination + 32) = tail2;
        *(Vector128<byte>*)(destination + 48) = tail3;
    }

    // For a destination that begins inside of the source: from its end, with the first block read first.
    private static void CopyDownwards(byte* destination, byte* source, nuint bytes)
    {
        Vector128<byte> head0 = *(Vector128<byte>*)source, head1 = *(Vector128<byte>*)(source + 16);
        Vector128<byte> head2 = *(Vector128<byte>*)(source + 32), head3 = *(Vector128<byte>*)(source + 48);
        nuint left = bytes;
        do
        {
            left -= 64;
            Copy64(destination + left, source + left);
        }
        while (left > 64);
        *(Vector128<byte>*)destination = head0;
        *(Vector128<byte>*)(destination + 16) = head1;
        *(Vector128<byte>*)(destination + 32) = head2;
        *(Vector128<byte>*)(destination + 48) = head3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy64(byte* destination, byte* source)
    {
        Vector128<byte> a = *(Vector128<byte>*)source, b = *(Vector128<byte>*)(source + 16);
        Vector128<byte> c = *(Vector128<byte>*)(source + 32), d = *(Vector128<byte>*)(source + 48);
        *(Vector128<byte>*)destination = a;
        *(Vector128<byte>*)(destination + 16) = b;
        *(Vector128<byte>*)(destination + 32) = c;
        *(Vector128<byte>*)(destination + 48) = d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store64(byte* destination, Vector128<ulong> block)
    {
        *(Vector128<ulong>*)destination = block;
        *(Vector128<ulong>*)(destination + 16) = block;
        *(Vector128<ulong>*)(destination + 32) = block;
        *(Vector128<ulong>*)(destination + 48) = block;
    }

    private static void FillUpTo15(byte* destination, ulong pattern, nuint bytes)
    {
        if (bytes >= 8)
        {
            *(ulong*)destination = pattern;
            *(ulong*)(destination + bytes - 8) = pattern;
        }
        else if (bytes >= 4)
        {
            *(uint*)destination = (uint)pattern;
            *(uint*)(destination + bytes - 4) = (uint)pattern;
        }
        else if (bytes >= 2)
        {
            *(ushort*)destination = (ushort)pattern;
            *(ushort*)(destination + bytes - 2) = (ushort)pattern;
        }
        else if (bytes == 1)
        {
            *destination = (byte)pattern;
        }
    }
}
