using System;

namespace Sluice.Pci;

/// <summary>What a function says it is. Source: PCI Code and ID Assignment Specification 1.11, section 1.</summary>
public readonly struct PciClass(byte baseClass, byte subclass, byte programming) : IUtf8Formattable
{
    public byte Base { get; } = baseClass;

    public byte Subclass { get; } = subclass;

    /// <summary>Programming interface.</summary>
    public byte Programming { get; } = programming;

    /// <summary>Whether the CPU reaches memory and all buses through it.</summary>
    public bool IsHostBridge => Base == 6 && Subclass == 0;

    public static bool operator ==(PciClass left, PciClass right) =>
        left.Base == right.Base && left.Subclass == right.Subclass && left.Programming == right.Programming;

    public static bool operator !=(PciClass left, PciClass right) => !(left == right);
    public override bool Equals(object? other) => other is PciClass pciClass && pciClass == this;
    public override int GetHashCode() => Base << 16 | Subclass << 8 | Programming;

    /// <summary>Six hexadecimal digits.</summary>
    public void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format) =>
        writer.Append((ulong)GetHashCode(), "x6");
}
