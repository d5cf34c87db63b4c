using System;
using Sluice.Dma;
using Sluice.FireWire.Core;

namespace Sluice.Drivers.Iidc;

/// <summary>
/// The cameras of a bus: finds them by their ROMs, and gives each a place, which it keeps while it is away. Work in the CPU's loop.
/// </summary>
public sealed class Cameras : IBusClient, INodeClient
{
    public const int Most = 2;

    private readonly Camera[] _cameras = new Camera[Most];
    private readonly RemoteNodes _nodes;
    private readonly int _count;

    /// <summary>Begins to look for cameras; each takes a receiver of the controller. Only while the kernel starts.</summary>
    public Cameras(FireWireBus bus, RemoteNodes nodes, IIsoController controller, DmaDevice dma)
    {
        _nodes = nodes;
        while (_count < Most)
        {
            var camera = new Camera(bus, dma);
            if (!controller.TryTakeReceiver(camera, out IsoReceiver? receiver))
                break;
            camera.Use(receiver!);
            _cameras[_count++] = camera;
        }
        bus.AddClient(this).Ignore("without it all cameras stay away"u8);
        nodes.AddClient(this).Ignore("without it all cameras stay away"u8);
    }

    /// <summary>Places of cameras, with and without one.</summary>
    public ReadOnlySpan<Camera> All => new(_cameras, 0, _count);

    /// <summary>Cameras for which there was no place.</summary>
    public ulong NoPlace { get; private set; }

    /// <inheritdoc/>
    public void BusChanged()
    {
        foreach (Camera camera in All)
            camera.BusChanged();
    }

    /// <inheritdoc/>
    public void NodeKnown(int node)
    {
        RomImage? rom = _nodes.ImageOf(node);
        if (rom == null || !CameraUnit.TryFind(rom, out ulong registers))
            return;
        Camera? place = PlaceFor(rom.Guid);
        if (place == null)
            NoPlace++;
        else
            place.Found(node, rom.Guid, registers);
    }

    // Its own, or else one that nobody has had, or one whose camera is gone.
    private Camera? PlaceFor(ulong guid)
    {
        Camera? place = null;
        foreach (Camera camera in All)
        {
            if (camera.Guid == guid)
                return camera;
            if (camera.State == CameraState.Absent && (place == null || (place.Guid != 0 && camera.Guid == 0)))
                place = camera;
        }
        return place;
    }
}
