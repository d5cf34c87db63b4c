using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Sluice.SelfTest;

/// <summary>Names of the cases that failed in the last run, as many as a screen shows.</summary>
internal static class FailedCases
{
    private const int Most = 24;

    private static Names _names;

    /// <summary>How many names there are.</summary>
    public static int Count { get; private set; }

    /// <summary>How many more failed.</summary>
    public static int Missed { get; private set; }

    /// <summary>One of the names, cut off if it is very long.</summary>
    public static ReadOnlySpan<byte> Name(int index) => ((ReadOnlySpan<CaseName>)_names)[index].Text;

    /// <summary>Forgets all: a run begins.</summary>
    public static void Clear() => Count = Missed = 0;

    /// <summary>Notes a name.</summary>
    public static void Add(ReadOnlySpan<byte> name)
    {
        if (Count == Most)
            Missed++;
        else
            ((Span<CaseName>)_names)[Count++].Set(name);
    }

    private struct CaseName
    {
        private Bytes _bytes;
        private int _length;

        [UnscopedRef]
        public readonly ReadOnlySpan<byte> Text => ((ReadOnlySpan<byte>)_bytes).Slice(0, _length);

        public void Set(ReadOnlySpan<byte> text)
        {
            _length = text.Length < Bytes.Size ? text.Length : Bytes.Size;
            text.Slice(0, _length).CopyTo(_bytes);
        }
    }

    [InlineArray(Size)]
    private struct Bytes
    {
        public const int Size = 120;

        private byte _first;
    }

    [InlineArray(Most)]
    private struct Names
    {
        private CaseName _first;
    }
}
