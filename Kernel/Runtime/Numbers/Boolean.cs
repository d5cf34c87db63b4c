namespace System;

/// <summary>True or false; the compilers take it to hold exactly itself.</summary>
public readonly struct Boolean
{
    private readonly bool _value;

    public bool Equals(bool other) => _value == other;

    public override bool Equals(object? other) => other is bool value && _value == value;

    public override int GetHashCode() => _value ? 1 : 0;
}
