using System;
using Sluice.Net;
using Xunit;

namespace Sluice.Tests.Net;

/// <summary>The Internet checksum against a plain one.</summary>
public sealed unsafe class ChecksumTests
{
    [Fact]
    public void It_is_the_plain_sum_of_any_bytes_at_any_address()
    {
        var random = new Random(1);
        byte[] memory = GC.AllocateArray<byte>(9_200, pinned: true);
        fixed (byte* start = memory)
        {
            for (int round = 0; round < 20_000; round++)
            {
                int offset = random.Next(64), length = round < 3000 ? round : random.Next(9_100);
                Fill(memory, random, round % 5);
                ushort plain = Wires.Checksum(memory.AsSpan(offset, length));
                ushort fast = InternetChecksum.Finish(InternetChecksum.Sum(start + offset, (uint)length));
                Same(plain, Sluice.Net.Big16.RawOf(fast), $"offset {offset}, length {length}, round {round}");
            }
        }
    }

    [Fact]
    public void Carries_are_counted_when_every_addition_has_one()
    {
        byte[] memory = GC.AllocateArray<byte>(70_000, pinned: true);
        fixed (byte* start = memory)
        {
            foreach (byte value in (byte[])[0, 1, 0x7F, 0x80, 0xFE, 0xFF])
            {
                memory.AsSpan().Fill(value);
                for (int length = 0; length < 70_000; length += length < 4096 ? 1 : 997)
                    Same(Wires.Checksum(memory.AsSpan(0, length)), Sluice.Net.Big16.RawOf(InternetChecksum.Finish(InternetChecksum.Sum(start, (uint)length))), $"{length} times {value}");
            }
        }
    }

    [Fact]
    public void A_changed_word_changes_the_checksum_as_a_new_sum_would()
    {
        var random = new Random(2);
        byte[] bytes = new byte[20];
        for (int round = 0; round < 100_000; round++)
        {
            Fill(bytes, random, round % 5);
            bytes[10] = bytes[11] = 0;
            ushort before = Sluice.Net.Big16.RawOf(Wires.Checksum(bytes));
            ushort old = BitConverter.ToUInt16(bytes, 4), changed = (ushort)(round % 7 == 0 ? 0 : round % 11 == 0 ? 0xFFFF : random.Next(65536));
            BitConverter.TryWriteBytes(bytes.AsSpan(4), changed);
            Same(Sluice.Net.Big16.RawOf(Wires.Checksum(bytes)), InternetChecksum.Update(before, old, changed), $"{old:x} to {changed:x}");
        }
    }

    // 0 and 0xFFFF are the same number in ones' complement.
    private static void Same(ushort expected, ushort actual, string what) =>
        Assert.True(expected % 0xFFFF == actual % 0xFFFF, $"{what}: {expected:x4}, not {actual:x4}");

    private static void Fill(byte[] memory, Random random, int how)
    {
        if (how == 0)
            memory.AsSpan().Fill(0xFF);
        else
            random.NextBytes(memory);
        if (how == 1)
            for (int i = 0; i < memory.Length; i++)
                memory[i] |= 0xF0;
    }
}
