using System;
using System.Collections.Generic;
using System.Linq;

namespace Sluice.FireWire.Bus;

/// <summary>
/// How a reset bus finds its root: nodes with one port left tell the neighbour there that it is the parent, in rounds; two that tell each
/// other contend, and chance decides. Nodes that hold off begin when all others are through. Source: IEEE 1394-1995, section 4.4.2.2.
/// </summary>
internal static class TreeId
{
    /// <summary>Sets the code of all ports, and tells the root.</summary>
    public static Phy Run(IReadOnlyList<Phy> phys, Func<bool> coin)
    {
        foreach (Port port in phys.SelectMany(phy => phy.Ports))
            port.Code = PortCode.NotConnected;
        var open = phys.ToDictionary(phy => phy, phy => phy.Ports.Count(port => port.IsConnected));
        bool areAllFree = false;
        while (true)
        {
            if (phys.FirstOrDefault(phy => open[phy] == 0 && !HasParent(phy)) is { } root)
                return root;
            Port[] calls = [.. phys.Where(phy => open[phy] == 1 && !HasParent(phy) && (areAllFree || !phy.HoldsForRoot)).Select(OpenPort)];
            areAllFree |= calls.Length == 0;
            foreach (Port call in calls)
            {
                Port answer = call.Peer!;
                if (call.Code != PortCode.NotConnected)
                    continue;
                bool contends = calls.Contains(answer);
                Port child = contends && coin() ? answer : call, parent = child.Peer!;
                child.Code = PortCode.Parent;
                parent.Code = PortCode.Child;
                open[child.Phy]--;
                open[parent.Phy]--;
            }
        }
    }

    private static bool HasParent(Phy phy) => phy.Ports.Any(port => port.Code == PortCode.Parent);

    private static Port OpenPort(Phy phy) => phy.Ports.First(port => port.IsConnected && port.Code == PortCode.NotConnected);
}
