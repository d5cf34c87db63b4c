using System;
using System.Linq;
using Sluice.Tests.Fuzz.FireWire;
using Sluice.Tests.Fuzz.Network;

namespace Sluice.Tests.Fuzz;

/// <summary>A card that is fuzzed.</summary>
/// <param name="Name">What people call it.</param>
/// <param name="Runs">Runs that take about half a minute.</param>
/// <param name="Rare">What so many runs need not count: by chance, or as this driver has nothing that would.</param>
/// <param name="Make">Makes the target, on the thread that will run it.</param>
internal sealed record FuzzedCard(string Name, long Runs, string[] Rare, Func<IFuzzTarget> Make)
{
    public static readonly FuzzedCard[] All =
    [
        .. NetworkCards.All.Select(card => new FuzzedCard(card.Name, card.Runs, card.Rare, () => new NetworkTarget(card))),
        new("ohci1394", FireWireTarget.Runs, FireWireTarget.Rare, () => new FireWireTarget()),
    ];
}
