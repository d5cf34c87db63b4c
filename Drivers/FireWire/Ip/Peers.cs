using System;
using System.Buffers.Binary;
using Sluice.FireWire.Core;
using Sluice.Net;

namespace Sluice.Drivers.Ip1394;

/// <summary>Another node that speaks IPv4: who it is, where it is on the bus of now, and what its ARP packets said.</summary>
internal sealed class Peer
{
    /// <summary>EUI-64; 0 while nobody has the place.</summary>
    public ulong Guid;

    /// <summary>What stands for it in Ethernet headers.</summary>
    public MacAddress Address;

    /// <summary>Its number on this bus; <see cref="Peers.Away"/> if it is not there, or not known to be.</summary>
    public int Node = Peers.Away;

    /// <summary>Where datagrams are written; 0 until an ARP packet said it.</summary>
    public ulong Fifo;

    /// <summary>Bytes that it takes at once, and how fast.</summary>
    public int MostBytes;
    public BusSpeed Speed;

    /// <summary>Counts datagrams that were sent in fragments.</summary>
    public ushort Label;
}

/// <summary>
/// Those that we heard of, by number on the bus and by stand-in address. A stand-in is an Ethernet address that is locally administered:
/// the place here, then the last four bytes of the GUID. So a place that somebody else gets has another address.
/// </summary>
internal sealed class Peers
{
    /// <summary>One for each other node at least, so there always is one whose node is not there.</summary>
    public const int Capacity = 64;

    public const int Away = -1;

    private const byte OurPlace = 0xFF;

    private readonly Peer[] _peers = new Peer[Capacity];
    private readonly sbyte[] _byNode = new sbyte[64];

    public Peers()
    {
        for (int i = 0; i < Capacity; i++)
            _peers[i] = new Peer();
        Forget();
    }

    /// <summary>A bus reset: numbers mean nobody any more.</summary>
    public void Forget()
    {
        foreach (Peer peer in _peers)
            peer.Node = Away;
        _byNode.AsSpan().Fill(Away);
    }

    /// <summary>Who has a number; null if it was not said since the last reset.</summary>
    public Peer? At(int node) => (uint)node < 63 && _byNode[node] >= 0 ? _peers[_byNode[node]] : null;

    /// <summary>Who is meant by a stand-in; null if nobody is any more.</summary>
    public Peer? Find(MacAddress address)
    {
        var place = (int)(address.Number >> 8 & 0xFF);
        return place < Capacity && _peers[place].Guid != 0 && _peers[place].Address == address ? _peers[place] : null;
    }

    /// <summary>Whether a node with this GUID was heard of.</summary>
    public bool Knows(ulong guid) => PlaceOf(guid) >= 0;

    /// <summary>A node of this bus is known: it has its place, or gets one of who is not there.</summary>
    public Peer Place(int node, ulong guid)
    {
        int place = PlaceOf(guid);
        if (place < 0)
        {
            place = FreePlace();
            (_peers[place].Guid, _peers[place].Fifo, _peers[place].Address) = (guid, 0, StandIn((byte)place, guid));
        }
        _byNode[node] = (sbyte)place;
        _peers[place].Node = node;
        return _peers[place];
    }

    /// <summary>Our own stand-in.</summary>
    public static MacAddress Ours(ulong guid) => StandIn(OurPlace, guid);

    private static MacAddress StandIn(byte place, ulong guid) =>
        MacAddress.FromNumber(2 | (uint)place << 8 | (ulong)BinaryPrimitives.ReverseEndianness((uint)guid) << 16);

    private int PlaceOf(ulong guid)
    {
        for (int i = 0; i < Capacity; i++)
        {
            if (_peers[i].Guid == guid)
                return i;
        }
        return -1;
    }

    private int FreePlace()
    {
        int away = -1;
        for (int i = 0; i < Capacity; i++)
        {
            if (_peers[i].Guid == 0)
                return i;
            if (_peers[i].Node == Away)
                away = i;
        }
        Bug.If(away < 0, "more nodes are on a bus than there can be"u8);
        return away;
    }
}
