using System;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

/// <summary>
/// Sends and receives Ethernet frames: a card, or something that stands in for one or changes what goes by. A frame's data begins with the
/// destination address and ends before the frame check sequence. Frames are <see cref="Frame"/>s all the way, so nothing is copied.
/// One CPU at a time; nothing waits. Any context but interrupt handlers.
/// </summary>
public interface INetworkDevice
{
    /// <summary>What people call it: driver and place.</summary>
    ReadOnlySpan<byte> Name { get; }

    /// <summary>Its station address.</summary>
    MacAddress Address { get; }

    /// <summary>EUI-64 of a FireWire node, for which its station address only stands in; 0 of what is Ethernet.</summary>
    ulong Guid { get; }

    /// <summary>The link as last seen.</summary>
    LinkState Link { get; }

    /// <summary>The longest frame that it carries, in bytes, without a VLAN tag: 1514, or more with jumbo frames.</summary>
    uint LongestFrame { get; }

    /// <summary>What it does for whoever uses it.</summary>
    NetworkFeatures Features { get; }

    /// <summary>What happened so far.</summary>
    NetworkCounters Counters { get; }

    /// <summary>
    /// What is marked when frames came or the link changed; then the device says nothing more until <see cref="Arm"/>. Null: nobody
    /// listens.
    /// </summary>
    WorkItem? Listener { get; set; }

    /// <summary>
    /// Takes received frames, oldest first. Each is one packet; what does not fit in one page goes on in its
    /// <see cref="Frame.TakeRest"/>. Bad frames are counted and not handed out.
    /// </summary>
    /// <param name="frames">Empty handles; filled from the front.</param>
    /// <returns>How many were filled.</returns>
    [PacketPath]
    int Receive(Span<Frame> frames);

    /// <summary>
    /// Sends packets, in order; it is the device's business to free them when they are out. Also makes what was sent before free again.
    /// What cannot be sent ever (too long, too many parts) is taken, freed and counted.
    /// </summary>
    /// <param name="frames">Packets; from the front, those that were taken are empty afterwards.</param>
    /// <returns>How many were taken; fewer than there are if there is no room. The others are still the caller's.</returns>
    [PacketPath]
    int Transmit(Span<Frame> frames);

    /// <summary>Lets the device mark <see cref="Listener"/> again. True if there is something already: then nothing is marked, receive at once.</summary>
    [PacketPath]
    bool Arm();

    /// <summary>Which frames it receives beside those to its own address and to all.</summary>
    /// <param name="mode">How choosy it is.</param>
    /// <param name="groups">With <see cref="ReceiveMode.Groups"/>: multicast addresses. More may come through than asked for.</param>
    /// <returns><see cref="Error.DeviceGone"/>, <see cref="Error.Timeout"/>, <see cref="Error.NotSupported"/>.</returns>
    Error SetReceiveMode(ReceiveMode mode, ReadOnlySpan<MacAddress> groups);
}

/// <summary>What a network device receives.</summary>
public enum ReceiveMode : byte
{
    /// <summary>Its own address, broadcasts, and the multicast groups that are named.</summary>
    Groups,

    /// <summary>Also all multicasts.</summary>
    AllGroups,

    /// <summary>Everything.</summary>
    Promiscuous,
}

/// <summary>What a network device does for whoever uses it.</summary>
[Flags]
public enum NetworkFeatures : byte
{
    None = 0,

    /// <summary>Heeds <see cref="FrameFlags.InsertChecksum"/>.</summary>
    InsertsChecksums = 1 << 0,

    /// <summary>May say <see cref="FrameFlags.ChecksumGood"/>.</summary>
    VerifiesChecksums = 1 << 1,

    /// <summary>Heeds and says <see cref="FrameFlags.Vlan"/>; without it, tags are in the data.</summary>
    Vlan = 1 << 2,
}

/// <summary>A link's state.</summary>
public readonly struct LinkState(ushort megabits, bool isFullDuplex)
{
    /// <summary>Megabits per second; 0 while it is down.</summary>
    public ushort Megabits { get; } = megabits;

    /// <summary>Whether both sides may speak at once.</summary>
    public bool IsFullDuplex { get; } = isFullDuplex;

    /// <summary>Whether frames go out.</summary>
    public bool IsUp => Megabits != 0;
}

/// <summary>What happened to a network device's frames, since its driver started.</summary>
public struct NetworkCounters
{
    /// <summary>Frames and bytes handed out and taken; bytes without the frame check sequence.</summary>
    public ulong Received, ReceivedBytes, Sent, SentBytes;

    /// <summary>Received with an error that the device found: checksum, alignment, carrier, overrun.</summary>
    public ulong ReceiveErrors;

    /// <summary>Received with a length that cannot be: none, below a header, above what was given.</summary>
    public ulong BadLength;

    /// <summary>Descriptors that contradict themselves or the ring: no end of packet, done twice, an index out of range.</summary>
    public ulong BadDescriptors;

    /// <summary>Frames that the device missed for want of buffers, and times when there was no frame for its ring.</summary>
    public ulong Missed, NoFrames;

    /// <summary>Frames to be sent that were dropped: too long, too many parts, no bounce slots, the device was reset or gone.</summary>
    public ulong SendDropped;

    /// <summary>Times that the link came up or went down.</summary>
    public ulong LinkChanges;

    /// <summary>Interrupts that this device claimed, and messages of its that found nothing; those of a line that it shares are counted with the line.</summary>
    public ulong Interrupts, SpuriousInterrupts;

    /// <summary>Times that it hung and was reset, and resets that it did not survive.</summary>
    public ulong Resets, FailedResets;
}
