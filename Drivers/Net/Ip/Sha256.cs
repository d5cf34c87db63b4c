using System;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Sluice.Net;

/// <summary>The hash SHA-256, fed in pieces. Source: FIPS 180-4, section 6.2.</summary>
public struct Sha256
{
    /// <summary>Bytes of a hash.</summary>
    public const int HashBytes = 32;

    private const int BlockBytes = 64;

    private Words _state;
    private Block _block;
    private ulong _bytes;

    /// <summary>Begins anew.</summary>
    public void Start()
    {
        _bytes = 0;
        ReadOnlySpan<uint> start = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19];
        start.CopyTo(_state);
    }

    /// <summary>Goes on with some bytes.</summary>
    public void Add(ReadOnlySpan<byte> data)
    {
        int held = (int)(_bytes % BlockBytes);
        _bytes += (uint)data.Length;
        if (held != 0)
        {
            int missing = Math.Min(BlockBytes - held, data.Length);
            data.Slice(0, missing).CopyTo(((Span<byte>)_block).Slice(held));
            data = data.Slice(missing);
            if (held + missing < BlockBytes)
                return;
            Take(_block);
        }
        while (data.Length >= BlockBytes)
        {
            Take(data.Slice(0, BlockBytes));
            data = data.Slice(BlockBytes);
        }
        data.CopyTo(_block);
    }

    /// <summary>Ends it and writes the hash.</summary>
    public void Finish(Span<byte> hash)
    {
        ulong bits = _bytes * 8;
        Span<byte> end = stackalloc byte[2 * BlockBytes];
        end.Clear();
        end[0] = 0x80;
        int padding = BlockBytes - (int)((_bytes + 8) % BlockBytes);
        BinaryPrimitives.WriteUInt64BigEndian(end.Slice(padding), bits);
        Add(end.Slice(0, padding + 8));
        for (int i = 0; i < 8; i++)
            BinaryPrimitives.WriteUInt32BigEndian(hash.Slice(4 * i), _state[i]);
    }

    private void Take(ReadOnlySpan<byte> block)
    {
        Span<uint> w = stackalloc uint[64];
        for (int i = 0; i < 16; i++)
            w[i] = BinaryPrimitives.ReadUInt32BigEndian(block.Slice(4 * i));
        for (int i = 16; i < 64; i++)
        {
            uint early = w[i - 15], late = w[i - 2];
            uint s0 = BitOperations.RotateRight(early, 7) ^ BitOperations.RotateRight(early, 18) ^ early >> 3;
            uint s1 = BitOperations.RotateRight(late, 17) ^ BitOperations.RotateRight(late, 19) ^ late >> 10;
            w[i] = w[i - 16] + s0 + w[i - 7] + s1;
        }
        uint a = _state[0], b = _state[1], c = _state[2], d = _state[3], e = _state[4], f = _state[5], g = _state[6], h = _state[7];
        ReadOnlySpan<uint> constants = Constants;
        for (int i = 0; i < 64; i++)
        {
            uint s1 = BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25);
            uint first = h + s1 + (e & f ^ ~e & g) + constants[i] + w[i];
            uint s0 = BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22);
            uint second = s0 + (a & b ^ a & c ^ b & c);
            h = g;
            g = f;
            f = e;
            e = d + first;
            d = c;
            c = b;
            b = a;
            a = first + second;
        }
        _state[0] += a;
        _state[1] += b;
        _state[2] += c;
        _state[3] += d;
        _state[4] += e;
        _state[5] += f;
        _state[6] += g;
        _state[7] += h;
    }

    // The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
    private static ReadOnlySpan<uint> Constants =>
    [
        0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
        0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
        0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
        0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
        0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
        0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
        0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
        0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
    ];

    [InlineArray(8)]
    private struct Words
    {
        private uint _first;
    }

    [InlineArray(BlockBytes)]
    private struct Block
    {
        private byte _first;
    }
}
