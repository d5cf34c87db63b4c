using System;
using Sluice.Drivers;
using Sluice.Drivers.FireWire;
using Sluice.FireWire.Core;
using Sluice.Platform;
using Sluice.Shell;

namespace Sluice.Boot;

/// <summary>A controller, its bus, and the nodes on it.</summary>
internal sealed class FireWireCard(Ohci controller)
{
    public readonly Ohci Controller = controller;
    public readonly FireWireBus Bus = controller.Bus;
    public readonly RemoteNodes Nodes = new(controller.Bus);
}

/// <summary>Puts what knows of nodes on each FireWire bus.</summary>
internal static class FireWireStart
{
    private static FireWireCard[] _cards = [];

    /// <summary>All of them, in the order of the driver table.</summary>
    public static ReadOnlySpan<FireWireCard> Cards => _cards;

    /// <summary>Before the drivers start: who may reach memory.</summary>
    public static void Prepare()
    {
        Ohci.IsOpenToAll = BootArguments.IsOn(Argument.FireWireRemoteDma);
        if (Ohci.IsOpenToAll)
            Log.Warn($"firewire: ALL NODES MAY READ AND WRITE ALL MEMORY below 4 GiB (firewire.remote_dma)");
    }

    /// <summary>Once, when the drivers work. Allocates.</summary>
    public static void Initialize()
    {
        int count = 0;
        foreach (Driver driver in DriverTable.Drivers)
            count += driver is Ohci ? 1 : 0;
        _cards = new FireWireCard[count];
        count = 0;
        foreach (Driver driver in DriverTable.Drivers)
        {
            if (driver is Ohci controller)
                _cards[count++] = new FireWireCard(controller);
        }
        FireWireAccess.Initialize();
    }
}
