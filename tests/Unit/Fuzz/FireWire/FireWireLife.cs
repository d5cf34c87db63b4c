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

/// <summary>A life of a FireWire controller and its bus, where nodes misbehave, too.</summary>
internal sealed partial class FireWireLife : CardLife
{
    // Longer than a bus, and who manages it, plans ahead.
    private const ulong LongestPlan = 20_000_000;

    private HostileOhci _card = null!;
    private MemoryNode _peer = null!;
    private Simulator _simulator = null!;
    private ulong _began;
    private Ohci? _driver;

    public FireWireLife(FuzzMachine machine, Choices choices, Outcomes outcomes) : base(machine, choices, outcomes)
    {
    }

    protected override IHostileFunction Card => _card;

    protected override Driver? Driver => _driver;

    protected override bool IsRunning => _driver!.IsRunning;

    protected override bool HasAbandoned => _driver!.Abandoned;

    protected override int MostOperations => 40;

    /// <summary>A machine for lives, in which an honest card has already been.</summary>
    public static FuzzMachine NewMachine(MachineKind kind, int frames)
    {
        var machine = new FuzzMachine(kind, frames, new HostileOhci(null));
        DiskUser.Grow(machine.Function.Dma);
        return Prepare(machine, (choices, outcomes) => new FireWireLife(machine, choices, outcomes));
    }

    // A card on a bus with one node.
    protected override void PowerOn(int seed)
    {
        (_card, _driver) = (new HostileOhci(_machine), null);
        _simulator = new Simulator();
        var bus = new Model.FireWireBus(_simulator, (ulong)seed + 1);
        Model.Phy ours = bus.Add("ours", _card.Controller, new Model.PhyTraits(1, Model.Speed.S400, IsContender: true));
        _peer = new MemoryNode(new BusInformation(0x1234, MaxRecord: 10));
        _card.Peer = bus.Add("peer", _peer, new Model.PhyTraits(2, Model.Speed.S400));
        bus.Connect(_card.Peer, ours);
        _machine.PowerOn(_card, seed);
        _began = _machine.Clock.ElapsedMicroseconds;
        _machine.OutsideDue = () => _simulator.Next == long.MaxValue ? ulong.MaxValue : _began + (ulong)(_simulator.Next / (BusTime.TicksPerSecond / 1e6)) + 1;
    }

    protected override Error Probe()
    {
        Error error = Ohci.Probe(_machine.Function, out Driver? driver);
        _driver = (Ohci?)driver;
        return error;
    }

    protected override void MustRecover()
    {
        EndCycles();
        Advance(9 * Second);
        if (!IsRunning)
        {
            if (_user != null)
                Advance(LongestPlan);
            _user?.End();
            _user = null;
            Must(!_machine.HoldsAnything || HasAbandoned, "a card neither runs nor is given up");
            _outcomes.Add("recovery: given up before");
            return;
        }
        Must(_tasks!.All(task => !task.Transaction.IsUnderWay), "a good card does not end what it was asked for");
        Call("reset", () => _driver!.Reset(isLong: true));
        Advance(4 * Second);
        Must(_driver!.IsRunning && (_driver.Bus.IsUp || _card.IsAstray), "a good card does not survive a bus reset");
        if (_card.IsAstray)
            return;
        MustRead("a good card does not read");
        // Without messages interrupts may be polled, for which time is too coarse.
        if (PciBus.AllowMessages && _machine.Interrupts.VectorsLeft != 0)
            _user?.MustWork();
        _outcomes.Add("recovery: reads");
    }

    protected override void PassRemoval()
    {
        Feed();
        EndCycles();
        Advance(LongestPlan);
        if (!IsRunning)
            _user?.End();
    }

    protected override void MustWork()
    {
        Advance(300_000);
        Must(_driver!.Bus.IsUp && _driver.Bus.Topology.Count == 2, "an honest card has no bus", $"{_driver.Bus.Topology.Count}");
        MustRead("an honest card does not read");
    }

    protected override void Turn()
    {
        base.Turn();
        _card.DoBusActions();
        long now = BusTime.Microseconds(_machine.Clock.ElapsedMicroseconds - _began);
        if (now > _simulator.Now)
            _simulator.RunTo(now);
        _simulator.RunActivity();
    }

    // Behind the peer, whose cable it shares.
    private void PlugIn(Model.Link node)
    {
        Model.FireWireBus bus = _card.Peer!.Bus;
        bus.Connect(bus.Add("another", node, new Model.PhyTraits(1, Model.Speed.S400)), _card.Peer);
    }

    // So many of them, with streams, take long.
    private void EndCycles()
    {
        if (_user is StreamUser)
            _card.Controller.Write(Sluice.FireWire.Ohci.OhciRegister.LinkControl + 4, (uint)Sluice.FireWire.Ohci.LinkControl.CycleMaster);
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

    private sealed class Once : ITransactionHandler
    {
        public TransactionResult? Result { get; private set; }

        public void OnDone(Transaction transaction) => Result = transaction.Result;
    }
}
