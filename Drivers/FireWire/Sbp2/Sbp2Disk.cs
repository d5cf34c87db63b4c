using System;
using Sluice.Block;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Sbp2;

/// <summary>Where a disk is in its life.</summary>
public enum DiskState : byte
{
    /// <summary>Nobody there.</summary>
    Absent,

    /// <summary>There; we log in when the time comes.</summary>
    Waiting,
    LoggingIn,

    /// <summary>Logged in, and asked what it is.</summary>
    Starting,
    Ready,

    /// <summary>A bus reset: where it is now is not known yet.</summary>
    Lost,
    Reconnecting,

    /// <summary>Something went wrong; see <c>Sbp2Disk.Recovery.cs</c>.</summary>
    Recovering,
    LoggingOut,

    /// <summary>Given up until the next bus reset.</summary>
    Failed,
}

/// <summary>
/// A disk of SBP-2, a logical unit of a node. It gets its commands and data from our memory by the controller alone, as long as the door is
/// open to its node: from after the login, until the next bus reset or until something goes wrong. So memory is taken back from it in two
/// cases: it said that the command is over, or the door was shut before. Read this file, then those of the login, of the door, of commands, of
/// SCSI, of recovery.
/// </summary>
public sealed unsafe partial class Sbp2Disk : IBlockDevice, IBlockHandler, IWork, ITimerHandler, ITransactionHandler
{
    // Longest life of a request, however often it is sent; how long a disk may be away before its requests end, and if all nodes are known and it is none of
    // them: hubs that are plugged in make nodes vanish for a moment; looks for it meanwhile.
    private const ulong RequestTime = 60_000_000, AwayTime = 15_000_000, GoneTime = 2_000_000, LookTime = 100_000;

    // A bus whose controller died says nothing: it is looked at.
    private const ulong WatchTime = 1_000_000;

    private readonly FireWireBus _bus;
    private readonly RemoteNodes _nodes;
    private readonly WorkItem _work;
    private readonly Timer _timer;
    private readonly Workarounds _asked;
    private Sbp2Unit _unit;
    private int _node = Topology.Nobody;
    private byte _generation;

    // When the present state has something to do; never in most.
    private ulong _due = ulong.MaxValue, _awayUntil, _watchAt;
    private bool _wasReady;

    internal Sbp2Disk(FireWireBus bus, RemoteNodes nodes, Neighbours neighbours, DmaDevice dma, ulong window, Workarounds asked)
    {
        _bus = bus;
        _nodes = nodes;
        _neighbours = neighbours;
        Dma = dma;
        Window = new LoginWindow(this, window);
        _asked = asked;
        _work = new WorkItem(this);
        _timer = new Timer(this);
        _probe = new BlockRequest(this);
        _managementWrite = new Transaction(this);
        _pointerWrite = new Transaction(this);
        _resetWrite = new Transaction(this);
        _doorbell = new Transaction(this);
    }

    /// <summary>What happened.</summary>
    public Sbp2Counters Counters;

    public DiskState State { get; private set; }

    /// <summary>Its node's EUI-64; 0 if nobody was here yet.</summary>
    public ulong Guid { get; private set; }

    /// <summary>Which logical unit of the node.</summary>
    public ushort LogicalUnit => _unit.LogicalUnit;

    /// <summary>What is done differently with it.</summary>
    public Workarounds Workarounds { get; private set; }

    /// <inheritdoc/>
    public bool IsReady => _wasReady && State is not (DiskState.Absent or DiskState.Failed or DiskState.LoggingOut);

    /// <inheritdoc/>
    public uint BlockBytes { get; private set; }

    /// <inheritdoc/>
    public ulong Blocks { get; private set; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; private set; }

    /// <inheritdoc/>
    public uint MostBlocks { get; private set; }

    /// <inheritdoc/>
    public DmaDevice Dma { get; }

    /// <summary>Commands that the disk has now.</summary>
    public int UnderWay { get; private set; }

    internal LoginWindow Window { get; }

    /// <summary>Logs out: all requests end, and the disk is left alone until the next bus reset.</summary>
    public void Eject()
    {
        bool isLoggedIn = State is DiskState.Starting or DiskState.Ready or DiskState.Recovering;
        EndAll(BlockResult.Removed);
        if (isLoggedIn)
        {
            State = DiskState.LoggingOut;
            Manage(ManagementFunction.Logout, _login, 0);
        }
        else
        {
            Leave(DiskState.Absent);
        }
    }

    /// <inheritdoc/>
    public bool Work(int budget)
    {
        ulong now = Clock.Microseconds;
        CheckTimes(now);
        TrySendManagement();
        TryResetAgent();
        StartCommands(now);
        TryRing();
        for (; budget > 0 && _finished.TryTake(out BlockRequest? request); budget--)
        {
            request!.IsUnderWay = false;
            request.Handler.OnDone(request);
        }
        Arm();
        return !_finished.IsEmpty;
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _work.Mark();

    /// <inheritdoc/>
    public void OnDone(Transaction transaction)
    {
        _work.Mark();
        if (transaction == _managementWrite)
            ManagementWritten(transaction.Result);
        else if (transaction.Result is TransactionResult.BusReset or TransactionResult.OldGeneration)
            return;
        else if (transaction == _resetWrite)
            AgentWasReset(transaction.Result == TransactionResult.Complete);
        // What was acknowledged and is answered too late was heard all the same: its status, or the time of a command, tells.
        else if (transaction.Result is not (TransactionResult.Complete or TransactionResult.TimedOut))
            RegisterLost();
        else if (transaction == _pointerWrite && _agent == AgentPhase.Starting)
            _agent = AgentPhase.Running;
    }

    /// <summary>Whether its place was a disk's the last time.</summary>
    internal bool IsOf(ulong guid, in Sbp2Unit unit) => guid == Guid && unit.Agent == _unit.Agent && unit.LogicalUnit == _unit.LogicalUnit;

    /// <summary>A node of the bus of now has the disk. What is known already stays as it is.</summary>
    internal void Found(int node, ulong guid, in Sbp2Unit unit)
    {
        if (State is not (DiskState.Lost or DiskState.Absent) || _isOutcast)
            return;
        if (!IsOf(guid, unit))
            _wasReady = _hasLogin = false;
        Guid = guid;
        _unit = unit;
        Workarounds = KnownBridges.Of(unit, _asked);
        _node = node;
        _generation = _bus.Generation;
        if (_hasLogin && Clock.Microseconds < _holdUntil)
            Reconnect();
        else
            LogInLater(LoginPause);
    }

    /// <summary>A bus reset: the target has ended all tasks, and the controller has shut the door.</summary>
    internal void BusChanged()
    {
        if (State == DiskState.Absent && Guid == 0)
            return;
        ulong now = Clock.Microseconds;
        _phase = ManagementPhase.None;
        _hasLogin = State is DiskState.Starting or DiskState.Ready or DiskState.Recovering or DiskState.Reconnecting || (State == DiskState.Lost && _hasLogin);
        _holdUntil = now + _holdTime;
        _agent = AgentPhase.Unknown;
        IsLoose = IsDoorOpen = false;
        TakeAllBack(counts: false);
        _node = Topology.Nobody;
        (_isOutcast, _willBeOutcast) = (_willBeOutcast, false);
        if (State == DiskState.Absent || _isOutcast)
            return;
        _awayUntil = State == DiskState.Lost ? _awayUntil : now + AwayTime;
        State = DiskState.Lost;
        _due = now + LookTime;
        _work.Mark();
    }

    internal bool IsFrom(in IncomingRequest request) =>
        request.Node == _node && request.Generation == _generation && _generation == _bus.Generation && !request.IsBroadcast;

    // The present state's own time, and those of commands.
    private void CheckTimes(ulong now)
    {
        CheckManagement(now);
        CheckCommands(now);
        if (State is not (DiskState.Absent or DiskState.Lost) && now >= _watchAt)
        {
            _watchAt = now + WatchTime;
            if (!_bus.IsUp)
            {
                Shut(counts: false);
                BusChanged();
            }
        }
        if (now < _due)
            return;
        _due = ulong.MaxValue;
        switch (State)
        {
            case DiskState.Waiting:
                LogIn();
                break;
            case DiskState.Starting:
                Probe();
                break;
            case DiskState.Recovering:
                RecoveryDue();
                break;
            case DiskState.Lost:
                if (now >= _awayUntil || (now >= _bus.LastReset + GoneTime && !MayCome()))
                    Leave(DiskState.Absent);
                else
                    _due = now + LookTime;
                break;
        }
    }

    // Whether some node is still to be asked who it is, or is the disk.
    private bool MayCome()
    {
        if (!_bus.IsUp || _nodes.NodeOf(Guid) >= 0)
            return true;
        for (int i = 0; i < Topology.MostNodes; i++)
        {
            if (_nodes.StateOf(i) == NodeState.Pending)
                return true;
        }
        return false;
    }

    // Nothing is done with it any more until it is found again.
    private void Leave(DiskState state)
    {
        EndAll(state == DiskState.Failed ? BlockResult.TimedOut : BlockResult.Removed);
        _phase = ManagementPhase.None;
        _hasLogin = false;
        _due = ulong.MaxValue;
        FreeMemory();
        State = state;
        Counters.GivenUp += state == DiskState.Failed ? 1u : 0;
        LeaveOthers();
    }

    private void Arm()
    {
        ulong due = Math.Min(Math.Min(_due, NextManagementDue), NextCommandDue());
        if (State is not (DiskState.Absent or DiskState.Lost))
            due = Math.Min(due, _watchAt);
        if (due == ulong.MaxValue)
            _timer.Cancel();
        else if (!_timer.IsRunning || _timer.Due != due)
            _timer.StartAt(due);
    }
}
