using System;

namespace Sluice.Acpi;

/// <summary>What an entry of the MADT describes. Source: ACPI 6.5, table 5.21.</summary>
internal enum MadtKind : byte
{
    LocalApic = 0,
    IoApic = 1,
    InterruptOverride = 2,
    NonMaskableSource = 3,
    LocalApicNonMaskable = 4,
    LocalApicAddress = 5,
    LocalX2Apic = 9,
    LocalX2ApicNonMaskable = 10,
}

/// <summary>Flags of an interrupt input. Source: ACPI 6.5, table 5.26.</summary>
internal readonly struct InputFlags(ushort value)
{
    /// <summary>Whether it is active low; a bus default of low (PCI) must be asked for with <paramref name="busDefault"/>.</summary>
    public bool IsActiveLow(bool busDefault) => (value & 3) switch { 1 => false, 3 => true, _ => busDefault };

    /// <summary>Whether it is level-triggered.</summary>
    public bool IsLevel(bool busDefault) => (value >> 2 & 3) switch { 1 => false, 3 => true, _ => busDefault };
}

/// <summary>
/// One entry; which fields count depends on the kind. Sources: ACPI 6.5, sections 5.2.12.2 (local APIC), .3 (I/O APIC), .5 (override),
/// .6 and .7 (NMI), .8 (address), .12 and .13 (x2APIC).
/// </summary>
internal readonly struct MadtEntry
{
    private const uint Enabled = 1, OnlineCapable = 2;

    /// <summary>Processor id that stands for all processors.</summary>
    public const uint AllProcessors = uint.MaxValue;

    public MadtKind Kind { get; init; }

    /// <summary>Local APIC's or I/O APIC's id.</summary>
    public uint Id { get; init; }

    /// <summary>ACPI's number of the processor; <see cref="AllProcessors"/> for all.</summary>
    public uint Processor { get; init; }

    /// <summary>I/O APIC's registers, or those of all local APICs.</summary>
    public PhysAddr Address { get; init; }

    /// <summary>First global system interrupt of an I/O APIC; the one that an override or an NMI source is about.</summary>
    public uint GlobalInterrupt { get; init; }

    /// <summary>ISA interrupt that an override moves.</summary>
    public byte IsaInterrupt { get; init; }

    /// <summary>Which pin of the local APIC (LINT0 or 1) an NMI is at.</summary>
    public byte LocalPin { get; init; }

    /// <summary>How the input signals.</summary>
    public InputFlags Input { get; init; }

    internal uint ProcessorFlags { get; init; }

    /// <summary>Whether the processor may be used now.</summary>
    public bool IsEnabled => (ProcessorFlags & Enabled) != 0;

    /// <summary>Whether the processor is there, or may come while the system runs.</summary>
    public bool MayComeOnline => (ProcessorFlags & (Enabled | OnlineCapable)) != 0;
}

/// <summary>Interrupt controllers of the machine. Source: ACPI 6.5, section 5.2.12.</summary>
internal readonly ref struct Madt(ReadOnlySpan<byte> table)
{
    private const int FirstEntry = 44;
    private const uint HasLegacyController = 1;
    private readonly TableBytes _table = new(table);

    /// <summary>Whether the firmware has this table; without it there are no entries.</summary>
    public bool IsPresent => _table.Length >= FirstEntry;

    /// <summary>Whether there is a pair of 8259 controllers that must be shut off.</summary>
    public bool HasLegacyControllers => (_table.U32(40) & HasLegacyController) != 0;

    /// <summary>Registers of the local APICs: the 64-bit override if there is one. 0 if the table is not there.</summary>
    public PhysAddr LocalApicAddress
    {
        get
        {
            PhysAddr address = new(_table.U32(36));
            int position = 0;
            while (TryNext(ref position, out MadtEntry entry))
            {
                if (entry.Kind == MadtKind.LocalApicAddress)
                    address = entry.Address;
            }
            return address;
        }
    }

    /// <summary>
    /// Walks over the entries of the kinds above; start with 0. Unknown and too short ones are passed over; false at the end, or where
    /// an entry's length makes no sense.
    /// </summary>
    public bool TryNext(ref int position, out MadtEntry entry)
    {
        while (Subtables.TryNext(_table, FirstEntry, ref position, out byte kind, out TableBytes bytes))
        {
            if (TryParse((MadtKind)kind, bytes, out entry))
                return true;
        }
        entry = default;
        return false;
    }

    private static bool TryParse(MadtKind kind, TableBytes bytes, out MadtEntry entry)
    {
        int needed = kind switch
        {
            MadtKind.LocalApic => 8,
            MadtKind.IoApic => 12,
            MadtKind.InterruptOverride => 10,
            MadtKind.NonMaskableSource => 8,
            MadtKind.LocalApicNonMaskable => 6,
            MadtKind.LocalApicAddress => 12,
            MadtKind.LocalX2Apic => 16,
            MadtKind.LocalX2ApicNonMaskable => 12,
            _ => int.MaxValue,
        };
        entry = default;
        if (bytes.Length < needed)
            return false;
        entry = kind switch
        {
            MadtKind.LocalApic => new MadtEntry
            {
                Kind = kind,
                Processor = bytes.U8(2),
                Id = bytes.U8(3),
                ProcessorFlags = bytes.U32(4),
            },
            MadtKind.IoApic => new MadtEntry
            {
                Kind = kind,
                Id = bytes.U8(2),
                Address = new PhysAddr(bytes.U32(4)),
                GlobalInterrupt = bytes.U32(8),
            },
            MadtKind.InterruptOverride => new MadtEntry
            {
                Kind = kind,
                IsaInterrupt = bytes.U8(3),
                GlobalInterrupt = bytes.U32(4),
                Input = new InputFlags(bytes.U16(8)),
            },
            MadtKind.NonMaskableSource => new MadtEntry
            {
                Kind = kind,
                Input = new InputFlags(bytes.U16(2)),
                GlobalInterrupt = bytes.U32(4),
            },
            MadtKind.LocalApicNonMaskable => new MadtEntry
            {
                Kind = kind,
                Processor = bytes.U8(2) == 0xFF ? MadtEntry.AllProcessors : bytes.U8(2),
                Input = new InputFlags(bytes.U16(3)),
                LocalPin = bytes.U8(5),
            },
            MadtKind.LocalApicAddress => new MadtEntry { Kind = kind, Address = new PhysAddr(bytes.U64(4)) },
            MadtKind.LocalX2Apic => new MadtEntry
            {
                Kind = kind,
                Id = bytes.U32(4),
                ProcessorFlags = bytes.U32(8),
                Processor = bytes.U32(12),
            },
            _ => new MadtEntry
            {
                Kind = kind,
                Input = new InputFlags(bytes.U16(2)),
                Processor = bytes.U32(4),
                LocalPin = bytes.U8(8),
            },
        };
        return true;
    }
}
