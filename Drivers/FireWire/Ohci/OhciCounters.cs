namespace Sluice.Drivers.Ohci;

/// <summary>What happened to a controller, beside what the bus counts.</summary>
public struct OhciCounters
{
    /// <summary>Interrupts, and those without a cause of ours.</summary>
    public ulong Interrupts, SpuriousInterrupts;

    /// <summary>Packets that came, requests among them that the controller itself had refused and nobody sees, and packets sent, with whatever result.</summary>
    public ulong Received, Refused, Sent;

    /// <summary>Bus resets begun, and self-IDs that could not be believed: an error, a generation that changed, no inverse, too many.</summary>
    public ulong BusResets, BadSelfIds;

    /// <summary>What was received is no packet, or a descriptor says what cannot be: the context was started anew, what waited is lost.</summary>
    public ulong BadPackets, BadDescriptors;

    /// <summary>Contexts that died or hung, controllers that were found off the bus, and resets of the whole controller for it; packets between PHYs that came.</summary>
    public ulong DeadContexts, Hangs, Forgotten, Restarts, PhyPackets;

    /// <summary>Buffers of streams that became full; looks (one a second) that found cycles without a cycle start, or other than the timer's.</summary>
    public ulong StreamBuffers, LostCycles, InconsistentCycles;

    /// <summary>Looks at how far a buffer is that found what cannot be.</summary>
    public ulong BadProgress;

    /// <summary>Accesses to the PHY's registers that did not end; events that the specification calls errors.</summary>
    public ulong PhyTimeouts, RegisterFailures, PostedWriteErrors, LongCycles;
}
