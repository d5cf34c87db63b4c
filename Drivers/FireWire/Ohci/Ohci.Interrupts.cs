using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

// Interrupts: all are masked by the first, and the work is marked; it asks what there is, does it, and unmasks. Source: OHCI 1.1, section 6.
public sealed unsafe partial class Ohci
{
    private const Events Wanted = Events.RequestSent | Events.ResponseSent | Events.RequestReceived | Events.ResponseReceived | Events.PostedWriteError
        | Events.SelfIdComplete | Events.BusReset | Events.RegisterAccessFailed | Events.UnrecoverableError | Events.CycleTooLong | StreamEvents;

    private const ulong PollingMicroseconds = 1_000;

    // Interrupts that cannot be until the watchdog looks again: each takes a turn of the work.
    private const uint Storm = 100_000;

    private InterruptToken _polling;
    private InterruptGuard _guard;

    // What may interrupt now; nothing while the work is marked. A bus reset is not in it while there is one.
    private Events _armed;
    private bool _isMasked;

    /// <summary>Times that interrupts came without end, and were held back until the watchdog's next look.</summary>
    public ulong InterruptStorms => _guard.Storms;

    /// <inheritdoc/>
    public override bool OnInterrupt()
    {
        _guard.Note(Storm, Function);
        // One that is masked already is a neighbour's, or polled.
        Events events = _isMasked ? Events.None : _registers.EventSet.Read();
        if (events != Events.Gone && (events & _armed) == 0)
        {
            Counters.SpuriousInterrupts++;
            return false;
        }
        Counters.Interrupts++;
        _isMasked = true;
        _registers.MaskClear.Write(Events.Master);
        _work.Mark();
        return true;
    }

    // What happened, as far as anybody waits for it; it is cleared. False if the card is gone.
    private bool TryTakeEvents(out Events events)
    {
        events = _registers.EventSet.Read();
        if (events == Events.Gone)
            return false;
        events &= _armed;
        // A bus reset stands until its self-IDs are there (6.1.1); whoever clears it early finds it again.
        Events cleared = events & ~Events.BusReset;
        if (cleared != 0)
            _registers.EventClear.Write(cleared);
        return true;
    }

    private void Arm(Events events)
    {
        _armed |= events;
        _registers.MaskSet.Write(events);
    }

    private void Disarm(Events events)
    {
        _armed &= ~events;
        _registers.MaskClear.Write(events);
    }

    private void Unmask()
    {
        _isMasked = false;
        _registers.MaskSet.Write(Events.Master);
    }

    private void ConnectInterrupt()
    {
        InterruptKinds allowed = (_quirks & OhciQuirks.NoMessages) != 0 ? InterruptKinds.Line : InterruptKinds.All;
        if (Function.TryEnableInterrupt(this, Name, allowed, out _))
            return;
        if (!Machine.Interrupts.TryTakePolling(PollingMicroseconds, this, Name, out _polling))
            Log.Warn($"ohci1394: {Function.Address} is looked at by its watchdog alone");
    }

    private void DisconnectInterrupt()
    {
        // What masked the old one ends with it.
        Function.DisableInterrupt();
        _guard.Release(Function);
        if (_polling.IsValid)
            Machine.Interrupts.Release(ref _polling);
    }
}
