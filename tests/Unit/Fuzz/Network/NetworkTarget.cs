using System.Linq;
using Sluice.Tests.Dma;

namespace Sluice.Tests.Fuzz.Network;

/// <summary>Lives of one kind of network card.</summary>
internal sealed class NetworkTarget(INetworkCardKind kind)
    : CardTarget(kind.Name, [.. _machines.Select(one => new FuzzMachineKind(one.Kind, one.HasMany ? ManyFrames : kind.RingFrames + SpareFrames, one.Weight))])
{
    // Few frames, as rings that are filled cost most; some machines have enough for a whole ring. Machines whose lives take long come seldom.
    private const int SpareFrames = 16, ManyFrames = 600;

    private static readonly (MachineKind Kind, bool HasMany, int Weight)[] _machines =
    [
        (new(), false, 80),
        (new(Bounced: true), false, 32),
        (new(64, 1), false, 5),
        (new(32, 2), false, 3),
        (new(128, 3, true), false, 3),
        (new(), true, 8),
        (new(Bounced: true), true, 2),
        (new(Checked: true), false, 2),
        (new(Bounced: true, Checked: true), false, 1),
        (new(64, 4, Checked: true), false, 1),
    ];

    protected override FuzzMachine NewMachine(MachineKind machine, int frames) => NetworkLife.NewMachine(kind, machine, frames);

    protected override CardLife NewLife(FuzzMachine machine, Choices choices, Outcomes outcomes) => new NetworkLife(kind, machine, choices, outcomes);
}
