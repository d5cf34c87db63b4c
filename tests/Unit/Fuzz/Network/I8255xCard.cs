using System;
using System.Reflection;
using Sluice.Drivers;
using Sluice.Drivers.I8255x;
using Sluice.Net;
using Sluice.Pci;

namespace Sluice.Tests.Fuzz.Network;

/// <summary>The 8255x and its driver.</summary>
internal sealed class I8255xCard : INetworkCardKind
{
    private static readonly FieldInfo[] _faults = typeof(I8255xFaults).GetFields();

    private static readonly string[] _names = Array.ConvertAll(_faults, field => "driver: " + field.Name);

    public string Name => "i8255x";

    public int RingFrames => 128;

    public long Runs => 20_000;

    // It has no messages, and of a line the calls for nothing are the line's.
    public string[] Rare => [nameof(NetworkCounters.SpuriousInterrupts)];

    public IHostileCard New(FuzzMachine? machine) => new Hostile8255x(machine);

    public Error Probe(PciFunction function, out Driver? driver) => I8255x.Probe(function, out driver);

    public bool IsRunning(Driver driver) => ((I8255x)driver).IsRunning;

    public bool HasAbandoned(Driver driver) => ((I8255x)driver).Faults.Abandoned != 0;

    public void Restart(Driver driver) => ((I8255x)driver).Reset().Ignore("what it comes to is looked at"u8);

    // Nothing but what all drivers offer.
    public void Operate(Driver driver, Choices choices) => Restart(driver);

    public void Count(Driver driver, Outcomes outcomes)
    {
        object faults = ((I8255x)driver).Faults;
        for (int i = 0; i < _faults.Length; i++)
            outcomes.Add(_names[i], (ulong)_faults[i].GetValue(faults)!);
    }
}
