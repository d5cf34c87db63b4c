namespace System;

/// <summary>A position counted from the start or, with <c>^</c>, from the end.</summary>
public readonly struct Index
{
    private readonly int _value;

    public Index(int value, bool fromEnd = false) => _value = fromEnd ? ~value : value;

    public static Index Start => new(0);
    public static Index End => new(0, true);
    public bool IsFromEnd => _value < 0;
    public int Value => _value < 0 ? ~_value : _value;
    public int GetOffset(int length) => _value < 0 ? length + _value + 1 : _value;
    public static implicit operator Index(int value) => new(value);
}

/// <summary>From one position to before another.</summary>
public readonly struct Range(Index start, Index end)
{
    public Index Start { get; } = start;
    public Index End { get; } = end;
    public static Range All => new(Index.Start, Index.End);
    public static Range StartAt(Index start) => new(start, Index.End);
    public static Range EndAt(Index end) => new(Index.Start, end);

    /// <summary>Panics if the range does not fit in <paramref name="length"/>.</summary>
    public (int Offset, int Length) GetOffsetAndLength(int length)
    {
        int start = Start.GetOffset(length), end = End.GetOffset(length);
        if ((uint)end > (uint)length || (uint)start > (uint)end)
            Internal.Runtime.CompilerHelpers.ThrowHelpers.ThrowArgumentOutOfRangeException();
        return (start, end - start);
    }
}
