using System;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Ohci;

/// <summary>Isochronous contexts and the cycles that they live by. Source: 1394 OHCI 1.1, sections 9 and 10.</summary>
public sealed partial class OhciController
{
    private const int CyclesPerSecond = 8000, MatchCycles = 4 * CyclesPerSecond, MostLost = 1000;

    private IsoTransmit[] _it = [];
    private IsoReceive[] _ir = [];
    private int _nextTransmit;
    private uint _lastCycle;
    private bool _hasCycle;

    /// <summary>Isochronous packets that came for a context without room.</summary>
    public long IsochronousLost
    {
        get
        {
            long lost = 0;
            foreach (IsoReceive context in _ir)
                lost += context.Lost;
            return lost;
        }
    }

    public override bool NeedsCycles
    {
        get
        {
            bool needs = (Interrupts.Mask & IntEvent.CycleSynch) != 0;
            foreach (IsoTransmit context in _it)
                needs |= context.IsRunning;
            foreach (IsoReceive context in _ir)
                needs |= context.IsRunning && context.IsMatching;
            return needs;
        }
    }

    /// <summary>Which channels the context for several takes.</summary>
    internal bool TakesChannel(int channel) => (_irChannels & (1UL << channel)) != 0;

    internal bool FiltersTag1 => (_link & LinkControl.Tag1SyncFilterLock) != 0;

    public override void CycleStarted(uint cycleTime)
    {
        uint cycle = (cycleTime >> 12) & 0x7FFF;
        int lost = _hasCycle ? Math.Min((CyclesOf(cycle) - CyclesOf(_lastCycle) - 1 + MatchCycles) % MatchCycles, MostLost) : 0;
        _lastCycle = cycle;
        _hasCycle = true;
        _nextTransmit = 0;
        foreach (IsoTransmit context in _it)
            context.CycleStarted(cycle, lost);
        foreach (IsoReceive context in _ir)
            context.CycleStarted(cycle, lost);
        Interrupts.Raise(IntEvent.CycleSynch | (lost != 0 ? IntEvent.CycleLost : 0));
    }

    public override void CycleMissed() => Interrupts.Raise(IntEvent.CycleSynch | IntEvent.CycleLost);

    public override void CycleInconsistent() => Interrupts.Raise(IntEvent.CycleInconsistent);

    public override Packet? NextIsochronous(uint cycleTime)
    {
        while (_nextTransmit < _it.Length)
        {
            if (_it[_nextTransmit++].Next() is { } packet)
                return packet;
        }
        return null;
    }

    public override void ReceiveStream(Packet packet)
    {
        foreach (IsoReceive context in _ir)
        {
            if (context.TryTake(packet))
                return;
        }
    }

    /// <summary>Whether a cycle is this one, or was among those that were lost right before.</summary>
    /// <param name="wanted">Two bits of seconds, thirteen of cycles.</param>
    internal bool IsReached(uint wanted, uint cycle, int lost) => (CyclesOf(cycle) - CyclesOf(wanted) + MatchCycles) % MatchCycles <= lost;

    private static int CyclesOf(uint cycle) => (int)(((cycle >> 13) * CyclesPerSecond) + Math.Min(cycle & 0x1FFF, CyclesPerSecond - 1));

    private void MakeIsochronous()
    {
        _it = new IsoTransmit[_traits.TransmitContexts];
        _ir = new IsoReceive[_traits.ReceiveContexts];
        for (int i = 0; i < _it.Length; i++)
            _it[i] = new IsoTransmit(this, i);
        for (int i = 0; i < _ir.Length; i++)
            _ir[i] = new IsoReceive(this, i);
    }

    private void ResetIsochronous()
    {
        foreach (IsoTransmit context in _it)
            context.Reset();
        foreach (IsoReceive context in _ir)
        {
            context.Reset();
            context.Match = 0;
        }
        _hasCycle = false;
    }

    // Nobody counts the cycles that pass while nobody looks at them.
    private void ForgetCycle()
    {
        if (!NeedsCycles)
            _hasCycle = false;
    }
}
