namespace Sluice.FireWire.Bus;

/// <summary>Watches the bus. Called with the simulator's lock held; copies what it keeps.</summary>
public interface IBusTrace
{
    /// <summary>A packet went out; PHY packets and streams have no acknowledge.</summary>
    void Packet(Phy sender, Packet packet, bool isPhy, Ack ack, int ticks);

    /// <summary>A bus reset began.</summary>
    void ResetStarted(Phy origin, bool isLong);

    /// <summary>A bus reset ended.</summary>
    void SelfIdentified(Segment segment);

    /// <summary>A guest read or wrote a register of a controller.</summary>
    void Register(Phy phy, bool isWrite, uint offset, uint value);
}
