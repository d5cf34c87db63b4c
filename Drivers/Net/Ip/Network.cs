using System;

namespace Sluice.Net;

/// <summary>The machine's interfaces.</summary>
public static class Network
{
    private const int Most = 16;

    private static readonly IpInterface?[] _interfaces = new IpInterface?[Most];
    private static int _count;

    /// <summary>All of them, in the order of their cards.</summary>
    public static ReadOnlySpan<IpInterface> Interfaces => new(_interfaces!, 0, _count);

    /// <summary>What records packets while it is switched on.</summary>
    public static PcapRing Recorder { get; } = new();

    /// <summary>Adds one; false if there are too many. While starting.</summary>
    public static bool TryAdd(IpInterface added)
    {
        if (_count == Most)
            return false;
        _interfaces[_count++] = added;
        return true;
    }

    /// <summary>The interface that packets to an address leave by: one in whose net it is, else one with a gateway; null if there is no way.</summary>
    public static IpInterface? RouteTo(Ipv4Address address)
    {
        IpInterface? best = null;
        foreach (IpInterface candidate in Interfaces)
        {
            if (candidate.IsOnLink(address))
                return candidate;
            if (best == null && candidate.HasRoute(address))
                best = candidate;
        }
        return best;
    }
}
