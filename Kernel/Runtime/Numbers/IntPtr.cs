namespace System;

// The compilers know these types by name and take each to hold exactly itself.

/// <summary>A signed integer as wide as an address.</summary>
public readonly struct IntPtr
{
    private readonly nint _value;

    public static nint Zero => 0;
    public static nint MaxValue => unchecked((nint)long.MaxValue);
    public static nint MinValue => unchecked((nint)long.MinValue);

    public bool Equals(nint other) => _value == other;

    public override bool Equals(object? other) => other is nint value && _value == value;

    public override int GetHashCode() => (int)_value ^ (int)(_value >> 32);

    /// <summary>Below 0, 0 or above 0, as this is below, equal to or above the other.</summary>
    public int CompareTo(nint other) => _value < other ? -1 : _value > other ? 1 : 0;
}

/// <summary>An unsigned integer as wide as an address.</summary>
public readonly struct UIntPtr
{
    private readonly nuint _value;

    public static nuint Zero => 0;
    public static nuint MaxValue => unchecked((nuint)ulong.MaxValue);
    public static nuint MinValue => 0;

    public bool Equals(nuint other) => _value == other;

    public override bool Equals(object? other) => other is nuint value && _value == value;

    public override int GetHashCode() => (int)_value ^ (int)(_value >> 32);

    /// <summary>Below 0, 0 or above 0, as this is below, equal to or above the other.</summary>
    public int CompareTo(nuint other) => _value < other ? -1 : _value > other ? 1 : 0;
}
