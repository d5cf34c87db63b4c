using System.Numerics;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>An isochronous receive context, in packet-per-buffer, buffer-fill or dual-buffer mode. Source: OHCI 1.1, section 10.</summary>
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

    /// <summary>The synchronization code of packets that buffers begin with.</summary>
    public uint Sync => _options.Sync;

    /// <summary>Divided: bytes that the last packet of the last buffer lacked, which come first in the next.</summary>
    public uint Cut { get; set; }

    /// <summary>Whether it takes several channels.</summary>
    public bool HasChannels => !Buffers.IsIdle && !BitOperations.IsPow2(_options.Channels);

    /// <inheritdoc/>
    public override bool HasMode(IsoReceiveMode mode) => mode != IsoReceiveMode.Divided || _controller.HasDualBuffer;

    /// <inheritdoc/>
    public override IsoReceiveBuffer NewBuffer(IsoReceiveMode mode = IsoReceiveMode.Packets) => mode switch
    {
        IsoReceiveMode.Packets or IsoReceiveMode.PacketsAlone => new IsoPacketBuffer(this, mode),
        IsoReceiveMode.Divided => new IsoDualBuffer(this),
        _ => new IsoFillBuffer(this, mode),
    };

    /// <inheritdoc/>
    public override Error Start(in IsoReceiveOptions options)
    {
        bool isOfMany = !BitOperations.IsPow2(options.Channels);
        if (!Buffers.IsIdle || (isOfMany && _controller.HasReceiverOfChannels))
            return Error.Busy;
        // Several channels are for buffer-fill mode alone (10.3.1, multiChanMode and dualBufferMode).
        if (!HasMode(options.Mode) || (isOfMany && options.Mode is not (IsoReceiveMode.Stream or IsoReceiveMode.StreamAlone)))
            return Error.NotSupported;
        _options = options;
        return Buffers.Start(options.StartCycle);
    }

    /// <inheritdoc/>
    [PacketPath]
    public override void Queue(IsoReceiveBuffer buffer)
    {
        if (buffer.IsQueued || buffer.Mode != _options.Mode)
            Bug.Stop("a buffer of a stream is queued twice, or is of another mode"u8);
        buffer.Enqueue();
    }

    /// <inheritdoc/>
    public override Error Stop() => Buffers.Stop();

    /// <inheritdoc/>
    public void SetUp(int startCycle)
    {
        OhciRegisters registers = _controller.Registers;
        Cut = 0;
        ContextRegisters control = registers.Receive(_number);
        control.Clear.Write(ContextControl.ReceiveOwn);
        ContextControl options = _options.Mode switch
        {
            IsoReceiveMode.Packets => ContextControl.ReceiveHeader,
            IsoReceiveMode.Stream => ContextControl.ReceiveHeader | ContextControl.BufferFill,
            IsoReceiveMode.StreamAlone => ContextControl.BufferFill,
            IsoReceiveMode.Divided => ContextControl.ReceiveHeader | ContextControl.DualBuffer,
            _ => 0,
        };
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
        {
            _controller.TakeCycleEvents();
            options |= ContextControl.ReceiveCycleMatch;
        }
        const int cycleMask = 0x7FFF;
        registers.ReceiveMatch(_number).Write((uint)_options.Tags << 28 | (uint)(startCycle & cycleMask) << 12 | (uint)_options.Sync << 8 | (uint)channel);
        control.Set.Write(options);
        registers.ReceiveMaskSet.Write(1u << _number);
    }

    /// <inheritdoc/>
    public void Mask() => _controller.Registers.ReceiveMaskClear.Write(1u << _number);

    /// <summary>Whether the context is through with a block: it is at another, or waits at this one's end (3.1.2).</summary>
    public bool HasLeft(uint block)
    {
        ContextRegisters registers = _controller.Registers.Receive(_number);
        bool isActive = (registers.Set.Read() & ContextControl.Active) != 0;
        return !isActive || registers.Command.Read() >> 4 != block >> 4;
    }

    /// <summary>A buffer of its is full, and the CPU's.</summary>
    public void Filled(IsoReceiveBuffer buffer) => _handler.OnFilled(buffer);

    /// <inheritdoc/>
    public void UnderWay(IIsoProgram buffer)
    {
        // Whoever receives hears of whole buffers.
    }

    /// <inheritdoc/>
    public void Ended(Error why) => _handler.OnEnded(why);

    private static void WriteChannels(OhciRegisters registers, bool isHigh, uint channels)
    {
        registers.ChannelsClear(isHigh).Write(~channels);
        registers.ChannelsSet(isHigh).Write(channels);
    }
}
