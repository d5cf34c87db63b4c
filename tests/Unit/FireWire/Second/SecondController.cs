using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Ohci;
using Sluice.FireWire.Simulation;

namespace Sluice.Tests.FireWire.Second;

/// <summary>
/// A second model of the controller, read from 1394 OHCI 1.1 without a look at the first (tests/FireWireModel/Ohci), with which it shares
/// the cable and nothing else. It is never the same: whatever the specification leaves open is decided by a seed, anew at each
/// chance (<see cref="Freedom"/>). It complains of what software may not do. A driver that works with both follows the specification; one
/// that works with the first alone follows the first.
/// </summary>
internal sealed partial class SecondController : Link
{
    private const int Transmitters = 8, Receivers = 4;

    private readonly ISender[] _senders;
    private readonly AsyncSend _requestSend, _responseSend;
    private readonly AsyncReceive _requestReceive, _responseReceive;
    private readonly IsoSend[] _isoSends;
    private readonly IsoReceive[] _isoReceives;
    private readonly Responder _responder;
    private readonly Unit[] _units;
    private readonly Queue<IsoSend> _cycle = new();
    private ISender? _sending;
    private int _life;
    private bool _isResetting;

    public SecondController(IOhciHost host, ulong guid, int seed)
    {
        Host = host;
        _guid = guid;
        Lot = new Lot(seed);
        _requestSend = new AsyncSend(this, "AT request", Bits.RequestSent, isForResponses: false);
        _responseSend = new AsyncSend(this, "AT response", Bits.ResponseSent, isForResponses: true);
        _requestReceive = new AsyncReceive(this, "AR request", Bits.RequestPacket, Bits.RequestBuffer);
        _responseReceive = new AsyncReceive(this, "AR response", Bits.ResponsePacket, Bits.ResponseBuffer);
        _isoSends = [.. Enumerable.Range(0, Transmitters).Select(i => new IsoSend(this, i))];
        _isoReceives = [.. Enumerable.Range(0, Receivers).Select(i => new IsoReceive(this, i))];
        _responder = new Responder(this);
        _units = [_requestSend, _responseSend, _requestReceive, _responseReceive, .. _isoSends, .. _isoReceives, _responder];
        _senders = [_requestSend, _responseSend, _responder];
        _hasUpperBound = Lot.Below(2) == 0;
        MostAhead = 1 + Lot.Below(4);
        SoftReset();
    }

    public IOhciHost Host { get; }

    public Lot Lot { get; }

    /// <summary>What software did that it may not, with the section that says so.</summary>
    public List<string> Complaints { get; } = [];

    /// <summary>Requests that were answered from memory without software.</summary>
    public long PhysicalRequests => _responder.PhysicalRequests;

    /// <summary>Packets of streams for which there was no room.</summary>
    public int IsochronousLost => _isoReceives.Sum(context => context.Lost);

    /// <summary>Bits 15:0 of the node's register: bus and number.</summary>
    public bool IsResetting => _isResetting;

    public uint NodeId => _busNumber << 6 | (uint)Phy.PhysicalId & 0x3F;

    public override bool IsActive => _hasPower && _isLinkOn;

    public override bool IsCycleMaster => (_linkControl & CycleMasterBit) != 0 && (_linkControl & CycleTimerBit) != 0;

    public override bool NeedsCycles => IsActive && ((_mask & (Bits.CycleSynch | Bits.CycleLost | Bits.CycleInconsistent)) != 0 ||
        _isoSends.Any(context => context.Run) || _isoReceives.Any(context => context.Run));

    /// <summary>Blocks of a stream that are read ahead of their cycles at most.</summary>
    public int MostAhead { get; }

    /// <summary>One of so many packets of streams underruns; 0: none.</summary>
    public int Underruns { get; set; }

    /// <summary>Those that did.</summary>
    public int Underrun { get; private set; }

    /// <summary>The last that happened, for who looks for a fault.</summary>
    public Queue<string> Journal { get; } = new();

    public void Note(string what)
    {
        if (Journal.Count == 400)
            Journal.Dequeue();
        Journal.Enqueue($"{Phy.Bus.Simulator.Now} {what}");
    }

    public void Complain(string what)
    {
        Note($"complaint: {what}");
        if (Complaints.Count < 20)
            Complaints.Add(what);
    }

    /// <summary>Does something some ticks from now, unless it is reset before.</summary>
    public void Later(long ticks, Action action)
    {
        int life = _life;
        Phy.Bus.Simulator.After(ticks, new Due(() =>
        {
            if (life == _life)
                action();
        }), 0, Pace.Activity);
    }

    /// <summary>The CPU waits in a loop for something that needs the bus.</summary>
    public void PassTime() => Phy.Bus.Simulator.RunFor(BusTime.Microseconds(5));

    public void WantBus()
    {
        if (IsActive && !_isResetting)
            Phy.Segment.Request(Phy);
    }

    /// <summary>Of one of so many packets of streams that come only the front does; 0: of none.</summary>
    public int Overruns { get; set; }

    /// <summary>A write that was acknowledged finds no memory.</summary>
    public bool FailsWrites { get; set; }

    public bool TakesUnderrun()
    {
        bool isTaken = Underruns != 0 && Lot.Below(Underruns) == 0;
        Underrun += isTaken ? 1 : 0;
        return isTaken;
    }

    /// <summary>Its context for requests of others dies, with all that it has.</summary>
    public void KillRequests() => _requestReceive.Kill(Event.Unknown);

    /// <summary>A context of a stream dies of what it could not read; false if it does not run.</summary>
    public bool TryKillStream(bool isReceive, int index)
    {
        Context context = isReceive ? _isoReceives[index] : _isoSends[index];
        bool isAlive = context.Run && !context.IsDead;
        if (isAlive)
            context.Kill(Lot.Below(2) == 0 ? Event.DescriptorRead : isReceive ? Event.DataWrite : Event.DataRead);
        return isAlive;
    }

    /// <summary>One of the four asynchronous contexts dies, with all that it has; false if it does not run.</summary>
    public bool TryKill(int which)
    {
        (Context context, uint code) = (which & 3) switch
        {
            0 => (_requestSend, Event.DescriptorRead),
            1 => ((Context)_responseSend, Event.DataRead),
            2 => (_requestReceive, Event.DataWrite),
            _ => (_responseReceive, Event.Unknown),
        };
        bool isAlive = context.Run && !context.IsDead;
        if (isAlive)
            context.Kill(code);
        return isAlive;
    }

    public int Retries(bool ofResponses) => (int)(_retries >> (ofResponses ? 4 : 0)) & 0xF;

    public override Packet? NextPacket()
    {
        ISender[] ready = [.. _senders.Where(sender => sender.IsReady)];
        if (ready.Length == 0)
            return null;
        _sending = ready[Lot.Below(ready.Length)];
        Packet? packet = _sending.Begin();
        if (packet != null)
            return packet;
        _sending = null;
        WantBusAgain();
        return null;
    }

    public override void Sent(Packet packet, Ack ack)
    {
        ISender? sender = _sending;
        _sending = null;
        sender?.Ended(ack);
        WantBusAgain();
    }

    public override Ack Receive(Packet packet)
    {
        bool isForAll = (packet.Destination & 0x3F) == 0x3F;
        if (packet.Code.IsResponse)
            return packet.IsMalformed ? Wrong() : Hold(_responseReceive, packet, Ack.Complete);
        if (!packet.Code.IsRequest || _isResetting)
            return Ack.Missing;
        if (packet.IsMalformed)
            return Wrong();
        ulong node = 1ul << (packet.Source & 0x3F);
        if ((!_acceptsAll || Does(Oddity.FilterByNode)) && packet.Source >> 6 == 0x3FF && (_requestFilter & node) == 0)
            return Ack.Missing;
        if (!isForAll && _responder.TryAnswer(packet, (_physicalFilter & node) != 0, out Ack answer))
            return answer;
        bool isWrite = packet.Code is Tcode.WriteQuadlet or Tcode.WriteBlock;
        if (isForAll)
            return isWrite ? Hold(_requestReceive, packet, Lot.Takes(Freedom.BroadcastPends) ? Ack.Pending : Ack.Complete) : Ack.Missing;
        // 8.4: writes to what is neither physical memory nor registers are done with when they are here.
        bool isPosted = isWrite && packet.Offset >= PhysicalEnd && packet.Offset < 0xFFFF_0000_0000;
        return Hold(_requestReceive, packet, isPosted ? Ack.Complete : Ack.Pending);
    }

    public override void ReceivePhy(uint first, uint second)
    {
        if ((_linkControl & ReceivePhyBit) == 0 || _isResetting)
            return;
        _phyPacket.Phy(first);
        _phyPacket.Q1 = second;
        if (_requestReceive.HasRoom(16))
            _requestReceive.Take(_phyPacket, Event.AckComplete);
    }

    public override void ReceiveStream(Packet packet)
    {
        foreach (IsoReceive context in _isoReceives)
        {
            if (!context.IsForMany && _isoReceives.Any(many => many.IsForMany) && (_channels >> packet.Channel & 1) != 0)
                continue;
            context.Hear(packet, _channels);
        }
    }

    public override void CycleStarted(uint cycleTime)
    {
        Raise(Bits.CycleSynch);
        foreach (IsoReceive context in _isoReceives)
            context.CycleStarted(cycleTime);
        _cycle.Clear();
        foreach (IsoSend context in _isoSends)
            _cycle.Enqueue(context);
    }

    public override Packet? NextIsochronous(uint cycleTime)
    {
        while (_cycle.TryDequeue(out IsoSend? context))
        {
            if (context.Next(cycleTime) is { } packet)
                return packet;
        }
        return null;
    }

    public override void CycleMissed()
    {
        Raise(Bits.CycleSynch | Bits.CycleLost);
        foreach (IsoSend context in _isoSends)
            context.CycleLost();
    }

    public override void CycleTooLong()
    {
        // 6.1: the cycle master stops to be.
        Raise(Bits.CycleTooLong);
        _linkControl &= ~CycleMasterBit;
    }

    public override void CycleInconsistent() => Raise(Bits.CycleInconsistent);

    public override void PhyInterrupt() => Raise(Bits.PhyInterrupt);

    private Ack Wrong() => Lot.Takes(Freedom.ErrorIsBusy) ? (Ack)Lot.BusyAck : Ack.DataError;

    private Ack Hold(AsyncReceive context, Packet packet, Ack ack)
    {
        if (!context.HasRoom(20 + packet.DataBytes))
            return (Ack)Lot.BusyAck;
        context.Take(packet, 0x10u | (uint)ack);
        return ack;
    }

    private void WantBusAgain()
    {
        if (_senders.Any(sender => sender.IsReady))
            WantBus();
    }

    private sealed class Due(Action action) : ITimed
    {
        void ITimed.Due(int what) => action();
    }
}
