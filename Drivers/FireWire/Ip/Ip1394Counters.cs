namespace Sluice.Drivers.Ip1394;

/// <summary>Packets dropped, beside what <see cref="Sluice.Net.NetworkCounters"/> counts.</summary>
public struct Ip1394Counters
{
    /// <summary>Received: without room for a header, or with more than a datagram; not of IPv4 or ARP; GASP of another kind, or that is too short.</summary>
    public ulong BadLength, BadType, ForeignGasp;

    /// <summary>Received from a node whose ROM is not known, written by all nodes' number, or elsewhere than to the FIFO's begin.</summary>
    public ulong UnknownSource, Broadcast, BadAddress;

    /// <summary>ARP packets that are none; that name another node than the one that sent them; that take less than 512 bytes or know no speed.</summary>
    public ulong BadArp, ForeignArp, BadReach;

    /// <summary>Fragments beyond their datagram's end, or whose kind does not fit their place.</summary>
    public ulong BadFragment;

    /// <summary>Datagrams dropped in part: a fragment overlapped one that was there; said another size; there were too many holes.</summary>
    public ulong Overlapping, SizeChanged, TooScattered;

    /// <summary>Datagrams dropped in part: not complete in time, given up for a newer one, or lost by a bus reset.</summary>
    public ulong Incomplete, PushedOut, LostByReset;

    /// <summary>To be sent: to nobody known, to a node that is not there, to all without a channel for that.</summary>
    public ulong NoPeer, NotThere, NoChannel;

    /// <summary>Packets sent that the other side did not take: nobody acknowledged, busy, an error, a bus reset.</summary>
    public ulong NotTaken;

    /// <summary>Fragments received and sent; datagrams put together.</summary>
    public ulong FragmentsReceived, FragmentsSent, Reassembled;
}
