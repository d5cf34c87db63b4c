using System;

namespace Sluice.FireWire.Bus;

/// <summary>
/// A link layer on a PHY: what a node is to the bus. All is called by the bus, from the thread that holds the simulator's lock. A packet
/// is there as a whole at the instant its sender wins the bus.
/// </summary>
public abstract class Link
{
    private Phy? _phy;

    /// <summary>The PHY that it was made for.</summary>
    public Phy Phy => _phy ?? throw new InvalidOperationException("a link without a PHY");

    /// <summary>Whether it takes part: its power is on, and it is enabled.</summary>
    public virtual bool IsActive => true;

    /// <summary>Whether it sends cycle starts when its node is the root.</summary>
    public virtual bool IsCycleMaster => false;

    /// <summary>Whether it looks at each cycle. As long as nobody does, cycles are not simulated: all cycle timers just run.</summary>
    public virtual bool NeedsCycles => false;

    /// <summary>Its own cycle timer.</summary>
    public CycleClock Clock { get; } = new();

    /// <summary>The cycle timer now, seconds 31:25, cycles 24:12, offset 11:0; the cycle master's where one keeps time.</summary>
    public uint CycleTime => (Phy.Segment.CycleMaster?.Clock ?? Clock).Read(Phy.Bus.Simulator.Now);

    /// <summary>A bus reset begins; another may, before it ends.</summary>
    public abstract void ResetStarted();

    /// <summary>A bus reset is over: PHYs have their numbers.</summary>
    /// <param name="selfIds">The first quadlets of all self-ID packets, its own too, in the bus's order.</param>
    public abstract void SelfIdentified(ReadOnlySpan<uint> selfIds);

    /// <summary>What a PHY that is broken makes of the self-ID phase, before anybody hears of it; a good one changes nothing.</summary>
    /// <param name="selfIds">The first quadlets of all packets, to be changed.</param>
    public virtual void ForgeSelfIds(System.Collections.Generic.List<uint> selfIds)
    {
    }

    /// <summary>A packet for this node, or for all. Copy what is needed.</summary>
    /// <returns>What it acknowledges; not sent when the packet was for all.</returns>
    public abstract Ack Receive(Packet packet);

    /// <summary>It asked for the bus and has it: the packet it sends, or null if it wants none now.</summary>
    public abstract Packet? NextPacket();

    /// <summary>What became of the packet; asks again for the bus for another.</summary>
    public abstract void Sent(Packet packet, Ack ack);

    /// <summary>A packet between PHYs, also one of its own PHY's.</summary>
    public virtual void ReceivePhy(uint first, uint second)
    {
    }

    /// <summary>A stream packet of another node, isochronous or not.</summary>
    public virtual void ReceiveStream(Packet packet)
    {
    }

    /// <summary>A cycle starts; only where cycles are needed.</summary>
    public virtual void CycleStarted(uint cycleTime)
    {
    }

    /// <summary>The next packet that it sends in this cycle, or null; called until then.</summary>
    public virtual Packet? NextIsochronous(uint cycleTime) => null;

    /// <summary>Isochronous packets of this cycle took too long (all nodes are told; it matters to the cycle master).</summary>
    public virtual void CycleTooLong()
    {
    }

    /// <summary>A cycle begins by its own timer, and nobody keeps the time; only where cycles are needed.</summary>
    public virtual void CycleMissed()
    {
    }

    /// <summary>Its cycle timer was another's cycle, and is set to the cycle master's.</summary>
    public virtual void CycleInconsistent()
    {
    }

    /// <summary>A register of the PHY has news (1394a-2000, register 5).</summary>
    public virtual void PhyInterrupt()
    {
    }

    /// <summary>A link-on packet came while the link was inactive.</summary>
    public virtual void LinkOn()
    {
    }

    internal void Attach(Phy phy)
    {
        if (_phy != null)
            throw new InvalidOperationException("a link has one PHY");
        _phy = phy;
    }
}
