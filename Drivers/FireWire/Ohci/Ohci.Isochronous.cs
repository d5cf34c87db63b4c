using System.Numerics;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

// Isochronous contexts, and the cycles that they live by. Source: OHCI 1.1, sections 6.3 and 6.4 (their events), 9 and 10.
public sealed unsafe partial class Ohci : IIsoController
{
    private const Events StreamEvents = Events.IsochronousSent | Events.IsochronousReceived;
    private const Events CycleEvents = Events.CycleLost | Events.CycleInconsistent;

    private const int MostContexts = 32;

    private readonly Stream[] _receivers = new Stream[MostContexts], _transmitters = new Stream[MostContexts];
    private int _receiverCount, _receiverContexts, _transmitterCount, _transmitterContexts;

    internal OhciRegisters Registers => _registers;

    internal bool HasReceiveWake => (_quirks & OhciQuirks.ReceiveWake) != 0;

    /// <summary>Came with OHCI 1.1; of those that are odd in some way nobody knows whether they are in this.</summary>
    internal bool HasDualBuffer => Version >= 0x0110 && _quirks == OhciQuirks.None;

    internal bool HasReceiverOfChannels
    {
        get
        {
            bool has = false;
            for (int i = 0; i < _receiverCount; i++)
                has |= _receivers[i].Receiver!.HasChannels;
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
        _receivers[_receiverCount++] = new Stream { Buffers = taken.Buffers, Receiver = taken };
        receiver = taken;
        return true;
    }

    /// <inheritdoc/>
    [Allocates]
    public bool TryTakeTransmitter(IIsoTransmitHandler handler, out IsoTransmitter? transmitter)
    {
        transmitter = null;
        if (_transmitterCount == _transmitterContexts)
            return false;
        var taken = new IsoTransmit(this, _transmitterCount, handler);
        _transmitters[_transmitterCount++] = new Stream { Buffers = taken.Buffers };
        transmitter = taken;
        return true;
    }

    // Masks have a bit for each context that there is (6.3, 6.4).
    private void CountContexts()
    {
        _receiverContexts = Count(_registers.ReceiveMaskSet);
        _registers.ReceiveMaskClear.Write(uint.MaxValue);
        _transmitterContexts = Count(_registers.TransmitMaskSet);
        _registers.TransmitMaskClear.Write(uint.MaxValue);
    }

    private static int Count(Register<uint> maskSet)
    {
        maskSet.Write(uint.MaxValue);
        uint mask = maskSet.Read();
        // JMicron's JMB38x says that it has none when it is read first.
        return BitOperations.TrailingZeroCount(~(mask != 0 ? mask : maskSet.Read()));
    }

    // Contexts that have news say so.
    private void TakeStreams(Events events)
    {
        if ((events & Events.IsochronousReceived) != 0)
            TakeDone(_receivers, _receiverCount, Take(_registers.ReceiveEventClear));
        if ((events & Events.IsochronousSent) != 0)
            TakeDone(_transmitters, _transmitterCount, Take(_registers.TransmitEventClear));
    }

    private static uint Take(Register<uint> eventClear)
    {
        uint which = eventClear.Read();
        if (which != 0)
            eventClear.Write(which);
        return which;
    }

    private void TakeDone(Stream[] streams, int count, uint which)
    {
        for (int i = 0; i < count && _state == State.Running; i++)
        {
            if ((which >> i & 1) != 0)
                streams[i].Buffers.TakeDone();
        }
    }

    // Once a second: interrupts may have been lost.
    private void CheckStreams()
    {
        TakeDone(_receivers, _receiverCount, uint.MaxValue);
        TakeDone(_transmitters, _transmitterCount, uint.MaxValue);
        RenewDeadStreams();
        // Each cycle may be lost, and nobody could do anything about it: so nobody is interrupted.
        TakeCycleEvents();
    }

    /// <summary>Counts and clears what happened to cycles: while cycleInconsistent stands no context begins with a cycle that it waits for (9.5.1, 10.5.1).</summary>
    internal void TakeCycleEvents()
    {
        Events events = _registers.EventSet.Read() & CycleEvents;
        if (events == 0 || _state != State.Running)
            return;
        _registers.EventClear.Write(events);
        Counters.LostCycles += (events & Events.CycleLost) != 0 ? 1u : 0;
        Counters.InconsistentCycles += (events & Events.CycleInconsistent) != 0 ? 1u : 0;
    }

    private void RenewDeadStreams()
    {
        for (int i = 0; i < _receiverCount + _transmitterCount && _state == State.Running; i++)
            StreamAt(i).RenewDead();
    }

    private void RestartStreams()
    {
        for (int i = 0; i < _receiverCount + _transmitterCount; i++)
            StreamAt(i).ControllerRestarted();
    }

    private void SilenceStreams()
    {
        for (int i = 0; i < _receiverCount + _transmitterCount; i++)
            StreamAt(i).Silence();
    }

    private void EndStreams(bool keepsMemory)
    {
        for (int i = 0; i < _receiverCount + _transmitterCount; i++)
            StreamAt(i).ControllerEnded(keepsMemory);
    }

    private IsoQueue StreamAt(int index) => index < _receiverCount ? _receivers[index].Buffers : _transmitters[index - _receiverCount].Buffers;

    // In a structure, as storing into an array of objects asks what they are.
    private struct Stream
    {
        public IsoQueue Buffers;
        public IsoReceive? Receiver;
    }
}
