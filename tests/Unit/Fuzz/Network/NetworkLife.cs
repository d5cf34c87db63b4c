using System;
using System.Linq;
using Sluice.Drivers;
using Sluice.Net;
using Sluice.Pci;
using Sluice.Platform;
using Sluice.Tests.Dma;

namespace Sluice.Tests.Fuzz.Network;

/// <summary>
/// One life of a card in a machine: it is probed, used by the IPv4 stack or by hand while it misbehaves, and removed; then an honest card in the same slot
/// must work as if nothing had been.
/// </summary>
internal sealed partial class NetworkLife
{
    private const int MostOperations = 48;
    private const ulong Second = 1_000_000;

    private readonly INetworkCardKind _kind;
    private readonly FuzzMachine _machine;
    private readonly Choices _choices;
    private readonly Outcomes _outcomes;
    private readonly IHostileCard _card;
    private readonly Peer _peer;

    private Driver? _driver;
    private INetworkDevice? _device;
    private Inspector? _inspector;
    private IpInterface? _ip;

    public NetworkLife(INetworkCardKind kind, FuzzMachine machine, Choices choices, Outcomes outcomes)
    {
        (_kind, _machine, _choices, _outcomes) = (kind, machine, choices, outcomes);
        _card = kind.New(machine);
        _peer = new Peer(() => _device?.Address ?? default);
    }

    /// <summary>A machine for lives, in which an honest card has already been.</summary>
    public static FuzzMachine NewMachine(INetworkCardKind kind, MachineKind machineKind, int frames)
    {
        var machine = new FuzzMachine(machineKind, frames, kind.New(null).Function);
        // Twice: the first makes grow what grows, and keeps it.
        var nothing = new Choices();
        nothing.Begin([]);
        for (int i = 0; i < 2; i++)
        {
            new NetworkLife(kind, machine, nothing, new Outcomes()).LiveHonestly(isFirst: true);
            machine.NotePristine();
        }
        return machine;
    }

    /// <summary>All of it. False if the machine is not to be used again, as what was done to it cannot be undone and need not be.</summary>
    public bool Live()
    {
        _machine.PowerOn(_card.Function, _choices.Below(1 << 16));
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
        MustHaveLetGo();
        _machine.Watch(null, null);
        _machine.MustBePristine();
        new NetworkLife(_kind, _machine, _choices, _outcomes).LiveHonestly(isFirst: false);
        return true;
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
        Error error = Call("probe", () => _kind.Probe(_machine.Function, out _driver));
        _outcomes.Add(error == Error.None ? "probe: succeeds" : $"probe: {error}");
        if (error == Error.None)
        {
            _device = _inspector = new Inspector((INetworkDevice)_driver!, _card.Bus);
            if (_choices.Pick(3, 1) == 0)
                MakeStack();
            else
                MakeListener();
            return true;
        }
        Must(_driver == null, "a probe that failed made a driver");
        // What a card that cannot be stopped had stays its own.
        isKept = !_card.StaysBusMaster || !_machine.HoldsAnything;
        return false;
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

    private void Advance(ulong microseconds) => _machine.Advance(microseconds, () => _card.Bus.BeginCall());

    private static void Must(bool condition, string rule, string what = "")
    {
        if (!condition)
            throw new FuzzFailureException(rule, what);
    }
}
