using System;

namespace Sluice.Pci;

/// <summary>Where a function is: segment, bus, device (0 to 31), function (0 to 7).</summary>
public readonly struct PciAddress(ushort segment, byte bus, int device, int function) : IUtf8Formattable
{
    /// <summary>Devices on a bus.</summary>
    public const int DevicesPerBus = 32;

    /// <summary>Functions of a device.</summary>
    public const int FunctionsPerDevice = 8;

    /// <summary>Bus tree that it belongs to; 0 on all but large machines.</summary>
    public ushort Segment { get; } = segment;

    /// <summary>Bus in the segment.</summary>
    public byte Bus { get; } = bus;

    private readonly byte _slot = (byte)((device & 31) << 3 | (function & 7));

    /// <summary>Device on the bus.</summary>
    public int Device => _slot >> 3;

    /// <summary>Function of the device.</summary>
    public int Function => _slot & 7;

    /// <summary>Bus, device and function as they go over the bus: 16 bits.</summary>
    public ushort RequesterId => (ushort)(Bus << 8 | _slot);

    public static bool operator ==(PciAddress left, PciAddress right) =>
        left.Segment == right.Segment && left.RequesterId == right.RequesterId;

    public static bool operator !=(PciAddress left, PciAddress right) => !(left == right);
    public override bool Equals(object? other) => other is PciAddress address && address == this;
    public override int GetHashCode() => Segment << 16 | RequesterId;

    /// <summary><c>00:1f.2</c>, and <c>0001:00:1f.2</c> beyond segment 0.</summary>
    public void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format)
    {
        if (Segment != 0)
        {
            writer.Append(Segment, "x4");
            writer.Append((byte)':');
        }
        writer.Append(Bus, "x2");
        writer.Append((byte)':');
        writer.Append((ulong)Device, "x2");
        writer.Append((byte)'.');
        writer.Append((ulong)Function);
    }
}
