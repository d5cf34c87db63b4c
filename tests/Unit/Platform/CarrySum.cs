using System;
using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>The hosted twin.</summary>
public static unsafe class CarrySum
{
    public static ulong Of(byte* words, ulong count)
    {
        ArgumentOutOfRangeException.ThrowIfZero(count);
        ulong sum = 0;
        for (ulong i = 0; i < count; i++)
        {
            ulong word = Unsafe.ReadUnaligned<ulong>(words + i * 8);
            sum += word;
            // What wrapped is short by the one that comes in again.
            sum += sum < word ? 1ul : 0;
        }
        return sum;
    }
}
