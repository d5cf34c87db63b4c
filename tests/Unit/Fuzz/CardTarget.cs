using System.Collections.Generic;
using System.Linq;
using Sluice.Tests.Dma;

namespace Sluice.Tests.Fuzz;

/// <summary>A machine that lives are lived on, and how often.</summary>
/// <param name="Frames">In its pool.</param>
internal readonly record struct FuzzMachineKind(MachineKind Kind, int Frames, int Weight);

/// <summary>Lives of one kind of card, each on one of some machines, which are made once and kept while they are as they were.</summary>
internal abstract class CardTarget(string name, FuzzMachineKind[] machines) : IFuzzTarget
{
    private readonly int[] _weights = [.. machines.Select(machine => machine.Weight)];
    private readonly Dictionary<int, FuzzMachine> _made = [];

    public string Name => name;

    public void Run(Choices choices, Outcomes outcomes)
    {
        int which = choices.Pick(_weights);
        FuzzMachineKind kind = machines[which];
        choices.Tell($"a machine that is {kind.Kind}, {kind.Frames} frames");
        if (!_made.TryGetValue(which, out FuzzMachine? machine))
            _made.Add(which, machine = NewMachine(kind.Kind, kind.Frames));
        bool isPristine = false;
        try
        {
            isPristine = NewLife(machine, choices, outcomes).Live();
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

    /// <summary>A machine in which an honest card has already been.</summary>
    protected abstract FuzzMachine NewMachine(MachineKind kind, int frames);

    protected abstract CardLife NewLife(FuzzMachine machine, Choices choices, Outcomes outcomes);
}
