using System;
using System.Collections.Generic;
using System.Linq;

namespace Sluice.FireWire.Ohci;

/// <summary>What real controllers do that the specification does not; drivers know it by PCI ids, and work around it.</summary>
[Flags]
public enum OhciQuirks
{
    None = 0,

    /// <summary>The cycle timer is not read at once: when its offset has just wrapped, the cycle is still the one before.</summary>
    CycleTimer = 1 << 0,

    /// <summary>The packet that says in the AR context that a bus reset came has the generation before.</summary>
    ResetPacket = 1 << 1,

    /// <summary>Headers and trailers of received packets, and self-IDs, are big-endian words in memory.</summary>
    BigEndianHeaders = 1 << 2,

    /// <summary>The link has no enhancements of 1394a, and says so in HCControl.</summary>
    No1394a = 1 << 3,

    /// <summary>MSI is offered, and no message comes.</summary>
    NoMessages = 1 << 4,

    /// <summary>The node's own packets are missing among the self-IDs. Source: Texas Instruments, SLLZ059.</summary>
    MissingSelfId = 1 << 5,

    /// <summary>An isochronous receive context that is woken looks for a branch in the first descriptor of its block, not in the last.</summary>
    ReceiveWake = 1 << 6,

    /// <summary>Descriptors are read 32 bytes at a time, also where 16 are the last of a page.</summary>
    OverRead = 1 << 7,
}

/// <summary>A card that one could buy: its PCI ids, and what is odd about it.</summary>
public sealed record OhciCard(string Name, ushort Vendor, ushort Device, byte Revision, OhciQuirks Quirks, string Title)
{
    /// <summary>The one without known faults, first, and the others.</summary>
    public static IReadOnlyList<OhciCard> All { get; } =
    [
        new("fw643", 0x11C1, 0x5901, 8, OhciQuirks.None, "LSI FW643"),
        new("fw643-6", 0x11C1, 0x5901, 6, OhciQuirks.NoMessages, "LSI FW643, revision 6"),
        new("xio2213", 0x104C, 0x823F, 1, OhciQuirks.ResetPacket, "TI XIO2213A/B"),
        new("tsb12lv22", 0x104C, 0x8009, 0, OhciQuirks.CycleTimer | OhciQuirks.ResetPacket | OhciQuirks.No1394a, "TI TSB12LV22"),
        new("tsb12lv26", 0x104C, 0x8020, 0, OhciQuirks.ResetPacket | OhciQuirks.MissingSelfId, "TI TSB12LV26"),
        new("tsb82aa2", 0x104C, 0x8025, 1, OhciQuirks.ResetPacket | OhciQuirks.MissingSelfId, "TI TSB82AA2"),
        new("vt6306", 0x1106, 0x3044, 0x46, OhciQuirks.CycleTimer | OhciQuirks.ReceiveWake, "VIA VT6306"),
        new("vt6308", 0x1106, 0x3044, 0xC0, OhciQuirks.CycleTimer | OhciQuirks.NoMessages, "VIA VT6307/8"),
        new("vt6315", 0x1106, 0x3403, 1, OhciQuirks.NoMessages, "VIA VT6315"),
        new("vt6315-0", 0x1106, 0x3403, 0, OhciQuirks.CycleTimer | OhciQuirks.NoMessages, "VIA VT6315, revision 0"),
        new("r5c832", 0x1180, 0x0832, 4, OhciQuirks.CycleTimer | OhciQuirks.NoMessages, "Ricoh R5C832"),
        new("jmb38x", 0x197B, 0x2380, 0, OhciQuirks.NoMessages | OhciQuirks.OverRead, "JMicron JMB38x"),
        new("o2", 0x1217, 0x8001, 0, OhciQuirks.NoMessages, "O2 Micro"),
        new("upd72874", 0x1033, 0x00F2, 1, OhciQuirks.CycleTimer, "NEC uPD72874"),
        new("m5253", 0x10B9, 0x5253, 0, OhciQuirks.CycleTimer, "ALi M5253"),
        new("sb1394", 0x1102, 0x4001, 0, OhciQuirks.ResetPacket, "Creative SB1394"),
        new("uninorth", 0x106B, 0x0018, 0, OhciQuirks.BigEndianHeaders, "Apple UniNorth (in computers whose CPU is big-endian)"),
    ];

    /// <summary>A line for each card.</summary>
    public static IEnumerable<string> Help => All.Select(card =>
        $"{card.Name,-10} {card.Vendor:x4}:{card.Device:x4}:{card.Revision:x2}  {card.Title}: {(card.Quirks == 0 ? "no quirk" : string.Join(", ", Split(card.Quirks).Select(quirk => FaultNames.NameOf(quirk))))}");

    /// <summary>Names of all quirks.</summary>
    public static IEnumerable<string> QuirkNames => Enum.GetValues<OhciQuirks>().Where(quirk => quirk != OhciQuirks.None).Select(quirk => FaultNames.NameOf(quirk));

    /// <summary>Finds a card.</summary>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static OhciCard Find(string name) => All.FirstOrDefault(card => card.Name == name) ?? throw new ArgumentException($"no card is '{name}'; --help lists them");

    /// <summary>Reads <c>NAME+NAME...</c>, or <c>none</c>.</summary>
    /// <exception cref="ArgumentException">A name is none.</exception>
    public static OhciQuirks ParseQuirks(string names)
    {
        OhciQuirks quirks = OhciQuirks.None;
        foreach (string name in names == "none" ? [] : names.Split('+'))
        {
            OhciQuirks quirk = Split((OhciQuirks)(-1)).FirstOrDefault(one => FaultNames.NameOf(one) == name);
            quirks |= quirk != OhciQuirks.None ? quirk : throw new ArgumentException($"no quirk is '{name}'; --help lists them");
        }
        return quirks;
    }

    private static IEnumerable<OhciQuirks> Split(OhciQuirks quirks) => Enum.GetValues<OhciQuirks>().Where(quirk => quirk != OhciQuirks.None && (quirks & quirk) != 0);
}
