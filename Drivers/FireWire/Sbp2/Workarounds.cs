using System;

namespace Sluice.Drivers.Sbp2;

/// <summary>What is done differently for bridges that do not do what standards say.</summary>
[Flags]
public enum Workarounds : ushort
{
    None = 0,

    /// <summary>Transfers of at most 128 KB.</summary>
    Most128K = 1 << 0,

    /// <summary>INQUIRY for just 36 bytes.</summary>
    Inquiry36 = 1 << 1,

    /// <summary>No MODE SENSE for the caching page.</summary>
    NoCachingPage = 1 << 2,

    /// <summary>READ CAPACITY tells the number of blocks, not that of the last.</summary>
    FixCapacity = 1 << 3,

    /// <summary>After a login there is time before INQUIRY.</summary>
    DelayInquiry = 1 << 4,

    /// <summary>START STOP UNIT with a power condition.</summary>
    PowerCondition = 1 << 5,

    /// <summary>Just those that were asked for, and none of the table.</summary>
    Override = 1 << 8,
}

/// <summary>Which bridges need them: firmware and model of their unit directories; as known to Linux's driver.</summary>
internal static class KnownBridges
{
    // For each three numbers: firmware (the low byte is the bridge's own), model, workarounds.
    private const uint AnyModel = uint.MaxValue;

    private static ReadOnlySpan<uint> Table =>
    [
        // DViCO Momobay CX-1, TSB42AA9; FX-3A, TSB42AA9A.
        0x002800, 0x001010, (uint)(Workarounds.Inquiry36 | Workarounds.NoCachingPage | Workarounds.PowerCondition),
        0x002800, 0x000000, (uint)Workarounds.PowerCondition,
        // Initio, older ones.
        0x000200, AnyModel, (uint)Workarounds.Inquiry36,
        // PL-3507 with Prolific's firmware.
        0x012800, AnyModel, (uint)Workarounds.PowerCondition,
        // Symbios; Datafab MD2-FW2 with SYM13FW500.
        0xA0B800, AnyModel, (uint)Workarounds.Most128K,
        0x002600, AnyModel, (uint)Workarounds.Most128K,
        // iPods: second and third generation; fourth; mini twice; photo.
        0x0A2700, 0x000000, (uint)(Workarounds.Most128K | Workarounds.FixCapacity),
        0x0A2700, 0x000021, (uint)Workarounds.FixCapacity,
        0x0A2700, 0x000022, (uint)Workarounds.FixCapacity,
        0x0A2700, 0x000023, (uint)Workarounds.FixCapacity,
        0x0A2700, 0x00007E, (uint)Workarounds.FixCapacity,
    ];

    /// <summary>What a unit needs.</summary>
    /// <param name="asked">By whoever runs this machine.</param>
    public static Workarounds Of(in Sbp2Unit unit, Workarounds asked)
    {
        if ((asked & Workarounds.Override) != 0)
            return asked;
        for (int i = 0; i < Table.Length; i += 3)
        {
            if ((unit.Firmware & 0xFF_FF00) == Table[i] && (Table[i + 1] == AnyModel || Table[i + 1] == unit.Model))
                return asked | (Workarounds)Table[i + 2];
        }
        return asked;
    }
}
