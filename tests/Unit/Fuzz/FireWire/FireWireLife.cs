using System;
using System.Linq;
using Sluice.Drivers;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;
using Sluice.Pci;
using Sluice.Platform;
using Sluice.Tests.Dma;
using Sluice.Tests.FireWire;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.Fuzz.FireWire;

/// <summary>
/// One life of a FireWire controller: it is probed, its bus is used while it and the nodes on it misbehave, and it is removed; then an honest one in
/// the same slot must work as if nothing had been.
/// </summary>
internal sealed partial class FireWireLife
{
    private const int MostOperations = 40;
    private const ulong Second = 1_000_000;

    // Longer than a driver may take to notice that its card is gone, or a transaction to end.
    private const ulong LongestNotice = 2_500_000;

    // Longer than a bus, and who manages it, plans ahead.
    private const ulong LongestPlan = 20_000_000;

    private readonly FuzzMachine _machine;
    private readonly Choices _choices;
    private readonly Outcomes _outcomes;
    private HostileOhci _card = null!;
    private MemoryNode _peer = null!;
    private Simulator _simulator = null!;
    private ulong _began;
    private Ohci? _driver;

    public FireWireLife(FuzzMachine machine, Choices choices, Outcomes outcomes) => (_machine, _choices, _outcomes) = (machine, choices, outcomes);

    /// <summary>A machine for lives, in which an honest card has already been.</summary>
    public static FuzzMachine NewMachine(MachineKind kind, int frames)
    {
        var machine = new FuzzMachine(kind, frames, new HostileOhci(null));
        // Twice: the first makes grow what grows, and keeps it.
        var nothing = new Choices();
        nothing.Begin([]);
        for (int i = 0; i < 2; i++)
        {
            new FireWireLife(machine, nothing, new Outcomes()).LiveHonestly(isFirst: true);
            machine.NotePristine();
        }
        return machine;
    }

    /// <summary>All of it. False if the machine is not to be used again, as what was done to it cannot be undone and need not be.</summary>
    public bool Live()
    {
        PowerOn(_choices.Below(1 << 16));
        _machine.Watch(_card.Bus.Turn, _card.Bus.TurnAtRead);
        _card.BecomeBad(_choices);
        ChooseInterruptWays();
        for (int span = _choices.BeginSpan(); _choices.OneIn(2); span = _choices.BeginSpan())
        {
            Plan();
            _choices.EndSpan(span);
        }
        bool isKept = true;
        ulong reports = _machine.DriverReports;
        if (Probe(ref isKept))
        {
            MakeUsers();
            Operate();
            if (_choices.OneIn(3))
                Recover();
            isKept = Remove();
            MustAddUp();
            Count();
        }
        Must(_machine.DriverReports == reports, "the checker reports the driver", _machine.LastReport);
        if (!isKept)
            return false;
        Must(!_machine.HoldsAnything, "a driver that is through holds memory");
        Must(!_card.IsBusMaster || _card.StaysBusMaster, "memory was given back and the card may still write it");
        _machine.Watch(null, null);
        _machine.MustBePristine();
        LiveHonestly(isFirst: false);
        return true;
    }

    // A card on a bus with one node.
    private void PowerOn(int seed)
    {
        _card = new HostileOhci(_machine);
        _simulator = new Simulator();
        var bus = new Model.FireWireBus(_simulator, (ulong)seed + 1);
        Model.Phy ours = bus.Add("ours", _card.Controller, new Model.PhyTraits(1, Model.Speed.S400, IsContender: true));
        _peer = new MemoryNode(new BusInformation(0x1234, MaxRecord: 10));
        _card.Peer = bus.Add("peer", _peer, new Model.PhyTraits(1, Model.Speed.S400));
        bus.Connect(_card.Peer, ours);
        _machine.PowerOn(_card, seed);
        _began = _machine.Clock.ElapsedMicroseconds;
        _machine.OutsideDue = () => _simulator.Next == long.MaxValue ? ulong.MaxValue : _began + (ulong)(_simulator.Next / (BusTime.TicksPerSecond / 1e6)) + 1;
    }

    private void ChooseInterruptWays()
    {
        int ways = _choices.Pick(6, 2, 2, 1);
        PciBus.AllowMessages = ways is 0 or 1;
        if (ways == 1)
            _machine.Interrupts.VectorsLeft = 0;
        if (ways == 3)
            _machine.Interrupts.LinesAreRouted = false;
    }

    private bool Probe(ref bool isKept)
    {
        _choices.Tell("probe");
        Driver? driver = null;
        Error error = Call("probe", () => Ohci.Probe(_machine.Function, out driver));
        _outcomes.Add(error == Error.None ? "probe: succeeds" : $"probe: {error}");
        _driver = (Ohci?)driver;
        if (error == Error.None)
            return true;
        Must(_driver == null, "a probe that failed made a driver");
        // What a card that cannot be stopped had stays its own.
        isKept = !_card.StaysBusMaster || !_machine.HoldsAnything;
        return false;
    }

    private void Recover()
    {
        // One that stays bus master will not let go of memory, and be given up.
        if (_card.IsGone || _card.StaysBusMaster)
            return;
        _choices.Tell("the card is good from now on");
        _card.Behave();
        Feed();
        Advance(9 * Second);
        if (!_driver!.IsRunning)
        {
            Must(!_machine.HoldsAnything || _driver.Abandoned, "a card neither runs nor is given up");
            _outcomes.Add("recovery: given up before");
            return;
        }
        Must(_tasks!.All(task => !task.Transaction.IsUnderWay), "a good card does not end what it was asked for");
        Call("reset", () => _driver.Reset(isLong: true));
        Advance(4 * Second);
        Must(_driver.IsRunning && (_driver.Bus.IsUp || _card.IsAstray), "a good card does not survive a bus reset");
        if (_card.IsAstray)
            return;
        MustRead("a good card does not read");
        _outcomes.Add("recovery: reads");
    }

    private void MustRead(string rule)
    {
        var task = new Once();
        var read = new Transaction(task);
        for (int i = 0; i < 3 && task.Result != TransactionResult.Complete; i++)
        {
            _driver!.Bus.Submit(read.ReadQuadlet(_peer.Phy.PhysicalId, _driver.Bus.Generation, Rom.Address));
            Advance(Second);
        }
        Must(task.Result == TransactionResult.Complete && read.Quadlet >> 24 == 4, rule, $"{task.Result}, {read.Quadlet:x}");
    }

    // False if the machine is not to be used again.
    private bool Remove()
    {
        switch (_choices.Pick(4, 3, 3))
        {
            case 0:
                _choices.Tell("the card is pulled");
                _card.IsGone = true;
                break;
            case 1:
                _choices.Tell("quiesce");
                Call("quiesce", () =>
                {
                    _driver!.Quiesce();
                    return true;
                });
                _outcomes.Add("quiesced");
                Must(!_card.IsBusMaster || _card.StaysBusMaster, "a card that was made silent may still write memory");
                Must(_machine.Interrupts.Taken == 0, "a card that was made silent may still interrupt");
                break;
            default:
                _choices.Tell("the card's registers answer no longer");
                _card.Bus.ForgetPlans();
                _card.Bus.PlanLie(null, int.MaxValue, _ => ulong.MaxValue);
                break;
        }
        for (int misdeeds = _choices.Pick(3, 1, 1); misdeeds > 0; misdeeds--)
            _card.Bus.Do(_card.ChooseMisdeed(_choices));
        Feed();
        Advance(LongestPlan);
        if (_driver!.Abandoned)
        {
            Must(_card.StaysBusMaster, "memory was abandoned without need");
            return !_machine.HoldsAnything;
        }
        Must(!_driver.IsRunning, "a card that is gone was not given up");
        return true;
    }

    // An honest card comes, is used, and goes.
    private void LiveHonestly(bool isFirst)
    {
        PowerOn(0);
        ulong reports = _machine.CountReports();
        Driver? driver = null;
        Error error = Call("probe", () => Ohci.Probe(_machine.Function, out driver));
        Must(error == Error.None && driver != null, "an honest card is not driven", $"{error}");
        _driver = (Ohci)driver!;
        Advance(300_000);
        Must(_driver.Bus.IsUp && _driver.Bus.Topology.Count == 2, "an honest card has no bus", $"{_driver.Bus.Topology.Count}");
        MustRead("an honest card does not read");
        Must(_card.Violations.Count == 0, "an honest card is misused", string.Join("; ", _card.Violations));
        _card.IsGone = true;
        Advance(LongestNotice);
        Must(!_driver.IsRunning, "a card that is gone was not given up");
        if (isFirst)
            return;
        _machine.MustBePristine();
        Must(_machine.Dma.Ram.Faults.Count == 0, "an honest card was sent to where no memory is");
        Must(_machine.CountReports() == reports, "the checker reports an honest card", _machine.LastReport);
    }

    private T Call<T>(string what, Func<T> call)
    {
        const ulong longest = 2 * Second;
        _card.Bus.BeginCall();
        ulong begin = _machine.Clock.ElapsedMicroseconds;
        T result = call();
        ulong took = _machine.Clock.ElapsedMicroseconds - begin;
        Must(took < longest, "a call of the driver takes too long", $"{what}: {took} us");
        return result;
    }

    private void Advance(ulong microseconds) => _machine.Advance(microseconds, () =>
    {
        _card.Bus.BeginCall();
        _card.DoBusActions();
        long now = BusTime.Microseconds(_machine.Clock.ElapsedMicroseconds - _began);
        if (now > _simulator.Now)
            _simulator.RunTo(now);
        _simulator.RunActivity();
    });

    private static void Must(bool condition, string rule, string what = "")
    {
        if (!condition)
            throw new FuzzFailureException(rule, what);
    }

    private sealed class Once : ITransactionHandler
    {
        public TransactionResult? Result { get; private set; }

        public void OnDone(Transaction transaction) => Result = transaction.Result;
    }
}
