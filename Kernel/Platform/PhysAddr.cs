namespace Sluice;

/// <summary>A place in physical memory as the CPU numbers it; not what a device sees, and no pointer.</summary>
public readonly struct PhysAddr(ulong value)
{
    /// <summary>Bytes in a page.</summary>
    public const ulong PageSize = 4096;

    /// <summary>The number itself.</summary>
    public ulong Value { get; } = value;

    /// <summary>Number of the page that holds the address.</summary>
    public ulong Frame => Value >> 12;

    /// <summary>Start of a page by its number.</summary>
    public static PhysAddr FromFrame(ulong frame) => new(frame << 12);

    /// <summary>The highest multiple of a power of two that is not above.</summary>
    public PhysAddr AlignDown(ulong powerOfTwo) => new(Value & ~(powerOfTwo - 1));

    /// <summary>The lowest multiple of a power of two that is not below; wraps above the last one.</summary>
    public PhysAddr AlignUp(ulong powerOfTwo) => new((Value + powerOfTwo - 1) & ~(powerOfTwo - 1));

    /// <summary>Whether the address is a multiple of a power of two.</summary>
    public bool IsAligned(ulong powerOfTwo) => (Value & (powerOfTwo - 1)) == 0;

    public static PhysAddr operator +(PhysAddr address, ulong bytes) => new(address.Value + bytes);
    public static PhysAddr operator -(PhysAddr address, ulong bytes) => new(address.Value - bytes);
    public static ulong operator -(PhysAddr end, PhysAddr start) => end.Value - start.Value;
    public static bool operator <(PhysAddr left, PhysAddr right) => left.Value < right.Value;
    public static bool operator >(PhysAddr left, PhysAddr right) => left.Value > right.Value;
    public static bool operator <=(PhysAddr left, PhysAddr right) => left.Value <= right.Value;
    public static bool operator >=(PhysAddr left, PhysAddr right) => left.Value >= right.Value;
    public static bool operator ==(PhysAddr left, PhysAddr right) => left.Value == right.Value;
    public static bool operator !=(PhysAddr left, PhysAddr right) => left.Value != right.Value;
    public override bool Equals(object? other) => other is PhysAddr address && address.Value == Value;
    public override int GetHashCode() => (int)Value ^ (int)(Value >> 32);
}
