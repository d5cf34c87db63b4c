using Sluice.Drivers;
using Sluice.Drivers.E1000e;
using Sluice.Pci;

namespace Sluice.Tests.Fuzz.Network;

/// <summary>The 82574 and its driver.</summary>
internal sealed class E1000eCard : INetworkCardKind
{
    public string Name => "e1000e";

    public int RingFrames => 32;

    public long Runs => 40_000;

    public string[] Rare => ["driver: InterruptStorms"];

    public IHostileCard New(FuzzMachine? machine) => new Hostile82574(machine);

    public Error Probe(PciFunction function, out Driver? driver) => E1000e.Probe(function, out driver);

    public bool IsRunning(Driver driver) => ((E1000e)driver).IsRunning;

    public bool HasAbandoned(Driver driver) => ((E1000e)driver).Abandoned;

    public void Restart(Driver driver) => ((E1000e)driver).Restart();

    public void Operate(Driver driver, Choices choices)
    {
        var card = (E1000e)driver;
        switch (choices.Pick(2, 1))
        {
            case 0:
                card.RaiseInterrupt();
                break;
            default:
                // Not once it was given up: nobody calls it then.
                if (card.IsRunning)
                    card.UseInterrupt((InterruptKinds)choices.Below(8));
                break;
        }
    }

    public void Count(Driver driver, Outcomes outcomes)
    {
        var card = (E1000e)driver;
        outcomes.Add("driver: LostInterrupts", card.LostInterrupts);
        outcomes.Add("driver: InterruptStorms", card.InterruptStorms);
        outcomes.Add("driver: Abandoned", card.Abandoned ? 1u : 0);
        outcomes.Add("driver: WireReceived", card.WireReceived);
        outcomes.Add("driver: WireSent", card.WireSent);
    }
}
