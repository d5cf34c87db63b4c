using System;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

// The work, after each interrupt and once a second: whether the card is there, whether packets go out, whether an interrupt was lost. A
// controller that hangs is reset and goes on; one that does not survive that is given up.
public sealed unsafe partial class Ohci
{
    private const ulong LookMicroseconds = 1_000_000;

    // A message that was sent is here by then.
    private const ulong MessageMicroseconds = 20_000;

    // Resets of the controller in a row without a packet that went out or came: then it is given up.
    private const int MostRestarts = 5;

    private readonly Worker _work;
    private State _state;
    private uint _requestProgress, _responseProgress;
    private bool _requestsWaited, _responsesWaited;
    private Todo _todo;
    private int _restarts;
    private ulong _movedAtRestart;
    private Events _pending;

    // All but packets.
    private const Events Unusual = Events.BusReset | Events.SelfIdComplete | Events.UnrecoverableError | Events.RegisterAccessFailed
        | Events.PostedWriteError | Events.CycleTooLong;

    private enum State : byte
    {
        Stopped,
        Running,
    }

    // What the work does beside what events tell of.
    [Flags]
    private enum Todo : byte
    {
        None = 0,
        ReportRefused = 1,

        /// <summary>Responses wait for others to be sent.</summary>
        MakeRoom = 2,

        /// <summary>The controller as a whole.</summary>
        Restart = 4,

        /// <summary>The first reset of the bus.</summary>
        Reset = 8,
    }

    /// <summary>Whether it is on the bus: false once it was given up.</summary>
    public bool IsRunning => _state == State.Running;

    // Something cannot be stopped, or has died for good: the controller as a whole begins anew, at the end of this turn.
    internal void Fail()
    {
        _todo |= Todo.Restart;
        _work.Mark();
    }

    private bool Turn()
    {
        if (_state != State.Running)
        {
            if (_bus != null)
                ReportRefused();
            return false;
        }
        // Whoever did not come by an interrupt, or goes on, looks for himself.
        if (!_isMasked || _pending != Events.None)
        {
            Mask();
            NoteEvents();
        }
        Events events = _noted;
        _noted = Events.None;
        if (events == Events.Gone)
        {
            // Once may be a read that nobody answered (PCI Express, completion time-out); what happened is still there then.
            if (_registers.EventSet.Read() == Events.Gone)
            {
                End("is gone"u8);
                return false;
            }
            events = Events.None;
        }
        events |= _pending;
        _isInTurn = true;
        // What came before what was sent, as an answer that is there needs no time-out; and both before a reset that came after them.
        bool more = false;
        if ((events & Events.ResponseReceived) != 0 && !_isInReset)
            more = TakeReceived(_responsesIn);
        if ((events & Events.RequestReceived) != 0 && !_isInReset && !_isAhead)
        {
            // Of responses only those interrupt that nobody took: the others are known now and then.
            if (_responses.Given - _responses.Progress >= LateResponses)
                ReportSent(_responses);
            more |= TakeReceived(_requestsIn);
        }
        if ((events & Events.RequestSent) != 0)
            ReportSent(_requests);
        if ((events & Events.ResponseSent) != 0)
            ReportSent(_responses);
        if (_todo != Todo.None || (events & StreamEvents) != 0)
            more |= DoOther(events);
        _isInTurn = false;
        _requests.Wake();
        _responses.Wake();
        _pending = more ? events : Events.None;
        if (!more && (events & Unusual) != 0)
            more = HandleUnusual(events);
        // After self-IDs that are there already: with a reset in between they would be nobody's.
        if ((_todo & Todo.Reset) != 0)
            ResetFirst();
        if ((_todo & Todo.Restart) != 0)
            Restart();
        if (!more && _state == State.Running)
            more = Unmask();
        return more;
    }

    private void ResetFirst()
    {
        _todo &= ~Todo.Reset;
        if (Reset(isLong: false) != Error.None)
            Fail();
    }

    private bool DoOther(Events events)
    {
        bool more = false;
        if ((_todo & Todo.ReportRefused) != 0)
            ReportRefused();
        if ((_todo & Todo.MakeRoom) != 0)
            more = MakeRoom();
        if ((events & StreamEvents) != 0)
            TakeStreams(events);
        return more;
    }

    private bool HandleUnusual(Events events)
    {
        bool more = false;
        if ((events & Events.BusReset) != 0)
            BeginReset();
        if ((events & Events.SelfIdComplete) != 0)
        {
            more = TryEndReset();
            // While there was a reset, what came waited: who sent it knew the bus already.
            _pending = Events.RequestReceived | Events.ResponseReceived;
        }
        if ((events & (Events.UnrecoverableError | Events.RegisterAccessFailed | Events.PostedWriteError | Events.CycleTooLong)) != 0)
            HandleErrors(events);
        return more;
    }

    private void HandleErrors(Events events)
    {
        Counters.RegisterFailures += (events & Events.RegisterAccessFailed) != 0 ? 1u : 0;
        Counters.PostedWriteErrors += (events & Events.PostedWriteError) != 0 ? 1u : 0;
        if ((events & Events.CycleTooLong) != 0)
        {
            // It takes the cycle master's bit away (5.10).
            Counters.LongCycles++;
            SetCycleMaster(_isCycleMaster);
        }
        if ((events & Events.UnrecoverableError) == 0)
            return;
        RenewDead(_requests);
        RenewDead(_responses);
        RenewDead(_requestsIn);
        RenewDead(_responsesIn);
        RenewDeadStreams();
        // With a bus reset it could not read the ROM, and does not show it any more; only where the link is off may that be set again (5.5.6, 5.7).
        // Before OHCI 1.1 there was no such bit.
        if (Version >= 0x0110 && (_registers.HcSet.Read() & HcControl.RomIsValid) == 0)
            Fail();
    }

    private void RenewDead(AsyncTransmit context)
    {
        if (!context.IsDead)
            return;
        Counters.DeadContexts++;
        StopAndFlush(context);
    }

    private void RenewDead(AsyncReceive context)
    {
        if (!context.IsDead)
            return;
        Counters.DeadContexts++;
        Renew(context);
    }

    private void StopAndFlush(AsyncTransmit context)
    {
        if (context.Stop() != Error.None)
            Fail();
        else
            Flush(context, AckCode.NotSent);
    }

    // Once a second.
    private void CheckHealth()
    {
        if (_state != State.Running)
            return;
        _guard.Release(Function);
        if (LookAt(_requests, ref _requestProgress, ref _requestsWaited))
            StopAndFlush(_requests);
        if (LookAt(_responses, ref _responseProgress, ref _responsesWaited))
            StopAndFlush(_responses);
        LookAt(_requestsIn);
        LookAt(_responsesIn);
        CheckStreams();
        CheckReset();
        // What interrupts, and whether anything does, is not left to the controller's memory.
        _registers.MaskSet.Write(_armed);
        // One that was reset, and not by us, is off the bus and has forgotten all else, too; one without power for the link may have.
        const HcControl onBus = HcControl.LinkEnable | HcControl.LinkPower;
        if ((_registers.HcSet.Read() & onBus) != onBus)
        {
            Counters.Forgotten++;
            Fail();
        }
        if ((_todo & Todo.Restart) != 0)
            Restart();
    }

    private void LookAt(AsyncReceive context)
    {
        RenewDead(context);
        context.WakeAgain();
        if (!context.IsLeftBehind())
            return;
        Counters.BadDescriptors++;
        Renew(context);
    }

    // Whether nothing has moved since the last look though something waits.
    private bool LookAt(AsyncTransmit context, ref uint progress, ref bool waited)
    {
        bool hangs = context.IsBusy && waited && context.Progress == progress;
        waited = context.IsBusy;
        progress = context.Progress;
        Counters.Hangs += hangs ? 1u : 0;
        return hangs;
    }

    private void Restart()
    {
        _todo &= ~Todo.Restart;
        Counters.Restarts++;
        ulong moved = Counters.Sent + Counters.Received;
        _restarts = moved == _movedAtRestart ? _restarts + 1 : 1;
        _movedAtRestart = moved;
        _isInReset = true;
        _bus.ResetBegan();
        Error error = _restarts > MostRestarts ? Error.Timeout : SoftReset();
        if (error == Error.None)
        {
            FlushTransmit(AckCode.NotSent);
            error = StartAgain();
        }
        if (error != Error.None)
            End(error.Text);
        else
            Log.Warn($"ohci1394: {Function.Address} was reset");
    }

    private void End(ReadOnlySpan<byte> why)
    {
        Log.Warn($"ohci1394: {Function.Address} is given up: {why}");
        _isInReset = true;
        _bus.ResetBegan();
        GiveUp();
    }

    private sealed class Worker : ITimerHandler, IWork
    {
        private readonly Ohci _controller;
        private readonly Timer _timer;
        private readonly WorkItem _work;
        private bool _isDue;

        public Worker(Ohci controller)
        {
            _controller = controller;
            _timer = new Timer(this);
            _work = new WorkItem(this);
        }

        public void Start() => _timer.Start(LookMicroseconds);

        public void Stop() => _timer.Cancel();

        public void Mark() => _work.Mark();

        public void MarkInInterrupt() => _work.MarkInInterrupt();

        public void OnTimer(Timer timer)
        {
            _isDue = true;
            _work.Mark();
        }

        public bool Work(int budget) => _isDue ? Look() : _controller.Turn();

        private bool Look()
        {
            _isDue = false;
            if (_controller.MayHaveLostMessage())
            {
                _timer.Start(MessageMicroseconds);
                return false;
            }
            // Whatever interrupts were lost.
            _controller._isAhead = false;
            _controller._pending |= Events.RequestSent | Events.ResponseSent | Events.RequestReceived | Events.ResponseReceived;
            // Self-IDs may be there, or our number be valid, only after that was told, or nobody was told (5.11, 11.5).
            if (_controller._isInReset || _controller.HasMissedReset)
                _controller._pending |= Events.SelfIdComplete;
            bool more = _controller.Turn();
            if (_controller.IsRunning)
            {
                _controller.CheckHealth();
                _timer.Start(LookMicroseconds);
            }
            return more;
        }
    }
}
