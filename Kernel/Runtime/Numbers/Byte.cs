namespace System;

// The compilers know these types by name and take each to hold exactly itself.

/// <summary>A signed integer of 8 bits.</summary>
public readonly struct SByte
{
    private readonly sbyte _value;

    public const sbyte MaxValue = 0x7F;
    public const sbyte MinValue = -0x80;

    public bool Equals(sbyte other) => _value == other;

    public override bool Equals(object? other) => other is sbyte value && _value == value;

    public override int GetHashCode() => _value;

    /// <summary>Below 0, 0 or above 0, as this is below, equal to or above the other.</summary>
    public int CompareTo(sbyte other) => _value < other ? -1 : _value > other ? 1 : 0;
}

/// <summary>An unsigned integer of 8 bits.</summary>
public readonly struct Byte
{
    private readonly byte _value;

    public const byte MaxValue = 0xFF;
    public const byte MinValue = 0;

    public bool Equals(byte other) => _value == other;

    public override bool Equals(object? other) => other is byte value && _value == value;

    public override int GetHashCode() => _value;

    /// <summary>Below 0, 0 or above 0, as this is below, equal to or above the other.</summary>
    public int CompareTo(byte other) => _value < other ? -1 : _value > other ? 1 : 0;
}
