using Sluice.Net;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Drivers.E1000e;

// Interrupts: what came is noted, all is masked, and whoever listens is marked; Arm unmasks. Source: Intel 82574 datasheet 3.4, section 7.4.
public sealed unsafe partial class E1000e
{
    // In units of 256 ns: 20,000 interrupts a second at most.
    private const uint ThrottlingInterval = 195;

    private const ulong PollingMicroseconds = 1_000;

    // Interrupts that a card with our mask and throttling cannot make until the watchdog looks again.
    private const uint Storm = 100_000;

    private InterruptToken _polling;
    private InterruptGuard _guard;

    // What may interrupt now, and what may when all is armed: depends on how the card interrupts.
    private Causes _armed, _wanted;

    /// <inheritdoc/>
    public WorkItem? Listener { get; set; }

    /// <summary>Times that interrupts came faster than the card may make them, and were held back until the watchdog's next look.</summary>
    public ulong InterruptStorms => _guard.Storms;

    /// <summary>Frames waited, nobody had been told, and the watchdog told it.</summary>
    public ulong LostInterrupts { get; private set; }

    /// <inheritdoc/>
    public override bool OnInterrupt()
    {
        _guard.Note(Storm, Function);
        Causes causes = _registers.Cause.Read();
        if (causes == Causes.Gone)
        {
            _watchdog.Hurry();
            causes = 0;
        }
        causes &= _armed;
        if (causes == 0)
        {
            _counters.SpuriousInterrupts++;
            return false;
        }
        _registers.Cause.Write(causes);
        _registers.MaskClear.Write(Causes.All);
        _armed = 0;
        _counters.Interrupts++;
        if ((causes & Causes.LinkChange) != 0)
            LookAtLink();
        Listener?.Mark();
        return true;
    }

    /// <inheritdoc/>
    [PacketPath]
    public bool Arm()
    {
        if (_phase != Phase.Running)
            return false;
        Reclaim();
        Unmask();
        if (!HasReceived)
            return false;
        _registers.MaskClear.Write(Causes.All);
        _armed = 0;
        return true;
    }

    /// <summary>Has the card interrupt as if something had come; for tests.</summary>
    public void RaiseInterrupt() => _registers.CauseSet.Write(_wanted & ~Causes.LinkChange);

    /// <summary>Connects the interrupt anew, by one of the ways allowed, or else polls; for tests.</summary>
    public void UseInterrupt(InterruptKinds allowed)
    {
        _registers.MaskClear.Write(Causes.All);
        _armed = 0;
        DisconnectInterrupt();
        ConnectInterrupt(allowed);
        ConfigureInterrupts();
        Unmask();
    }

    private void Unmask()
    {
        _armed = _wanted;
        _registers.MaskSet.Write(_wanted);
    }

    private void ConnectInterrupt(InterruptKinds allowed = InterruptKinds.All)
    {
        if (Function.TryEnableInterrupt(this, Name, allowed, out _))
            return;
        if (!Machine.Interrupts.TryTakePolling(PollingMicroseconds, this, Name, out _polling))
            Log.Warn($"e1000e: {Function.Address} is looked at by its watchdog alone");
    }

    private void DisconnectInterrupt()
    {
        // What masked the old one ends with it.
        Function.DisableInterrupt();
        _guard.Release(Function);
        if (_polling.IsValid)
            Machine.Interrupts.Release(ref _polling);
    }

    private void ConfigureInterrupts()
    {
        _wanted = Causes.LinkChange | Causes.Overrun | Causes.Received;
        if (_model.Is82574)
        {
            _registers.AutoClear.Write(0);
            bool hasVectors = Function.InterruptKind == InterruptKinds.MsiX;
            if (hasVectors)
                _wanted = Causes.LinkChange | Causes.Overrun | Causes.ReceivedByMessage | Causes.OtherByMessage;
            _registers.VectorAllocation.Write(hasVectors ? VectorAllocation.ReceiveQueue0 | VectorAllocation.TransmitQueue0 | VectorAllocation.Other : 0);
            _registers.VectorThrottling.Write(ThrottlingInterval);
        }
        _registers.Throttling.Write(ThrottlingInterval);
    }
}
