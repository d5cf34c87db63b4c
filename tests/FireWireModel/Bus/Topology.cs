using System;
using System.Collections.Generic;

namespace Sluice.FireWire.Bus;

/// <summary>A node as its self-ID packets tell.</summary>
/// <param name="Ports">What each of its ports is, those of extended packets too; absent ones at the end are left out.</param>
/// <param name="Children">The numbers of its children, in the order of their ports.</param>
public sealed record TopologyNode(int Id, bool IsLinkActive, int GapCount, Speed Speed, bool IsContender, int PowerClass, bool HasInitiatedReset,
    IReadOnlyList<PortCode> Ports, IReadOnlyList<int> Children);

/// <summary>The tree that self-ID packets tell of. Source: IEEE 1394-1995, section 4.3.4.1 (format) and 8.4.3 (topology).</summary>
public static class Topology
{
    /// <summary>Decodes what all nodes sent, in the order of their numbers; the root is last.</summary>
    /// <returns>False if it is no tree: wrong order, packets missing, parents and children that do not match.</returns>
    public static bool TryDecode(ReadOnlySpan<uint> selfIds, out IReadOnlyList<TopologyNode> nodes)
    {
        var found = new List<TopologyNode>();
        nodes = found;
        // Nodes whose parent has not come yet.
        var orphans = new Stack<int>();
        while (!selfIds.IsEmpty)
        {
            uint first = selfIds[0];
            if (!TryTakePorts(ref selfIds, out List<PortCode> ports) || PhyPacket.NodeOf(first) != found.Count)
                return false;
            int parents = ports.FindAll(port => port == PortCode.Parent).Count;
            int children = ports.FindAll(port => port == PortCode.Child).Count;
            if (parents > 1 || children > orphans.Count || (parents == 0 && !selfIds.IsEmpty))
                return false;
            var own = new int[children];
            for (int i = children - 1; i >= 0; i--)
                own[i] = orphans.Pop();
            found.Add(new TopologyNode(found.Count, (first & (1 << 22)) != 0, (int)(first >> 16) & 0x3F, (Speed)((first >> 14) & 3),
                (first & (1 << 11)) != 0, (int)(first >> 8) & 7, (first & 2) != 0, ports, own));
            if (parents == 1)
                orphans.Push(found.Count - 1);
        }
        return found.Count != 0 && orphans.Count == 0;
    }

    // The packets of one node.
    private static bool TryTakePorts(ref ReadOnlySpan<uint> selfIds, out List<PortCode> ports)
    {
        uint first = selfIds[0];
        ports = [(PortCode)((first >> 6) & 3), (PortCode)((first >> 4) & 3), (PortCode)((first >> 2) & 3)];
        if (!PhyPacket.IsSelfId(first) || (first & (1 << 23)) != 0)
            return false;
        int taken = 1;
        for (uint last = first; (last & 1) != 0; taken++)
        {
            if (taken == selfIds.Length)
                return false;
            last = selfIds[taken];
            uint expected = (first & 0xFF00_0000) | (1u << 23) | ((uint)(taken - 1) << 20);
            if ((last & 0xFFF0_0000) != expected)
                return false;
            for (int shift = 16; shift >= 2; shift -= 2)
                ports.Add((PortCode)((last >> shift) & 3));
        }
        while (ports.Count > 0 && ports[^1] == PortCode.Absent)
            ports.RemoveAt(ports.Count - 1);
        selfIds = selfIds[taken..];
        return true;
    }
}
