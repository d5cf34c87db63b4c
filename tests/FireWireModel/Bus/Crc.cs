using System;

namespace Sluice.FireWire.Bus;

/// <summary>The two checks of the bus. First bit highest, as it sends them.</summary>
public static class Crc
{
    private static readonly uint[] _table = MakeTable();

    /// <summary>
    /// Of a packet's header or data, in whole quadlets. The polynomial is Ethernet's, the order of bits is not.
    /// Source: IEEE 1394-1995, section 6.2.4.
    /// </summary>
    public static uint Packet(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte one in bytes)
            crc = (crc << 8) ^ _table[(crc >> 24) ^ one];
        return ~crc;
    }

    /// <summary>Of a configuration ROM's block. Source: IEEE 1212-2001, section 7.3 (CRC-16 of ITU-T, start 0).</summary>
    public static ushort Rom(ReadOnlySpan<uint> quadlets)
    {
        uint crc = 0;
        foreach (uint quadlet in quadlets)
        {
            for (int shift = 28; shift >= 0; shift -= 4)
            {
                uint sum = ((crc >> 12) ^ (quadlet >> shift)) & 0xF;
                crc = (crc << 4) ^ (sum << 12) ^ (sum << 5) ^ sum;
            }
            crc &= 0xFFFF;
        }
        return (ushort)crc;
    }

    private static uint[] MakeTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            uint value = i << 24;
            for (int bit = 0; bit < 8; bit++)
                value = (value << 1) ^ ((value >> 31) * 0x04C11DB7);
            table[i] = value;
        }
        return table;
    }
}
