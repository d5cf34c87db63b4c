using System.Collections.Generic;

namespace Sluice.FireWire.Bus;

/// <summary>
/// A PHY: ports, the registers that its link sees, and a number after each bus reset. Source: IEEE 1394a-2000, section 5B (registers),
/// section 5A and IEEE 1394-1995, section 4.4 (what it does).
/// </summary>
public sealed class Phy
{
    public const int MostPorts = 16, GreatestGap = 63;

    private readonly List<Port> _ports = [];

    internal Phy(FireWireBus bus, string name, Link? link, PhyTraits traits)
    {
        Bus = bus;
        Name = name;
        Link = link;
        MaxSpeed = traits.MaxSpeed;
        PowerClass = traits.PowerClass;
        IsContender = traits.IsContender;
        Compliance = traits.Compliance;
        for (int i = 0; i < traits.Ports; i++)
            _ports.Add(new Port(this, i));
        Registers = new PhyRegisters(this) { Vendor = traits.Vendor, Product = traits.Product };
        Segment = new Segment(bus, [this]);
        link?.Attach(this);
    }

    public FireWireBus Bus { get; }

    /// <summary>For people.</summary>
    public string Name { get; }

    /// <summary>The link on it; a repeater has none.</summary>
    public Link? Link { get; }

    public IReadOnlyList<Port> Ports => _ports;

    public PhyRegisters Registers { get; }

    public Speed MaxSpeed { get; }

    /// <summary>1 is 1394a, 2 is 1394b; 0 has none of the registers of 1394a.</summary>
    public int Compliance { get; }

    /// <summary>0 to 7; source: IEEE 1394a-2000, table 5A-7.</summary>
    public int PowerClass { get; internal set; }

    /// <summary>Wants to be bus or isochronous resource manager.</summary>
    public bool IsContender { get; set; }

    /// <summary>What the LCtrl bit says.</summary>
    public bool IsLinkAllowed { get; internal set; } = true;

    /// <summary>The L bit: a link is there, has power and may.</summary>
    public bool IsLinkActive => IsLinkAllowed && Link is { IsActive: true };

    /// <summary>Holds off at the next tree-ID, to become the root.</summary>
    public bool HoldsForRoot { get; set; }

    public int GapCount { get; internal set; } = GreatestGap;

    /// <summary>A gap count stays for one reset after it was set.</summary>
    internal bool IsGapFresh { get; set; }

    /// <summary>Its number since the last reset; 63 before.</summary>
    public int PhysicalId { get; internal set; } = 63;

    public bool IsRoot { get; internal set; }

    /// <summary>It began the reset that is on or was last.</summary>
    public bool HasInitiatedReset { get; internal set; }

    /// <summary>All that it can hear.</summary>
    public Segment Segment { get; internal set; }

    /// <summary>Begins a bus reset from here.</summary>
    /// <param name="isLong">Long ones last 166 us and reach any PHY; short ones (1394a) wait for the bus and last 1.3 us.</param>
    public void InitiateReset(bool isLong) => Segment.StartReset(this, isLong);

    /// <summary>A PHY packet passes, one of its own link's too: takes what it says to PHYs.</summary>
    internal void Hear(uint packet)
    {
        if (PhyPacket.IsConfiguration(packet))
        {
            int root = PhyPacket.RootOf(packet), gap = PhyPacket.GapOf(packet);
            if (root >= 0)
                HoldsForRoot = root == PhysicalId;
            if (gap >= 0)
                SetGap(gap);
        }
        else if (PhyPacket.NodeOf(packet) == PhysicalId)
        {
            Answer(packet);
        }
    }

    internal void SetGap(int gap)
    {
        GapCount = gap;
        IsGapFresh = true;
    }

    /// <summary>A reset begins: the second one since a gap count was set makes it the greatest.</summary>
    internal void ResetStarted()
    {
        if (!IsGapFresh)
            GapCount = GreatestGap;
        IsGapFresh = false;
        PhysicalId = 63;
        IsRoot = false;
    }

    private void Answer(uint packet)
    {
        if (PhyPacket.IsLinkOn(packet))
        {
            if (!IsLinkActive)
                Link?.LinkOn();
            return;
        }
        if (!PhyPacket.IsExtended(packet))
            return;
        switch (PhyPacket.TypeOf(packet))
        {
            case ExtendedPhyType.Ping:
                Segment.AnswerPing(this);
                break;
            case ExtendedPhyType.Access:
                Segment.AnswerPhy(PhyPacket.RemoteReply(PhysicalId, packet, Registers.Read((int)(packet >> 8) & 7)));
                break;
            case ExtendedPhyType.AccessPaged:
                byte data = Registers.ReadPage((int)(packet >> 15) & 7, (int)(packet >> 11) & 0xF, (int)(packet >> 8) & 7);
                Segment.AnswerPhy(PhyPacket.RemoteReply(PhysicalId, packet, data));
                break;
        }
    }
}

/// <summary>What a PHY is made as.</summary>
/// <param name="Vendor">Its maker, an organization.</param>
/// <param name="Product">24 bits of the maker's.</param>
public sealed record PhyTraits(int Ports = 3, Speed MaxSpeed = Speed.S400, int PowerClass = 0, bool IsContender = false, int Compliance = 1, uint Vendor = 0x52_5400,
    uint Product = 1);
