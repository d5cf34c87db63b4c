using System.Collections.Generic;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Hostile;

/// <summary>Bus resets without end, packets to PHYs, and a node that comes and goes.</summary>
internal static class ResetScripts
{
    private const int MostAtOnce = 20;

    public static IReadOnlyList<Script> All { get; } =
    [
        new("reset-storm", 8, "begins a bus reset, short or long, when the last has hardly ended") { AfterReset = ResetAgain, Step = ResetOnce },
        new("phy-packets", 8, "sends PHY packets: gap counts, roots, self-IDs outside of a reset, with a wrong second half") { Step = SendPhy },
        new("vanish", 13, "loses its power in the middle of what it does, tells nobody, and is back later") { Step = Vanish },
    ];

    // Twenty in a row; then the next step begins anew, so that a bus of simulated time has an end.
    private static void ResetAgain(HostileNode node)
    {
        if (node.Random.Below(MostAtOnce) != 0)
            node.Phy.InitiateReset(node.Random.Coin());
    }

    private static void ResetOnce(HostileNode node)
    {
        if (!node.Phy.Segment.IsResetting && node.Random.Below(4) == 0)
            node.Phy.InitiateReset(node.Random.Coin());
    }

    private static void SendPhy(HostileNode node)
    {
        int someone = node.Random.Below(64);
        uint packet = node.Random.Below(6) switch
        {
            0 => PhyPacket.Configuration(someone, -1),
            1 => PhyPacket.Configuration(-1, node.Random.Below(64)),
            2 => PhyPacket.LinkOn(someone),
            3 => PhyPacket.RemoteAccess(someone, node.Random.Coin(), node.Random.Below(8), node.Random.Below(16), node.Random.Below(8)),
            4 => 0x8000_0000 | (uint)node.Random.Next(),
            _ => (uint)node.Random.Next(),
        };
        node.Send(node.PhyPacket(packet, node.Random.Below(4) == 0 ? (uint)node.Random.Next() : ~packet));
        node.Send(node.PhyPacket(PhyPacket.Ping(someone), ~PhyPacket.Ping(someone)));
    }

    private static void Vanish(HostileNode node)
    {
        node.TryRead(node.Target(), Nodes.Csr.Base + Nodes.Csr.Rom, 4, (_, _) => { });
        switch (node.Random.Below(8))
        {
            case 0:
                node.BeDeaf(true);
                break;
            case 1:
                node.BeDeaf(false);
                break;
            case 2:
                foreach (Port port in node.Phy.Ports)
                    node.Phy.Bus.Disable(port, true);
                break;
            case 3 or 4:
                foreach (Port port in node.Phy.Ports)
                    node.Phy.Bus.Disable(port, false);
                break;
        }
    }
}
