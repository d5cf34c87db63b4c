using System.Collections.Generic;
using System.Linq;
using Sluice.Tests.Dma;

namespace Sluice.Tests.Fuzz.FireWire;

/// <summary>Lives of a FireWire controller, each on one of some machines, which are made once and kept while they are as they were.</summary>
internal sealed class FireWireTarget : IFuzzTarget
{
    /// <summary>As of <see cref="FuzzedCard"/>.</summary>
    public const long Runs = 9_000;

    /// <inheritdoc cref="Runs"/>
    public static readonly string[] Rare =
    [
        "bus: BadCodes", "bus: BadLengths", "bus: BadSources", "bus: GivenUp", "bus: MalformedAnswers", "bus: PhyNotSent", "bus: Retries", "bus: TooLong",
        "bus: WrongResponses", "driver: Hangs", "driver: InterruptStorms", "driver: StreamBuffers",
    ];

    private const int Frames = 64;

    private static readonly (MachineKind Kind, int Weight)[] _machines =
    [
        (new(), 60),
        (new(Bounced: true), 30),
        (new(64, 1), 4),
        (new(32, 2), 2),
        (new(128, 3, true), 2),
        (new(Checked: true), 2),
        (new(Bounced: true, Checked: true), 1),
        (new(64, 4, Checked: true), 1),
    ];

    private static readonly int[] _weights = [.. _machines.Select(machine => machine.Weight)];

    private readonly Dictionary<int, FuzzMachine> _made = [];

    public string Name => "ohci1394";

    public void Run(Choices choices, Outcomes outcomes)
    {
        int which = choices.Pick(_weights);
        MachineKind kind = _machines[which].Kind;
        choices.Tell($"a machine that is {kind}");
        if (!_made.TryGetValue(which, out FuzzMachine? machine))
            _made.Add(which, machine = FireWireLife.NewMachine(kind, Frames));
        bool isPristine = false;
        try
        {
            isPristine = new FireWireLife(machine, choices, outcomes).Live();
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
