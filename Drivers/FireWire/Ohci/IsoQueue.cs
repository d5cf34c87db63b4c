using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>A buffer of a stream with the descriptors that it is sent or received by.</summary>
internal interface IIsoProgram
{
    /// <summary>Its first block: address 31:4, number of descriptors 3:0.</summary>
    uint Begin { get; }

    /// <summary>Whether the controller is through with it, as it says.</summary>
    bool IsDone { get; }

    /// <summary>Gives it to the controller: nothing has been done, and nothing follows.</summary>
    void Give();

    /// <summary>Takes it back, done, and hands it over.</summary>
    void Done();

    /// <summary>Takes it back as it was given.</summary>
    void TakeUnused();

    /// <summary>It is the controller's for good.</summary>
    void Lose();

    /// <summary>Says where the program goes on behind it.</summary>
    /// <param name="inFirst">Also where a controller looks that looks in the wrong place (<see cref="OhciQuirks.ReceiveWake"/>).</param>
    void Link(uint block, bool inFirst);

    /// <summary>It follows itself, as nothing else did: behind where it ended before it was given.</summary>
    /// <param name="inFirst">As of <see cref="Link"/>.</param>
    void LinkToItself(bool inFirst);
}

/// <summary>Which context it is.</summary>
internal interface IIsoContext
{
    /// <summary>Sets the context up, and lets it interrupt; it does not run.</summary>
    void SetUp(int startCycle);

    /// <summary>It does not interrupt any more.</summary>
    void Mask();

    /// <summary>The first buffer that is not done may be further than it was.</summary>
    void UnderWay(IIsoProgram buffer);

    /// <summary>It has ended by itself.</summary>
    void Ended(Error why);
}

/// <summary>
/// An isochronous context and the buffers that it has: their programs follow one another, the last ends in nothing, and the context waits there.
/// Source: OHCI 1.1, section 3.1 (contexts), 9 and 10 (isochronous).
/// </summary>
internal sealed class IsoQueue(Ohci controller, DmaContext context, IIsoContext owner)
{
    public const int Most = IsoReceiver.MostBuffers;

    // It is started anew so often without a buffer that was done.
    private const int MostRestarts = 5;

    private readonly Place[] _queue = new Place[Most];
    private uint _head, _tail;

    // The one whose program the context looks at for where to go on; null: it does not run.
    private IIsoProgram? _last;
    private State _state;
    private int _restarts;

    private enum State : byte
    {
        Idle,
        Started,

        /// <summary>It could not be stopped: a reset of the controller does it.</summary>
        Ending,
    }

    public bool IsIdle => _state == State.Idle;

    public bool IsStarted => _state == State.Started;

    /// <summary>Begins; it runs once there is a buffer.</summary>
    public Error Start(int startCycle)
    {
        if (!controller.IsRunning)
            return Error.DeviceGone;
        if (_state != State.Idle)
            return Error.Busy;
        _state = State.Started;
        _restarts = 0;
        owner.SetUp(startCycle);
        return Error.None;
    }

    /// <summary>Gives a buffer to the context.</summary>
    public void Queue(IIsoProgram buffer)
    {
        if (_state != State.Started || _tail - _head == Most)
            Bug.Stop("a buffer is queued for a stream that takes none"u8);
        buffer.Give();
        _queue[_tail % Most].Buffer = buffer;
        _tail++;
        if (_last == null)
        {
            context.Start(buffer.Begin);
        }
        else
        {
            if (_last == buffer)
                buffer.LinkToItself(controller.HasReceiveWake);
            else
                _last.Link(buffer.Begin, controller.HasReceiveWake);
            context.Wake();
        }
        _last = buffer;
    }

    /// <summary>Ends it: all buffers are back. On an error they are not yet, and the owner is told when they are.</summary>
    public Error Stop()
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

    /// <summary>Hands over what is done, in order.</summary>
    public void TakeDone()
    {
        while (_head != _tail && _state == State.Started)
        {
            ref Place place = ref _queue[_head % Most];
            IIsoProgram buffer = place.Buffer!;
            if (!buffer.IsDone)
            {
                owner.UnderWay(buffer);
                return;
            }
            place.Buffer = null;
            _head++;
            _restarts = 0;
            controller.Counters.StreamBuffers++;
            buffer.Done();
        }
    }

    /// <summary>If it has died: it goes on with the first buffer that is not done, a few times. Else it looks for buffers, as it may not have heard of some.</summary>
    public void RenewDead()
    {
        if (_state != State.Started || _last == null)
            return;
        if (!context.IsDead)
        {
            context.Wake();
            return;
        }
        controller.Counters.DeadContexts++;
        TakeDone();
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
        owner.SetUp(startCycle: -1);
        Begin();
    }

    /// <summary>The controller is given up.</summary>
    /// <param name="keepsMemory">Nothing proves that it leaves memory alone.</param>
    public void ControllerEnded(bool keepsMemory)
    {
        if (_state == State.Idle)
            return;
        for (; keepsMemory && _head != _tail; _head++)
            _queue[_head % Most].Buffer!.Lose();
        End(Error.DeviceGone);
    }

    /// <summary>Ends it whatever comes of that, without handing anything over.</summary>
    public void Silence()
    {
        if (_last != null)
            context.Stop().Ignore("the controller's reset stops it"u8);
    }

    // All that is queued, from the first on; the context does not run.
    private void Begin()
    {
        _last = null;
        for (uint i = _head; i != _tail; i++)
        {
            IIsoProgram buffer = _queue[i % Most].Buffer!;
            buffer.TakeUnused();
            buffer.Give();
            _last?.Link(buffer.Begin, controller.HasReceiveWake);
            _last = buffer;
        }
        if (_last != null)
            context.Start(_queue[_head % Most].Buffer!.Begin);
    }

    private void Renew()
    {
        if (TryStop() == Error.None)
            Begin();
    }

    // What cannot be stopped costs a reset of the controller.
    private Error TryStop()
    {
        Error error = _last == null ? Error.None : context.Stop();
        if (error != Error.None)
            controller.Fail();
        return error;
    }

    private void Release()
    {
        owner.Mask();
        for (; _head != _tail; _head++)
        {
            ref Place place = ref _queue[_head % Most];
            place.Buffer!.TakeUnused();
            place.Buffer = null;
        }
        _last = null;
        _state = State.Idle;
    }

    private void End(Error why)
    {
        Release();
        owner.Ended(why);
    }

    // In a structure, as storing into an array of objects asks what they are.
    private struct Place
    {
        public IIsoProgram? Buffer;
    }
}
