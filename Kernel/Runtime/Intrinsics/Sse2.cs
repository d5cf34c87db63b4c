using System.Runtime.CompilerServices;

namespace System.Runtime.Intrinsics.X86;

/// <summary>Instructions that every x86-64 CPU has. Each method is the one its note names; a body is only a form.</summary>
[Intrinsic]
public abstract class Sse2
{
    /// <summary>PCMPEQB: all ones where the bytes are equal, else zeros.</summary>
    [Intrinsic] public static Vector128<byte> CompareEqual(Vector128<byte> left, Vector128<byte> right) => CompareEqual(left, right);

    /// <summary>PMOVMSKB: the highest bit of each byte; the first byte's is bit 0.</summary>
    [Intrinsic] public static int MoveMask(Vector128<byte> value) => MoveMask(value);

    /// <summary>PAND.</summary>
    [Intrinsic] public static Vector128<byte> And(Vector128<byte> left, Vector128<byte> right) => And(left, right);
}
