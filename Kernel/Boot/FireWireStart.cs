using System;
using Sluice.Drivers;
using Sluice.Drivers.Dv;
using Sluice.Drivers.Iidc;
using Sluice.Drivers.Ip1394;
using Sluice.Drivers.Ohci;
using Sluice.Drivers.Sbp2;
using Sluice.Drivers.Video;
using Sluice.FireWire.Core;
using Sluice.Mm;
using Sluice.Platform;
using Sluice.Shell;

namespace Sluice.Boot;

/// <summary>A controller, its bus, the nodes on it, and what we do with them.</summary>
internal sealed class FireWireCard
{
    // Cameras, and as many DV devices, that there are places for, if the controller has as many receivers.
    private const int Sources = 2;

    public readonly Ohci Controller;
    public readonly FireWireBus Bus;
    public readonly RemoteNodes Nodes;
    public readonly BusManager Manager;
    public readonly Sbp2Initiator Disks;
    public readonly Ip1394Device Ip;
    public readonly BroadcastReceiver Broadcasts;
    public readonly VideoSources Videos;

    public FireWireCard(Ohci controller)
    {
        Controller = controller;
        Bus = controller.Bus;
        Nodes = new RemoteNodes(Bus);
        Manager = new BusManager(Bus);
        Disks = new Sbp2Initiator(Bus, Nodes, controller, controller.Function.Dma);
        Utf8Message name = $"ip1394 {controller.Function.Address}";
        var kept = new byte[name.Text.Length];
        name.Text.CopyTo(kept);
        Ip = new Ip1394Device(Bus, Nodes, DmaStart.System.Frames, kept);
        Broadcasts = new BroadcastReceiver(Ip, Bus, controller, controller.Function.Dma);
        Videos = new VideoSources(Bus, Nodes);
        var fcp = new Fcp(Bus);
        for (int i = 0; i < Sources; i++)
        {
            Videos.TryAdd(new Camera(Bus, controller.Function.Dma), controller);
            Videos.TryAdd(new DvDevice(Bus, fcp, controller.Function.Dma, Pages.Allocator), controller);
        }
    }

    /// <summary>The first node of the emulated bus's makers whose ROM has this model; below 0 if there is none.</summary>
    public int NodeNamed(ReadOnlySpan<byte> model)
    {
        Span<byte> found = stackalloc byte[16], vendor = stackalloc byte[8];
        for (int node = 0; node < Bus.Topology.Count; node++)
        {
            if (Nodes.ImageOf(node) is { } rom && found.Slice(0, rom.TextOf(rom.Root, RomKey.Model, found)).SequenceEqual(model)
                && vendor.Slice(0, rom.TextOf(rom.Root, RomKey.Vendor, vendor)).SequenceEqual("Sluice"u8))
                return node;
        }
        return -1;
    }
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
        FireWireDisk.Initialize();
        FireWireOffer.Initialize();
        FireWireExercise.Initialize();
    }
}
