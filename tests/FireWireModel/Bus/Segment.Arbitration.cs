using System;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Bus;

/// <summary>Who sends, and who hears it.</summary>
public sealed partial class Segment
{
    // 100 us of a cycle are for isochronous packets; more than 115 us since the cycle start is too long (1394-1995, table 4-33; OHCI 1.1, 6.1).
    private static readonly long _mostIsochronous = BusTime.Microseconds(115);

    private readonly Packet _cycleStart = new();
    private readonly CycleClock _ownClock = new();
    private ulong _requests, _enabled;
    private long _free;
    private int _resetGap, _subactionGap;
    private Link? _timeKeeper;
    private bool _isGrantDue, _isCycleDue, _areCyclesOn;

    /// <summary>Packets that went over this bus, of all kinds but acknowledges.</summary>
    public long Packets { get; private set; }

    /// <summary>Who sends cycle starts, if somebody does.</summary>
    public Link? CycleMaster => Root is { IsLinkActive: true, Link: { IsCycleMaster: true } link } ? link : null;

    /// <summary>A link wants to send: it is asked for its packet when it has the bus. Forgotten by a reset.</summary>
    public void Request(Phy phy)
    {
        if (IsResetting)
            return;
        _requests |= BitOf(phy);
        ScheduleGrant();
    }

    /// <summary>A link became cycle master or stopped to be, or needs cycles or does no longer.</summary>
    public void CyclesChanged()
    {
        SynchronizeClocks();
        if (_areCyclesOn || IsResetting || !AreCyclesNeeded())
            return;
        _areCyclesOn = true;
        ScheduleCycle();
    }

    /// <summary>Sends a packet of a PHY itself.</summary>
    internal void AnswerPhy(uint packet)
    {
        _free = Math.Max(_free, _bus.Simulator.Now) + 64 + 30;
        HearPhy(packet, ~packet);
    }

    internal void AnswerPing(Phy phy)
    {
        foreach (uint packet in SelfIds.ToArray())
        {
            if (PhyPacket.NodeOf(packet) == phy.PhysicalId)
                AnswerPhy(packet);
        }
    }

    // Who kept the time until now leaves it to all; then who keeps it from now on.
    private void SynchronizeClocks()
    {
        Follow(_timeKeeper);
        _timeKeeper = CycleMaster;
        Follow(_timeKeeper);
    }

    private void Follow(Link? keeper)
    {
        if (keeper == null)
            return;
        const int cycle = 12;
        long now = _bus.Simulator.Now;
        foreach (Phy phy in _phys)
        {
            if (phy.Link is not { } link || link == keeper)
                continue;
            bool differs = link.Clock.Read(now) >> cycle != keeper.Clock.Read(now) >> cycle;
            link.Clock.Follow(keeper.Clock);
            if (differs && phy.IsLinkActive)
                link.CycleInconsistent();
        }
    }

    private void ScheduleGrant()
    {
        if (_isGrantDue)
            return;
        _isGrantDue = true;
        _bus.Simulator.At(_free, this, What(DueGrant), Pace.Activity);
    }

    private void Grant()
    {
        _isGrantDue = false;
        if (_isCycleDue)
            RunCycle();
        else if (_requests != 0)
            GrantFair();
        if (_requests != 0 && !IsResetting)
            ScheduleGrant();
    }

    private void GrantFair()
    {
        ulong fair = _requests & _enabled;
        if (fair == 0)
        {
            // Everybody who wants had a turn: an arbitration reset gap begins the next fairness interval.
            _free = Math.Max(_free, _bus.Simulator.Now) + _resetGap;
            _enabled = ulong.MaxValue;
            fair = _requests;
        }
        int winner = Highest(fair);
        Phy phy = _phys[winner];
        _requests &= ~(1UL << winner);
        int epoch = _epoch;
        Packet? packet = phy.Link!.NextPacket();
        if (_epoch != epoch)
            return;
        if (packet == null)
        {
            // Who asks for nothing has the bus for a moment, or time could stand still.
            _free = Math.Max(_free, _bus.Simulator.Now) + _subactionGap;
            return;
        }
        _enabled &= ~(1UL << winner);
        Carry(phy, packet);
    }

    // The whole subaction: packet, acknowledge, gap.
    private void Carry(Phy sender, Packet packet)
    {
        int epoch = _epoch;
        int ticks;
        Ack ack = Ack.Complete;
        Packets++;
        bool isPhy = packet.IsPhy;
        if (isPhy)
        {
            ticks = packet.Ticks(1);
            _free = Math.Max(_free, _bus.Simulator.Now) + ticks + _subactionGap;
            _bus.Trace?.Packet(sender, packet, true, Ack.Complete, ticks);
            HearPhy(packet.Q0, packet.Q1, sender);
        }
        else
        {
            ticks = packet.Ticks(packet.Code.HeaderQuadlets) + packet.AckTicks;
            _free = Math.Max(_free, _bus.Simulator.Now) + ticks + _subactionGap;
            ack = Deliver(sender, packet);
            _bus.Trace?.Packet(sender, packet, false, ack, ticks);
        }
        // A reset on the way: nobody learns what became of it.
        if (_epoch == epoch)
            sender.Link!.Sent(packet, ack);
    }

    private Ack Deliver(Phy sender, Packet packet)
    {
        if (packet.HasHeaderError)
            return Ack.Missing;
        if (packet.Code == Tcode.Stream)
        {
            Stream(sender, packet);
            return Ack.Complete;
        }
        int node = packet.Destination & 0x3F;
        if (node == 0x3F)
        {
            foreach (Phy phy in _phys)
            {
                if (phy != sender && Hears(phy, sender, packet.Speed))
                    phy.Link!.Receive(packet);
            }
            return Ack.Complete;
        }
        if (node >= _phys.Count || _phys[node] == sender || !Hears(_phys[node], sender, packet.Speed))
            return Ack.Missing;
        return _phys[node].Link!.Receive(packet);
    }

    private void Stream(Phy sender, Packet packet)
    {
        int epoch = _epoch;
        for (int i = 0; i < _phys.Count && _epoch == epoch; i++)
        {
            Phy phy = _phys[i];
            if (phy != sender && Hears(phy, sender, packet.Speed))
                phy.Link!.ReceiveStream(packet);
        }
    }

    private bool Hears(Phy phy, Phy sender, Speed speed) =>
        phy.IsLinkActive && (byte)speed <= _speeds[(sender.PhysicalId * _phys.Count) + phy.PhysicalId];

    // Also the PHY that sends it; of the links, the others.
    private void HearPhy(uint first, uint second, Phy? sender = null)
    {
        int epoch = _epoch;
        for (int i = 0; i < _phys.Count && _epoch == epoch; i++)
        {
            if (second == ~first)
                _phys[i].Hear(first);
            if (_epoch == epoch && _phys[i] != sender && _phys[i].IsLinkActive)
                _phys[i].Link!.ReceivePhy(first, second);
        }
    }

    private bool AreCyclesNeeded()
    {
        foreach (Phy phy in _phys)
        {
            if (phy.IsLinkActive && phy.Link!.NeedsCycles)
                return true;
        }
        return false;
    }

    private void ScheduleCycle() =>
        _bus.Simulator.At((CycleMaster?.Clock ?? _ownClock).NextCycle(_bus.Simulator.Now), this, What(DueCycle), Pace.RealTime);

    private void CycleBegins()
    {
        _areCyclesOn = AreCyclesNeeded();
        if (!_areCyclesOn)
            return;
        ScheduleCycle();
        // The subaction that is on ends first.
        _isCycleDue = true;
        if (_free <= _bus.Simulator.Now)
            RunCycle();
        else
            ScheduleGrant();
    }

    private void RunCycle()
    {
        _isCycleDue = false;
        int epoch = _epoch;
        if (CycleMaster is not { } master)
        {
            for (int i = 0; i < _phys.Count && _epoch == epoch; i++)
            {
                if (_phys[i].IsLinkActive)
                    _phys[i].Link!.CycleMissed();
            }
            return;
        }
        long start = Math.Max(_free, _bus.Simulator.Now);
        uint time = master.Clock.Read(start);
        _cycleStart.Request(Tcode.CycleStart, 0, 0xFFFF, (ushort)(0xFFC0 | master.Phy.PhysicalId), 0xFFFF_F000_0200);
        _cycleStart.Q3 = time;
        int ticks = _cycleStart.Ticks(4);
        _free = start + ticks;
        Packets++;
        _bus.Trace?.Packet(master.Phy, _cycleStart, false, Ack.Complete, ticks);
        for (int i = _phys.Count - 1; i >= 0 && _epoch == epoch; i--)
        {
            if (_phys[i].IsLinkActive)
                _phys[i].Link!.CycleStarted(time);
        }
        for (int i = _phys.Count - 1; i >= 0 && _epoch == epoch; i--)
        {
            while (_phys[i].IsLinkActive && _phys[i].Link!.NextIsochronous(time) is { } packet && _epoch == epoch)
                CarryIsochronous(_phys[i], packet);
        }
        if (_epoch != epoch)
            return;
        if (_free - start > _mostIsochronous)
        {
            foreach (Phy phy in _phys)
                phy.Link?.CycleTooLong();
        }
        _free += _subactionGap;
    }

    private void CarryIsochronous(Phy sender, Packet packet)
    {
        int ticks = packet.Ticks(1);
        _free += ticks;
        Packets++;
        if (!packet.HasHeaderError)
            Stream(sender, packet);
        _bus.Trace?.Packet(sender, packet, false, Ack.Complete, ticks);
    }
}
