using System;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

/// <summary>
/// Stands before a network device and records what passes by while <see cref="PcapRing.IsOn"/>; else a test for each batch. Packets whose
/// checksum the card is to insert are recorded without it. Made while starting.
/// </summary>
public sealed class PcapTap(INetworkDevice device, PcapRing ring) : INetworkDevice
{
    /// <summary>Whose packets pass through here.</summary>
    public INetworkDevice Device { get; } = device;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Name => Device.Name;

    /// <inheritdoc/>
    public MacAddress Address => Device.Address;

    /// <inheritdoc/>
    public ulong Guid => Device.Guid;

    /// <inheritdoc/>
    public LinkState Link => Device.Link;

    /// <inheritdoc/>
    public uint LongestFrame => Device.LongestFrame;

    /// <inheritdoc/>
    public NetworkFeatures Features => Device.Features;

    /// <inheritdoc/>
    public NetworkCounters Counters => Device.Counters;

    /// <inheritdoc/>
    public WorkItem? Listener
    {
        get => Device.Listener;
        set => Device.Listener = value;
    }

    /// <inheritdoc/>
    public int Receive(Span<Frame> frames)
    {
        int count = Device.Receive(frames);
        if (ring.IsOn)
        {
            for (int i = 0; i < count; i++)
                ring.Record(ref frames[i]).Ignore("what does not fit is counted"u8);
        }
        return count;
    }

    /// <inheritdoc/>
    public int Transmit(Span<Frame> frames)
    {
        if (!ring.IsOn)
            return Device.Transmit(frames);
        for (int i = 0; i < frames.Length; i++)
        {
            // Before it is gone; and not if it does not go.
            ulong before = ring.Position;
            bool recorded = ring.Record(ref frames[i]);
            if (Device.Transmit(frames.Slice(i, 1)) != 0)
                continue;
            if (recorded)
                ring.Forget(before);
            return i;
        }
        return frames.Length;
    }

    /// <inheritdoc/>
    public bool Arm() => Device.Arm();

    /// <inheritdoc/>
    public Error SetReceiveMode(ReceiveMode mode, ReadOnlySpan<MacAddress> groups) => Device.SetReceiveMode(mode, groups);
}
