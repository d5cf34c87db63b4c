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
        if (((nuint)data & 1) != 0)
            return SumOdd(data, bytes);
        ulong sum = 0;
        if (bytes >= BlockBytes)
        {
            // To where vectors may be read.
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
            uint vectors = bytes / VectorBytes;
            sum += SumVectors(data, vectors);
            data += vectors * VectorBytes;
            bytes &= VectorBytes - 1;
        }
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

    // From an odd address: one byte, then the rest, whose bytes are the other halves of their words.
    private static ulong SumOdd(byte* data, uint bytes) => bytes == 0 ? 0 : *data + Swap(Sum(data + 1, bytes - 1));

    // A sum of 64-bit words loses a carry of 2^64, which is 1 modulo 65,535, whenever it wraps. How often it did can be told from the
    // upper 16 bits of all words: they give the true sum within a window of less than 2^64. For that their averages will do, which
    // take one instruction for two vectors: eight times the average of eight is too much by at most 12.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong SumVectors(byte* data, uint vectors)
    {
        Vector128<ulong> wrapped = default, tops = default;
        uint blocks = vectors / 8, singles = vectors % 8;
        for (uint left = blocks; left != 0; left--)
        {
            Vector128<ulong> first = Sse2.LoadAlignedVector128((ulong*)data);
            wrapped = Sse2.Add(wrapped, first);
            wrapped = Sse2.Add(wrapped, Sse2.LoadAlignedVector128((ulong*)(data + 16)));
            Vector128<ushort> half = Sse2.Average(first.AsUInt16(), Sse2.LoadAlignedVector128((ulong*)(data + 16)).AsUInt16());
            first = Sse2.LoadAlignedVector128((ulong*)(data + 32));
            wrapped = Sse2.Add(wrapped, first);
            wrapped = Sse2.Add(wrapped, Sse2.LoadAlignedVector128((ulong*)(data + 48)));
            half = Sse2.Average(half, Sse2.Average(first.AsUInt16(), Sse2.LoadAlignedVector128((ulong*)(data + 48)).AsUInt16()));
            first = Sse2.LoadAlignedVector128((ulong*)(data + 64));
            wrapped = Sse2.Add(wrapped, first);
            wrapped = Sse2.Add(wrapped, Sse2.LoadAlignedVector128((ulong*)(data + 80)));
            Vector128<ushort> other = Sse2.Average(first.AsUInt16(), Sse2.LoadAlignedVector128((ulong*)(data + 80)).AsUInt16());
            first = Sse2.LoadAlignedVector128((ulong*)(data + 96));
            wrapped = Sse2.Add(wrapped, first);
            wrapped = Sse2.Add(wrapped, Sse2.LoadAlignedVector128((ulong*)(data + 112)));
            other = Sse2.Average(other, Sse2.Average(first.AsUInt16(), Sse2.LoadAlignedVector128((ulong*)(data + 112)).AsUInt16()));
            tops = Sse2.Add(tops, Sse2.ShiftRightLogical(Sse2.Average(half, other).AsUInt64(), 48));
            data += BlockBytes;
        }
        Vector128<ulong> exact = default;
        for (uint left = singles; left != 0; left--)
        {
            Vector128<ulong> one = Sse2.LoadAlignedVector128((ulong*)data);
            wrapped = Sse2.Add(wrapped, one);
            exact = Sse2.Add(exact, Sse2.ShiftRightLogical(one, 48));
            data += VectorBytes;
        }
        // What has an address is kept in memory, so it is another variable.
        Vector128<ulong> sum = wrapped, top = tops, rest = exact;
        ulong low = ((ulong*)&sum)[0], high = ((ulong*)&sum)[1];
        // In units of 2^48: the true sum is below this, and above this less the window (40 a block, 2 a single vector, and 2).
        ulong limit = 8 * (((ulong*)&top)[0] + ((ulong*)&top)[1]) + ((ulong*)&rest)[0] + ((ulong*)&rest)[1] + 16 * blocks + 2 * singles;
        ulong carries = (limit - (low >> 48) - (high >> 48) - 1) >> 16;
        return (low & uint.MaxValue) + (low >> 32) + (high & uint.MaxValue) + (high >> 32) + carries;
    }
}
