using System;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>Who manages the bus since the last reset, as far as we know.</summary>
public enum ManagerRole : byte
{
    /// <summary>Not decided.</summary>
    Open,

    /// <summary>We do.</summary>
    Manager,

    /// <summary>Nobody does, and we keep its resources: so we see to its root and its gap count.</summary>
    Substitute,

    /// <summary>Another node: <see cref="BusManager.ManagerId"/>.</summary>
    Other,

    /// <summary>Nobody that we know of.</summary>
    None,
}

/// <summary>What managing a bus met with.</summary>
public struct ManagerCounters
{
    /// <summary>Swaps of BUS_MANAGER_ID begun; how they ended: ours, another's, without an answer, with one that cannot be.</summary>
    public ulong Contests, Won, Lost, Unanswered, BadAnswers;

    /// <summary>Resets begun for another root; for a gap count that is another than the best, or not the same everywhere; given up after all tries.</summary>
    public ulong NewRoots, NewGaps, GivenUp;

    /// <summary>Roots that cannot be cycle master, that did not say in time, that did not obey.</summary>
    public ulong IncapableRoots, SilentRoots, DisobedientRoots;
}

/// <summary>
/// The bus manager's part: after each reset contends for it at the isochronous resource manager, and, if it is ours, sees to a root that is
/// cycle master and to a gap count that fits the tree. What must change is told to all PHYs and takes a reset; at most
/// <see cref="MostTries"/> for one tree, so others may disagree for ever without us. Source: IEEE 1394-1995, sections 8.4.2.5 and 8.4.2.6; 1394a-2000,
/// section 8.4.
/// </summary>
public sealed partial class BusManager : IBusClient, ITransactionHandler, ITimerHandler, IWork
{
    /// <summary>Who was not manager before a reset gives who was so long to be it again; after so long without one the resource manager takes its place.</summary>
    public const ulong Grace = 125_000, Absence = 625_000;

    // Of what fails; between tries of who was manager, as long as nobody else tries; until what a manager leaves undone is done by us.
    private const int MostContests = 3;
    private const ulong IncumbentPause = 20_000, Patience = 3_000_000;
    private const uint Nobody = 0x3F;

    private enum Step : byte
    {
        Rest,

        /// <summary>A transaction of an earlier bus ends first.</summary>
        Begin,
        Contend,
        ReadManager,
        ReadHeader,
        ReadOptions,
        StartCycles,
        Reset,
        CheckManager,
    }

    private readonly FireWireBus _bus;
    private readonly BroadcastChannel _broadcast;
    private readonly Transaction _transaction;
    private readonly Timer _timer;
    private readonly WorkItem _work;
    private int _contests;
    private byte _generation;
    private bool _isIncumbent, _isWaiting;
    private Step _step;

    /// <summary>Takes part in managing a bus. Only while the kernel starts.</summary>
    public BusManager(FireWireBus bus)
    {
        _bus = bus;
        _broadcast = new BroadcastChannel(bus);
        _transaction = new Transaction(this) { Most = BusSpeed.S100 };
        _timer = new Timer(this);
        _work = new WorkItem(this);
        bus.AddClient(this).Ignore("one of the first clients of a bus"u8);
    }

    /// <summary>What happened.</summary>
    public ManagerCounters Counters;

    /// <summary>What we are.</summary>
    public ManagerRole Role { get; private set; }

    /// <summary>The bus manager's number, or <see cref="Topology.Nobody"/>.</summary>
    public int ManagerId { get; private set; } = Topology.Nobody;

    /// <summary>Nodes that we told of the broadcast channel.</summary>
    public ulong NodesTold => _broadcast.Told;

    /// <summary>Nodes that did not take what we told them of it.</summary>
    public ulong NodesRefusing => _broadcast.Refused;

    private Topology Tree => _bus.Topology;

    private BusOptions Own => _bus.Controller.Options;

    private bool IsResourceManager => Tree.ResourceManager == Tree.Local;

    /// <inheritdoc/>
    public void BusChanged()
    {
        bool abdicates = _bus.Registers.TakeAbdication();
        _isIncumbent = Role == ManagerRole.Manager && !abdicates;
        Role = ManagerRole.Open;
        ManagerId = Topology.Nobody;
        LookAtTree();
        _contests = 0;
        _isWaiting = false;
        _timer.Cancel();
        _step = Step.Begin;
        if (!_transaction.IsUnderWay)
            Begin();
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _work.Mark();

    /// <inheritdoc/>
    public bool Work(int budget)
    {
        if (!_isWaiting || _timer.IsRunning)
            return false;
        _isWaiting = false;
        if (IsCurrent)
            Do();
        return false;
    }

    /// <inheritdoc/>
    public void OnDone(Transaction transaction)
    {
        if (_step == Step.Begin)
        {
            Begin();
            return;
        }
        // The reset that ended it, or that came meanwhile, begins anew.
        if (!IsCurrent || transaction.Result is TransactionResult.BusReset or TransactionResult.OldGeneration)
            return;
        bool isAnswered = transaction.Result == TransactionResult.Complete;
        switch (_step)
        {
            case Step.Contend:
                if (isAnswered)
                    Contended(transaction.Quadlet);
                else
                    ContendAgain();
                break;
            case Step.ReadManager:
                if (isAnswered && IsManager(transaction.Quadlet))
                {
                    SetOther(transaction.Quadlet);
                    break;
                }
                Role = ManagerRole.Substitute;
                Manage();
                break;
            case Step.ReadHeader or Step.ReadOptions:
                LookAtRoot(transaction, isAnswered);
                break;
            case Step.StartCycles:
                if (isAnswered)
                {
                    Settle();
                    break;
                }
                // Linux has no answers until it has dealt with the reset itself.
                if (transaction.Result == TransactionResult.TimedOut)
                {
                    AskRootAgain();
                    break;
                }
                Counters.DisobedientRoots++;
                if (!Own.CanBeCycleMaster || !TryReconfigure(Tree.Local))
                    Settle();
                break;
        }
    }

    private bool IsCurrent => _bus.IsUp && _bus.Generation == _generation;

    private void Begin()
    {
        _step = Step.Rest;
        if (!_bus.IsUp)
            return;
        _generation = _bus.Generation;
        if (Tree.ResourceManager == Topology.Nobody)
            TakeOver();
        else if (!Own.CanManageBus)
            DoWithout();
        else if (_isIncumbent)
            Contend();
        else
            Wait(Step.Contend, _bus.LastReset + Grace);
    }

    private void Wait(Step step, ulong until)
    {
        _step = step;
        _isWaiting = true;
        _timer.StartAt(until);
    }

    // What was waited for is due.
    private void Do()
    {
        switch (_step)
        {
            case Step.Contend:
                Contend();
                break;
            case Step.ReadManager:
                _bus.Submit(_transaction.ReadQuadlet(Tree.Local, _generation, BusRegisters.Base + BusRegisters.BusManagerId));
                break;
            case Step.ReadHeader:
                ReadRoot(Step.ReadHeader);
                break;
            case Step.Reset:
                Reconfigure();
                break;
            case Step.CheckManager:
                StandIn();
                break;
            case Step.Begin:
                Begin();
                break;
        }
    }

    private void Contend()
    {
        _step = Step.Contend;
        Counters.Contests++;
        _bus.Submit(_transaction.Lock(Tree.ResourceManager, _generation, BusRegisters.Base + BusRegisters.BusManagerId, LockOperation.CompareSwap,
            Nobody, (uint)Tree.Local));
    }

    // What BUS_MANAGER_ID was before the swap. That it was ours already says that an answer was lost.
    private void Contended(uint old)
    {
        if (old == Nobody || old == (uint)Tree.Local)
        {
            Counters.Won++;
            Role = ManagerRole.Manager;
            ManagerId = Tree.Local;
            Manage();
        }
        else if (IsManager(old))
        {
            Counters.Lost++;
            SetOther(old);
        }
        else
        {
            Counters.BadAnswers++;
            TakeOver();
        }
    }

    private bool IsManager(uint id) => id < (uint)Tree.Count && id != (uint)Tree.Local && Tree[(int)id].Self.IsLinkActive;

    private void ContendAgain()
    {
        Counters.Unanswered++;
        ulong now = Clock.Microseconds;
        // A resource manager that is slow after the reset: who waited for longer would be overtaken.
        if (_isIncumbent && now + IncumbentPause < _bus.LastReset + Grace)
            Wait(Step.Contend, now + IncumbentPause);
        else if (++_contests < MostContests)
            Wait(Step.Contend, now + Grace);
        else
            TakeOver();
    }

    private void SetOther(uint manager)
    {
        Role = ManagerRole.Other;
        ManagerId = (int)manager;
        Settle();
    }

    // There is no resource manager, or none that works: the root would be one, if it was us.
    private void TakeOver()
    {
        if (IsResourceManager || !Own.CanManageResources || !TryReconfigure(Tree.Local))
            DoWithout();
    }

    private void DoWithout()
    {
        if (IsResourceManager)
        {
            Wait(Step.ReadManager, _bus.LastReset + Absence);
            return;
        }
        Role = ManagerRole.None;
        Settle();
    }

    // Nothing more to do but for the broadcast channel, and what is another's to do and stays undone.
    private void Settle()
    {
        bool manages = Role is ManagerRole.Manager or ManagerRole.Substitute;
        _step = Step.Rest;
        if (!manages && (Tree.GapCount < 0 || IsIdleRoot))
            Wait(Step.CheckManager, Math.Max(_bus.LastReset + Patience, Clock.Microseconds));
        _broadcast.Begin(manages);
    }
}
