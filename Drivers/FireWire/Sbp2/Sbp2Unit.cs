using System;
using Sluice.FireWire.Core;

namespace Sluice.Drivers.Sbp2;

/// <summary>What a unit directory says that this driver cannot work with.</summary>
public enum UnitFault : byte
{
    None,

    /// <summary>No management agent, or one among the registers that all nodes have.</summary>
    NoAgent,

    /// <summary>No logical unit that is a disk.</summary>
    NoDisk,

    /// <summary>Longer command block ORBs than are made here.</summary>
    OrbSize,
}

/// <summary>
/// A unit directory with disks, checked, and which of its logical units is meant: one that is a disk. Source: SBP-2, ANSI NCITS 325-1998,
/// section 7.
/// </summary>
public struct Sbp2Unit
{
    public const uint Specifier = 0x00_609E, Version = 0x01_0483;

    private const byte UnitCharacteristics = 0x3A, FirmwareRevision = 0x3C, ManagementAgent = 0x54;

    // Bounds of how long a management request may take, as directories say anything; in units of the directory, 500 ms.
    private const uint LeastTimeout = 10, MostTimeout = 80, TimeoutUnit = 500_000;

    /// <summary>The management agent's register.</summary>
    public ulong Agent;

    /// <summary>How long a management request may take, in microseconds.</summary>
    public ulong ManagementTime;

    /// <summary>Which logical unit.</summary>
    public ushort LogicalUnit;

    /// <summary>It takes commands of 16 bytes.</summary>
    public bool HasLongCommands;

    /// <summary>By which bridges are told apart; <see cref="Unsaid"/> if the directory says nothing.</summary>
    public uint Firmware, Model;

    /// <summary>A number of more than the 24 bits that a directory has: 0 is a model, too.</summary>
    public const uint Unsaid = uint.MaxValue;

    /// <summary>Reads the unit directory at a place of a ROM; the first of its disks is meant.</summary>
    public static UnitFault Read(RomImage rom, int directory, out Sbp2Unit unit)
    {
        unit = new Sbp2Unit { Firmware = Unsaid, Model = Unsaid };
        uint characteristics = LeastTimeout << 8 | CommandBlock.LeastBytes / 4;
        RomEntries entries = rom.Entries(directory);
        while (entries.TryNext(out RomEntry entry))
        {
            switch (entry.Key)
            {
                case ManagementAgent:
                    unit.Agent = BusRegisters.Base + 4 * (ulong)entry.Value;
                    break;
                case UnitCharacteristics:
                    characteristics = entry.Value;
                    break;
                case FirmwareRevision:
                    unit.Firmware = entry.Value;
                    break;
                case RomKey.Model:
                    unit.Model = entry.Value;
                    break;
            }
        }
        // Section 7.5: bits 7:0 quadlets of an ORB, 15:8 the time.
        unit.ManagementTime = TimeoutUnit * (ulong)Math.Clamp(characteristics >> 8 & 0xFF, LeastTimeout, MostTimeout);
        if (unit.Agent < Rom.Address + 4 * Rom.Quadlets)
            return UnitFault.NoAgent;
        if (!new LogicalUnits(rom, directory).TryNext(out unit.LogicalUnit))
            return UnitFault.NoDisk;
        // Who says less than all need does not mean it.
        uint orbBytes = (characteristics & 0xFF) * 4;
        unit.HasLongCommands = orbBytes >= CommandBlock.LongBytes;
        return orbBytes <= CommandBlock.Bytes ? UnitFault.None : UnitFault.OrbSize;
    }
}

/// <summary>
/// The logical units of a unit directory that are disks: numbers, in any order, perhaps one more than once. Each has an entry of its own or, where
/// it says more of itself, a directory with one. Source: SBP-2, ANSI NCITS 325-1998, section 7.
/// </summary>
public ref struct LogicalUnits(RomImage rom, int directory)
{
    private const byte UnitKey = 0x14, UnitDirectory = 0xD4;

    // Peripheral device types: direct access, reduced block commands (SPC-2, table 48).
    private const uint Disk = 0, ReducedDisk = 0xE;

    private RomEntries _entries = rom.Entries(directory);

    public bool TryNext(out ushort number)
    {
        while (_entries.TryNext(out RomEntry entry))
        {
            uint value = entry.Value;
            bool isUnit = entry.Key == UnitKey || (entry.Key == UnitDirectory && rom.TryFind(entry.Target, UnitKey, out value));
            // Section 7.6: device type in bits 20:16, number in 15:0.
            number = (ushort)value;
            if (isUnit && (value >> 16 & 0x1F) is Disk or ReducedDisk)
                return true;
        }
        number = 0;
        return false;
    }
}
