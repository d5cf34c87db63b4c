using System.Numerics;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>
/// An isochronous receive context in packet-per-buffer mode, with headers. The programs of the buffers that are queued follow one another; the
/// last ends in nothing, and the context waits there. Source: OHCI 1.1, section 10.
/// </summary>
internal sealed class IsoReceive : IsoReceiver
{
    // It is started anew so often without a buffer that became full.
    private const int MostRestarts = 5;

    private readonly Ohci _controller;
    private readonly IIsoReceiveHandler _handler;
    private readonly DmaContext _context;
    private readonly Place[] _queue = new Place[MostBuffers];
    private uint _head, _tail;

    // The one whose program the context looks at for where to go on; null: it does not run.
    private IsoPacketBuffer? _last;
    private IsoReceiveOptions _options;
    private State _state;
    private int _restarts;

    public IsoReceive(Ohci controller, int number, IIsoReceiveHandler handler)
    {
        _controller = controller;
        _handler = handler;
        Number = number;
        _context = new DmaContext(controller.Registers.Receive(number));
    }

    private enum State : byte
    {
        Idle,
        Started,

        /// <summary>It could not be stopped: a reset of the controller does it.</summary>
        Ending,
    }

    /// <summary>Which context it is.</summary>
    public int Number { get; }

    /// <inheritdoc/>
    public override bool IsStarted => _state == State.Started;

    /// <summary>Whether it takes several channels.</summary>
    public bool HasChannels => _state != State.Idle && !BitOperations.IsPow2(_options.Channels);

    /// <inheritdoc/>
    public override IsoReceiveBuffer NewBuffer() => new IsoPacketBuffer();

    /// <inheritdoc/>
    public override Error Start(in IsoReceiveOptions options)
    {
        if (!_controller.IsRunning)
            return Error.DeviceGone;
        if (_state != State.Idle || (!BitOperations.IsPow2(options.Channels) && _controller.HasReceiverOfChannels))
            return Error.Busy;
        _options = options;
        _state = State.Started;
        _restarts = 0;
        SetUp(options.StartCycle);
        return Error.None;
    }

    /// <inheritdoc/>
    [PacketPath]
    public override void Queue(IsoReceiveBuffer buffer)
    {
        var queued = (IsoPacketBuffer)buffer;
        if (_state != State.Started || queued.IsQueued || _tail - _head == MostBuffers)
            Bug.Stop("a buffer is queued for a stream that takes none"u8);
        queued.Queue();
        _queue[_tail % MostBuffers].Buffer = queued;
        _tail++;
        if (queued == _last)
        {
            // The context may look at its end still: it cannot follow itself.
            Renew();
            return;
        }
        Append(queued);
    }

    /// <inheritdoc/>
    public override Error Stop()
    {
        if (_state == State.Idle)
            return Error.None;
        Error error = _state == State.Ending ? Error.Timeout : TryStop();
        if (error == Error.None)
            Release();
        else
            _state = State.Ending;
        return error;
    }

    /// <summary>Hands over what is full, in order.</summary>
    public void TakeFull()
    {
        while (_head != _tail && _state == State.Started)
        {
            ref Place place = ref _queue[_head % MostBuffers];
            IsoPacketBuffer buffer = place.Buffer!;
            if (!buffer.IsFull)
                return;
            place.Buffer = null;
            _head++;
            _restarts = 0;
            _controller.Counters.StreamBuffers++;
            buffer.Take(_options.Sync);
            _handler.OnFilled(buffer);
        }
    }

    /// <summary>If it has died: it goes on with the first buffer that is not full, a few times.</summary>
    public void RenewDead()
    {
        if (_state != State.Started || _last == null || !_context.IsDead)
            return;
        _controller.Counters.DeadContexts++;
        TakeFull();
        if (_state != State.Started)
            return;
        if (++_restarts <= MostRestarts)
            Renew();
        else if (TryStop() == Error.None)
            End(Error.Malformed);
        else
            _state = State.Ending;
    }

    /// <summary>The controller was reset: nothing runs, and nothing is set.</summary>
    public void ControllerRestarted()
    {
        if (_state == State.Ending)
            End(Error.Timeout);
        if (_state != State.Started)
            return;
        SetUp(startCycle: -1);
        Begin();
    }

    /// <summary>The controller is given up.</summary>
    /// <param name="keepsMemory">Nothing proves that it leaves memory alone.</param>
    public void ControllerEnded(bool keepsMemory)
    {
        if (_state == State.Idle)
            return;
        for (; keepsMemory && _head != _tail; _head++)
            _queue[_head % MostBuffers].Buffer!.Lose();
        End(Error.DeviceGone);
    }

    /// <summary>Ends it whatever comes of that, without handing anything over.</summary>
    public void Silence()
    {
        if (_last != null)
            _context.Stop().Ignore("the controller's reset stops it"u8);
    }

    private void SetUp(int startCycle)
    {
        OhciRegisters registers = _controller.Registers;
        ContextRegisters control = registers.Receive(Number);
        control.Clear.Write(ContextControl.Own);
        var options = ContextControl.ReceiveHeader;
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
        registers.ReceiveMatch(Number).Write((uint)_options.Tags << 28 | (uint)(startCycle & cycleMask) << 12 | (uint)_options.Sync << 8 | (uint)channel);
        control.Set.Write(options);
        registers.ReceiveMaskSet.Write(1u << Number);
    }

    private static void WriteChannels(OhciRegisters registers, bool isHigh, uint channels)
    {
        registers.ChannelsClear(isHigh).Write(~channels);
        registers.ChannelsSet(isHigh).Write(channels);
    }

    // All that is queued, from the first on; the context does not run.
    private void Begin()
    {
        _last = null;
        for (uint i = _head; i != _tail; i++)
        {
            IsoPacketBuffer buffer = _queue[i % MostBuffers].Buffer!;
            buffer.TakeUnused();
            buffer.Queue();
            if (_last != null)
                _last.Link(buffer.Begin, LinksFirst);
            _last = buffer;
        }
        if (_last != null)
            _context.Start(_queue[_head % MostBuffers].Buffer!.Begin);
    }

    private void Append(IsoPacketBuffer buffer)
    {
        if (_last == null)
        {
            _context.Start(buffer.Begin);
        }
        else
        {
            _last.Link(buffer.Begin, LinksFirst);
            _context.Wake();
        }
        _last = buffer;
    }

    private bool LinksFirst => _controller.HasReceiveWake;

    private void Renew()
    {
        if (TryStop() == Error.None)
            Begin();
    }

    // What cannot be stopped costs a reset of the controller.
    private Error TryStop()
    {
        Error error = _last == null ? Error.None : _context.Stop();
        if (error != Error.None)
            _controller.Fail();
        return error;
    }

    private void Release()
    {
        _controller.Registers.ReceiveMaskClear.Write(1u << Number);
        for (; _head != _tail; _head++)
        {
            ref Place place = ref _queue[_head % MostBuffers];
            place.Buffer!.TakeUnused();
            place.Buffer = null;
        }
        _last = null;
        _state = State.Idle;
    }

    private void End(Error why)
    {
        Release();
        _handler.OnEnded(why);
    }

    // In a structure, as storing into an array of objects asks what they are.
    private struct Place
    {
        public IsoPacketBuffer? Buffer;
    }
}
