using System.Numerics;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>An isochronous receive context, in packet-per-buffer or buffer-fill mode. Source: OHCI 1.1, section 10.</summary>
internal sealed class IsoReceive : IsoReceiver, IIsoContext
{
    private readonly Ohci _controller;
    private readonly IIsoReceiveHandler _handler;
    private readonly int _number;
    private IsoReceiveOptions _options;

    public IsoReceive(Ohci controller, int number, IIsoReceiveHandler handler)
    {
        _controller = controller;
        _handler = handler;
        _number = number;
        Buffers = new IsoQueue(controller, new DmaContext(controller.Registers.Receive(number)), this);
    }

    /// <summary>What it has.</summary>
    public IsoQueue Buffers { get; }

    /// <inheritdoc/>
    public override bool IsStarted => Buffers.IsStarted;

    /// <summary>Whether it takes several channels.</summary>
    public bool HasChannels => !Buffers.IsIdle && !BitOperations.IsPow2(_options.Channels);

    /// <inheritdoc/>
    public override IsoReceiveBuffer NewBuffer(IsoReceiveMode mode = IsoReceiveMode.Packets) =>
        mode >= IsoReceiveMode.Stream ? new IsoFillBuffer(mode) : new IsoPacketBuffer(mode);

    /// <inheritdoc/>
    public override Error Start(in IsoReceiveOptions options)
    {
        if (!Buffers.IsIdle || (!BitOperations.IsPow2(options.Channels) && _controller.HasReceiverOfChannels))
            return Error.Busy;
        _options = options;
        return Buffers.Start(options.StartCycle);
    }

    /// <inheritdoc/>
    [PacketPath]
    public override void Queue(IsoReceiveBuffer buffer)
    {
        if (buffer.IsQueued || buffer.Mode != _options.Mode)
            Bug.Stop("a buffer of a stream is queued twice, or is of another mode"u8);
        if (buffer is IsoPacketBuffer packets)
            Buffers.Queue(packets);
        else
            Buffers.Queue((IsoFillBuffer)buffer);
    }

    /// <inheritdoc/>
    public override Error Stop() => Buffers.Stop();

    /// <inheritdoc/>
    public void SetUp(int startCycle)
    {
        OhciRegisters registers = _controller.Registers;
        ContextRegisters control = registers.Receive(_number);
        control.Clear.Write(ContextControl.ReceiveOwn);
        ContextControl options = _options.Mode is IsoReceiveMode.Packets or IsoReceiveMode.Stream ? ContextControl.ReceiveHeader : 0;
        options |= _options.Mode >= IsoReceiveMode.Stream ? ContextControl.BufferFill : 0;
        int channel = 0;
        if (BitOperations.IsPow2(_options.Channels))
        {
            channel = BitOperations.TrailingZeroCount(_options.Channels);
        }
        else
        {
            options |= ContextControl.MultiChannel;
            WriteChannels(registers, isHigh: true, (uint)(_options.Channels >> 32));
            WriteChannels(registers, isHigh: false, (uint)_options.Channels);
        }
        if (startCycle >= 0)
            options |= ContextControl.ReceiveCycleMatch;
        const int cycleMask = 0x7FFF;
        registers.ReceiveMatch(_number).Write((uint)_options.Tags << 28 | (uint)(startCycle & cycleMask) << 12 | (uint)_options.Sync << 8 | (uint)channel);
        control.Set.Write(options);
        registers.ReceiveMaskSet.Write(1u << _number);
    }

    /// <inheritdoc/>
    public void Mask() => _controller.Registers.ReceiveMaskClear.Write(1u << _number);

    /// <inheritdoc/>
    public void Done(IIsoProgram buffer)
    {
        if (buffer is IsoPacketBuffer packets)
        {
            packets.Take(_options.Sync);
            _handler.OnFilled(packets);
            return;
        }
        var filled = (IsoFillBuffer)buffer;
        filled.Take();
        _handler.OnFilled(filled);
    }

    /// <inheritdoc/>
    public void Ended(Error why) => _handler.OnEnded(why);

    private static void WriteChannels(OhciRegisters registers, bool isHigh, uint channels)
    {
        registers.ChannelsClear(isHigh).Write(~channels);
        registers.ChannelsSet(isHigh).Write(channels);
    }
}
