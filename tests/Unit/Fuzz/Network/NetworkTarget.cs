using System.Collections.Generic;
using Sluice.Tests.Dma;

namespace Sluice.Tests.Fuzz.Network;

/// <summary>Lives of one kind of card, each on one of some machines, which are made once and kept while they are as they were.</summary>
internal sealed class NetworkTarget(INetworkCardKind kind) : IFuzzTarget
{
    // Few frames, as rings that are filled cost most; some machines have enough for a whole ring.
    private const int FewFrames = 48, ManyFrames = 600;

    private static readonly (MachineKind Kind, int Frames, int Weight)[] _machines =
    [
        (new(), FewFrames, 40),
        (new(Bounced: true), FewFrames, 16),
        (new(64, 1), FewFrames, 10),
        (new(32, 2), FewFrames, 6),
        (new(128, 3, true), FewFrames, 6),
        (new(), ManyFrames, 6),
        (new(Bounced: true), ManyFrames, 1),
        (new(Checked: true), FewFrames, 3),
        (new(Bounced: true, Checked: true), FewFrames, 2),
        (new(64, 4, Checked: true), FewFrames, 1),
    ];

    private static readonly int[] _weights = [.. System.Linq.Enumerable.Select(_machines, machine => machine.Weight)];

    private readonly Dictionary<int, FuzzMachine> _made = [];

    public string Name => kind.Name;

    public void Run(Choices choices, Outcomes outcomes)
    {
        int which = choices.Pick(_weights);
        (MachineKind machineKind, int frames, _) = _machines[which];
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
