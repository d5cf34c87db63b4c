using System;
using System.Runtime.CompilerServices;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>Who wants to know of bus resets: drivers of units, managers.</summary>
public interface IBusClient
{
    /// <summary>A bus reset is over: <see cref="FireWireBus.Topology"/> and the generation are new. Work of the controller.</summary>
    void BusChanged();
}

/// <summary>
/// A bus behind one controller: transactions to other nodes, and answers to theirs. Nothing is allocated after it was made. Runs as work in
/// the CPU's loop; its methods are for any context of that CPU but interrupt handlers. Read <c>FireWireBus.Transactions.cs</c>, then
/// <c>FireWireBus.Requests.cs</c>.
/// </summary>
public sealed unsafe partial class FireWireBus : IFireWireBus, IWork, ITimerHandler
{
    public const int MostClients = 8;

    private readonly IFireWireController _controller;
    private readonly FramePool _frames;
    private readonly WorkItem _work;
    private readonly Timer _timer;
    private readonly IBusClient?[] _clients = new IBusClient?[MostClients];
    private int _clientCount;
    private IsoResources? _resources;

    /// <summary>A bus; the controller is started afterwards. Only while the kernel starts.</summary>
    /// <param name="frames">Where the memory for data comes from that is sent.</param>
    public FireWireBus(IFireWireController controller, FramePool frames)
    {
        _controller = controller;
        _frames = frames;
        _work = new WorkItem(this);
        _timer = new Timer(this);
        OwnRom = new OwnRom(controller.Guid, controller.Options);
        Registers = new BusRegisters(this, controller);
        for (int i = 0; i < Responses; i++)
            _responses[i] = new Response(1ul << i);
        Addresses.Add(Registers).Ignore("the table is empty"u8);
        Addresses.Add(new RomRegisters(this)).Ignore("the table has room"u8);
        Addresses.Add(new TopologyMap(this)).Ignore("the table has room"u8);
        _isRomTold = controller.TrySetNextRom(OwnRom.Current);
    }

    /// <summary>What happened.</summary>
    public BusCounters Counters;

    /// <summary>The tree since the last bus reset; empty while there is one, or if it was no tree.</summary>
    public Topology Topology { get; } = new();

    /// <summary>Why the last self-IDs were no tree.</summary>
    public TopologyError LastTopologyError { get; private set; }

    /// <summary>Changes with each bus reset.</summary>
    public byte Generation { get; private set; }

    /// <summary>Between bus resets, with a tree: transactions go out.</summary>
    public bool IsUp { get; private set; }

    /// <summary>Our number, with the local bus in front.</summary>
    public ushort NodeId
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get;
        private set;
    } = PacketHeader.LocalBus;

    /// <summary>What we say of ourselves.</summary>
    public OwnRom OwnRom { get; }

    /// <summary>Who answers for what of our space.</summary>
    public AddressSpaceTable Addresses { get; } = new();

    /// <summary>Our registers.</summary>
    public BusRegisters Registers { get; }

    /// <summary>The fastest packets that reach a node, as far as PHYs say and others found; S100 if nothing is known.</summary>
    public BusSpeed SpeedTo(int node) => PeerAt(node & 0x3F).Speed;

    /// <summary>Nothing faster is sent to a node until the next bus reset: its link is slower than its PHY, or nobody knows how fast that is (1394b).</summary>
    internal void LimitSpeed(int node, BusSpeed speed)
    {
        if (speed < SpeedTo(node))
            PeerAt(node & 0x3F).Speed = speed;
    }

    /// <summary>The fastest packets that reach all nodes whose links work, as far as PHYs go: for streams to all.</summary>
    public BusSpeed SpeedToAll { get; private set; }

    /// <summary>When the last bus reset ended, in <see cref="Clock.Microseconds"/>; 0 before the first.</summary>
    public ulong LastReset { get; private set; }

    /// <summary>Tells a client of all resets to come. Only while the kernel starts; <see cref="Error.NoResources"/> if there are too many.</summary>
    public Error AddClient(IBusClient client)
    {
        if (_clientCount == MostClients)
            return Error.NoResources;
        _clients[_clientCount++] = client;
        return Error.None;
    }

    private ushort OwnNodeId => (ushort)(PacketHeader.LocalBus | Topology.Local);

    internal void Add(IsoResources resources)
    {
        resources.NextOfBus = _resources;
        _resources = resources;
    }

    /// <inheritdoc/>
    public void ResetBegan()
    {
        IsUp = false;
        for (int i = 0; i <= Topology.MostNodes; i++)
            PeerAt(i).IsThere = false;
        Topology.Clear();
        NodeId = OwnNodeId;
        if (_isRomTold)
            OwnRom.Swap();
        _isRomTold = false;
        ForgetResetWish();
        DropBlocked();
        FailAll();
    }

    /// <inheritdoc/>
    public void ResetEnded(byte generation, int local, ReadOnlySpan<uint> selfIds)
    {
        // One that began and ended while nobody looked.
        if (IsUp)
            ResetBegan();
        Generation = generation;
        LastReset = Clock.Microseconds;
        ConfiguredAt = 0;
        LastTopologyError = Topology.Read(selfIds, local);
        NodeId = OwnNodeId;
        if (LastTopologyError != TopologyError.None)
        {
            Counters.BadTopologies++;
            AskAgainForSelfIds();
            return;
        }
        Counters.Resets++;
        _badInARow = 0;
        BusSpeed link = _controller.Options.Speed;
        SpeedToAll = link;
        for (int i = 0; i <= Topology.MostNodes; i++)
        {
            BusSpeed speed = BusSpeed.S100;
            if (i < Topology.Count)
            {
                Topology.Hops(Topology.Local, i, out speed);
                speed = link < speed ? link : speed;
                if ((Topology[i].Self.IsLinkActive || i == Topology.Local) && speed < SpeedToAll)
                    SpeedToAll = speed;
            }
            PeerAt(i).Speed = speed;
            PeerAt(i).IsThere = i < Topology.Count && i != Topology.Local;
        }
        IsUp = true;
        Registers.ResetEnded();
        if (_isRomLate)
            TellLateRom();
        for (IsoResources? one = _resources; one != null && IsUp && Generation == generation; one = one.NextOfBus)
            one.BusChanged();
        for (int i = 0; i < _clientCount && IsUp && Generation == generation; i++)
            _clients[i]!.BusChanged();
    }

    /// <inheritdoc/>
    public bool Work(int budget)
    {
        SendBlocked();
        CheckTimes(Cpu.Timestamp());
        CheckReset(Clock.Microseconds);
        for (; budget > 0 && _finished.TryTake(out OutPacket? packet); budget--)
        {
            if (packet is StreamPacket stream)
                Call(stream);
            else
                Call((Transaction)packet!);
        }
        return !_finished.IsEmpty;
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _work.Mark();
}

/// <summary>Packets in order; each is in one queue at a time.</summary>
internal struct PacketQueue
{
    private OutPacket? _first, _last;

    public readonly bool IsEmpty => _first == null;

    public void Push(OutPacket packet)
    {
        packet.Next = null;
        if (_last == null)
            _first = packet;
        else
            _last.Next = packet;
        _last = packet;
    }

    public void PushFirst(OutPacket packet)
    {
        packet.Next = _first;
        _first = packet;
        _last ??= packet;
    }

    public bool TryTake(out OutPacket? packet)
    {
        packet = _first;
        if (packet == null)
            return false;
        _first = packet.Next;
        if (_first == null)
            _last = null;
        packet.Next = null;
        return true;
    }
}
