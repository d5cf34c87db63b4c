using System;

namespace Sluice.Acpi;

/// <summary>The root pointer: where the list of tables is. Source: ACPI 6.5, section 5.2.5.3.</summary>
internal readonly struct Rsdp
{
    private const int OldBytes = 20, NewBytes = 36;

    private Rsdp(byte revision, PhysAddr rsdt, PhysAddr xsdt)
    {
        Revision = revision;
        Rsdt = rsdt;
        Xsdt = xsdt;
    }

    /// <summary>0 for ACPI 1.0, 2 for all later ones.</summary>
    public byte Revision { get; }

    /// <summary>The list with 32-bit addresses; 0 if there is none.</summary>
    public PhysAddr Rsdt { get; }

    /// <summary>The list with 64-bit addresses; 0 if there is none.</summary>
    public PhysAddr Xsdt { get; }

    /// <summary>
    /// Reads the root pointer that the boot loader copied. False if signature or checksum is wrong, or it names no list. One of a later
    /// revision with a damaged extension counts as one of ACPI 1.0.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out Rsdp rsdp)
    {
        rsdp = default;
        TableBytes fields = new(bytes);
        const ulong signature = 0x2052_5450_2044_5352;     // "RSD PTR "
        if (bytes.Length < OldBytes || fields.U64(0) != signature || TableBytes.Sum(bytes.Slice(0, OldBytes)) != 0)
            return false;
        PhysAddr rsdt = new(fields.U32(16)), xsdt = default;
        byte revision = fields.U8(15);
        if (revision >= 2 && bytes.Length >= NewBytes && TableBytes.Sum(bytes.Slice(0, NewBytes)) == 0)
            xsdt = new PhysAddr(fields.U64(24));
        rsdp = new Rsdp(revision, rsdt, xsdt);
        return rsdt.Value != 0 || xsdt.Value != 0;
    }
}
