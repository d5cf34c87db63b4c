namespace Sluice.FireWire.Ohci;

/// <summary>Events and their masks, those of isochronous contexts too. Source: 1394 OHCI 1.1, section 6.</summary>
internal sealed class InterruptUnit(IOhciHost host, FaultUnit faults)
{
    private const IntEvent Isochronous = IntEvent.IsochronousSent | IntEvent.IsochronousReceived;
    private const IntEvent Settable = (IntEvent)0x6FFF_83FF & ~Isochronous, Maskable = (IntEvent)0xEFFF_83FF;

    // But for the master's, masks are undefined after a reset (6.2): a driver that relies on zeros hears what it did not ask for. Not of cycles, which
    // would have to be counted for nobody.
    private const IntEvent AfterReset = Maskable & ~(IntEvent.Master | IntEvent.CycleSynch | IntEvent.Cycle64Seconds);

    private IntEvent _events, _mask = AfterReset;

    /// <summary>Isochronous contexts that finished a descriptor which asks for an interrupt.</summary>
    public ContextEvents Transmit { get; } = new();

    public ContextEvents Receive { get; } = new();

    /// <summary>All events, masked or not. Those of isochronous contexts are no memory but what stands there.</summary>
    public IntEvent Events => _events | (Transmit.Masked != 0 ? IntEvent.IsochronousSent : 0) | (Receive.Masked != 0 ? IntEvent.IsochronousReceived : 0);

    public IntEvent Mask => _mask;

    public bool Has(IntEvent one) => (_events & one) != 0;

    /// <summary>Something happened.</summary>
    public void Raise(IntEvent events)
    {
        _events |= events;
        Update();
    }

    /// <summary>Something is no longer so.</summary>
    public void Withdraw(IntEvent events)
    {
        _events &= ~events;
        Update();
    }

    /// <summary>Software pretends.</summary>
    public void SetBySoftware(IntEvent events) => Raise(events & Settable);

    public void ClearBySoftware(IntEvent events)
    {
        Withdraw(events);
        if (IsHigh)
            host.InterruptAgain();
    }

    public void SetMask(IntEvent bits)
    {
        _mask |= bits & Maskable;
        Update();
    }

    public void ClearMask(IntEvent bits)
    {
        _mask &= ~bits;
        Update();
    }

    /// <summary>Isochronous events or masks changed.</summary>
    public void Update() => host.SetInterrupt(faults.Faults == 0 ? IsHigh : faults.Level(IsHigh, (_mask & IntEvent.Master) != 0));

    public void Reset()
    {
        _events = 0;
        _mask = AfterReset;
        Transmit.Reset();
        Receive.Reset();
        Update();
    }

    private bool IsHigh => (_mask & IntEvent.Master) != 0 && (Events & _mask) != 0;
}

/// <summary>A bit a context.</summary>
internal sealed class ContextEvents
{
    public uint Events { get; set; }

    public uint Mask { get; set; }

    public uint Masked => Events & Mask;

    public void Reset()
    {
        Events = 0;
        Mask = 0;
    }
}
