using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>An isochronous transmit context: a block a cycle. Source: OHCI 1.1, section 9.</summary>
internal sealed class IsoTransmit : IsoTransmitter, IIsoContext
{
    private readonly Ohci _controller;
    private readonly IIsoTransmitHandler _handler;
    private readonly int _number;

    public IsoTransmit(Ohci controller, int number, IIsoTransmitHandler handler)
    {
        _controller = controller;
        _handler = handler;
        _number = number;
        Buffers = new IsoQueue(controller, new DmaContext(controller.Registers.Transmit(number)), this);
    }

    /// <summary>What happens to its controller.</summary>
    public ref OhciCounters Counters => ref _controller.Counters;

    /// <summary>What it has.</summary>
    public IsoQueue Buffers { get; }

    /// <inheritdoc/>
    public override bool IsStarted => Buffers.IsStarted;

    /// <inheritdoc/>
    public override IsoTransmitBuffer NewBuffer() => new IsoSendBuffer(this);

    /// <inheritdoc/>
    public override Error Start(int startCycle = -1) => Buffers.Start(startCycle);

    /// <inheritdoc/>
    [PacketPath]
    public override void Queue(IsoTransmitBuffer buffer)
    {
        if (buffer.IsQueued)
            Bug.Stop("a buffer of a stream is queued twice"u8);
        Buffers.Queue((IsoSendBuffer)buffer);
    }

    /// <inheritdoc/>
    public override Error Stop() => Buffers.Stop();

    /// <inheritdoc/>
    public void SetUp(int startCycle)
    {
        const uint cycleMask = 0x7FFF;
        ContextRegisters control = _controller.Registers.Transmit(_number);
        control.Clear.Write(ContextControl.TransmitOwn);
        if (startCycle >= 0)
        {
            _controller.TakeCycleEvents();
            control.Set.Write(ContextControl.TransmitCycleMatch | (ContextControl)(((uint)startCycle & cycleMask) << 16));
        }
        _controller.Registers.TransmitMaskSet.Write(1u << _number);
    }

    /// <inheritdoc/>
    public void Mask() => _controller.Registers.TransmitMaskClear.Write(1u << _number);

    /// <summary>A buffer of its was sent, and is the CPU's.</summary>
    public void Sent(IsoTransmitBuffer buffer) => _handler.OnSent(buffer);

    /// <inheritdoc/>
    public void UnderWay(IIsoProgram buffer)
    {
        var sending = (IsoSendBuffer)buffer;
        if (sending.TryGoOn(out int sent))
            _handler.OnProgress(sending, sent);
    }

    /// <inheritdoc/>
    public void Ended(Error why) => _handler.OnEnded(why);
}
