using System.Numerics;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

// Isochronous contexts, and the cycles that they live by. Source: OHCI 1.1, sections 6.3 and 6.4 (their events), 9 and 10.
public sealed unsafe partial class Ohci : IIsoController
{
    private const Events StreamEvents = Events.IsochronousReceived;
    private const Events CycleEvents = Events.CycleLost | Events.CycleInconsistent;

    private const int MostReceivers = 32;

    private readonly Receiver[] _receivers = new Receiver[MostReceivers];
    private int _receiverCount, _receiverContexts;

    internal OhciRegisters Registers => _registers;

    internal bool HasReceiveWake => (_quirks & OhciQuirks.ReceiveWake) != 0;

    internal bool HasReceiverOfChannels
    {
        get
        {
            bool has = false;
            for (int i = 0; i < _receiverCount; i++)
                has |= _receivers[i].Context.HasChannels;
            return has;
        }
    }

    /// <inheritdoc/>
    [Allocates]
    public bool TryTakeReceiver(IIsoReceiveHandler handler, out IsoReceiver? receiver)
    {
        receiver = null;
        if (_receiverCount == _receiverContexts)
            return false;
        var taken = new IsoReceive(this, _receiverCount, handler);
        _receivers[_receiverCount++].Context = taken;
        receiver = taken;
        return true;
    }

    // Masks have a bit for each context that there is (6.3).
    private void CountContexts()
    {
        _registers.ReceiveMaskSet.Write(uint.MaxValue);
        _receiverContexts = BitOperations.TrailingZeroCount(~_registers.ReceiveMaskSet.Read());
        _registers.ReceiveMaskClear.Write(uint.MaxValue);
    }

    // Contexts that have news say so; all are asked if interrupts may have been lost.
    private void TakeStreams(bool fromAll)
    {
        uint which = _registers.ReceiveEventClear.Read();
        if (which == uint.MaxValue && _receiverContexts < MostReceivers)
            return;
        if (which != 0)
            _registers.ReceiveEventClear.Write(which);
        for (int i = 0; i < _receiverCount && _state == State.Running; i++)
        {
            if (fromAll || (which >> i & 1) != 0)
                _receivers[i].Context.TakeFull();
        }
    }

    private void RenewDeadStreams()
    {
        for (int i = 0; i < _receiverCount && _state == State.Running; i++)
            _receivers[i].Context.RenewDead();
    }

    // Once a second: each cycle may be lost, and nobody could do anything about it.
    private void CountCycles()
    {
        Events events = _registers.EventSet.Read() & CycleEvents;
        if (events == 0)
            return;
        _registers.EventClear.Write(events);
        Counters.LostCycles += (events & Events.CycleLost) != 0 ? 1u : 0;
        Counters.InconsistentCycles += (events & Events.CycleInconsistent) != 0 ? 1u : 0;
    }

    private void RestartStreams()
    {
        for (int i = 0; i < _receiverCount; i++)
            _receivers[i].Context.ControllerRestarted();
    }

    private void SilenceStreams()
    {
        for (int i = 0; i < _receiverCount; i++)
            _receivers[i].Context.Silence();
    }

    private void EndStreams(bool keepsMemory)
    {
        for (int i = 0; i < _receiverCount; i++)
            _receivers[i].Context.ControllerEnded(keepsMemory);
    }

    // In a structure, as storing into an array of objects asks what they are.
    private struct Receiver
    {
        public IsoReceive Context;
    }
}
