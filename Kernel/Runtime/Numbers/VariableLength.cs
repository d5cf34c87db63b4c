using System;

namespace Sluice.Runtime;

/// <summary>Numbers of seven bits a byte, the lowest first; the top bit says that more follow. Source: DWARF 5, section 7.6 (LEB128).</summary>
public static class VariableLength
{
    /// <summary>Reads an unsigned number and goes behind it; bits beyond 32 are lost.</summary>
    public static uint Read(ReadOnlySpan<byte> bytes, ref int at)
    {
        uint value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte part = bytes[at++];
            if (shift < 32)
                value |= (uint)(part & 0x7F) << shift;
            if ((part & 0x80) == 0)
                return value;
        }
    }
}
