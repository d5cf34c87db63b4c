using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Sluice.Net;

/// <summary>
/// The Internet checksum: 16-bit words added with the carry coming in again at the bottom, that is modulo 65,535. Sums are kept in 64 bits
/// and in the CPU's byte order, which RFC 1071, section 2 (B), allows: a sum of swapped words is the swapped sum, so nothing is swapped
/// on the way to or from the packet. Source: RFC 1071, RFC 1624.
/// </summary>
public static unsafe class InternetChecksum
{
    private const uint BlockBytes = 128, VectorBytes = 16;

    /// <summary>What a right packet sums up to with its checksum in it.</summary>
    public const ushort Right = 0xFFFF;

    /// <summary>
    /// The sum of some bytes, not folded yet: several of them may be added. An odd last byte counts as if a zero followed.
    /// </summary>
    public static ulong Sum(byte* data, uint bytes)
    {
        if (bytes < BlockBytes || ((nuint)data & 1) != 0)
            return SumShort(data, bytes);
        // To where vectors may be read.
        ulong sum = 0;
        if (((nuint)data & 2) != 0)
        {
            sum = *(ushort*)data;
            data += 2;
            bytes -= 2;
        }
        if (((nuint)data & 4) != 0)
        {
            sum += *(uint*)data;
            data += 4;
            bytes -= 4;
        }
        if (((nuint)data & 8) != 0)
        {
            sum += *(uint*)data;
            sum += ((uint*)data)[1];
            data += 8;
            bytes -= 8;
        }
        // A sum of 64-bit words loses a carry of 2^64, which is 1 modulo 65,535, whenever it wraps. How often it did can be told from the
        // upper 16 bits of all words: they give the true sum within a window of less than 2^64. For that their averages will do, which
        // take one instruction for two vectors: eight times the average of eight is too much by at most 12.
        Vector128<ulong> wrapped = default, tops = default, exact = default;
        // 2 for each vector.
        uint limit = bytes / VectorBytes * 2;
        uint blocks = bytes / BlockBytes;
        bytes %= BlockBytes;
        for (; blocks != 0; blocks--)
        {
            tops = Sse2.Add(tops, Sse2.ShiftRightLogical(Sse2.Average(AddFour(ref wrapped, data, 0), AddFour(ref wrapped, data, BlockBytes / 2)).AsUInt64(), 48));
            data += BlockBytes;
        }
        if (bytes >= BlockBytes / 2)
        {
            // The other four are zeros.
            tops = Sse2.Add(tops, Sse2.ShiftRightLogical(Sse2.Average(AddFour(ref wrapped, data, 0), default).AsUInt64(), 48));
            data += BlockBytes / 2;
            bytes -= BlockBytes / 2;
        }
        for (; bytes >= VectorBytes; bytes -= VectorBytes)
        {
            Vector128<ulong> one = Sse2.LoadAlignedVector128((ulong*)data);
            wrapped = Sse2.Add(wrapped, one);
            exact = Sse2.Add(exact, Sse2.ShiftRightLogical(one, 48));
            data += VectorBytes;
        }
        // What has an address is kept in memory, so it is another variable.
        Vector128<ulong> total = wrapped, averages = tops, singles = exact;
        ulong low = ((ulong*)&total)[0], high = ((ulong*)&total)[1];
        // In units of 2^48: the true sum is below this, and above this less the window (40 a block, 2 a single vector, and 2).
        ulong top = 8 * (((ulong*)&averages)[0] + ((ulong*)&averages)[1]) + ((ulong*)&singles)[0] + ((ulong*)&singles)[1] + limit;
        sum += (top - (low >> 48) - (high >> 48) - 1) >> 16;
        sum += (low & uint.MaxValue) + (low >> 32) + (high & uint.MaxValue) + (high >> 32);
        return bytes == 0 ? sum : sum + SumShort(data, bytes);
    }

    /// <summary>A sum as 16 bits, carries added in.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Fold(ulong sum)
    {
        sum = (uint)sum + (sum >> 32);
        sum = (uint)sum + (sum >> 32);
        uint half = (ushort)sum + ((uint)sum >> 16);
        return (ushort)(half + (half >> 16));
    }

    /// <summary>The checksum that goes with a sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Finish(ulong sum) => (ushort)~Fold(sum);

    /// <summary>The sum of what follows an odd number of bytes.</summary>
    public static ulong Swap(ulong sum) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(Fold(sum));

    /// <summary>A checksum after one of the words under it changed. Source: RFC 1624, section 3, equation 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Update(ushort checksum, ushort before, ushort after)
    {
        uint sum = (ushort)~checksum + (uint)(ushort)~before + after;
        sum = (ushort)sum + (sum >> 16);
        return (ushort)~(sum + (sum >> 16));
    }

    // Adds four vectors; returns the averages of their words.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ushort> AddFour(ref Vector128<ulong> wrapped, byte* data, uint at)
    {
        Vector128<ulong> first = Sse2.LoadAlignedVector128((ulong*)(data + at)), third = Sse2.LoadAlignedVector128((ulong*)(data + at + 32));
        Vector128<ulong> sum = Sse2.Add(Sse2.Add(wrapped, first), Sse2.LoadAlignedVector128((ulong*)(data + at + 16)));
        wrapped = Sse2.Add(Sse2.Add(sum, third), Sse2.LoadAlignedVector128((ulong*)(data + at + 48)));
        return Sse2.Average(
            Sse2.Average(first.AsUInt16(), Sse2.LoadAlignedVector128((ulong*)(data + at + 16)).AsUInt16()),
            Sse2.Average(third.AsUInt16(), Sse2.LoadAlignedVector128((ulong*)(data + at + 48)).AsUInt16()));
    }

    // Few bytes, or from an odd address: there one byte, then the rest, whose bytes are the other halves of their words.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong SumShort(byte* data, uint bytes)
    {
        if (((nuint)data & 1) != 0)
            return bytes == 0 ? 0 : *data + Swap(Sum(data + 1, bytes - 1));
        ulong sum = 0;
        for (; bytes >= 4; bytes -= 4)
        {
            sum += *(uint*)data;
            data += 4;
        }
        if ((bytes & 2) != 0)
        {
            sum += *(ushort*)data;
            data += 2;
        }
        return (bytes & 1) != 0 ? sum + *data : sum;
    }
}
