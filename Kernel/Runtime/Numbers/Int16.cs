namespace System;

// The compilers know these types by name and take each to hold exactly itself.

/// <summary>A signed integer of 16 bits.</summary>
public readonly struct Int16
{
    private readonly short _value;

    public const short MaxValue = 0x7FFF;
    public const short MinValue = -0x8000;

    public bool Equals(short other) => _value == other;

    public override bool Equals(object? other) => other is short value && _value == value;

    public override int GetHashCode() => _value;

    /// <summary>Below 0, 0 or above 0, as this is below, equal to or above the other.</summary>
    public int CompareTo(short other) => _value < other ? -1 : _value > other ? 1 : 0;
}

/// <summary>An unsigned integer of 16 bits.</summary>
public readonly struct UInt16
{
    private readonly ushort _value;

    public const ushort MaxValue = 0xFFFF;
    public const ushort MinValue = 0;

    public bool Equals(ushort other) => _value == other;

    public override bool Equals(object? other) => other is ushort value && _value == value;

    public override int GetHashCode() => _value;

    /// <summary>Below 0, 0 or above 0, as this is below, equal to or above the other.</summary>
    public int CompareTo(ushort other) => _value < other ? -1 : _value > other ? 1 : 0;
}
