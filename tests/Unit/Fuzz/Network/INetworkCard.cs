using System;
using System.Collections.Generic;
using Sluice.Drivers;
using Sluice.Pci;

namespace Sluice.Tests.Fuzz.Network;

/// <summary>A network card in the machine's slot, which may misbehave.</summary>
internal interface IHostileCard : IHostileFunction
{
    /// <summary>Frames that went to the wire.</summary>
    List<byte[]> Sent { get; }

    /// <summary>Whether it was reset by itself: then it has forgotten what its driver told it.</summary>
    bool HasForgotten { get; }

    /// <summary>A frame comes from the wire; false if the card does not take it or has no room for it.</summary>
    bool Receive(ReadOnlySpan<byte> frame);

    /// <summary>Puts a frame of any length into memory as if it had come, with bits that say whatever they say in a descriptor of this card.</summary>
    bool Inject(ReadOnlySpan<byte> frame, uint findings);
}

/// <summary>A kind of card, with its driver.</summary>
internal interface INetworkCardKind
{
    string Name { get; }

    /// <summary>Frames that the driver takes for its ring, or is content with.</summary>
    int RingFrames { get; }

    /// <summary>Runs that take about half a minute.</summary>
    long Runs { get; }

    /// <summary>Counters that so many runs need not raise: by chance, or as this driver has nothing that would.</summary>
    string[] Rare { get; }

    /// <summary>A card for the slot; of the same PCI identity each time.</summary>
    IHostileCard New(FuzzMachine? machine);

    Error Probe(PciFunction function, out Driver? driver);

    /// <summary>Whether packets can come and go.</summary>
    bool IsRunning(Driver driver);

    /// <summary>Whether it keeps memory for good as the card cannot be stopped.</summary>
    bool HasAbandoned(Driver driver);

    /// <summary>Resets the card as if it hung.</summary>
    void Restart(Driver driver);

    /// <summary>Something that only this driver offers.</summary>
    void Operate(Driver driver, Choices choices);

    /// <summary>Adds the driver's own counters.</summary>
    void Count(Driver driver, Outcomes outcomes);
}
