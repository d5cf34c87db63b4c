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

    public ref readonly char GetPinnableReference() => ref _firstChar;
}
