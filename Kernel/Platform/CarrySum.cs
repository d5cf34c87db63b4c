using System.Runtime;
using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>Sums whose carries come in again at the bottom: modulo 2^64 - 1.</summary>
public static unsafe class CarrySum
{
    /// <summary>
    /// The sum of 64-bit words, an instruction for each: what C# has no word for is an addition that takes the carry of the one before. Any context.
    /// </summary>
    /// <param name="words">At any address.</param>
    /// <param name="count">At least one.</param>
    [RuntimeImport("cpu_add_words"), MethodImpl(MethodImplOptions.InternalCall)] public static extern ulong Of(byte* words, ulong count);
}
