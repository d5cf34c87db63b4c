using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Bus;

/// <summary>
/// All PHYs and the cables between them. What is connected forms a <see cref="Segment"/>, a bus of its own; plugging joins two, unplugging
/// makes two, and all concerned are reset.
/// </summary>
public sealed class FireWireBus(Simulator simulator, ulong seed)
{
    /// <summary>Numbers 0 to 62; 63 is all nodes.</summary>
    public const int MostNodes = 63;

    private readonly List<Phy> _phys = [];

    public Simulator Simulator { get; } = simulator;

    /// <summary>Sees all that happens; null costs a comparison.</summary>
    public IBusTrace? Trace { get; set; }

    public IReadOnlyList<Phy> Phys => _phys;

    /// <summary>Decides what physics does by chance.</summary>
    internal SeededRandom Chance { get; } = new(seed);

    /// <summary>Adds a node without cables: a bus of one, and its first reset begins.</summary>
    /// <param name="name">For people.</param>
    /// <param name="link">Made for this; null for a repeater.</param>
    /// <param name="traits">1 to 16 ports.</param>
    public Phy Add(string name, Link? link, PhyTraits traits)
    {
        if (traits.Ports is < 1 or > Phy.MostPorts)
            throw new ArgumentOutOfRangeException(nameof(traits));
        var phy = new Phy(this, name, link, traits);
        _phys.Add(phy);
        phy.Segment.StartReset(phy, isLong: true);
        return phy;
    }

    /// <summary>Plugs a cable in. Both ends see a long reset.</summary>
    /// <exception cref="ArgumentException">A port is taken, the cable would close a loop, or there would be more than 63 nodes.</exception>
    public void Connect(Port one, Port other)
    {
        if (one.Peer != null || other.Peer != null)
            throw new ArgumentException("a port takes one cable");
        bool passes = !one.IsDisabled && !other.IsDisabled;
        if (IsReachable(one.Phy, other.Phy))
            throw new ArgumentException("the cable would close a loop");
        if (passes && one.Phy.Segment.Phys.Count + other.Phy.Segment.Phys.Count > MostNodes)
            throw new ArgumentException($"a bus has {MostNodes} nodes at most");
        one.Peer = other;
        other.Peer = one;
        Changed(one, other, passes);
    }

    /// <summary>Plugs the next free ports of two nodes together.</summary>
    /// <exception cref="ArgumentException">As for ports, or one has none that is free.</exception>
    public void Connect(Phy one, Phy other) => Connect(FreePort(one), FreePort(other));

    /// <summary>Unplugs the cable of a port, if there is one. Both parts see a long reset.</summary>
    public void Disconnect(Port port)
    {
        Port? peer = port.Peer;
        if (peer == null)
            return;
        bool passed = port.IsConnected;
        port.Peer = null;
        peer.Peer = null;
        Changed(port, peer, passed);
    }

    /// <summary>Unplugs all cables of a node.</summary>
    public void Disconnect(Phy phy)
    {
        foreach (Port port in phy.Ports)
            Disconnect(port);
    }

    /// <summary>Switches a port off or on.</summary>
    public void Disable(Port port, bool isDisabled)
    {
        if (port.IsDisabled == isDisabled)
            return;
        bool passed = port.IsConnected;
        port.IsDisabled = isDisabled;
        if (port.Peer != null)
            Changed(port, port.Peer, passed || port.IsConnected);
    }

    private static Port FreePort(Phy phy) =>
        phy.Ports.FirstOrDefault(port => port.Peer == null) ?? throw new ArgumentException($"{phy.Name} has no free port");

    // Also over ports that are switched off: they may be switched on.
    private static bool IsReachable(Phy from, Phy to)
    {
        var seen = new HashSet<Phy> { from };
        var next = new Stack<Phy>(seen);
        while (next.TryPop(out Phy? phy))
        {
            if (phy == to)
                return true;
            foreach (Port port in phy.Ports)
            {
                if (port.Peer != null && seen.Add(port.Peer.Phy))
                    next.Push(port.Peer.Phy);
            }
        }
        return false;
    }

    private void Changed(Port one, Port other, bool matters)
    {
        if (!matters)
            return;
        foreach (Port port in (Port[])[one, other])
        {
            Segment.Form(port.Phy);
            port.Phy.Registers.ShowPortEvent();
        }
        one.Phy.InitiateReset(isLong: true);
        other.Phy.InitiateReset(isLong: true);
    }
}
