using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire.Second;

/// <summary>
/// An asynchronous transmit context. It may have several packets in its FIFO (7.7), and what is behind one that waits for a busy node may pass it.
/// Source: 1394 OHCI 1.1, section 7.
/// </summary>
internal sealed class AsyncSend(SecondController controller, string name, uint sentEvent, bool isForResponses) : Context(controller, name), ISender
{
    // In the order of the program.
    private readonly List<SendJob> _jobs = [];
    private SendJob? _sending;
    private uint _branch, _place;
    private int _depth, _flushes;
    private bool _isStopped, _hasBegun, _overtakes;

    public bool IsReady => Next() != null;

    protected override bool IsAtRest => _jobs.Count == 0;

    public override string ToString() => $"{base.ToString()}, {string.Join(' ', _jobs.Select(job => job.Stage))}, stopped {_isStopped}";

    public Packet? Begin()
    {
        SendJob job = Next()!;
        if (isForResponses && job.IsExpired(Controller.CycleTime >> 12 & 0xFFFF))
        {
            End(job, Second.Event.TimeOut);
            return null;
        }
        _sending = job;
        job.Underran = job.Packet.DataBytes != 0 && Controller.TakesUnderrun();
        job.Packet.HasDataError = job.Underran;
        return job.Packet;
    }

    public void Ended(Ack ack)
    {
        if (_sending is not { } job)
            return;
        _sending = null;
        if (job.Underran)
        {
            End(job, Second.Event.Underrun);
            return;
        }
        if (ack.IsBusy && job.Retries-- > 0)
        {
            job.Stage = JobStage.BackingOff;
            Kick();
            return;
        }
        if (ack == Ack.Tardy)
            Controller.RaiseLater(Bits.AckTardy);
        End(job, ack == Ack.Missing ? Second.Event.MissingAck : 0x10u | (uint)ack);
    }

    // 7.2.3.1: what is in the FIFO is flushed, and once all statuses are written the context is not active any more.
    public void BusReset(bool wasSending)
    {
        if (!Run)
            return;
        _isStopped = true;
        _flushes = Lot.Takes(Freedom.FlushesOn) ? 1 + Lot.Below(20) : 0;
        foreach (SendJob job in _jobs)
        {
            if (job == _sending && wasSending)
                End(job, Second.Event.MissingAck);
            else if (job.Stage is JobStage.Ready or JobStage.BackingOff || (job.Stage == JobStage.Reading && Lot.Takes(Freedom.FlushesOn)))
                End(job, Second.Event.Flushed);
        }
        _sending = null;
        Kick();
    }

    protected override void Started()
    {
        Reset();
        _isStopped = Controller.IsBusResetSet;
        _depth = 1 + Lot.Below(Controller.MostAhead);
        _overtakes = Lot.Takes(Freedom.OvertakesBusy);
        _flushes = 0;
    }

    protected override void Reset()
    {
        _jobs.Clear();
        _sending = null;
        _isStopped = _hasBegun = false;
    }

    protected override bool Step()
    {
        if (IsDead || StopsNow())
            return false;
        SendJob? done = _overtakes ? _jobs.Find(job => job.Stage == JobStage.Done) : _jobs.FirstOrDefault() is { Stage: JobStage.Done } first ? first : null;
        if (done != null && (_jobs.Count >= _depth || Lot.Below(2) == 0))
            return WriteStatus(done);
        if (_jobs.Find(job => job.Stage == JobStage.Reading) is { } reading)
            return ReadData(reading);
        if (_jobs.Find(job => job.Stage == JobStage.BackingOff) is { } busy)
        {
            busy.Stage = JobStage.Ready;
            Controller.WantBus();
            return true;
        }
        if (Run && _jobs.Count < _depth && TryFetch())
            return true;
        if (IsDead)
            return false;
        if (_isStopped && _jobs.Count == 0)
            Active = false;
        return done != null && WriteStatus(done);
    }

    // The first that may go: behind one that is not ready none may, unless that one only waits for a busy node.
    private SendJob? Next()
    {
        foreach (SendJob job in _jobs)
        {
            if (job.Stage == JobStage.Ready)
                return job;
            if (job.Stage != JobStage.Done && !(job.Stage == JobStage.BackingOff && _overtakes))
                return null;
        }
        return null;
    }

    private bool TryFetch()
    {
        if ((_isStopped && _flushes-- <= 0) || (_hasBegun && IsAtEnd && !Wake && !Active))
            return false;
        if (_hasBegun && !TryFollow(_branch, _place))
        {
            // It rests when all that it has is over.
            Active = !IsDead && _jobs.Count != 0;
            return false;
        }
        if (Controller.IsResetting && !Controller.IsBusResetSet)
            Controller.Complain($"{Name}: a packet is given during a bus reset whose event was cleared, so nothing flushes it (7.2.3.2)");
        uint at = CommandPtr & ~0xFu;
        if (Fetch() is not { } block)
            return false;
        _hasBegun = true;
        var job = new SendJob(Controller, Name, isForResponses, block, at);
        if (!job.TryFindLast())
        {
            Die(Second.Event.Unknown);
            return false;
        }
        (_branch, _place) = (job.Branch, job.BranchPlace);
        _jobs.Add(job);
        LookAhead(_branch);
        return !IsDead;
    }

    private bool ReadData(SendJob job)
    {
        if (_isStopped || Controller.IsBusResetSet)
        {
            End(job, Second.Event.Flushed);
            return true;
        }
        if (!job.TryRead(out bool isPacket))
        {
            Die(Second.Event.DataRead);
            return false;
        }
        if (!isPacket)
        {
            End(job, Second.Event.TcodeError);
            return true;
        }
        job.Retries = Controller.Retries(isForResponses);
        job.Stage = JobStage.Ready;
        Controller.WantBus();
        return true;
    }

    private void End(SendJob job, uint code)
    {
        job.Event = code;
        job.Stage = JobStage.Done;
        Kick();
    }

    // The status is there before anybody hears of it (7.1.5.2, 7.6).
    private bool WriteStatus(SendJob job)
    {
        Event = job.Event;
        if (!Tell(job.Last, Controller.CycleTime >> 12))
            return false;
        if (job.Interrupt == 3 || (job.Interrupt == 1 && Event is not (Second.Event.AckComplete or Second.Event.AckPending)))
            Controller.RaiseLater(sentEvent);
        _jobs.Remove(job);
        return true;
    }
}
