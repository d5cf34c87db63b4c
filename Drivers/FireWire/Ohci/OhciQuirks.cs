using System;
using Sluice.Pci;

namespace Sluice.Drivers.Ohci;

/// <summary>What controllers do that the specification does not. A layout that is safe for all needs none: descriptors have 16 bytes behind them.</summary>
[Flags]
internal enum OhciQuirks : byte
{
    None = 0,

    /// <summary>The cycle timer is not read at once: it is read until three values fit together.</summary>
    CycleTimer = 1 << 0,

    /// <summary>The packet that tells of a bus reset among received ones has the generation before.</summary>
    ResetPacket = 1 << 1,

    /// <summary>No enhancements of 1394a, whatever HCControl says.</summary>
    No1394a = 1 << 2,

    /// <summary>MSI does not work.</summary>
    NoMessages = 1 << 3,

    /// <summary>Isochronous receive looks in the first descriptor of a block for where to go on, when it is woken.</summary>
    ReceiveWake = 1 << 4,

    /// <summary>Headers and self-IDs are big-endian words: no computer that this runs on has such a one.</summary>
    Unusable = 1 << 5,

    /// <summary>A read of the cycle timer may reset or hang the computer.</summary>
    NoCycleTimer = 1 << 6,
}

/// <summary>Cards and what is odd about them.</summary>
internal static class OhciQuirkTable
{
    // Vendor 47:32, device 31:16 (all of the vendor's: FFFF), last revision meant 15:8, quirks 7:0; the more exact row first.
    private static ReadOnlySpan<ulong> Rows =>
    [
        0x10B9_FFFF_FF00 | (ulong)OhciQuirks.CycleTimer,                                                    // ALi
        0x106B_0018_FF00 | (ulong)OhciQuirks.Unusable,                                                      // Apple UniNorth
        0x11C1_5901_0600 | (ulong)OhciQuirks.NoMessages,                                                    // Agere, LSI FW643
        0x1102_4001_FF00 | (ulong)OhciQuirks.ResetPacket,                                                   // Creative SB1394
        0x197B_2380_FF00 | (ulong)OhciQuirks.NoMessages,                                                    // JMicron JMB38x
        0x1033_FFFF_FF00 | (ulong)OhciQuirks.CycleTimer,                                                    // NEC
        0x1217_FFFF_FF00 | (ulong)OhciQuirks.NoMessages,                                                    // O2 Micro
        0x1180_FFFF_FF00 | (ulong)(OhciQuirks.CycleTimer | OhciQuirks.NoMessages),                          // Ricoh
        0x104C_8009_FF00 | (ulong)(OhciQuirks.CycleTimer | OhciQuirks.ResetPacket | OhciQuirks.No1394a),    // TI TSB12LV22
        0x104C_FFFF_FF00 | (ulong)OhciQuirks.ResetPacket,                                                   // TI
        0x1106_3044_4600 | (ulong)(OhciQuirks.CycleTimer | OhciQuirks.ReceiveWake),                         // VIA VT6306
        0x1106_3403_0000 | (ulong)(OhciQuirks.CycleTimer | OhciQuirks.NoMessages),                          // VIA VT6315, first revision
        0x1106_3403_FF00 | (ulong)OhciQuirks.NoMessages,                                                    // VIA VT6315
        0x1106_FFFF_FF00 | (ulong)(OhciQuirks.CycleTimer | OhciQuirks.NoMessages),                          // VIA
    ];

    /// <summary>Quirks of a card where it is; none if it is in no row.</summary>
    public static OhciQuirks Of(PciFunction function)
    {
        // VIA VT6306, VT6307 and VT6308 behind ASMedia's ASM1083 or ASM1085, as on cards for PCI Express.
        bool isBridged = function is { VendorId: 0x1106, DeviceId: 0x3044, Bridge: { VendorId: 0x1B21, DeviceId: 0x1080 } };
        return OfCard(function) | (isBridged ? OhciQuirks.NoCycleTimer : OhciQuirks.None);
    }

    private static OhciQuirks OfCard(PciFunction function)
    {
        const ushort anyDevice = 0xFFFF;
        foreach (ulong row in Rows)
        {
            var device = (ushort)(row >> 16);
            if (function.VendorId == (ushort)(row >> 32) && (device == anyDevice || device == function.DeviceId) && function.Revision <= (byte)(row >> 8))
                return (OhciQuirks)(byte)row;
        }
        return OhciQuirks.None;
    }
}
