namespace System;

// The compilers know these types by name and take each to hold exactly itself.

/// <summary>A signed integer of 32 bits.</summary>
public readonly struct Int32
{
    private readonly int _value;

    public const int MaxValue = 0x7FFF_FFFF;
    public const int MinValue = -0x7FFF_FFFF - 1;

    public bool Equals(int other) => _value == other;

    public override bool Equals(object? other) => other is int value && _value == value;

    public override int GetHashCode() => _value;

    /// <summary>Below 0, 0 or above 0, as this is below, equal to or above the other.</summary>
    public int CompareTo(int other) => _value < other ? -1 : _value > other ? 1 : 0;
}

/// <summary>An unsigned integer of 32 bits.</summary>
public readonly struct UInt32
{
    private readonly uint _value;

    public const uint MaxValue = 0xFFFF_FFFF;
    public const uint MinValue = 0;

    public bool Equals(uint other) => _value == other;

    public override bool Equals(object? other) => other is uint value && _value == value;

    public override int GetHashCode() => (int)_value;

    /// <summary>Below 0, 0 or above 0, as this is below, equal to or above the other.</summary>
    public int CompareTo(uint other) => _value < other ? -1 : _value > other ? 1 : 0;
}
