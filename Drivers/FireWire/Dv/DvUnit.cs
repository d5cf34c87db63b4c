using Sluice.FireWire.Core;

namespace Sluice.Drivers.Dv;

/// <summary>A unit that takes AV/C commands. Source: AV/C Digital Interface Command Set, General Specification 4.0, section 5 (ROM).</summary>
internal static class DvUnit
{
    private const uint Specifier = 0x00_A02D, Version = 0x01_0001;

    /// <summary>Whether a node has one.</summary>
    public static bool IsIn(RomImage rom)
    {
        RomEntries entries = rom.Entries(rom.Root);
        return rom.TryFindUnit(ref entries, Specifier, Version, out _);
    }
}
