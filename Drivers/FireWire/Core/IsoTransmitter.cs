using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>Who has a transmitter.</summary>
public interface IIsoTransmitHandler
{
    /// <summary>A buffer was sent, the first of those that were queued: it is the CPU's. It may be filled and queued again in here. Work of the controller.</summary>
    [PacketPath]
    void OnSent(IsoTransmitBuffer buffer);

    /// <summary>
    /// A place had its cycle that interrupts (<see cref="IsoSendOptions.Interrupt"/>), of the first buffer of those that are queued; not of the last place, with
    /// which the buffer is sent. Places that come faster than they are looked at are told of once, by the last of them. Work of the controller.
    /// </summary>
    /// <param name="sent">Places that had their cycle: when, <see cref="IsoTransmitBuffer.WasSent"/> says. From the first again if the stream had to begin the buffer anew.</param>
    [PacketPath]
    void OnProgress(IsoTransmitBuffer buffer, int sent);

    /// <summary>As <see cref="IIsoReceiveHandler.OnEnded"/>.</summary>
    void OnEnded(Error why);
}

/// <summary>
/// Sends a packet in each cycle from buffers, which belong to one side at a time: queued, they are the controller's; sent, in the order in which
/// they were queued, the CPU's again. Bus resets do not end it. Any context of the CPU but interrupt handlers.
/// </summary>
public abstract class IsoTransmitter
{
    /// <summary>Buffers that are queued at most.</summary>
    public const int MostBuffers = 64;

    /// <summary>Between <see cref="Start"/> and <see cref="Stop"/> or its end.</summary>
    public abstract bool IsStarted { get; }

    /// <summary>A buffer for this transmitter, without memory. Only while the kernel starts.</summary>
    [Allocates]
    public abstract IsoTransmitBuffer NewBuffer();

    /// <summary>Begins to send, once a buffer is queued. <see cref="Error.DeviceGone"/>, <see cref="Error.Busy"/> if it has started already.</summary>
    /// <param name="startCycle">The cycle of the first packet, seconds 14:13, cycles 12:0; -1 for as soon as can be.</param>
    public abstract Error Start(int startCycle = -1);

    /// <summary>Gives a buffer to the controller. The machine stops if it is queued already or the transmitter has not been started.</summary>
    [PacketPath]
    public abstract void Queue(IsoTransmitBuffer buffer);

    /// <summary>As <see cref="IsoReceiver.Stop"/>.</summary>
    public abstract Error Stop();
}
