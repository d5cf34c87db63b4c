using System;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>Who waits for nodes that can be told apart: drivers of units.</summary>
public interface INodeClient
{
    /// <summary>The ROM of a node is known, since the last bus reset: <see cref="RemoteNodes.ImageOf"/>. Work in the CPU's loop.</summary>
    void NodeKnown(int node);
}

/// <summary>What is known about a node since the last bus reset.</summary>
public enum NodeState : byte
{
    /// <summary>Nobody there, or a link that does not work; or ourselves.</summary>
    Absent,

    /// <summary>Its ROM is still to be read, or read again.</summary>
    Pending,

    /// <summary>Its ROM is there.</summary>
    Known,

    /// <summary>It has a vendor's number and no ROM that says more.</summary>
    Minimal,

    /// <summary>Its ROM was never ready, does not answer, or is none of IEEE 1394.</summary>
    Unreadable,

    /// <summary>Another node of this bus has its GUID: neither can be told from the other, and who came second is left alone.</summary>
    Duplicate,
}

/// <summary>What reading ROMs met with.</summary>
public struct RomCounters
{
    /// <summary>ROMs read as a whole, and those known from before by GUID and generation.</summary>
    public ulong Read, Remembered;

    /// <summary>Tries that met a node that was not ready, and reads that failed; speeds that had to be lowered.</summary>
    public ulong NotReady, Failed, Slowed;

    /// <summary>Nodes given up, with another's GUID, and ROMs with faults that were read all the same.</summary>
    public ulong Unreadable, Duplicates, Faulty;
}

/// <summary>
/// The other nodes and their ROMs: after each bus reset all are asked who they are, one after the other; whose GUID and generation are
/// remembered is not read again. The bus information block is read at S100, the rest as fast as the way is, or slower if the node does not
/// answer: then nobody speaks to it faster. Nothing is allocated after it was made. Source: IEEE 1394a-2000, section 8.3.2.5.
/// </summary>
public sealed class RemoteNodes : IBusClient, ITransactionHandler, ITimerHandler, IWork
{
    public const int MostClients = 8;

    /// <summary>Times that a node is asked that is not ready or fails, and how long is waited in between: some disks answer when they turn.</summary>
    public const int MostTries = 30;
    public const ulong PauseMicroseconds = 1_000_000;

    /// <summary>Who takes longer comes after all others.</summary>
    public const ulong MostMicroseconds = 200_000;

    // One for each other node, and one to read into.
    private const int Images = Topology.MostNodes + 1;

    private readonly FireWireBus _bus;
    private readonly Transaction _transaction;
    private readonly RomScan _scan = new();
    private readonly Timer _timer;
    private readonly WorkItem _work;
    private readonly RomImage[] _images = new RomImage[Images];
    private readonly ulong[] _usedAt = new ulong[Images];

    // Of the node that each is of, as far as it was lowered.
    private readonly BusSpeed[] _speeds = new BusSpeed[Images];
    private readonly Slot[] _slots = new Slot[Topology.MostNodes];
    private readonly INodeClient?[] _clients = new INodeClient?[MostClients];
    private int _clientCount, _node = Topology.Nobody;
    private ulong _resets, _begunAt;
    private bool _isInterrupted;

    /// <summary>Begins to look at a bus. Only while the kernel starts.</summary>
    public RemoteNodes(FireWireBus bus)
    {
        _bus = bus;
        _transaction = new Transaction(this);
        _timer = new Timer(this);
        _work = new WorkItem(this);
        for (int i = 0; i < Images; i++)
            _images[i] = new RomImage();
        bus.AddClient(this).Ignore("the first client of a bus"u8);
    }

    /// <summary>What happened.</summary>
    public RomCounters Counters;

    /// <summary>Tells a client of nodes to come. Only while the kernel starts.</summary>
    public Error AddClient(INodeClient client)
    {
        if (_clientCount == MostClients)
            return Error.NoResources;
        _clients[_clientCount++] = client;
        return Error.None;
    }

    /// <summary>What is known about a node.</summary>
    public NodeState StateOf(int node) => (uint)node < Topology.MostNodes ? _slots[node].State : NodeState.Absent;

    /// <summary>The ROM of a node that is known; null of all others.</summary>
    public RomImage? ImageOf(int node) => StateOf(node) == NodeState.Known ? _images[_slots[node].Image] : null;

    /// <summary>Which node has a GUID now; -1 if none is known to.</summary>
    public int NodeOf(ulong guid)
    {
        for (int i = 0; i < _slots.Length; i++)
        {
            if (_slots[i].State == NodeState.Known && _images[_slots[i].Image].Guid == guid)
                return i;
        }
        return -1;
    }

    /// <inheritdoc/>
    public void BusChanged()
    {
        _resets++;
        Topology topology = _bus.Topology;
        for (int i = 0; i < _slots.Length; i++)
        {
            bool isOther = i < topology.Count && i != topology.Local && topology[i].Self.IsLinkActive;
            _slots[i] = new Slot { State = isOther ? NodeState.Pending : NodeState.Absent };
        }
        // What is under way ends by itself, and then the first is looked for.
        _isInterrupted = _node != Topology.Nobody;
        _work.Mark();
    }

    /// <inheritdoc/>
    public bool Work(int budget)
    {
        if (_node == Topology.Nobody)
            Begin();
        return false;
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _work.Mark();

    /// <inheritdoc/>
    public void OnDone(Transaction transaction)
    {
        ref Slot slot = ref _slots[_node];
        if (_isInterrupted || transaction.Result is TransactionResult.BusReset or TransactionResult.OldGeneration)
            End(NodeState.Pending);
        else if (transaction.Result == TransactionResult.Complete)
            Take(ref slot, _scan.Take(transaction.Quadlet));
        else if (transaction.Result is TransactionResult.NoAck or TransactionResult.DataError && slot.Speed > BusSpeed.S100)
        {
            // Once is by chance; twice in a row is not.
            slot.HasMissed = !slot.HasMissed;
            if (slot.HasMissed)
            {
                Read(slot.Speed);
                return;
            }
            Counters.Slowed++;
            _speeds[slot.Image] = --slot.Speed;
            Read(slot.Speed);
        }
        else if (transaction.Result is TransactionResult.AddressError or TransactionResult.TypeError && _scan.Next >= Rom.BusBlock)
        {
            // Directories that go on where nothing is: the quadlet counts as 0.
            Counters.Failed++;
            Take(ref slot, _scan.Take(0));
        }
        else
        {
            Counters.Failed++;
            Later(ref slot);
        }
    }

    private void Take(ref Slot slot, RomResult result)
    {
        switch (result)
        {
            case RomResult.More when slot.IsLast || Clock.Microseconds < _begunAt + MostMicroseconds:
                slot.HasMissed = false;
                Read(slot.Speed);
                break;
            case RomResult.More:
                slot.IsLast = true;
                End(NodeState.Pending);
                break;
            case RomResult.Identified:
                Identify(ref slot);
                break;
            case RomResult.Done:
                Counters.Read++;
                Counters.Faulty += _scan.Image.Faults == RomFaults.None ? 0 : 1u;
                End(NodeState.Known);
                break;
            case RomResult.NotReady:
                Counters.NotReady++;
                Later(ref slot);
                break;
            case RomResult.Minimal:
                End(NodeState.Minimal);
                break;
            default:
                Counters.Unreadable++;
                End(NodeState.Unreadable);
                break;
        }
    }

    // Who it is: one that is here already, one that is remembered, or one to be read.
    private void Identify(ref Slot slot)
    {
        RomImage image = _scan.Image;
        if (NodeOf(image.Guid) >= 0 || image.Guid == _bus.OwnRom.Guid)
        {
            Counters.Duplicates++;
            End(NodeState.Duplicate);
            return;
        }
        for (int i = 0; i < Images; i++)
        {
            // Generation 0 says nothing about changes (1394a-2000, 8.3.2.5.4).
            if (i == slot.Image || _usedAt[i] == 0 || _images[i].Guid != image.Guid)
                continue;
            if (image.Options.Generation != 0 && _images[i].Options.Quadlet == image.Options.Quadlet && _images[i][0] == image[0])
            {
                slot.Image = (byte)i;
                Counters.Remembered++;
                End(NodeState.Known);
                return;
            }
            // It has changed: what was remembered is of no use.
            _usedAt[i] = 0;
        }
        // Not what it says of its link: before 1394a nothing did, and some say less than they can.
        slot.Speed = _bus.SpeedTo(_node);
        Take(ref slot, _scan.ReadRest());
    }

    private void Begin()
    {
        if (!_bus.IsUp)
            return;
        ulong due = ulong.MaxValue;
        int next = Topology.Nobody;
        _begunAt = Clock.Microseconds;
        for (int i = 0; i < _slots.Length; i++)
        {
            if (_slots[i].State != NodeState.Pending)
                continue;
            if (_slots[i].NotBefore > _begunAt)
                due = Math.Min(due, _slots[i].NotBefore);
            else if (next == Topology.Nobody || (_slots[next].IsLast && !_slots[i].IsLast))
                next = i;
        }
        if (next != Topology.Nobody)
            Begin(next);
        else if (due != ulong.MaxValue)
            _timer.StartAt(due);
    }

    private void Begin(int node)
    {
        ref Slot slot = ref _slots[node];
        _node = node;
        slot.Image = (byte)Oldest();
        slot.Speed = BusSpeed.S100;
        slot.HasMissed = false;
        _speeds[slot.Image] = BusSpeed.S800;
        _scan.Begin(_images[slot.Image]);
        Read(BusSpeed.S100);
    }

    private void Read(BusSpeed speed)
    {
        _transaction.Most = speed;
        _bus.Submit(_transaction.ReadQuadlet(_node, _bus.Generation, Rom.Address + 4 * (ulong)_scan.Next));
    }

    private void Later(ref Slot slot)
    {
        if (++slot.Tries == MostTries)
        {
            Counters.Unreadable++;
            End(NodeState.Unreadable);
            return;
        }
        slot.NotBefore = Clock.Microseconds + PauseMicroseconds;
        End(NodeState.Pending);
    }

    private void End(NodeState state)
    {
        int node = _node;
        _node = Topology.Nobody;
        _work.Mark();
        if (_isInterrupted)
        {
            _isInterrupted = false;
            return;
        }
        _slots[node].State = state;
        if (state != NodeState.Known)
            return;
        _usedAt[_slots[node].Image] = _resets;
        _bus.LimitSpeed(node, _speeds[_slots[node].Image]);
        ulong resets = _resets;
        for (int i = 0; i < _clientCount && resets == _resets; i++)
            _clients[i]!.NodeKnown(node);
    }

    // The image that nobody on this bus has and that was of use longest ago.
    private int Oldest()
    {
        int oldest = -1;
        for (int i = 0; i < Images; i++)
        {
            if (_usedAt[i] != _resets && (oldest < 0 || _usedAt[i] < _usedAt[oldest]))
                oldest = i;
        }
        if (oldest < 0)
            Bug.Stop("more ROMs are in use than there are nodes"u8);
        // Until it was read as a whole it is nobody's.
        _usedAt[oldest] = 0;
        return oldest;
    }

    private struct Slot
    {
        public NodeState State;
        public BusSpeed Speed;
        public byte Image, Tries;

        // The last read got no answer at this speed; it took too long, and waits until all others are read.
        public bool HasMissed, IsLast;
        public ulong NotBefore;
    }
}
