using System.Runtime.CompilerServices;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

// Interrupts: the first notes what there is, masks all, and marks the work, which does that and unmasks. Source: OHCI 1.1, section 6.
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
    private bool _isMasked, _isByMessage;

    // One more than the interrupts there had been when something stood for which none had come; 0: nothing did.
    private ulong _unheardSince;

    // What happened and nobody has dealt with; all ones if the card is gone. The handler adds to it while it is not masked, the work takes it
    // while it is.
    private Events _noted;

    /// <summary>Times that interrupts came without end, and were held back until the watchdog's next look.</summary>
    public ulong InterruptStorms => _guard.Storms;

    /// <summary>Times that nothing told of what had happened while interrupts were masked: after the first, that is looked at whenever they are not.</summary>
    public ulong LostMessages { get; private set; }

    /// <inheritdoc/>
    public override bool OnInterrupt()
    {
        _guard.Note(Storm, Function);
        // One that is masked already is a neighbour's, polled, or came before the card had heard of the mask.
        if (_isMasked || !NoteEvents())
            return Disclaim();
        Counters.Interrupts = Counters.Interrupts + 1;
        Mask();
        _work.MarkInInterrupt();
        return true;
    }

    // With the answer to a read all that was written has arrived (PCI 3.0, 3.2.5): or else the line would stay up, and is shut off when nobody claims it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Disclaim()
    {
        Counters.SpuriousInterrupts++;
        _registers.EventSet.Read();
        return false;
    }

    // What happened, as far as anybody waits for it, is noted and cleared. False if nothing did.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool NoteEvents()
    {
        Events events = _registers.EventSet.Read();
        if (events == Events.Gone)
        {
            _noted = Events.Gone;
            return true;
        }
        events &= _armed;
        if (events == 0)
            return false;
        // A bus reset stands until its self-IDs are there (6.1.1); whoever clears it early finds it again.
        _registers.EventClear.Write(events & ~Events.BusReset);
        _noted |= events;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Mask()
    {
        _isMasked = true;
        _registers.MaskClear.Write(Events.Master);
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

    // True if there is more.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Unmask()
    {
        _isMasked = false;
        _registers.MaskSet.Write(Events.Master);
        return LostMessages != 0 && HasUnheard();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool HasUnheard()
    {
        if (!_isByMessage || (_registers.EventSet.Read() & _armed) == 0)
            return false;
        _guard.Note(Storm, Function);
        return !_guard.IsHeldBack;
    }

    // At the regular look. Nothing says whether a message is sent for what happened while the mask was closed, when it opens (6.2): if something
    // stands for which none comes in 20 ms, none is, and each turn looks again when it opens. True if that is to be seen yet.
    private bool MayHaveLostMessage()
    {
        bool stands = _isByMessage && !_isMasked && !_guard.IsHeldBack && (_registers.EventSet.Read() & _armed) != 0;
        bool stood = _unheardSince == Counters.Interrupts + 1;
        _unheardSince = stands ? Counters.Interrupts + 1 : 0;
        if (stands && stood && LostMessages++ == 0)
            Log.Warn($"ohci1394: {Function.Address} sends no message for what its mask held back: looked at each time from now on");
        return stands && !stood;
    }

    private void ConnectInterrupt()
    {
        InterruptKinds allowed = (_quirks & OhciQuirks.NoMessages) != 0 ? InterruptKinds.Line : InterruptKinds.All;
        bool interrupts = Function.TryEnableInterrupt(this, Name, allowed, out InterruptKinds kind);
        _isByMessage = interrupts && kind != InterruptKinds.Line;
        if (interrupts)
            return;
        if (!Machine.Interrupts.TryTakePolling(PollingMicroseconds, this, Name, out _polling))
            Log.Warn($"ohci1394: {Function.Address} is looked at by its watchdog alone");
    }

    private void DisconnectInterrupt()
    {
        // What masked the old one ends with it.
        Function.DisableInterrupt();
        _isByMessage = false;
        _guard.Release(Function);
        if (_polling.IsValid)
            Machine.Interrupts.Release(ref _polling);
    }
}
