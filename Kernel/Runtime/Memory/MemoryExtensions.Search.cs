using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Runtime;

namespace System;

/// <summary>
/// Comparison of spans and search in them. Values are compared bit for bit, so this is for integers, enumerations and
/// structs without padding. Results as .NET's: an index, or -1.
/// </summary>
public static unsafe partial class MemoryExtensions
{
    /// <summary>Whether both have the same length and values.</summary>
    public static bool SequenceEqual<T>(this ReadOnlySpan<T> span, ReadOnlySpan<T> other) where T : unmanaged =>
        span.Length == other.Length && MemorySearch.Equal(Start(span), Start(other), Bytes(span));

    /// <inheritdoc cref="SequenceEqual{T}(ReadOnlySpan{T}, ReadOnlySpan{T})"/>
    public static bool SequenceEqual<T>(this Span<T> span, ReadOnlySpan<T> other) where T : unmanaged =>
        ((ReadOnlySpan<T>)span).SequenceEqual(other);

    /// <summary>The order of bytes in a dictionary: below 0 if <paramref name="span"/> comes first, 0 if both are equal.</summary>
    public static int SequenceCompareTo(this ReadOnlySpan<byte> span, ReadOnlySpan<byte> other)
    {
        int shorter = Math.Min(span.Length, other.Length);
        int common = (int)MemorySearch.CommonBytes(Start(span), Start(other), (nuint)shorter);
        return common < shorter ? span[common] - other[common] : span.Length - other.Length;
    }

    /// <summary>How many values at the start are the same in both.</summary>
    public static int CommonPrefixLength<T>(this ReadOnlySpan<T> span, ReadOnlySpan<T> other) where T : unmanaged
    {
        nuint bytes = Math.Min(Bytes(span), Bytes(other));
        return (int)(MemorySearch.CommonBytes(Start(span), Start(other), bytes) / (nuint)sizeof(T));
    }

    /// <summary>Whether the span begins with another.</summary>
    public static bool StartsWith<T>(this ReadOnlySpan<T> span, ReadOnlySpan<T> value) where T : unmanaged =>
        value.Length <= span.Length && span[..value.Length].SequenceEqual(value);

    /// <summary>Whether the span ends with another.</summary>
    public static bool EndsWith<T>(this ReadOnlySpan<T> span, ReadOnlySpan<T> value) where T : unmanaged =>
        value.Length <= span.Length && span[^value.Length..].SequenceEqual(value);

    /// <summary>Index of the first of a value.</summary>
    public static int IndexOf<T>(this ReadOnlySpan<T> span, T value) where T : unmanaged
    {
        if (sizeof(T) == 1)
        {
            nuint index = MemorySearch.IndexOf(Start(span), Unsafe.As<T, byte>(ref value), (nuint)(uint)span.Length);
            return index == (nuint)(uint)span.Length ? -1 : (int)index;
        }
        for (int i = 0; i < span.Length; i++)
        {
            if (MemorySearch.Equal((byte*)(Pointer(span) + i), (byte*)&value, (nuint)sizeof(T)))
                return i;
        }
        return -1;
    }

    /// <inheritdoc cref="IndexOf{T}(ReadOnlySpan{T}, T)"/>
    public static int IndexOf<T>(this Span<T> span, T value) where T : unmanaged => ((ReadOnlySpan<T>)span).IndexOf(value);

    /// <summary>Index of the first place where a sequence stands; 0 for an empty one.</summary>
    public static int IndexOf(this ReadOnlySpan<byte> span, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
            return 0;
        nuint index = MemorySearch.IndexOf(Start(span), Bytes(span), Start(value), Bytes(value));
        return index == Bytes(span) ? -1 : (int)index;
    }

    /// <summary>Index of the last of a value.</summary>
    public static int LastIndexOf<T>(this ReadOnlySpan<T> span, T value) where T : unmanaged
    {
        int i = span.Length - 1;
        while (i >= 0 && !MemorySearch.Equal((byte*)(Pointer(span) + i), (byte*)&value, (nuint)sizeof(T)))
            i--;
        return i;
    }

    /// <summary>Whether a value is in the span.</summary>
    public static bool Contains<T>(this ReadOnlySpan<T> span, T value) where T : unmanaged => span.IndexOf(value) >= 0;

    /// <inheritdoc cref="Contains{T}(ReadOnlySpan{T}, T)"/>
    public static bool Contains<T>(this Span<T> span, T value) where T : unmanaged => ((ReadOnlySpan<T>)span).IndexOf(value) >= 0;

    // Nothing moves here, so pointers need no pinning.
    private static T* Pointer<T>(ReadOnlySpan<T> span) where T : unmanaged =>
        (T*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(span));

    private static byte* Start<T>(ReadOnlySpan<T> span) where T : unmanaged => (byte*)Pointer(span);

    private static nuint Bytes<T>(ReadOnlySpan<T> span) where T : unmanaged => (nuint)(uint)span.Length * (nuint)sizeof(T);
}
