using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Hostile;

/// <summary>Self-ID packets that make no tree. Source of the rules: IEEE 1394-1995, sections 4.3.4.1 and 8.4.3.</summary>
internal static class SelfIdScripts
{
    private const int ResetEvery = HostileNode.StepsOfPlay / 4, MostPackets = 252;
    private const uint Extended = 1u << 23, More = 1;

    public static IReadOnlyList<Script> All { get; } =
    [
        Make("self-id-many", 6, "300 self-ID packets more than a bus can have", (node, ids) => Repeat(node, ids, MostPackets + 48)),
        Make("self-id-none", 6, "no self-ID packet of its own", (node, ids) => ids.RemoveAll(id => IsOwn(node, id))),
        Make("self-id-order", 7, "self-ID packets in the wrong order", Shuffle),
        Make("self-id-parents", 7, "two parents", (node, ids) => Change(node, ids, id => (id & ~0xFCu) | ((uint)PortCode.Parent << 6) | ((uint)PortCode.Parent << 4))),
        Make("self-id-children", 7, "children that there are not, and no parent", (node, ids) => Change(node, ids, id => id | 0xFC)),
        Make("self-id-extended", 7, "extended packets out of order, without a first one, or without a last one", Extend),
        Make("self-id-random", 7, "packets by chance", (node, ids) => Change(node, ids, _ => (uint)node.Random.Next())),
        Make("self-id-63", 8, "says that it is number 63, and sends as such", (node, ids) => Change(node, ids, id => id | 0x3F00_0000)) with { Step = SendFrom63 },
    ];

    private static Script Make(string name, int row, string help, System.Action<HostileNode, List<uint>> forge) => new(name, row, "after each bus reset: " + help)
    {
        SelfIds = forge,
        NeedsReset = true,
        Step = node => ResetNowAndThen(node),
    };

    private static void ResetNowAndThen(HostileNode node)
    {
        if (node.Random.Below(ResetEvery) == 0)
            node.Phy.InitiateReset(node.Random.Coin());
    }

    private static bool IsOwn(HostileNode node, uint id) => PhyPacket.NodeOf(id) == node.Phy.PhysicalId;

    private static void Change(HostileNode node, List<uint> ids, System.Func<uint, uint> change)
    {
        for (int i = 0; i < ids.Count; i++)
        {
            if (IsOwn(node, ids[i]))
                ids[i] = change(ids[i]);
        }
    }

    private static void Repeat(HostileNode node, List<uint> ids, int count)
    {
        int at = ids.FindIndex(id => IsOwn(node, id));
        if (at >= 0)
            ids.InsertRange(at, Enumerable.Repeat(ids[at], count));
    }

    private static void Shuffle(HostileNode node, List<uint> ids)
    {
        for (int i = ids.Count - 1; i > 0; i--)
        {
            int other = node.Random.Below(i + 1);
            (ids[i], ids[other]) = (ids[other], ids[i]);
        }
    }

    private static void Extend(HostileNode node, List<uint> ids)
    {
        int at = ids.FindIndex(id => IsOwn(node, id));
        // Another node of this kind may have forged it before.
        if (at < 0)
            return;
        uint extended = (ids[at] & 0xFF00_0000) | Extended;
        switch (node.Random.Below(4))
        {
            case 0:
                // One that follows nothing.
                ids[at] = extended;
                break;
            case 1:
                // More are promised, and none comes.
                ids[at] |= More;
                break;
            case 2:
                ids[at] |= More;
                ids.InsertRange(at + 1, [extended | (2 << 20) | More, extended | (1 << 20) | More, extended]);
                break;
            default:
                // Sixteen times eight ports, each a child.
                ids[at] |= More;
                ids.InsertRange(at + 1, Enumerable.Range(0, 16).Select(i => extended | ((uint)(i & 7) << 20) | 0x3_FFFC | More));
                break;
        }
    }

    private static void SendFrom63(HostileNode node)
    {
        ResetNowAndThen(node);
        Packet packet = node.Request(node.Random.Coin() ? Tcode.ReadQuadlet : Tcode.WriteQuadlet, node.Target());
        packet.Q1 = 0xFFFF_0000 | (packet.Q1 & 0xFFFF);
        node.Send(packet);
    }
}
