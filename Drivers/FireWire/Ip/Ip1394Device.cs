using System;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.Ip1394;

/// <summary>
/// IPv4 over a FireWire bus as a network device: towards IPv4 it is an Ethernet card. Ethernet headers become those of the bus and back, ARP
/// packets likewise; a node is a stand-in address there (<see cref="Peers"/>). Datagrams to one node are block writes to its FIFO, those to
/// all, and to groups, are GASP packets on the broadcast channel. Nothing is allocated after it was made, and what goes out whole is not
/// copied. Work in the CPU's loop. Read <c>Ip1394Device.Receive.cs</c>, then <c>Ip1394Device.Transmit.cs</c>. Source: RFC 2734.
/// </summary>
public sealed unsafe partial class Ip1394Device : INetworkDevice, IBusClient, INodeClient, ITimerHandler, IWork
{
    /// <summary>Where in our space others write datagrams: controllers acknowledge writes there as complete, so none is answered.</summary>
    public const ulong Fifo = 0x4950_3133_0000;

    /// <summary>The channel on which all are spoken to.</summary>
    public const int Channel = 31;

    // How often is looked whether somebody allocated the broadcast channel.
    private const ulong LookMicroseconds = 50_000;

    private readonly FireWireBus _bus;
    private readonly RemoteNodes _nodes;
    private readonly FramePool _frames;
    private readonly Peers _peers = new();
    private readonly Reassembly _reassembly;
    private readonly WorkItem _work;
    private readonly Timer _timer;
    private readonly byte[] _name;
    private NetworkCounters _counters;
    private bool _hasOthers;

    /// <summary>Begins to take part; asks for a bus reset, as our ROM says so then. Only while the kernel starts.</summary>
    /// <param name="frames">Where the memory for packets comes from.</param>
    /// <param name="name">What people call it; kept.</param>
    public Ip1394Device(FireWireBus bus, RemoteNodes nodes, FramePool frames, byte[] name)
    {
        _bus = bus;
        _nodes = nodes;
        _frames = frames;
        _name = name;
        _reassembly = new Reassembly(frames);
        _work = new WorkItem(this);
        _timer = new Timer(this);
        Address = Peers.Ours(bus.OwnRom.Guid);
        MakeRecords();
        bus.Addresses.Add(new Entrance(this)).Ignore("without it nobody reaches us"u8);
        bus.AddUnit(new Ip1394Unit()).Ignore("without it nobody knows of us"u8);
        bus.AddClient(this).Ignore("without it the link stays down"u8);
        nodes.AddClient(this).Ignore("without it nodes are known when they speak"u8);
    }

    /// <summary>What was dropped.</summary>
    public Ip1394Counters Drops;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Name => _name;

    /// <inheritdoc/>
    public MacAddress Address { get; }

    /// <inheritdoc/>
    public ulong Guid => _bus.OwnRom.Guid;

    /// <inheritdoc/>
    public LinkState Link { get; private set; }

    /// <inheritdoc/>
    public uint LongestFrame => EthernetHeader.Bytes + Reassembly.Longest;

    /// <inheritdoc/>
    public NetworkFeatures Features => NetworkFeatures.None;

    /// <inheritdoc/>
    public NetworkCounters Counters => _counters;

    /// <inheritdoc/>
    public WorkItem? Listener { get; set; }

    /// <summary>All groups go to all: there is nothing to set.</summary>
    public Error SetReceiveMode(ReceiveMode mode, ReadOnlySpan<MacAddress> groups) => Error.None;

    /// <inheritdoc/>
    public void BusChanged()
    {
        _peers.Forget();
        Drops.LostByReset += (uint)_reassembly.Clear();
        _hasOthers = false;
        Topology topology = _bus.Topology;
        for (int i = 0; i < topology.Count; i++)
            _hasOthers |= i != topology.Local && topology[i].Self.IsLinkActive;
        Look();
    }

    /// <inheritdoc/>
    public void NodeKnown(int node)
    {
        RomImage? rom = _nodes.ImageOf(node);
        if (rom != null && rom.Guid != 0 && _peers.Knows(rom.Guid))
            _peers.Place(node, rom.Guid);
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _work.Mark();

    /// <inheritdoc/>
    public bool Work(int budget)
    {
        _reassembly.Expire(Clock.Microseconds, ref Drops);
        Look();
        return false;
    }

    /// <summary>Frees all that waits, for the end or a test.</summary>
    public void Clear()
    {
        _received.Clear();
        _reassembly.Clear();
        _timer.Cancel();
    }

    // It is up once there is somebody and a channel to ask him on, and stays so over bus resets as long as somebody is there.
    private void Look()
    {
        bool hasChannel = (_bus.Registers.Broadcast & BusRegisters.IsValid) != 0;
        if (!_hasOthers || (hasChannel && !Link.IsUp))
        {
            bool wasUp = Link.IsUp;
            Link = _hasOthers ? new LinkState((ushort)(100 << (int)OwnSpeed), false) : default;
            if (wasUp != Link.IsUp)
            {
                _counters.LinkChanges++;
                Announce();
            }
        }
        ulong due = _reassembly.Due;
        if (_hasOthers && !Link.IsUp)
            due = Math.Min(due, Clock.Microseconds + LookMicroseconds);
        if (due != ulong.MaxValue)
            _timer.StartAt(due);
        else
            _timer.Cancel();
    }

    // Of our link and our PHY the slower.
    private BusSpeed OwnSpeed
    {
        get
        {
            BusSpeed link = _bus.Controller.Options.Speed, phy = _bus.IsUp ? _bus.Topology[_bus.Topology.Local].Self.Speed : BusSpeed.S100;
            return link < phy ? link : phy;
        }
    }

    // Where others write.
    private sealed class Entrance(Ip1394Device device) : AddressHandler(Fifo, 4096)
    {
        public override ResponseCode Write(in IncomingRequest request, ulong offset, ReadOnlySpan<byte> data) => device.TakeWrite(request, offset, data);
    }
}
