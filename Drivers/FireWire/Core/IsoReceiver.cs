using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>What a controller has for streams, beside <see cref="IFireWireController"/>.</summary>
public interface IIsoController
{
    /// <summary>Takes a receiver that nobody has, for good. Only while the kernel starts; false if there is none.</summary>
    /// <param name="handler">Whose it is.</param>
    [Allocates]
    bool TryTakeReceiver(IIsoReceiveHandler handler, out IsoReceiver? receiver);

    /// <summary>Takes a transmitter, likewise.</summary>
    [Allocates]
    bool TryTakeTransmitter(IIsoTransmitHandler handler, out IsoTransmitter? transmitter);
}

/// <summary>Who has a receiver.</summary>
public interface IIsoReceiveHandler
{
    /// <summary>A buffer is full, the first of those that were queued: it is the CPU's. It may be queued again in here. Work of the controller.</summary>
    [PacketPath]
    void OnFilled(IsoReceiveBuffer buffer);

    /// <summary>
    /// The receiver has ended by itself, as it fails again and again or its controller is gone, or it could not be stopped at once and now is: all
    /// its buffers are the CPU's. Work of the controller.
    /// </summary>
    void OnEnded(Error why);
}

/// <summary>How packets lie in buffers.</summary>
public enum IsoReceiveMode : byte
{
    /// <summary>Each in a place of its own; its header and time are known.</summary>
    Packets,

    /// <summary>Each in a place of its own, and nothing is known but how much came.</summary>
    PacketsAlone,

    /// <summary>One behind the other across all buffers, each between header and time: for an <see cref="IsoStreamReader"/>.</summary>
    Stream,

    /// <summary>Their data alone, one behind the other across all buffers.</summary>
    StreamAlone,

    /// <summary>
    /// The first eight bytes of each in a place of its own, with header and time, all other bytes in another memory, one behind the other: headers of a protocol
    /// apart from what they head. For which receivers, <see cref="IsoReceiver.HasMode"/> says. Damaged packets are not told from others.
    /// </summary>
    Divided,
}

/// <summary>Which packets a receiver takes, and from when on.</summary>
/// <param name="channels">A bit each, channel 0 lowest. More than one only in the two modes of streams, and for one receiver at a time.</param>
/// <param name="tags">A bit each, tag 0 lowest.</param>
/// <param name="sync">The synchronization code of the packets that buffers wait for which begin with one.</param>
/// <param name="startCycle">The cycle to begin with, seconds 14:13, cycles 12:0; -1 for at once.</param>
/// <param name="mode">That of all buffers that are queued.</param>
public readonly struct IsoReceiveOptions(ulong channels, byte tags = 0xF, byte sync = 0, int startCycle = -1, IsoReceiveMode mode = IsoReceiveMode.Packets)
{
    public readonly ulong Channels = channels;
    public readonly byte Tags = tags, Sync = sync;
    public readonly int StartCycle = startCycle;
    public readonly IsoReceiveMode Mode = mode;
}

/// <summary>
/// Receives the packets of a stream into buffers, which belong to one side at a time: queued, they are the controller's; full, in the order in
/// which they were queued, the CPU's again. Bus resets do not end it. Any context of the CPU but interrupt handlers.
/// </summary>
public abstract class IsoReceiver
{
    /// <summary>Buffers that are queued at most.</summary>
    public const int MostBuffers = 64;

    /// <summary>Between <see cref="Start"/> and <see cref="Stop"/> or its end.</summary>
    public abstract bool IsStarted { get; }

    /// <summary>Whether it can receive so: all can, but <see cref="IsoReceiveMode.Divided"/>.</summary>
    public abstract bool HasMode(IsoReceiveMode mode);

    /// <summary>A buffer for this receiver, without memory. Only while the kernel starts.</summary>
    [Allocates]
    public abstract IsoReceiveBuffer NewBuffer(IsoReceiveMode mode = IsoReceiveMode.Packets);

    /// <summary>
    /// Begins to listen; packets are taken once buffers are queued. <see cref="Error.DeviceGone"/>, <see cref="Error.Busy"/> if it has started
    /// already or somebody else takes several channels, too, <see cref="Error.NotSupported"/> if it has not the mode, or not for several channels.
    /// </summary>
    public abstract Error Start(in IsoReceiveOptions options);

    /// <summary>Gives a buffer to the controller, all of it. The machine stops if it is queued already, of another mode, or the receiver has not been started.</summary>
    [PacketPath]
    public abstract void Queue(IsoReceiveBuffer buffer);

    /// <summary>
    /// Ends it: all buffers are the CPU's, and no handler is called any more. On an error they are still the controller's, and
    /// <see cref="IIsoReceiveHandler.OnEnded"/> follows. Waits for 10 ms at most.
    /// </summary>
    public abstract Error Stop();
}
