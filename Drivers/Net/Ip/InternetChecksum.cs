using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Net;

/// <summary>
/// The Internet checksum: 16-bit words added with the carry coming in again at the bottom, that is modulo 65,535. Sums are kept in 64 bits
/// and in the CPU's byte order, which RFC 1071, section 2 (B), allows: a sum of swapped words is the swapped sum, so nothing is swapped
/// on the way to or from the packet. Source: RFC 1071, RFC 1624.
/// </summary>
public static unsafe class InternetChecksum
{
    /// <summary>What a right packet sums up to with its checksum in it.</summary>
    public const ushort Right = 0xFFFF;

    /// <summary>
    /// The sum of some bytes, not folded yet: several of them may be added. An odd last byte counts as if a zero followed.
    /// </summary>
    public static ulong Sum(byte* data, uint bytes)
    {
        ulong sum = 0;
        if (bytes >= sizeof(ulong))
        {
            sum = CarrySum.Of(data, bytes / sizeof(ulong));
            sum = (uint)sum + (sum >> 32);
            data += bytes & ~(uint)(sizeof(ulong) - 1);
        }
        return (bytes & (sizeof(ulong) - 1)) == 0 ? sum : sum + SumRest(data, bytes);
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

    // Of the last bytes, fewer than eight.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong SumRest(byte* data, uint bytes)
    {
        ulong sum = 0;
        if ((bytes & 4) != 0)
        {
            sum = *(uint*)data;
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
