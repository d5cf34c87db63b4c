using Sluice.Drivers;
using Sluice.Net;
using Sluice.Platform;
using Sluice.Tests.Dma;

namespace Sluice.Tests.Fuzz.Network;

/// <summary>A life of a network card, which the IPv4 stack uses, or somebody by hand.</summary>
internal sealed partial class NetworkLife : CardLife
{
    private readonly INetworkCardKind _kind;
    private readonly Peer _peer;

    private IHostileCard _card = null!;
    private Driver? _driver;
    private INetworkDevice? _device;
    private Inspector? _inspector;
    private IpInterface? _ip;

    public NetworkLife(INetworkCardKind kind, FuzzMachine machine, Choices choices, Outcomes outcomes) : base(machine, choices, outcomes)
    {
        _kind = kind;
        _peer = new Peer(() => _device?.Address ?? default);
    }

    protected override IHostileFunction Card => _card;

    protected override Driver? Driver => _driver;

    protected override bool IsRunning => _kind.IsRunning(_driver!);

    protected override bool HasAbandoned => _kind.HasAbandoned(_driver!);

    protected override int MostOperations => 48;

    /// <summary>A machine for lives, in which an honest card has already been.</summary>
    public static FuzzMachine NewMachine(INetworkCardKind kind, MachineKind machineKind, int frames)
    {
        var machine = new FuzzMachine(machineKind, frames, kind.New(null).Function);
        return Prepare(machine, (choices, outcomes) => new NetworkLife(kind, machine, choices, outcomes));
    }

    protected override void PowerOn(int seed)
    {
        _card = _kind.New(_machine);
        (_driver, _device, _inspector, _ip) = (null, null, null, null);
        _machine.PowerOn(_card.Function, seed);
    }

    protected override Error Probe() => _kind.Probe(_machine.Function, out _driver);

    protected override void MakeUsers()
    {
        Inspect();
        if (_choices.Pick(3, 1) == 0)
            MakeStack();
        else
            MakeListener();
    }

    private void Inspect() => _device = _inspector = new Inspector((INetworkDevice)_driver!, _card.Bus);
}
