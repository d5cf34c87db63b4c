using System;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Video;

/// <summary>
/// The sources of video of a bus: finds them by their ROMs, and gives each a place of its kind, which it keeps while it is away. Work in the
/// CPU's loop.
/// </summary>
public sealed class VideoSources : IBusClient, INodeClient
{
    /// <summary>Places of all kinds.</summary>
    public const int Most = 4;

    private readonly VideoSource[] _sources = new VideoSource[Most];
    private readonly RemoteNodes _nodes;
    private int _count;

    /// <summary>Begins to look for them. Only while the kernel starts.</summary>
    public VideoSources(FireWireBus bus, RemoteNodes nodes)
    {
        _nodes = nodes;
        bus.AddClient(this).Ignore("without it all sources stay away"u8);
        nodes.AddClient(this).Ignore("without it all sources stay away"u8);
    }

    /// <summary>Places, with and without somebody.</summary>
    public ReadOnlySpan<VideoSource> All => new(_sources, 0, _count);

    /// <summary>Nodes for which there was no place.</summary>
    public ulong NoPlace { get; private set; }

    /// <summary>Adds a place, with a receiver of the controller; false if it has none left. Only while the kernel starts.</summary>
    [Allocates]
    public bool TryAdd(VideoSource source, IIsoController controller)
    {
        if (_count == Most || !controller.TryTakeReceiver(source, out IsoReceiver? receiver))
            return false;
        source.Use(receiver!);
        _sources[_count++] = source;
        return true;
    }

    /// <inheritdoc/>
    public void BusChanged()
    {
        foreach (VideoSource source in All)
            source.BusChanged();
    }

    /// <inheritdoc/>
    public void NodeKnown(int node)
    {
        RomImage? rom = _nodes.ImageOf(node);
        if (rom == null)
            return;
        // Its own place, or else one that nobody has had, or one whose owner is gone.
        VideoSource? place = null;
        ulong registers = 0;
        bool isWanted = false;
        foreach (VideoSource source in All)
        {
            if (!source.IsMine(rom, out ulong where))
                continue;
            isWanted = true;
            if (source.Guid != rom.Guid && (source.State != VideoState.Absent || (place != null && (place.Guid == 0 || source.Guid != 0))))
                continue;
            place = source;
            registers = where;
            if (source.Guid == rom.Guid)
                break;
        }
        place?.Found(node, rom.Guid, registers);
        NoPlace += isWanted && place == null ? 1u : 0;
    }
}
