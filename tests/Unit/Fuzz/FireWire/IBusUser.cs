using System;
using Sluice.Dma;
using Sluice.Drivers.Ohci;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.Fuzz.FireWire;

/// <summary>Somebody who uses the bus, with what that takes of drivers and nodes: in few lives, as he takes long.</summary>
internal interface IBusUser
{
    /// <summary>He does something.</summary>
    void Use();

    /// <summary>Something is done to him.</summary>
    void Disturb();

    /// <summary>All is good again, and the bus was reset: what he does must work.</summary>
    void MustWork();

    /// <summary>The controller is gone: whatever it had of his is back, and given back.</summary>
    void End();
}

/// <summary>What such a user has around him.</summary>
/// <param name="Plug">Puts a node on the bus.</param>
/// <param name="Advance">Lets so many microseconds pass.</param>
internal sealed record Surroundings(Ohci Driver, HostileOhci Card, FuzzMachine Machine, Choices Choices, Outcomes Outcomes, Action<Model.Link> Plug, Action<ulong> Advance)
{
    public DmaDevice Dma => Machine.Function.Dma;

    /// <summary>Our number on the bus, as others write to us.</summary>
    public ushort Us => (ushort)(0xFFC0 | Card.Controller.Phy.PhysicalId);

    public static void Must(bool condition, string rule, string what = "")
    {
        if (!condition)
            throw new FuzzFailureException(rule, what);
    }
}
