using System;
using System.Collections.Generic;
using System.Linq;

namespace Sluice.FireWire.Ohci;

/// <summary>What can be wrong with a controller: to see what its driver does then. Several at once, and at any time.</summary>
[Flags]
public enum OhciFaults
{
    None = 0,
    Gone = 1 << 0,
    StuckReset = 1 << 1,
    StuckPhy = 1 << 2,
    NoLinkPower = 1 << 3,
    StuckContext = 1 << 4,
    StuckTransmit = 1 << 5,
    DeadContext = 1 << 6,
    InterruptStorm = 1 << 7,
    InterruptSpurious = 1 << 8,
    InterruptLost = 1 << 9,
    StrayDma = 1 << 10,
    WildDma = 1 << 11,
    ResidualAbove = 1 << 12,
    ResidualBack = 1 << 13,
    ReceiveCode = 1 << 14,
    ReceiveLength = 1 << 15,
    Branch = 1 << 16,
    SelfIdGeneration = 1 << 17,
    SelfIdInverse = 1 << 18,
    SelfIdError = 1 << 19,
    SelfIdOverflow = 1 << 20,
    SelfIdNone = 1 << 21,
    ReceiveCut = 1 << 22,
    LateWake = 1 << 23,
    ReceiveRefused = 1 << 24,
}

/// <summary>Faults as the command line has them.</summary>
public static class FaultNames
{
    private static readonly (OhciFaults Fault, string Help)[] _all =
    [
        (OhciFaults.Gone, "all registers read as ones, nothing is written and nobody interrupts: the card was pulled"),
        (OhciFaults.StuckReset, "a soft reset never ends"),
        (OhciFaults.StuckPhy, "accesses to the PHY's registers never end"),
        (OhciFaults.NoLinkPower, "the link's power does not come on"),
        (OhciFaults.StuckContext, "contexts stay active when they are stopped"),
        (OhciFaults.StuckTransmit, "asynchronous transmit contexts never finish a packet"),
        (OhciFaults.DeadContext, "contexts die of each packet"),
        (OhciFaults.InterruptStorm, "events are back as soon as they are cleared"),
        (OhciFaults.InterruptSpurious, "interrupts without an event, 1,000 a second"),
        (OhciFaults.InterruptLost, "events without an interrupt"),
        (OhciFaults.StrayDma, "writes to buffers after their context was stopped, 1,000 times a second"),
        (OhciFaults.WildDma, "writes behind the end of the buffer with each packet received"),
        (OhciFaults.ResidualAbove, "resCount of receive buffers is more than they have"),
        (OhciFaults.ResidualBack, "resCount of receive buffers goes backwards"),
        (OhciFaults.ReceiveCode, "received packets have transaction codes that there are not"),
        (OhciFaults.ReceiveLength, "received blocks say that they have more data than came, or than there is in memory"),
        (OhciFaults.ReceiveCut, "received packets end in the middle of their header"),
        (OhciFaults.ReceiveRefused, "received packets are handed over that were refused by their acknowledge"),
        (OhciFaults.Branch, "branch and data addresses of finished descriptors are overwritten"),
        (OhciFaults.SelfIdGeneration, "the generation in SelfIDCount is another one with each read"),
        (OhciFaults.SelfIdInverse, "a self-ID's second quadlet is not the inverse of the first"),
        (OhciFaults.SelfIdError, "selfIDError stands"),
        (OhciFaults.SelfIdOverflow, "SelfIDCount says more than 252 packets"),
        (OhciFaults.SelfIdNone, "SelfIDCount says no packet"),
        (OhciFaults.LateWake, "contexts look 2 ms late for what was linked before they were woken; no rule forbids it"),
    ];

    /// <summary>A line for each.</summary>
    public static IEnumerable<string> Help => _all.Select(one => $"{NameOf(one.Fault),-18} {one.Help}");

    /// <summary>All of them.</summary>
    public static IEnumerable<OhciFaults> All => _all.Select(one => one.Fault);

    /// <summary>The name of a fault or quirk: small letters, words with hyphens.</summary>
    public static string NameOf(Enum fault) =>
        string.Concat(fault.ToString().Select((letter, i) => char.IsUpper(letter) ? (i == 0 ? "" : "-") + char.ToLowerInvariant(letter) : $"{letter}"));

    /// <summary>Reads <c>NAME+NAME...</c>, or <c>none</c>.</summary>
    /// <exception cref="ArgumentException">A name is none.</exception>
    public static OhciFaults Parse(string names)
    {
        OhciFaults faults = OhciFaults.None;
        foreach (string name in names == "none" ? [] : names.Split('+'))
        {
            OhciFaults fault = All.FirstOrDefault(one => NameOf(one) == name);
            faults |= fault != OhciFaults.None ? fault : throw new ArgumentException($"no fault is '{name}'; --help lists them");
        }
        return faults;
    }
}
