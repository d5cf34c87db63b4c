using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace System.Runtime.Intrinsics;

/// <summary>16 bytes in one register.</summary>
[Intrinsic]
[StructLayout(LayoutKind.Sequential, Size = 16)]
public readonly struct Vector128<T>
{
    private readonly ulong _low, _high;
}

/// <summary>Makes vectors. Each is one to four instructions in place; a method that names itself is replaced by them.</summary>
public static class Vector128
{
    /// <summary>The value 16 times.</summary>
    [Intrinsic] public static Vector128<byte> Create(byte value) => Create(value);

    /// <summary>The value twice.</summary>
    [Intrinsic] public static Vector128<ulong> Create(ulong value) => Create(value);

    /// <summary>The same bits as bytes.</summary>
    [Intrinsic] public static Vector128<byte> AsByte<T>(this Vector128<T> vector) => vector.AsByte();
}
