namespace Sluice.Acpi;

/// <summary>What kind of space a register of firmware's is in.</summary>
internal enum RegisterSpace : byte
{
    Memory = 0,
    Ports = 1,
    PciConfiguration = 2,
}

/// <summary>Firmware's way to name a register. Source: ACPI 6.5, section 5.2.3.2, table 5.1.</summary>
internal readonly struct GenericAddress(RegisterSpace space, byte bits, ulong address)
{
    /// <summary>Bytes in a table.</summary>
    public const int Bytes = 12;

    public RegisterSpace Space { get; } = space;

    /// <summary>The register's width; 0 where firmware leaves it open.</summary>
    public byte Bits { get; } = bits;

    /// <summary>Physical address; port; or device &lt;&lt; 32 | function &lt;&lt; 16 | offset on bus 0.</summary>
    public ulong Address { get; } = address;

    /// <summary>Whether there is such a register.</summary>
    public bool IsPresent => Address != 0;

    /// <summary>Whether it is an I/O port.</summary>
    public bool IsPort => Space == RegisterSpace.Ports && Address is > 0 and <= 0xFFFF;

    internal static GenericAddress Parse(TableBytes table, int offset) =>
        new((RegisterSpace)table.U8(offset), table.U8(offset + 1), table.U64(offset + 4));

    /// <summary>An I/O port of that many bytes.</summary>
    internal static GenericAddress Port(uint port, byte bytes) => new(RegisterSpace.Ports, (byte)(bytes * 8), port);
}
