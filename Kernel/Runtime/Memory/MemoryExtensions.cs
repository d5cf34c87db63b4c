using System.Runtime.InteropServices;

namespace System;

/// <summary>Spans over what is not one.</summary>
public static class MemoryExtensions
{
    // The C# compiler's conversion from string to span calls this one.
    public static ReadOnlySpan<char> AsSpan(this string? text) =>
        text is null ? default : MemoryMarshal.CreateReadOnlySpan(in text.GetPinnableReference(), text.Length);

    public static Span<T> AsSpan<T>(this T[]? array) => new(array);

    public static Span<T> AsSpan<T>(this T[]? array, int start, int length) => new(array, start, length);

    /// <summary>Whether both hold the same values, bit for bit.</summary>
    public static bool SequenceEqual<T>(this ReadOnlySpan<T> a, ReadOnlySpan<T> b) where T : unmanaged
    {
        ReadOnlySpan<byte> x = MemoryMarshal.AsBytes(a), y = MemoryMarshal.AsBytes(b);
        if (x.Length != y.Length)
            return false;
        for (int i = 0; i < x.Length; i++)
        {
            if (x[i] != y[i])
                return false;
        }
        return true;
    }
}
