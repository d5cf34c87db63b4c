using System;
using System.Runtime.InteropServices;

namespace Sluice.Acpi;

/// <summary>The four letters that name a table. Source: ACPI 6.5, section 5.2.6, table 5.5.</summary>
internal readonly struct TableSignature(uint value) : IUtf8Formattable
{
    /// <summary>The letters, the first one in the lowest byte.</summary>
    public uint Value { get; } = value;

    public static TableSignature Rsdt => Of("RSDT"u8);
    public static TableSignature Xsdt => Of("XSDT"u8);
    public static TableSignature Madt => Of("APIC"u8);
    public static TableSignature Mcfg => Of("MCFG"u8);
    public static TableSignature Fadt => Of("FACP"u8);
    public static TableSignature Dsdt => Of("DSDT"u8);
    public static TableSignature Ssdt => Of("SSDT"u8);
    public static TableSignature Srat => Of("SRAT"u8);

    /// <summary>The signature that four letters stand for.</summary>
    public static TableSignature Of(ReadOnlySpan<byte> letters) => new(MemoryMarshal.Read<uint>(letters));

    public static bool operator ==(TableSignature left, TableSignature right) => left.Value == right.Value;
    public static bool operator !=(TableSignature left, TableSignature right) => left.Value != right.Value;
    public override bool Equals(object? other) => other is TableSignature signature && signature.Value == Value;
    public override int GetHashCode() => (int)Value;

    /// <summary>The letters; what is not printable shows as a dot.</summary>
    public void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format)
    {
        for (int i = 0; i < 4; i++)
        {
            byte letter = (byte)(Value >> (8 * i));
            writer.Append(letter is >= 0x20 and < 0x7F ? letter : (byte)'.');
        }
    }
}
