using System;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Runtime;
using Xunit;

namespace Sluice.Tests.Runtime;

/// <summary>Copy and fill, beside what the BCL does with the same bytes.</summary>
public sealed unsafe class MemoryOperationsTests
{
    private const int Room = 1024;

    [Fact]
    public void Copies_of_every_size_and_overlap_are_as_the_BCLs()
    {
        byte[] before = Pattern(Room), expected = new byte[Room], actual = new byte[Room];
        // The sizes at which the way of copying changes, and their neighbours, at every distance that overlaps.
        for (int bytes = 0; bytes <= 210; bytes++)
        {
            for (int distance = -bytes - 2; distance <= bytes + 2; distance++)
            {
                int source = 400 + (bytes & 15), destination = source + distance;
                before.CopyTo(expected, 0);
                before.CopyTo(actual, 0);
                expected.AsSpan(source, bytes).CopyTo(expected.AsSpan(destination));
                fixed (byte* memory = actual)
                    MemoryOperations.Copy(memory + destination, memory + source, (nuint)bytes);
                Assert.True(expected.AsSpan().SequenceEqual(actual), $"{bytes} bytes moved by {distance}");
            }
        }
    }

    [Fact]
    public void Copies_of_every_alignment_are_as_the_BCLs()
    {
        byte[] before = Pattern(Room), expected = new byte[Room], actual = new byte[Room];
        for (int bytes = 0; bytes <= 150; bytes++)
        {
            for (int from = 0; from < 16; from++)
            {
                for (int to = 0; to < 16; to++)
                {
                    Array.Clear(expected);
                    Array.Clear(actual);
                    before.AsSpan(from, bytes).CopyTo(expected.AsSpan(16 + to));
                    fixed (byte* source = before, destination = actual)
                        MemoryOperations.Copy(destination + 16 + to, source + from, (nuint)bytes);
                    Assert.True(expected.AsSpan().SequenceEqual(actual), $"{bytes} bytes from {from} to {to}");
                }
            }
        }
    }

    [Fact]
    public void Large_copies_with_and_without_overlap_are_as_the_BCLs()
    {
        Gen<(int Source, int Destination, int Bytes)> copies =
            from bytes in Gen.Choose(0, 20_000)
            from source in Gen.Choose(0, 40_000 - bytes)
            from destination in Gen.OneOf(Gen.Choose(0, 40_000 - bytes), Gen.Choose(Math.Max(0, source - 80), Math.Min(40_000 - bytes, source + 80)))
            select (source, destination, bytes);
        byte[] before = Pattern(40_000);
        Properties.ForAll(copies, copy =>
        {
            byte[] expected = (byte[])before.Clone(), actual = (byte[])before.Clone();
            expected.AsSpan(copy.Source, copy.Bytes).CopyTo(expected.AsSpan(copy.Destination));
            fixed (byte* memory = actual)
                MemoryOperations.Copy(memory + copy.Destination, memory + copy.Source, (nuint)copy.Bytes);
            Assert.True(expected.AsSpan().SequenceEqual(actual));
        });
    }

    [Fact]
    public void Fills_and_clears_of_every_size_and_alignment_are_as_the_BCLs()
    {
        byte[] expected = new byte[Room], actual = new byte[Room];
        for (int bytes = 0; bytes <= 400; bytes++)
        {
            for (int start = 16; start < 32; start++)
            {
                Array.Fill(expected, (byte)0xEE);
                Array.Fill(actual, (byte)0xEE);
                expected.AsSpan(start, bytes).Fill((byte)bytes);
                fixed (byte* memory = actual)
                    MemoryOperations.Fill(memory + start, (byte)bytes, (nuint)bytes);
                Assert.True(expected.AsSpan().SequenceEqual(actual), $"{bytes} bytes set at {start}");

                expected.AsSpan(start, bytes).Clear();
                fixed (byte* memory = actual)
                    MemoryOperations.Clear(memory + start, (nuint)bytes);
                Assert.True(expected.AsSpan().SequenceEqual(actual), $"{bytes} bytes cleared at {start}");
            }
        }
    }

    [Fact]
    public void Patterns_of_two_four_and_eight_bytes_repeat_to_the_end()
    {
        Assert.All(new[] { 2, 4, 8 }, width =>
        {
            for (int count = 0; count < 100; count++)
            {
                byte[] actual = new byte[Room];
                ulong pattern = width switch
                {
                    2 => 0x1234_1234_1234_1234,
                    4 => 0x1234_5678_1234_5678,
                    _ => 0x1234_5678_9ABC_DEF0,
                };
                fixed (byte* memory = actual)
                    MemoryOperations.Fill(memory + 3, pattern, (nuint)(count * width));
                for (int i = 0; i < Room; i++)
                {
                    byte wanted = i >= 3 && i < 3 + count * width ? (byte)(pattern >> (i - 3) % 8 * 8) : (byte)0;
                    Assert.True(wanted == actual[i], $"{count} times {width} bytes: byte {i}");
                }
            }
        });
    }

    [Fact]
    public void Nothing_outside_is_touched()
    {
        using GuardedMemory one = new(), other = new();
        for (nuint bytes = 0; bytes <= 300; bytes++)
        {
            MemoryOperations.Fill(one.Start, 1, bytes);
            MemoryOperations.Fill(one.End - bytes, 2, bytes);
            MemoryOperations.Copy(other.Start, one.End - bytes, bytes);
            MemoryOperations.Copy(other.End - bytes, one.Start, bytes);
            MemoryOperations.Copy(other.End - bytes, other.End - bytes, bytes);
            Assert.True(bytes == 0 || other.End[-1] == (bytes > 0 ? one.Start[bytes - 1] : 0));
        }
    }

    private static byte[] Pattern(int bytes)
    {
        byte[] pattern = new byte[bytes];
        new Random(1).NextBytes(pattern);
        return pattern;
    }
}
