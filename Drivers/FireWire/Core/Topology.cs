using System;

namespace Sluice.FireWire.Core;

/// <summary>Why self-IDs are no bus.</summary>
public enum TopologyError : byte
{
    None,

    /// <summary>No packet at all.</summary>
    Empty,

    /// <summary>More than 63 nodes can send.</summary>
    TooMany,

    /// <summary>A packet is not followed by its inverse.</summary>
    NotInverse,

    /// <summary>Another kind of packet, or further packets without, before or after the first one of their node.</summary>
    BadPacket,

    /// <summary>Nodes do not come as 0, 1, 2 and so on.</summary>
    WrongOrder,

    /// <summary>A node with two parents.</summary>
    TwoParents,

    /// <summary>A node with more children than there are nodes without parents.</summary>
    NoSuchChildren,

    /// <summary>A node without a parent that is not the last one.</summary>
    EarlyRoot,

    /// <summary>Nodes are left whose parent did not come, or the last one claims to have one.</summary>
    NoRoot,

    /// <summary>The local node is none of them.</summary>
    NotLocal,
}

/// <summary>A node in the tree. 63 stands for nobody.</summary>
public struct TopologyNode
{
    public SelfId Self;
    public byte Parent, FirstChild, NextSibling;

    /// <summary>Cables to the farthest node below it.</summary>
    public byte Height;
}

/// <summary>
/// The tree that self-IDs tell of, and what follows from it. Made once; each bus reset is read into it. What is wrong leaves it empty. Nodes
/// come in the order of their numbers, children before parents, so a stack of those without a parent is all it takes.
/// Source: IEEE 1394-1995, sections 4.4.2.3 (order) and 8.4.3 (topology).
/// </summary>
public sealed class Topology
{
    public const int MostNodes = 63, Nobody = 63;

    private readonly TopologyNode[] _nodes = new TopologyNode[MostNodes];
    private readonly uint[] _packets = new uint[SelfId.MostOfBus];
    private readonly byte[] _orphans = new byte[MostNodes];
    private int _packetCount;

    /// <summary>Nodes; 0 while nothing is known.</summary>
    public int Count { get; private set; }

    /// <summary>Ourselves.</summary>
    public int Local { get; private set; }

    /// <summary>The root is the node that came last.</summary>
    public int Root => Count - 1;

    /// <summary>The contender with the highest number whose link is active, or <see cref="Nobody"/>. Source: IEEE 1394-1995, section 8.4.2.3.</summary>
    public int ResourceManager { get; private set; }

    /// <summary>Cables between the two nodes farthest from each other.</summary>
    public int MostHops { get; private set; }

    /// <summary>What all nodes say; -1 if they do not say the same.</summary>
    public int GapCount { get; private set; }

    /// <summary>Whether a PHY is faster than 1394a's: repeats with other delays than the table of gap counts knows.</summary>
    public bool HasFastPhys { get; private set; }

    /// <summary>The first quadlets of all self-ID packets.</summary>
    public ReadOnlySpan<uint> Packets => new(_packets, 0, _packetCount);

    /// <summary>A node of the tree; below <see cref="Count"/>.</summary>
    public ref readonly TopologyNode this[int node] => ref _nodes[node];

    /// <summary>Forgets the bus.</summary>
    public void Clear() => Count = _packetCount = 0;

    /// <summary>
    /// Takes the packets out of what a controller received: each quadlet with its inverse behind it.
    /// </summary>
    /// <param name="pairs">As received; memory that a device may still write is copied before.</param>
    /// <param name="packets">As long as half of it.</param>
    public static TopologyError Unpair(ReadOnlySpan<uint> pairs, Span<uint> packets)
    {
        if ((pairs.Length & 1) != 0)
            return TopologyError.NotInverse;
        if (pairs.Length / 2 > packets.Length)
            return TopologyError.TooMany;
        for (int i = 0; i < pairs.Length; i += 2)
        {
            packets[i / 2] = pairs[i];
            if (pairs[i] != ~pairs[i + 1])
                return TopologyError.NotInverse;
        }
        return TopologyError.None;
    }

    /// <summary>Builds the tree.</summary>
    /// <param name="packets">The first quadlets of all self-ID packets, our own too, in the order of the bus.</param>
    /// <param name="local">Our number.</param>
    public TopologyError Read(ReadOnlySpan<uint> packets, int local)
    {
        Clear();
        TopologyError error = Build(packets, out int count);
        if (error != TopologyError.None)
            return error;
        if ((uint)local >= (uint)count)
            return TopologyError.NotLocal;
        packets.CopyTo(_packets);
        _packetCount = packets.Length;
        Local = local;
        Count = count;
        return TopologyError.None;
    }

    /// <summary>Cables between two nodes, and the fastest packets that pass all PHYs on the way. Both below <see cref="Count"/>.</summary>
    public int Hops(int one, int other, out BusSpeed speed)
    {
        int hops = 0;
        speed = _nodes[one].Self.Speed;
        // Parents have higher numbers than their children, so the lower one is never the one that both are below.
        while (one != other)
        {
            if (one > other)
                (one, other) = (other, one);
            speed = Least(speed, Least(_nodes[one].Self.Speed, _nodes[other].Self.Speed));
            one = _nodes[one].Parent;
            speed = Least(speed, _nodes[one].Self.Speed);
            hops++;
        }
        return hops;
    }

    /// <summary>
    /// The gap count that fits so many cables of 4.5 m between PHYs that repeat after 144 ns at most. The greatest where that is not known.
    /// Source: P1394a draft 4, table C-2 (Linux calls it E-1 of IEEE 1394a-2000); from 4 hops on it is the line of these delays.
    /// </summary>
    public static int GapCountFor(int hops) => (uint)hops < (uint)GapCounts.Length ? GapCounts[hops] : 63;

    /// <summary>The gap count for this bus.</summary>
    public int BestGapCount => HasFastPhys ? 63 : GapCountFor(MostHops);

    private static ReadOnlySpan<byte> GapCounts =>
        [63, 5, 7, 8, 10, 13, 16, 18, 21, 24, 26, 29, 32, 35, 37, 40, 43, 46, 48, 51, 54, 57, 59, 62];

    private static BusSpeed Least(BusSpeed one, BusSpeed other) => one < other ? one : other;

    private TopologyError Build(ReadOnlySpan<uint> packets, out int count)
    {
        count = 0;
        int orphans = 0;
        MostHops = 0;
        ResourceManager = Nobody;
        HasFastPhys = false;
        if (packets.IsEmpty)
            return TopologyError.Empty;
        if (packets.Length > SelfId.MostOfBus)
            return TopologyError.TooMany;
        while (!packets.IsEmpty)
        {
            if (!SelfId.TryTake(ref packets, out SelfId self))
                return TopologyError.BadPacket;
            if (count == MostNodes)
                return TopologyError.TooMany;
            if (self.Node != count)
                return TopologyError.WrongOrder;
            CountPorts(self.Ports, out int parents, out int children);
            if (parents > 1)
                return TopologyError.TwoParents;
            if (children > orphans)
                return TopologyError.NoSuchChildren;
            if (parents == 0 && !packets.IsEmpty)
                return TopologyError.EarlyRoot;
            orphans -= children;
            Add(count, self, new ReadOnlySpan<byte>(_orphans, orphans, children));
            if (parents == 1)
                _orphans[orphans++] = (byte)count;
            count++;
        }
        return orphans == 0 ? TopologyError.None : TopologyError.NoRoot;
    }

    private static void CountPorts(ulong ports, out int parents, out int children)
    {
        parents = children = 0;
        for (; ports != 0; ports >>= 2)
        {
            if ((PortState)(ports & 3) == PortState.Parent)
                parents++;
            else if ((PortState)(ports & 3) == PortState.Child)
                children++;
        }
    }

    private void Add(int number, in SelfId self, ReadOnlySpan<byte> children)
    {
        ref TopologyNode node = ref _nodes[number];
        node.Self = self;
        node.Parent = node.FirstChild = node.NextSibling = Nobody;
        node.Height = 0;
        for (int i = children.Length - 1; i >= 0; i--)
        {
            ref TopologyNode child = ref _nodes[children[i]];
            child.Parent = (byte)number;
            child.NextSibling = node.FirstChild;
            node.FirstChild = children[i];
            int through = child.Height + 1;
            MostHops = Math.Max(MostHops, node.Height + through);
            node.Height = through > node.Height ? (byte)through : node.Height;
        }
        if (self.IsLinkActive && self.IsContender)
            ResourceManager = number;
        HasFastPhys |= self.Speed == BusSpeed.S800;
        GapCount = number == 0 || GapCount == self.GapCount ? self.GapCount : -1;
    }
}
