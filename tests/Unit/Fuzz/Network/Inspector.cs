using System;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Tests.Fuzz.Network;

/// <summary>Stands before a card's driver and looks at what comes through: frames as the interface promises them, and how many.</summary>
internal sealed class Inspector(INetworkDevice device, HostileBus bus) : INetworkDevice
{
    private const uint TagBytes = 4, HeaderBytes = 14;

    /// <summary>Handed out by the driver, and their bytes; taken by it.</summary>
    public ulong Received { get; private set; }

    /// <inheritdoc cref="Received"/>
    public ulong ReceivedBytes { get; private set; }

    /// <inheritdoc cref="Received"/>
    public ulong Taken { get; private set; }

    public ReadOnlySpan<byte> Name => device.Name;

    public MacAddress Address => device.Address;

    public ulong Guid => device.Guid;

    public LinkState Link => device.Link;

    public uint LongestFrame => device.LongestFrame;

    public NetworkFeatures Features => device.Features;

    public NetworkCounters Counters => device.Counters;

    public WorkItem? Listener
    {
        get => device.Listener;
        set => device.Listener = value;
    }

    public int Receive(Span<Frame> frames)
    {
        bus.BeginCall();
        foreach (ref Frame frame in frames)
            Must(frame.IsEmpty, "a place for a frame is taken before it is received");
        int count = device.Receive(frames);
        Must(count <= frames.Length, "more frames than places");
        for (int i = 0; i < frames.Length; i++)
            Must(frames[i].IsEmpty == i >= count, "a handle is empty that should not be, or the other way round");
        for (int i = 0; i < count; i++)
        {
            uint length = Look(ref frames[i]);
            Must(length >= HeaderBytes && length <= LongestFrame + TagBytes, "a frame of an impossible length is handed out", length);
            ReceivedBytes += length;
        }
        Received += (uint)count;
        return count;
    }

    public int Transmit(Span<Frame> frames)
    {
        bus.BeginCall();
        int taken = device.Transmit(frames);
        Must(taken >= 0 && taken <= frames.Length, "more frames are taken than there are");
        for (int i = 0; i < frames.Length; i++)
            Must(frames[i].IsEmpty == i < taken, "a handle is empty that should not be, or the other way round");
        Taken += (uint)taken;
        return taken;
    }

    public bool Arm()
    {
        bus.BeginCall();
        return device.Arm();
    }

    public Error SetReceiveMode(ReceiveMode mode, ReadOnlySpan<MacAddress> groups)
    {
        bus.BeginCall();
        return device.SetReceiveMode(mode, groups);
    }

    // All bytes of all parts, each of which must lie within its page.
    private static unsafe uint Look(ref Frame frame)
    {
        uint length = 0;
        for (FrameRecord* part = frame.Record; part != null; part = part->Rest)
        {
            Must(part->Extent.Offset + (uint)part->Extent.Length <= Frame.PageBytes, "a frame is longer than its page", part->Extent.Length);
            Must(((part->Extent.Flags & FrameExtent.HasRest) != 0) == (part->Rest != null), "a frame's mark for a rest is wrong");
            length += part->Extent.Length;
        }
        return length;
    }

    private static void Must(bool condition, string rule, uint number = 0)
    {
        if (!condition)
            throw new FuzzFailureException(rule, number == 0 ? "" : $"{number}");
    }
}
