using System;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Runtime;
using Xunit;

namespace Sluice.Tests.Runtime;

/// <summary>Comparison and search, beside what the BCL says of the same bytes.</summary>
public sealed unsafe class MemorySearchTests
{
    // Few different bytes, so that much is equal.
    private static readonly Gen<byte[]> _bytes =
        from length in Gen.OneOf(Gen.Choose(0, 20), Gen.Choose(0, 100), Gen.Choose(0, 1000))
        from symbols in Gen.Elements(2, 3, 200)
        from bytes in Gen.Choose(0, symbols).Select(symbol => (byte)symbol).ArrayOf(length)
        select bytes;

    private static readonly Gen<(byte[] A, byte[] B)> _nearlyEqual =
        from a in _bytes
        from changes in Gen.Choose(0, a.Length).ArrayOf(2)
        select (a, Changed(a, changes));

    [Fact]
    public void Equality_and_common_bytes_are_as_the_BCLs() => Properties.ForAll(_nearlyEqual, pair =>
    {
        fixed (byte* a = pair.A, b = pair.B)
        {
            Assert.Equal(pair.A.AsSpan().SequenceEqual(pair.B), MemorySearch.Equal(a, b, (nuint)pair.A.Length));
            Assert.Equal(pair.A.AsSpan().CommonPrefixLength(pair.B), (int)MemorySearch.CommonBytes(a, b, (nuint)pair.A.Length));
        }
    }, times: 2000);

    [Fact]
    public void One_differing_byte_is_found_wherever_it_is()
    {
        byte[] a = new byte[100], b = new byte[100];
        fixed (byte* first = a, second = b)
        {
            for (nuint length = 0; length <= 100; length++)
            {
                Assert.True(MemorySearch.Equal(first, second, length));
                Assert.Equal(length, MemorySearch.CommonBytes(first, second, length));
                for (nuint at = 0; at < length; at++)
                {
                    second[at] = 0x80;
                    Assert.False(MemorySearch.Equal(first, second, length));
                    Assert.Equal(at, MemorySearch.CommonBytes(first, second, length));
                    second[at] = 0;
                }
            }
        }
    }

    [Fact]
    public void The_first_of_a_byte_is_found_as_by_the_BCL() => Properties.ForAll(_bytes.Zip(Gen.Choose(0, 255)), input =>
    {
        (byte[] bytes, int value) = input;
        int expected = Array.IndexOf(bytes, (byte)value);
        fixed (byte* memory = bytes)
            Assert.Equal(expected < 0 ? bytes.Length : expected, (int)MemorySearch.IndexOf(memory, (byte)value, (nuint)bytes.Length));
    }, times: 2000);

    [Fact]
    public void A_sequence_is_found_as_by_the_BCL()
    {
        Gen<(byte[] Bytes, byte[] Sequence)> inputs =
            from bytes in _bytes
            from start in Gen.Choose(0, bytes.Length)
            from length in Gen.Choose(0, Math.Min(20, bytes.Length - start))
            from other in Gen.Choose(0, 3).Select(symbol => (byte)symbol).ArrayOf()
            from inside in Gen.Elements(true, false)
            select (bytes, inside ? bytes[start..(start + length)] : other);
        Properties.ForAll(inputs, input =>
        {
            int expected = input.Bytes.AsSpan().IndexOf(input.Sequence);
            fixed (byte* memory = input.Bytes, sequence = input.Sequence)
            {
                nuint actual = MemorySearch.IndexOf(memory, (nuint)input.Bytes.Length, sequence, (nuint)input.Sequence.Length);
                Assert.Equal(expected < 0 ? input.Bytes.Length : expected, (int)actual);
            }
        }, times: 2000);
    }

    [Fact]
    public void A_sequence_that_ends_outside_is_not_found()
    {
        for (int length = 2; length <= 40; length++)
        {
            byte[] sequence = new byte[length], memory = new byte[50 + length];
            for (int i = 0; i < length; i++)
                sequence[i] = memory[50 + i] = (byte)(i + 1);
            fixed (byte* start = memory, wanted = sequence)
            {
                Assert.Equal(50u, MemorySearch.IndexOf(start, (nuint)memory.Length, wanted, (nuint)length));
                for (nuint bytes = 0; bytes < (nuint)memory.Length; bytes++)
                    Assert.Equal(bytes, MemorySearch.IndexOf(start, bytes, wanted, (nuint)length));
            }
        }
    }

    [Fact]
    public void Nothing_outside_is_read()
    {
        using GuardedMemory one = new(), other = new();
        byte* nearly = stackalloc byte[] { 0, 0, 0, 1 };
        for (nuint bytes = 0; bytes <= 300; bytes++)
        {
            Assert.Equal(bytes, MemorySearch.IndexOf(one.End - bytes, bytes, nearly, 4));
            Assert.True(MemorySearch.Equal(one.End - bytes, other.Start, bytes));
            Assert.True(MemorySearch.Equal(one.Start, other.End - bytes, bytes));
            Assert.Equal(bytes, MemorySearch.CommonBytes(one.End - bytes, other.End - bytes, bytes));
            Assert.Equal(bytes, MemorySearch.IndexOf(one.End - bytes, 1, bytes));
            Assert.Equal(bytes, MemorySearch.IndexOf(one.Start, 1, bytes));
        }
    }

    private static byte[] Changed(byte[] bytes, int[] places)
    {
        byte[] changed = (byte[])bytes.Clone();
        foreach (int place in places)
        {
            if (place < changed.Length)
                changed[place] ^= 1;
        }
        return changed;
    }
}
