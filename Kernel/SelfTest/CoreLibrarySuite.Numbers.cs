using System;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Sluice.SelfTest;

/// <summary>Operations on numbers and memory that the compiler replaces by instructions, beside the plain way to do them.</summary>
internal static unsafe partial class CoreLibrarySuite
{
    // Edges, each power of two and its neighbours, then pseudo-random bits (xorshift64).
    private ref struct NumberSource
    {
        private int _step;
        private ulong _state;

        public ulong Current { get; private set; }

        [MethodImpl(MethodImplOptions.NoInlining)]
        public bool MoveNext()
        {
            int step = _step++;
            if (step < 64 * 3)
            {
                Current = (1UL << step / 3) + (ulong)(step % 3) - 1;
                return true;
            }
            if (_state == 0)
                _state = 0x9E37_79B9_7F4A_7C15;
            _state ^= _state << 13;
            _state ^= _state >> 7;
            _state ^= _state << 17;
            Current = step % 4 == 0 ? _state & _state >> 31 : _state;
            return step < 64 * 3 + 500;
        }
    }

    private static void BitCounts(ref Ktap t)
    {
        NumberSource numbers = default;
        while (numbers.MoveNext())
        {
            ulong value = numbers.Current;
            int ones = 0, lowest = 64, highest = -1;
            for (int bit = 0; bit < 64; bit++)
            {
                if ((value >> bit & 1) == 0)
                    continue;
                ones++;
                lowest = Math.Min(lowest, bit);
                highest = bit;
            }
            t.Check(BitOperations.PopCount(value) == ones, "ones of 64"u8);
            t.Check(BitOperations.TrailingZeroCount(value) == lowest && BitOperations.TrailingZeroCount((long)value) == lowest, "trailing zeros of 64"u8);
            t.Check(BitOperations.LeadingZeroCount(value) == 63 - highest, "leading zeros of 64"u8);
            t.Check(BitOperations.Log2(value) == Math.Max(highest, 0), "logarithm of 64"u8);
            t.Check(BitOperations.IsPow2(value) == (ones == 1) && BitOperations.IsPow2((long)value) == (ones == 1 && highest < 63), "power of two"u8);
            uint half = (uint)value;
            t.Check(BitOperations.PopCount(half) == ones - BitOperations.PopCount(value >> 32), "ones of 32"u8);
            t.Check(BitOperations.TrailingZeroCount(half) == Math.Min(BitOperations.TrailingZeroCount((ulong)half), 32), "trailing zeros of 32"u8);
            t.Check(BitOperations.TrailingZeroCount((int)half) == BitOperations.TrailingZeroCount(half), "and with a sign"u8);
            t.Check(BitOperations.LeadingZeroCount(half) == BitOperations.LeadingZeroCount((ulong)half) - 32, "leading zeros of 32"u8);
            t.Check(BitOperations.Log2(half) == BitOperations.Log2((ulong)half), "logarithm of 32"u8);
        }
    }

    private static void RoundedUp(ref Ktap t)
    {
        NumberSource numbers = default;
        while (numbers.MoveNext())
        {
            ulong value = numbers.Current, power = 1;
            while (power < value && power != 0)
                power <<= 1;
            t.Equal(value == 0 ? 0 : power, BitOperations.RoundUpToPowerOf2(value), "to a power of two, 64 bits"u8);
            uint half = (uint)(value >> 32), power32 = 1;
            while (power32 < half && power32 != 0)
                power32 <<= 1;
            t.Equal(half == 0 ? 0 : power32, BitOperations.RoundUpToPowerOf2(half), "32 bits"u8);
        }
    }

    private static void Rotations(ref Ktap t)
    {
        NumberSource numbers = default;
        for (int bits = 0; numbers.MoveNext(); bits = (bits + 1) & 63)
        {
            ulong value = numbers.Current, left = value;
            for (int i = 0; i < bits; i++)
                left = left << 1 | left >> 63;
            t.Equal(left, BitOperations.RotateLeft(value, bits), "left, 64 bits"u8);
            t.Equal(value, BitOperations.RotateRight(left, bits), "right, 64 bits"u8);
            t.Equal(left, BitOperations.RotateRight(value, -bits), "by a negative count"u8);
            uint half = (uint)value, left32 = half;
            for (int i = 0; i < bits; i++)
                left32 = left32 << 1 | left32 >> 31;
            t.Equal(left32, BitOperations.RotateLeft(half, bits), "left, 32 bits"u8);
            t.Equal(half, BitOperations.RotateRight(left32, bits), "right, 32 bits"u8);
        }
    }

    private static void ByteOrders(ref Ktap t)
    {
        Span<byte> bytes = stackalloc byte[11], written = stackalloc byte[8];
        NumberSource numbers = default;
        for (int offset = 0; numbers.MoveNext(); offset = (offset + 1) & 3)
        {
            ulong value = numbers.Current, little = 0, big = 0;
            Span<byte> at = bytes.Slice(offset);
            for (int i = 0; i < 8; i++)
                at[i] = (byte)(value >> 8 * i);
            for (int i = 0; i < 8; i++)
            {
                little |= (ulong)at[i] << 8 * i;
                big = big << 8 | at[i];
            }
            t.Check(BinaryPrimitives.ReadUInt64LittleEndian(at) == little && BinaryPrimitives.ReadInt64LittleEndian(at) == (long)little, "64 bits, little"u8);
            t.Check(BinaryPrimitives.ReadUInt64BigEndian(at) == big && BinaryPrimitives.ReadInt64BigEndian(at) == (long)big, "64 bits, big"u8);
            t.Check(BinaryPrimitives.ReadUInt32LittleEndian(at) == (uint)little && BinaryPrimitives.ReadInt32LittleEndian(at) == (int)little, "32 bits, little"u8);
            t.Check(BinaryPrimitives.ReadUInt32BigEndian(at) == (uint)(big >> 32) && BinaryPrimitives.ReadInt32BigEndian(at) == (int)(big >> 32), "32 bits, big"u8);
            t.Check(BinaryPrimitives.ReadUInt16LittleEndian(at) == (ushort)little && BinaryPrimitives.ReadInt16LittleEndian(at) == (short)little, "16 bits, little"u8);
            t.Check(BinaryPrimitives.ReadUInt16BigEndian(at) == (ushort)(big >> 48) && BinaryPrimitives.ReadInt16BigEndian(at) == (short)(big >> 48), "16 bits, big"u8);

            BinaryPrimitives.WriteUInt64BigEndian(written, big);
            t.Check(written.SequenceEqual(at.Slice(0, 8)), "written, 64 bits, big"u8);
            BinaryPrimitives.WriteInt64LittleEndian(written, (long)little);
            t.Check(written.SequenceEqual(at.Slice(0, 8)), "written, 64 bits, little"u8);
            written.Clear();
            BinaryPrimitives.WriteInt32BigEndian(written, (int)(big >> 32));
            t.Check(written.Slice(0, 4).SequenceEqual(at.Slice(0, 4)) && written[4] == 0, "written, 32 bits, big"u8);
            BinaryPrimitives.WriteUInt16BigEndian(written, (ushort)(big >> 48));
            t.Check(written.Slice(0, 2).SequenceEqual(at.Slice(0, 2)), "written, 16 bits, big"u8);
            t.Check(BinaryPrimitives.ReverseEndianness(little) == big && BinaryPrimitives.ReverseEndianness((int)little) == (int)(big >> 32), "reversed"u8);
        }
    }

    private static void IntegerMath(ref Ktap t)
    {
        int low = Opaque(-5), high = Opaque(7);
        t.Check(Math.Min(low, high) == -5 && Math.Max(low, high) == 7 && Math.Min((uint)low, 7u) == 7, "lower and higher"u8);
        t.Check(Math.Clamp(high, 0, 5) == 5 && Math.Clamp(low, 0, 5) == 0 && Math.Clamp(3, 0, 5) == 3, "clamped"u8);
        t.Check(Math.Abs(low) == 5 && Math.Abs((long)high) == 7 && Math.Sign(low) == -1 && Math.Sign(0) == 0 && Math.Sign((long)high) == 1, "sign"u8);
        t.Check(Math.Sign(int.MinValue) == -1 && Math.Sign(long.MinValue) == -1 && Math.Sign(1L << 40) == 1, "sign at the edges"u8);
        (int quotient, int rest) = Math.DivRem(Opaque(-7), 2);
        t.Check(quotient == -3 && rest == -1, "quotient and remainder"u8);
        ulong top = Math.BigMul(ulong.MaxValue, ulong.MaxValue, out ulong bottom);
        t.Check(top == ulong.MaxValue - 1 && bottom == 1 && Math.BigMul(low, int.MaxValue) == -5L * int.MaxValue, "full products"u8);
        t.Check(5.Equals(Hide(5)) && !5.Equals(Hide(5L)) && Hide((byte)3)!.Equals((byte)3) && Hide('x')!.Equals('x'), "equality of boxes"u8);
        t.Check(ulong.MaxValue.CompareTo(0) > 0 && (-1).CompareTo(1) < 0 && 4L.CompareTo(4) == 0, "order"u8);
        checked
        {
            double real = Opaque(3_000_000) * 1000.0;
            t.Check((long)real == 3_000_000_000 && (uint)real == 3_000_000_000, "checked conversions of reals"u8);
        }
    }

    private static void SpanSearch(ref Ktap t)
    {
        Span<byte> bytes = stackalloc byte[100];
        for (int i = 0; i < 100; i++)
            bytes[i] = (byte)(i % 50 + 1);
        ReadOnlySpan<byte> text = bytes;
        for (int i = 0; i < 50; i++)
            t.Equal((ulong)i, (ulong)text.IndexOf((byte)(i + 1)), "index of a byte"u8);
        t.Check(text.IndexOf((byte)0) == -1 && text.LastIndexOf((byte)1) == 50 && text.Contains((byte)50), "missing, last, contained"u8);
        t.Check(text.IndexOf(text.Slice(20, 30)) == 20 && text.IndexOf("no"u8) == -1 && text.IndexOf(""u8) == 0, "index of a sequence"u8);
        t.Check(text.StartsWith(text.Slice(50, 20)) && text.EndsWith(text.Slice(30, 20)) && !text.StartsWith("x"u8), "start and end"u8);
        t.Check("abc"u8.SequenceCompareTo("abd"u8) < 0 && "abc"u8.SequenceCompareTo("ab"u8) > 0 && "ab"u8.SequenceCompareTo("ab"u8) == 0, "order"u8);
        t.Check("\u0080"u8.SequenceCompareTo("a"u8) > 0 && "abcd"u8.CommonPrefixLength("abxd"u8) == 2, "bytes have no sign"u8);
        ReadOnlySpan<int> numbers = [5, -1, 7, -1];
        t.Check(numbers.IndexOf(-1) == 1 && numbers.LastIndexOf(-1) == 3 && !numbers.Contains(6), "wider values"u8);
        ReadOnlySpan<ulong> pair = [1, 2], same = [1, 2], other = [1, 3];
        t.Check(pair.SequenceEqual(same) && !pair.SequenceEqual(other), "equality of wider values"u8);
        Span<ushort> filled = stackalloc ushort[37];
        filled.Fill(0x1234);
        foreach (ushort value in filled)
            t.Equal(0x1234, value, "fill of wider values"u8);
        Span<Padded> padded = new Padded[3];
        padded.Fill(new Padded { A = 5, B = 6 });
        t.Check(padded[0].A == 5 && padded[2].B == 6, "fill of structs"u8);
    }
}
