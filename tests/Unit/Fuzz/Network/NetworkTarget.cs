using System.Collections.Generic;
using Sluice.Tests.Dma;

namespace Sluice.Tests.Fuzz.Network;

/// <summary>Lives of one kind of card, each on one of some machines, which are made once and kept while they are as they were.</summary>
internal sealed class NetworkTarget(INetworkCardKind kind) : IFuzzTarget
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

    private static readonly int[] _weights = [.. System.Linq.Enumerable.Select(_machines, machine => machine.Weight)];

    private readonly Dictionary<int, FuzzMachine> _made = [];

    public string Name => kind.Name;

    public void Run(Choices choices, Outcomes outcomes)
    {
        int which = choices.Pick(_weights);
        (MachineKind machineKind, bool hasMany, _) = _machines[which];
        int frames = hasMany ? ManyFrames : kind.RingFrames + SpareFrames;
        choices.Tell($"a machine that is {machineKind}, {frames} frames");
        if (!_made.TryGetValue(which, out FuzzMachine? machine))
            _made.Add(which, machine = NetworkLife.NewMachine(kind, machineKind, frames));
        bool isPristine = false;
        try
        {
            isPristine = new NetworkLife(kind, machine, choices, outcomes).Live();
        }
        finally
        {
            if (!isPristine)
            {
                _made.Remove(which);
                machine.Dispose();
                outcomes.Add("machine: made anew");
            }
        }
    }

    public void Dispose()
    {
        foreach (FuzzMachine machine in _made.Values)
            machine.Dispose();
    }
}
