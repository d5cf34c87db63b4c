using System;

namespace Sluice.FireWire.Bus;

/// <summary>A PHY's socket for a cable.</summary>
public sealed class Port(Phy phy, int index)
{
    public Phy Phy { get; } = phy;

    public int Index { get; } = index;

    /// <summary>The other end of the cable, if one is plugged in.</summary>
    public Port? Peer { get; internal set; }

    /// <summary>Switched off by a register; the cable is as if it were not there.</summary>
    public bool IsDisabled { get; internal set; }

    /// <summary>What tree-ID found.</summary>
    public PortCode Code { get; internal set; } = PortCode.NotConnected;

    /// <summary>Whether signals pass.</summary>
    public bool IsConnected => Peer != null && !IsDisabled && !Peer.IsDisabled;

    /// <summary>What both ends can.</summary>
    public Speed Speed => Peer == null ? Speed.S100 : (Speed)Math.Min((byte)Phy.MaxSpeed, (byte)Peer.Phy.MaxSpeed);
}
