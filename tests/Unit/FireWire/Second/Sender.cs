using Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire.Second;

/// <summary>A part of the controller that sends packets in the asynchronous part of the bus.</summary>
internal interface ISender
{
    /// <summary>It has a packet, and waits for the bus.</summary>
    bool IsReady { get; }

    /// <summary>It has the bus: its packet, or null if it is too late for that.</summary>
    Packet? Begin();

    /// <summary>What became of the packet.</summary>
    void Ended(Ack ack);

    /// <summary>A bus reset begins.</summary>
    /// <param name="wasSending">Its packet is under way, and no acknowledge will come.</param>
    void BusReset(bool wasSending);
}
