namespace System;

/// <summary>A code unit of UTF-16; the compilers take it to hold exactly itself.</summary>
public readonly struct Char
{
    private readonly char _value;

    public const char MaxValue = '\uFFFF';
    public const char MinValue = '\0';

    public bool Equals(char other) => _value == other;

    public override bool Equals(object? other) => other is char value && _value == value;

    public override int GetHashCode() => _value;
}
