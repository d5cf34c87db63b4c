using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Sluice.Runtime;

/// <summary>
/// A name out of a list that Kernel/Build/NamePacker.cs packed. In the list stands for each name how many bytes it shares with the
/// front of the one before, then the others, ended by a zero. 0x20 to 0x7E are the characters themselves; every other byte stands
/// for two bytes, which a table of pairs gives and which may be such bytes again. The zero may be part of a pair.
/// Hosted tests and the build's tool compile this file, too.
/// </summary>
public struct PackedName
{
    /// <summary>The longest name, in bytes.</summary>
    public const int MostBytes = 200;

    /// <summary>Pairs in a table, two bytes each. That of byte N is number N - 0x7F, modulo 256.</summary>
    public const int PairCount = 0xA1;

    private Bytes _bytes;
    private int _length;

    /// <summary>The name's characters: ASCII.</summary>
    [UnscopedRef] public readonly ReadOnlySpan<byte> Text => ((ReadOnlySpan<byte>)_bytes).Slice(0, _length);

    /// <summary>Becomes the list's next name. The list must be read from its front, as each name builds on the one before.</summary>
    public void ReadNext(ReadOnlySpan<byte> list, ref int at, ReadOnlySpan<byte> pairs)
    {
        _length = list[at++];
        while (Append(list[at], pairs))
            at++;
        at++;
    }

    /// <summary>Whether a byte is itself; else it is the end, or stands for a pair.</summary>
    public static bool IsCharacter(byte code) => code is >= 0x20 and <= 0x7E;

    // False at the name's end. Pairs are nested a dozen deep at most.
    private bool Append(byte code, ReadOnlySpan<byte> pairs)
    {
        if (code == 0)
            return false;
        if (!IsCharacter(code))
        {
            int pair = 2 * (byte)(code - 0x7F);
            return Append(pairs[pair], pairs) && Append(pairs[pair + 1], pairs);
        }
        _bytes[_length++] = code;
        return true;
    }

    [InlineArray(MostBytes)]
    private struct Bytes
    {
        private byte _first;
    }
}
