using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Sluice.Runtime;

namespace Sluice.Boot;

/// <summary>What is wrong with a word of the command line.</summary>
internal enum ArgumentProblem : byte
{
    None,

    /// <summary>No argument has that name.</summary>
    Unknown,

    /// <summary>It needs a value and has none.</summary>
    NoValue,

    /// <summary>Its value is none of those allowed.</summary>
    BadValue,

    /// <summary>It is longer than any value may be, or not printable.</summary>
    BadText,
}

/// <summary>The arguments' values. Nothing is allocated. Pure: hosted tests compile this file, too.</summary>
internal struct ArgumentSet
{
    /// <summary>Bytes that a word, name and value, may have.</summary>
    public const int MaxWord = 128;

    private Values _values;
    private Texts _texts;
    private uint _given;

    /// <summary>Whether it was named on the command line, rightly.</summary>
    public readonly bool IsGiven(Argument argument) => (_given >> (int)argument & 1) != 0;

    /// <summary>A flag as 0 or 1, a number, or which word of a choice; the default if not given.</summary>
    public readonly ulong Number(Argument argument) =>
        IsGiven(argument) ? _values[(int)argument] : ArgumentInfo.Of(argument).Default;

    /// <summary>A text; empty if not given.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Text(Argument argument)
    {
        ref readonly Words text = ref ((ReadOnlySpan<Words>)_texts)[(int)argument];
        return ((ReadOnlySpan<byte>)text).Slice(0, ArgumentInfo.Of(argument).Kind == ArgumentKind.Text ? (int)_values[(int)argument] : 0);
    }

    /// <summary>Takes a word, <c>name</c> or <c>name=value</c>; with a problem, nothing changes. The last of several counts.</summary>
    public ArgumentProblem Take(ReadOnlySpan<byte> word)
    {
        if (word.Length > MaxWord || !IsPrintable(word))
            return ArgumentProblem.BadText;
        int end = 0;
        while (end < word.Length && word[end] != '=')
            end++;
        if (!TryFind(word.Slice(0, end), out Argument argument))
            return ArgumentProblem.Unknown;
        ArgumentInfo info = ArgumentInfo.Of(argument);
        bool bare = end == word.Length;
        ReadOnlySpan<byte> value = bare ? default : word.Slice(end + 1);
        if (info.Kind == ArgumentKind.Text)
            return TakeText(argument, bare ? info.Bare : value);
        if (bare && info.Kind != ArgumentKind.Flag)
            return ArgumentProblem.NoValue;
        ulong number = 1;
        if (!bare && !TryParse(in info, value, out number))
            return ArgumentProblem.BadValue;
        _values[(int)argument] = number;
        _given |= 1U << (int)argument;
        return ArgumentProblem.None;
    }

    private ArgumentProblem TakeText(Argument argument, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
            return ArgumentProblem.NoValue;
        value.CopyTo(((Span<Words>)_texts)[(int)argument]);
        _values[(int)argument] = (ulong)value.Length;
        _given |= 1U << (int)argument;
        return ArgumentProblem.None;
    }

    private static bool TryFind(ReadOnlySpan<byte> name, out Argument argument)
    {
        for (argument = 0; (int)argument < ArgumentInfo.Count; argument++)
        {
            if (name.SequenceEqual(ArgumentInfo.Of(argument).Name))
                return true;
        }
        return false;
    }

    private static bool TryParse(ref readonly ArgumentInfo info, ReadOnlySpan<byte> value, out ulong number)
    {
        if (info.Kind == ArgumentKind.Number)
            return NumberParse.TryParse(value, out number) && number >= info.Range.Low && number <= info.Range.High;
        for (number = 0; ; number++)
        {
            ReadOnlySpan<byte> word = info.Word(number);
            if (word.IsEmpty)
                return false;
            if (value.SequenceEqual(word))
                return true;
        }
    }

    private static bool IsPrintable(ReadOnlySpan<byte> word)
    {
        foreach (byte value in word)
        {
            if (value is < (byte)' ' or > (byte)'~')
                return false;
        }
        return true;
    }

    [InlineArray(ArgumentInfo.Count)]
    private struct Values
    {
        private ulong _first;
    }

    [InlineArray(MaxWord)]
    private struct Words
    {
        private byte _first;
    }

    [InlineArray(ArgumentInfo.Count)]
    private struct Texts
    {
        private Words _first;
    }
}
