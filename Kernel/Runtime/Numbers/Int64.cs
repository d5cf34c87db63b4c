namespace System;

// The compilers know these types by name and take each to hold exactly itself.

/// <summary>A signed integer of 64 bits.</summary>
public readonly struct Int64
{
    private readonly long _value;

    public const long MaxValue = 0x7FFF_FFFF_FFFF_FFFF;
    public const long MinValue = -0x7FFF_FFFF_FFFF_FFFF - 1;

    public bool Equals(long other) => _value == other;

    public override bool Equals(object? other) => other is long value && _value == value;

    public override int GetHashCode() => (int)_value ^ (int)(_value >> 32);

    /// <summary>Below 0, 0 or above 0, as this is below, equal to or above the other.</summary>
    public int CompareTo(long other) => _value < other ? -1 : _value > other ? 1 : 0;
}

/// <summary>An unsigned integer of 64 bits.</summary>
public readonly struct UInt64
{
    private readonly ulong _value;

    public const ulong MaxValue = 0xFFFF_FFFF_FFFF_FFFF;
    public const ulong MinValue = 0;

    public bool Equals(ulong other) => _value == other;

    public override bool Equals(object? other) => other is ulong value && _value == value;

    public override int GetHashCode() => (int)_value ^ (int)(_value >> 32);

    /// <summary>Below 0, 0 or above 0, as this is below, equal to or above the other.</summary>
    public int CompareTo(ulong other) => _value < other ? -1 : _value > other ? 1 : 0;
}
