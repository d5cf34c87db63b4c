using Sluice.FireWire.Core;

namespace Sluice.Drivers.Iidc;

/// <summary>A camera's unit directory, and the registers that it leads to. Source: IIDC 1.31, sections 1.3 (ROM) and 3 (registers).</summary>
internal static class CameraUnit
{
    // Bit 0 of the specification is the highest.
    public const uint FormatInquiry = 0x100, ModeInquiry = 0x180, RateInquiry = 0x200, FunctionInquiry = 0x400, CurrentRate = 0x600,
        CurrentMode = 0x604, CurrentFormat = 0x608, Channel = 0x60C, Power = 0x610, Enable = 0x614;

    /// <summary>Of <see cref="FunctionInquiry"/>: its power can be switched.</summary>
    public const uint HasPower = 1 << 15;

    private const uint Specifier = 0x00_A02D, FirstVersion = 0x00_0100, LastVersion = 0x00_0102;
    private const byte DependentDirectory = 0xD4, CommandRegisters = 0x40;

    /// <summary>Where a node's command registers are; false if it is no camera.</summary>
    public static bool TryFind(RomImage rom, out ulong registers)
    {
        registers = 0;
        for (uint version = FirstVersion; version <= LastVersion; version++)
        {
            RomEntries entries = rom.Entries(rom.Root);
            if (!rom.TryFindUnit(ref entries, Specifier, version, out int unit))
                continue;
            RomEntries ofUnit = rom.Entries(unit);
            while (ofUnit.TryNext(out RomEntry entry))
            {
                if (entry.Key != DependentDirectory || !rom.TryFind(entry.Target, CommandRegisters, out uint offset))
                    continue;
                registers = BusRegisters.Base + 4 * (ulong)offset;
                // Not among the registers that all nodes have, nor in the ROM.
                return registers >= Rom.Address + 4 * Rom.Quadlets;
            }
        }
        return false;
    }
}
