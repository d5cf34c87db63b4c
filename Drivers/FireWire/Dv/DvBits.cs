using System;

namespace Sluice.Drivers.Dv;

/// <summary>Bits to be read, the first of a byte highest.</summary>
/// <param name="at">The first bit.</param>
/// <param name="end">Behind the last.</param>
internal ref struct DvBits(ReadOnlySpan<byte> bytes, int at, int end)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _at = at;

    public readonly int Left => end - _at;

    /// <summary>The next 16; what is behind the last may be anything.</summary>
    public readonly uint Peek()
    {
        uint bits = 0;
        for (int i = _at / 8; i < _at / 8 + 3; i++)
            bits = bits << 8 | (i < _bytes.Length ? _bytes[i] : 0u);
        return bits >> 8 - _at % 8 & 0xFFFF;
    }

    public void Skip(int count) => _at += count;
}

/// <summary>Bits that blocks had no use for, for those that need more.</summary>
/// <param name="bytes">Room for them, and two bytes more.</param>
internal ref struct DvSpareBits(Span<byte> bytes)
{
    private readonly Span<byte> _bytes = bytes;
    private int _count;

    /// <summary>All of them.</summary>
    public readonly DvBits Bits => new(_bytes, 0, _count);

    /// <summary>Nothing is spare.</summary>
    public void Clear() => _count = 0;

    /// <summary>Takes what is left of others.</summary>
    public void Add(DvBits bits)
    {
        while (bits.Left > 0)
        {
            int count = Math.Min(bits.Left, 8), at = _count / 8, used = _count % 8;
            // Behind what is there all is zero.
            uint value = bits.Peek() >> 8 & 0xFF00u >> count;
            uint kept = used == 0 ? 0u : (uint)_bytes[at] << 8;
            uint both = kept | value << 8 - used;
            _bytes[at] = (byte)(both >> 8);
            _bytes[at + 1] = (byte)both;
            _count += count;
            bits.Skip(count);
        }
    }
}
