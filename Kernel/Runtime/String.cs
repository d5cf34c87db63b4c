using System.Runtime.CompilerServices;

namespace System;

/// <summary>An immutable text in UTF-16; only literals exist, frozen into the image. Kernel texts are UTF-8 (<c>u8</c>).</summary>
public sealed class String
{
    // Name, order and type of both fields are the compiler's.
    private readonly int _stringLength;
    private readonly char _firstChar;

    /// <summary>Code units in the text.</summary>
    public int Length
    {
        [Intrinsic]
        get => _stringLength;
    }

    [IndexerName("Chars")]
    public char this[int index]
    {
        [Intrinsic]
        get
        {
            if ((uint)index >= (uint)_stringLength)
                Internal.Runtime.CompilerHelpers.ThrowHelpers.ThrowIndexOutOfRangeException();
            return Unsafe.Add(ref Unsafe.AsRef(in _firstChar), index);
        }
    }

    public static bool operator ==(string? a, string? b) => Equals(a, b);

    public static bool operator !=(string? a, string? b) => !Equals(a, b);

    /// <summary>Whether both have the same code units, or are both null.</summary>
    public static bool Equals(string? a, string? b)
    {
        if ((object?)a == (object?)b)
            return true;
        if (a is null || b is null || a.Length != b.Length)
            return false;
        for (int i = 0; i < a.Length; i++)
        {
            if (a[i] != b[i])
                return false;
        }
        return true;
    }

    public override bool Equals(object? other) => other is string text && Equals(this, text);

    public override int GetHashCode()
    {
        uint hash = 0;
        for (int i = 0; i < Length; i++)
            hash = hash * 31 + this[i];
        return (int)hash;
    }

    public override string ToString() => this;

    public ref readonly char GetPinnableReference() => ref _firstChar;
}
