namespace Sluice.Dma;

/// <summary>
/// An address as one device sees it: what goes into its descriptors and registers, and nowhere else. Only the DMA layer makes one.
/// </summary>
public readonly struct DmaAddr
{
    internal DmaAddr(ulong value) => Value = value;

    /// <summary>The number itself.</summary>
    public ulong Value { get; }

    /// <summary>Bits 31:0, for devices with two registers.</summary>
    public uint Low => (uint)Value;

    /// <summary>Bits 63:32.</summary>
    public uint High => (uint)(Value >> 32);

    public static bool operator ==(DmaAddr left, DmaAddr right) => left.Value == right.Value;
    public static bool operator !=(DmaAddr left, DmaAddr right) => left.Value != right.Value;
    public override bool Equals(object? other) => other is DmaAddr address && address.Value == Value;
    public override int GetHashCode() => (int)Value ^ (int)(Value >> 32);
}

/// <summary>A piece of memory as one device sees it, for scatter lists in descriptors.</summary>
public readonly struct DmaSegment
{
    internal DmaSegment(ulong address, uint length)
    {
        Address = new DmaAddr(address);
        Length = length;
    }

    public DmaAddr Address { get; }

    /// <summary>Bytes.</summary>
    public uint Length { get; }
}
