using System;
using System.Collections.Generic;
using Sluice.Devices.Pci;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Tests.Fuzz;

/// <summary>A card in the machine's slot, which may misbehave.</summary>
internal interface IHostileFunction
{
    /// <summary>The card as PCI sees it.</summary>
    SimulatedFunction Function { get; }

    /// <summary>What stands between it and its driver.</summary>
    HostileBus Bus { get; }

    /// <summary>Whether it stays bus master whatever software says.</summary>
    bool StaysBusMaster { get; }

    /// <summary>Is made as a bad card: what it does wrong from the beginning.</summary>
    void BecomeBad(Choices choices);

    /// <summary>Chooses something that this card may do wrong; called, it does it.</summary>
    Action ChooseMisdeed(Choices choices);

    /// <summary>From now on it is a good card, in the state that it is in.</summary>
    void Behave();
}

/// <summary>
/// One life of a card in a machine: it is probed, used while it misbehaves, and removed; then an honest card in the same slot must work as if nothing had been.
/// </summary>
internal abstract class CardLife(FuzzMachine machine, Choices choices, Outcomes outcomes)
{
    protected const ulong Second = 1_000_000;

    // Longer than a driver may take to notice that its card is gone, whatever it was doing.
    protected const ulong LongestNotice = 2_500_000;

    protected readonly FuzzMachine _machine = machine;
    protected readonly Choices _choices = choices;
    protected readonly Outcomes _outcomes = outcomes;
    private readonly List<Frame> _starved = [];

    /// <summary>The card of now.</summary>
    protected abstract IHostileFunction Card { get; }

    /// <summary>Its driver, once it was probed.</summary>
    protected abstract Driver? Driver { get; }

    /// <summary>Whether the driver works with it.</summary>
    protected abstract bool IsRunning { get; }

    /// <summary>Whether the driver keeps memory for good as the card cannot be stopped.</summary>
    protected abstract bool HasAbandoned { get; }

    /// <summary>What is done with it at most.</summary>
    protected abstract int MostOperations { get; }

    /// <summary>All of it. False if the machine is not to be used again, as what was done to it cannot be undone and need not be.</summary>
    public bool Live()
    {
        PowerOn(_choices.Below(1 << 16));
        _machine.Watch(Card.Bus.Turn, Card.Bus.TurnAtRead);
        Card.BecomeBad(_choices);
        ChooseInterruptWays();
        for (int span = _choices.BeginSpan(); _choices.OneIn(2); span = _choices.BeginSpan())
        {
            Plan();
            _choices.EndSpan(span);
        }
        bool isKept = true;
        ulong reports = _machine.DriverReports;
        if (TryProbe())
        {
            MakeUsers();
            Operate();
            if (_choices.OneIn(3))
                Recover();
            isKept = Remove();
            MustAddUp();
            Count();
        }
        else
        {
            // What a card that cannot be stopped had stays its own.
            isKept = !Card.StaysBusMaster || !_machine.HoldsAnything;
        }
        Must(_machine.DriverReports == reports, "the checker reports the driver", _machine.LastReport);
        if (!isKept)
            return false;
        Must(!_machine.HoldsAnything, "a driver that is through holds memory");
        Must(!Card.Function.IsBusMaster || Card.StaysBusMaster, "memory was given back and the card may still write it");
        _machine.Watch(null, null);
        _machine.MustBePristine();
        LiveHonestly(isFirst: false);
        return true;
    }

    /// <summary>An honest card has been in a new machine, twice: the first makes grow what grows, and keeps it.</summary>
    protected static FuzzMachine Prepare(FuzzMachine machine, Func<Choices, Outcomes, CardLife> life)
    {
        var nothing = new Choices();
        nothing.Begin([]);
        for (int i = 0; i < 2; i++)
        {
            life(nothing, new Outcomes()).LiveHonestly(isFirst: true);
            machine.NotePristine();
        }
        return machine;
    }

    /// <summary>Puts a new card into the slot.</summary>
    protected abstract void PowerOn(int seed);

    /// <summary>Probes it; after an error there is no driver.</summary>
    protected abstract Error Probe();

    /// <summary>Makes who uses it.</summary>
    protected abstract void MakeUsers();

    /// <summary>Does something with it; false at the end.</summary>
    protected abstract bool TryOperate();

    /// <summary>What must be so once the card is good again.</summary>
    protected abstract void MustRecover();

    /// <summary>Time passes until nobody waits for a card that is gone.</summary>
    protected abstract void PassRemoval();

    /// <summary>What must be so of counters and users, at the end.</summary>
    protected abstract void MustAddUp();

    /// <summary>Adds what this life came to.</summary>
    protected abstract void Count();

    /// <summary>Uses an honest card, which must work.</summary>
    protected abstract void MustWork();

    /// <summary>The users of an honest card end.</summary>
    protected virtual void EndUsers()
    {
    }

    /// <summary>What the world outside does while time passes.</summary>
    protected virtual void Turn() => Card.Bus.BeginCall();

    protected void Plan()
    {
        bool atReads = _choices.OneIn(2);
        int turns = _choices.Small(atReads ? 60 : 600);
        Card.Bus.Plan(turns, atReads, Card.ChooseMisdeed(_choices));
    }

    protected void Starve()
    {
        _choices.Tell(_starved.Count == 0 ? "somebody has all frames" : "the frames are back");
        if (_starved.Count != 0)
        {
            Feed();
            return;
        }
        int left = _choices.Small(8);
        while (_machine.Pool.FreeCount > left && _machine.Pool.TryTake(out Frame frame))
            _starved.Add(frame);
    }

    protected void Feed()
    {
        foreach (Frame frame in _starved)
            frame.Free();
        _starved.Clear();
    }

    protected T Call<T>(string what, Func<T> call)
    {
        const ulong longest = 2 * Second;
        Card.Bus.BeginCall();
        ulong begin = _machine.Clock.ElapsedMicroseconds;
        T result = call();
        ulong took = _machine.Clock.ElapsedMicroseconds - begin;
        Must(took < longest, "a call of the driver takes too long", $"{what}: {took} us");
        return result;
    }

    protected void Advance(ulong microseconds) => _machine.Advance(microseconds, Turn);

    protected void AdvanceOneOf(ReadOnlySpan<ulong> times, params int[] weights)
    {
        ulong time = times[_choices.Pick(weights)];
        _choices.Tell($"{time} us pass");
        Advance(time);
    }

    protected static void Must(bool condition, string rule, string what = "")
    {
        if (!condition)
            throw new FuzzFailureException(rule, what);
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

    private bool TryProbe()
    {
        _choices.Tell("probe");
        Error error = Call("probe", Probe);
        _outcomes.Add(error == Error.None ? "probe: succeeds" : $"probe: {error}");
        Must(error == Error.None || Driver == null, "a probe that failed made a driver");
        return error == Error.None;
    }

    // A driver that has let go of its memory must have taken the right to write it before.
    private void Operate()
    {
        for (int i = 0; i < MostOperations; i++)
        {
            int span = _choices.BeginSpan();
            bool goesOn = TryOperate();
            _choices.EndSpan(span);
            if (!goesOn)
                return;
            if (Card.Function.IsBusMaster && !Card.StaysBusMaster)
                Must(_machine.HoldsAnything, "memory was given back and the card may still write it");
        }
        _choices.End();
    }

    // One that stays bus master will not let go of memory, and be given up.
    private void Recover()
    {
        if (Card.Function.IsGone || Card.StaysBusMaster)
            return;
        _choices.Tell("the card is good from now on");
        Card.Behave();
        // Whoever waits with frames for a card that waits for frames gives up first.
        Feed();
        MustRecover();
    }

    // False if the machine is not to be used again.
    private bool Remove()
    {
        switch (_choices.Pick(4, 3, 3))
        {
            case 0:
                _choices.Tell("the card is pulled");
                Card.Function.IsGone = true;
                break;
            case 1:
                Quiesce();
                break;
            default:
                _choices.Tell("the card's registers answer no longer");
                Card.Bus.ForgetPlans();
                Card.Bus.PlanLie(null, int.MaxValue, _ => ulong.MaxValue);
                break;
        }
        for (int misdeeds = _choices.Pick(3, 1, 1); misdeeds > 0; misdeeds--)
            Card.Bus.Do(Card.ChooseMisdeed(_choices));
        PassRemoval();
        if (HasAbandoned)
        {
            Must(Card.StaysBusMaster, "memory was abandoned without need");
            // One that was pulled after that lets go of it at last.
            return !_machine.HoldsAnything;
        }
        Must(!IsRunning, "a card that is gone was not given up");
        return true;
    }

    private void Quiesce()
    {
        _choices.Tell("quiesce");
        Call("quiesce", () =>
        {
            Driver!.Quiesce();
            return true;
        });
        _outcomes.Add("quiesced");
        Must(!Card.Function.IsBusMaster || Card.StaysBusMaster, "a card that was made silent may still write memory");
        Must(_machine.Interrupts.Taken == 0, "a card that was made silent may still interrupt");
    }

    // An honest card comes, is used, and goes.
    private void LiveHonestly(bool isFirst)
    {
        PowerOn(0);
        ulong reports = _machine.CountReports();
        Error error = Call("probe", Probe);
        Must(error == Error.None && Driver != null, "an honest card is not driven", $"{error}");
        MustWork();
        Must(Card.Function.Violations.Count == 0, "an honest card is misused", string.Join("; ", Card.Function.Violations));
        Card.Function.IsGone = true;
        Advance(LongestNotice);
        Must(!IsRunning, "a card that is gone was not given up");
        EndUsers();
        if (isFirst)
            return;
        _machine.MustBePristine();
        Must(_machine.Dma.Ram.Faults.Count == 0, "an honest card was sent to where no memory is");
        Must(_machine.CountReports() == reports, "the checker reports an honest card", _machine.LastReport);
    }
}
