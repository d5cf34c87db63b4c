using System;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

/// <summary>
/// A network device without a card: what is sent is received again, by itself or by another one, and stays where it lies. It keeps up to
/// 256 packets; then it takes no more, as a card whose ring is full. Made while starting.
/// </summary>
public sealed class Loopback : INetworkDevice
{
    private const int Capacity = 256;

    private readonly FrameQueue _received = new(Capacity);
    private bool _isArmed;
    private NetworkCounters _counters;

    /// <param name="address">Its station address.</param>
    /// <param name="longestFrame">See <see cref="INetworkDevice.LongestFrame"/>.</param>
    /// <param name="features">What it seems to do. Nothing is summed up: what never leaves memory arrives as it was.</param>
    public Loopback(MacAddress address, uint longestFrame = 1514, NetworkFeatures features = NetworkFeatures.None)
    {
        Address = address;
        LongestFrame = longestFrame;
        Features = features;
        Peer = this;
    }

    /// <summary>Who receives what this one sends: itself, until told otherwise.</summary>
    public Loopback Peer { get; set; }

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Name => "loopback"u8;

    /// <inheritdoc/>
    public MacAddress Address { get; }

    /// <inheritdoc/>
    public ulong Guid => 0;

    /// <inheritdoc/>
    public LinkState Link { get; set; } = new(1000, true);

    /// <inheritdoc/>
    public uint LongestFrame { get; }

    /// <inheritdoc/>
    public NetworkFeatures Features { get; }

    /// <inheritdoc/>
    public NetworkCounters Counters => _counters;

    /// <inheritdoc/>
    public WorkItem? Listener { get; set; }

    /// <inheritdoc/>
    public int Receive(Span<Frame> frames)
    {
        int count = 0;
        while (count < frames.Length && _received.TryPop(out frames[count]))
        {
            if ((Features & NetworkFeatures.VerifiesChecksums) != 0)
                frames[count].SetFlags(frames[count].Flags & FrameFlags.Vlan | FrameFlags.HeaderChecksumGood | FrameFlags.ChecksumGood, frames[count].VlanTag);
            _counters.ReceivedBytes += frames[count].PacketLength;
            count++;
        }
        _counters.Received += (uint)count;
        return count;
    }

    /// <inheritdoc/>
    public int Transmit(Span<Frame> frames)
    {
        FrameQueue to = Peer._received;
        int count = 0;
        for (; count < frames.Length && !to.IsFull; count++)
        {
            uint bytes = frames[count].PacketLength;
            if (bytes > LongestFrame || !Link.IsUp)
            {
                frames[count].Free();
                _counters.SendDropped++;
                continue;
            }
            to.Push(ref frames[count]);
            _counters.Sent++;
            _counters.SentBytes += bytes;
        }
        if (count != 0)
            Peer.Announce();
        return count;
    }

    /// <inheritdoc/>
    public bool Arm()
    {
        if (_received.Count != 0)
            return true;
        _isArmed = true;
        return false;
    }

    /// <inheritdoc/>
    public Error SetReceiveMode(ReceiveMode mode, ReadOnlySpan<MacAddress> groups) => Error.None;

    private void Announce()
    {
        if (!_isArmed)
            return;
        _isArmed = false;
        Listener?.Mark();
    }
}
