using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.I8255x;

// Interrupts, the look once a second, and what follows when the device hangs: it is reset, what it had is taken back and freed, and it
// starts anew, as often as it takes; a device that is gone is left alone.
public sealed partial class I8255x
{
    private const ulong WatchdogMicroseconds = 1_000_000;

    // Looks that a batch may outlast.
    private const int MostHungTicks = 2;

    // Interrupts with a cause between two times that one is let through; each is let through for one cause or two.
    private const uint Storm = 1_000;

    // Words of the statistics (8255x manual, section 6.3.2.3.1): frames not sent (collisions, underrun), received with errors, missed.
    private const int FirstSendError = 1, LastSendError = 3, FirstReceiveError = 10, NoFrameWord = 12, OverrunWord = 13;

    // Where the word that ends them may be: behind those of the 82557, the 82558, the 82559.
    private const int EndOf82557 = 16, EndOf82558 = 19, EndOf82559 = 20;
    private const uint StatisticsEnd = 0xA007;

    // Whether each cause has a mask of its own; the 82557 has one for all (8255x manual, section 6.3.2.3).
    private readonly bool _masksCauses;

    private readonly WorkItem _service;
    private readonly Timer _watchdog;
    private I8255xFaults _faults;
    private InterruptGuard _guard;
    private ScbMask _mask = ScbMask.All;
    private int _hungTicks;
    private ulong _mdiTimeouts;
    private bool _isArmed, _isTime, _isHung, _waitsForStatistics;

    /// <inheritdoc/>
    public override bool OnInterrupt()
    {
        ScbEvents events = _registers.Events;
        ScbEvents causes = events & ScbEvents.AllCauses;
        ScbMask masked = _mask & ScbMask.All;
        if (_masksCauses)
            masked |= _mask;
        // A neighbour's, or the timer looks; or the device was pulled; or a cause stands that nobody lets through, and would be taken for a line that
        // is silent. Whose line it is counts them.
        if (events == ScbEvents.Gone || (masked & ScbMask.All) != 0 || (causes & ~(ScbEvents)((uint)masked << 8)) == 0)
            return false;
        // A cause that does not go when it is acknowledged would come back for ever.
        _guard.Note(Storm, Function);
        _registers.Acknowledge(causes);
        _counters.Interrupts++;
        if ((causes & (ScbEvents.CommandDone | ScbEvents.CommandUnitStopped)) != 0 && _isActive)
            _service.Mark();
        if (_isArmed && (causes & (ScbEvents.FrameReceived | ScbEvents.ReceiverNotReady)) != 0)
        {
            _isArmed = false;
            SetMask();
            Listener?.Mark();
        }
        return true;
    }

    /// <inheritdoc/>
    [PacketPath]
    public bool Arm()
    {
        if (_state != State.Running)
            return false;
        _isArmed = true;
        _guard.Restart();
        // What came up to here is found by looking; what comes from here on interrupts.
        _registers.Acknowledge(ScbEvents.FrameReceived | ScbEvents.ReceiverNotReady);
        SetMask();
        if (_head == _marker || ((ReceiveWord)_dma.Look(in _receive[_head & ReceiveFrames - 1], ReceiveHeader.StatusWord) & ReceiveWord.Complete) == 0)
            return false;
        _isArmed = false;
        SetMask();
        return true;
    }

    // Which causes may interrupt now: received frames when somebody waits for them, batches when others wait behind.
    private void SetMask()
    {
        ScbMask mask = ScbMask.Unused;
        if (!_isArmed)
            mask |= ScbMask.FrameReceived | ScbMask.ReceiverNotReady;
        bool waits = _isActive && _batchEnd != _next;
        if (!waits)
            mask |= ScbMask.CommandDone;
        // The 82557 knows this bit alone.
        if (!_isArmed && !waits)
            mask |= ScbMask.All;
        _mask = mask;
        _registers.Mask = mask;
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer)
    {
        _isTime = true;
        _service.Mark();
        timer.Start(WatchdogMicroseconds);
    }

    // Not here and now: the caller is in the middle of something.
    private void RequestReset()
    {
        if (_state != State.Running)
            return;
        _state = State.Halted;
        _isHung = true;
        _service.Mark();
    }

    /// <inheritdoc/>
    public bool Work(int budget)
    {
        if (_state == State.Dead)
            return false;
        if (_isActive && _state == State.Running)
            Reclaim();
        if (_isTime)
        {
            _isTime = false;
            _guard.Release(Function);
            if (_state == State.Running)
                LookAfter();
            else
                _isHung = true;
        }
        if (_isHung)
            Reset().Ignore("it is counted, and tried again with the next look"u8);
        return false;
    }

    private void LookAfter()
    {
        ScbStatus status = _registers.Status;
        if (status == ScbStatus.Gone && Function.IsGone)
        {
            RequestReset();
            return;
        }
        // It stopped where the list did not end: whoever receives next asks, and starts it.
        if (status.ReceiveUnit != ReceiveUnit.Ready)
        {
            SetWasMarker(_head, true);
            Listener?.Mark();
        }
        if (_isActive && ++_hungTicks > MostHungTicks)
        {
            _faults.CommandHangs++;
            RequestReset();
            return;
        }
        if (LookAtLink())
            Listener?.Mark();
        TakeStatistics();
        // An interrupt that got lost: whoever waits looks again.
        if (_isArmed && Arm())
            Listener?.Mark();
    }

    /// <summary>
    /// Resets the device and starts it anew, as the watchdog does when it hangs: frames that it had to send are freed and counted, those that it was to
    /// fill stay with it. Takes less than a millisecond where it answers. Not in interrupt handlers.
    /// </summary>
    /// <returns>
    /// <see cref="Error.DeviceGone"/> if it is gone or cannot be kept from memory: then it is left alone. Others: the next try comes
    /// within a second.
    /// </returns>
    public Error Reset()
    {
        _isHung = false;
        _isArmed = false;
        if (_state == State.Dead)
            return Error.DeviceGone;
        // One whose registers do not answer, though its configuration space does, is as good as gone.
        if (Function.IsGone || !TryHalt() || _registers.Status == ScbStatus.Gone)
        {
            Log.Warn($"{_place}: is gone, or does not let go of memory");
            _counters.FailedResets++;
            Abandon();
            Listener?.Mark();
            return Error.DeviceGone;
        }
        TakeSentBack();
        Error error = Function.EnableMemoryAndBusMaster();
        if (error == Error.None)
            error = Begin();
        if (error == Error.None)
            _counters.Resets++;
        else
            _counters.FailedResets++;
        // What waits for a frame may wait for one that was lost.
        Listener?.Mark();
        return error;
    }

    // Adds what the device counted since it was asked last, and asks again.
    private void TakeStatistics()
    {
        if (_waitsForStatistics)
        {
            if (_results[EndOf82557].Read() != StatisticsEnd && _results[EndOf82558].Read() != StatisticsEnd && _results[EndOf82559].Read() != StatisticsEnd)
            {
                _faults.LostStatistics++;
            }
            else
            {
                for (int word = FirstSendError; word <= LastSendError; word++)
                    _counters.SendDropped += _results[word].Read();
                for (int word = FirstReceiveError; word < NoFrameWord; word++)
                    _counters.ReceiveErrors += _results[word].Read();
                _counters.Missed += (ulong)_results[NoFrameWord].Read() + _results[OverrunWord].Read();
            }
        }
        for (int word = 0; word <= EndOf82559; word++)
            _results[word].Write(0);
        _waitsForStatistics = Command(ScbCommand.DumpAndResetCounters) == Error.None;
        if (!_waitsForStatistics)
            RequestReset();
    }
}
