using System;

namespace Sluice.Acpi;

/// <summary>Fixed features. Source: ACPI 6.5, table 5.10.</summary>
[Flags]
internal enum FixedFeatures : uint
{
    ResetRegister = 1 << 10,
    HardwareReduced = 1 << 20,
}

/// <summary>What a PC has of its old devices. Source: ACPI 6.5, table 5.11.</summary>
[Flags]
internal enum PcBootFlags : ushort
{
    LegacyDevices = 1 << 0,
    KeyboardController = 1 << 1,
    NoVga = 1 << 2,
    NoMessageInterrupts = 1 << 3,
    NoAspm = 1 << 4,
    NoCmosClock = 1 << 5,
}

/// <summary>The fixed hardware: power management registers, reset, where the DSDT is. Source: ACPI 6.5, section 5.2.9, table 5.9.</summary>
internal readonly struct Fadt
{
    // Before ACPI 2.0 the field of the boot flags was reserved: a 0 there says nothing.
    private const byte FirstRevisionWithBootFlags = 3;

    private Fadt(TableBytes table)
    {
        Revision = table.U8(8);
        Flags = (FixedFeatures)table.U32(112);
        BootFlags = (PcBootFlags)table.U16(109);
        Dsdt = new PhysAddr(table.U64(140) != 0 ? table.U64(140) : table.U32(40));
        SystemControlInterrupt = table.U16(46);
        CommandPort = table.U32(48) <= 0xFFFF ? (ushort)table.U32(48) : (ushort)0;
        EnableCommand = table.U8(52);
        Pm1aControl = Block(table, 172, 64, table.U8(89));
        Pm1bControl = Block(table, 184, 68, table.U8(89));
        PowerManagementTimer = Block(table, 208, 76, table.U8(91));
        ResetRegister = GenericAddress.Parse(table, 116);
        ResetValue = table.U8(128);
        SleepControl = GenericAddress.Parse(table, 244);
        IsPresent = true;
    }

    /// <summary>False for the default, when the firmware has no such table.</summary>
    public bool IsPresent { get; }

    public byte Revision { get; }

    public FixedFeatures Flags { get; }

    /// <summary>As they stand; see the properties for what they mean in old tables.</summary>
    public PcBootFlags BootFlags { get; }

    /// <summary>Where the table with the machine's AML is.</summary>
    public PhysAddr Dsdt { get; }

    /// <summary>The line of the system control interrupt, an ISA number or global.</summary>
    public ushort SystemControlInterrupt { get; }

    /// <summary>The port that takes commands to firmware; 0 if there is none.</summary>
    public ushort CommandPort { get; }

    /// <summary>What to write there so that firmware leaves power management to us; 0 if there is no such mode.</summary>
    public byte EnableCommand { get; }

    public GenericAddress Pm1aControl { get; }

    public GenericAddress Pm1bControl { get; }

    /// <summary>Counts 3,579,545 times a second, 24 or 32 bits wide.</summary>
    public GenericAddress PowerManagementTimer { get; }

    /// <summary>Present only where the table says that it works.</summary>
    public GenericAddress ResetRegister { get; }

    public byte ResetValue { get; }

    /// <summary>The register that machines without PM1 blocks sleep by.</summary>
    public GenericAddress SleepControl { get; }

    /// <summary>Whether the machine lacks the fixed registers.</summary>
    public bool IsHardwareReduced => (Flags & FixedFeatures.HardwareReduced) != 0;

    /// <summary>Whether <see cref="ResetRegister"/> may be used.</summary>
    public bool CanReset => (Flags & FixedFeatures.ResetRegister) != 0 && ResetRegister.IsPresent;

    /// <summary>Whether there is, or may be, a keyboard controller at ports 0x60 and 0x64.</summary>
    public bool MayHaveKeyboardController => Revision < FirstRevisionWithBootFlags || (BootFlags & PcBootFlags.KeyboardController) != 0;

    /// <summary>Whether MSI and MSI-X must not be used.</summary>
    public bool ForbidsMessageInterrupts => Revision >= FirstRevisionWithBootFlags && (BootFlags & PcBootFlags.NoMessageInterrupts) != 0;

    /// <summary>Reads a table that <see cref="TableDirectory"/> has checked, of whatever length.</summary>
    public static Fadt Parse(ReadOnlySpan<byte> table) => new(new TableBytes(table));

    // A register block has an old field (a port) and a new one (of any space); the new one holds if it names something.
    private static GenericAddress Block(TableBytes table, int newOffset, int oldOffset, byte bytes)
    {
        GenericAddress address = GenericAddress.Parse(table, newOffset);
        return address.IsPresent ? address : GenericAddress.Port(table.U32(oldOffset), bytes);
    }
}
