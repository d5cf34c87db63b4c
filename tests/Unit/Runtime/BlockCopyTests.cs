using System;
using Sluice.Runtime;
using Xunit;

namespace Sluice.Tests.Runtime;

/// <summary>Block copy and clear, beside what the BCL does with the same bytes.</summary>
public sealed unsafe class BlockCopyTests
{
    private const int Room = 4096;

    [Fact]
    public void Copies_of_every_size_are_as_the_BCLs()
    {
        byte[] source = Pattern(), expected = new byte[Room], actual = new byte[Room];
        for (int bytes = 0; bytes <= 3200; bytes++)
        {
            int from = bytes & 31, to = (bytes >> 2) & 63;
            Array.Fill(expected, (byte)0xEE);
            Array.Fill(actual, (byte)0xEE);
            source.AsSpan(from, bytes).CopyTo(expected.AsSpan(to));
            fixed (byte* read = source, written = actual)
                BlockCopy.Copy(written + to, read + from, (nuint)bytes);
            Assert.True(expected.AsSpan().SequenceEqual(actual), $"{bytes} bytes from {from} to {to}");
        }
    }

    [Fact]
    public void Clearing_ends_with_the_block_of_16_that_holds_the_last_byte()
    {
        byte[] expected = new byte[Room], actual = new byte[Room];
        for (int bytes = 0; bytes <= 3200; bytes++)
        {
            Pattern().CopyTo(expected, 0);
            Pattern().CopyTo(actual, 0);
            expected.AsSpan(48, (bytes + 15) & ~15).Clear();
            fixed (byte* written = actual)
                BlockCopy.ClearBlocks(written + 48, (nuint)bytes);
            Assert.True(expected.AsSpan().SequenceEqual(actual), $"{bytes} bytes");
        }
    }

    [Fact]
    public void Nothing_outside_is_touched()
    {
        using GuardedMemory source = new(), destination = new();
        for (int bytes = 0; bytes <= GuardedMemory.Bytes; bytes += 1 + (bytes & 7))
        {
            BlockCopy.Copy(destination.Start, source.Start, (nuint)bytes);
            BlockCopy.Copy(destination.End - bytes, source.End - bytes, (nuint)bytes);
            BlockCopy.ClearBlocks(destination.End - (bytes & ~15), (nuint)(bytes & ~15));
        }
    }

    private static byte[] Pattern()
    {
        byte[] pattern = new byte[Room];
        for (int i = 0; i < Room; i++)
            pattern[i] = (byte)(i * 7 + (i >> 8) + 1);
        return pattern;
    }
}
