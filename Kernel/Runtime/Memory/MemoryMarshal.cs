using System.Runtime.CompilerServices;

namespace System.Runtime.InteropServices;

/// <summary>Spans from references and as other types.</summary>
public static unsafe class MemoryMarshal
{
    [Intrinsic]
    public static ref T GetArrayDataReference<T>(T[] array) => ref Unsafe.As<byte, T>(ref Unsafe.As<RawArrayData>(array).Data);

    public static ref T GetReference<T>(Span<T> span) => ref span._reference;

    public static ref T GetReference<T>(ReadOnlySpan<T> span) => ref Unsafe.AsRef(in span._reference);

    public static Span<T> CreateSpan<T>(ref T reference, int length) => new(ref reference, length);

    public static ReadOnlySpan<T> CreateReadOnlySpan<T>(ref readonly T reference, int length) => new(ref Unsafe.AsRef(in reference), length);

    /// <summary>The same memory as bytes.</summary>
    public static Span<byte> AsBytes<T>(Span<T> span) where T : unmanaged =>
        new(ref Unsafe.As<T, byte>(ref span._reference), checked(span.Length * sizeof(T)));

    /// <summary>The same memory as bytes.</summary>
    public static ReadOnlySpan<byte> AsBytes<T>(ReadOnlySpan<T> span) where T : unmanaged =>
        new(ref Unsafe.As<T, byte>(ref Unsafe.AsRef(in span._reference)), checked(span.Length * sizeof(T)));

    /// <summary>The same memory as values of another type; a rest too small for one is left out.</summary>
    public static Span<TTo> Cast<TFrom, TTo>(Span<TFrom> span) where TFrom : unmanaged where TTo : unmanaged =>
        new(ref Unsafe.As<TFrom, TTo>(ref span._reference), (int)((long)span.Length * sizeof(TFrom) / sizeof(TTo)));

    /// <summary>The same memory as values of another type; a rest too small for one is left out.</summary>
    public static ReadOnlySpan<TTo> Cast<TFrom, TTo>(ReadOnlySpan<TFrom> span) where TFrom : unmanaged where TTo : unmanaged =>
        new(ref Unsafe.As<TFrom, TTo>(ref Unsafe.AsRef(in span._reference)), (int)((long)span.Length * sizeof(TFrom) / sizeof(TTo)));

    /// <summary>The value at the start of the bytes; panics if they are too few.</summary>
    public static T Read<T>(ReadOnlySpan<byte> source) where T : unmanaged
    {
        if (sizeof(T) > source.Length)
            Internal.Runtime.CompilerHelpers.ThrowHelpers.ThrowArgumentOutOfRangeException();
        return Unsafe.ReadUnaligned<T>(in source._reference);
    }

    /// <summary>Puts a value at the start of the bytes; panics if they are too few.</summary>
    public static void Write<T>(Span<byte> destination, in T value) where T : unmanaged
    {
        if (sizeof(T) > destination.Length)
            Internal.Runtime.CompilerHelpers.ThrowHelpers.ThrowArgumentOutOfRangeException();
        Unsafe.WriteUnaligned(ref destination._reference, value);
    }
}
