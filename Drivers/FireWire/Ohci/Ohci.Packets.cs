using System.Runtime.CompilerServices;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

// Packets between the bus and the contexts.
public sealed unsafe partial class Ohci
{
    // Responses that were sent and not looked at, unless one that was not taken interrupted: cheaper together.
    internal const uint LateResponses = 8;

    // Packets taken from each context in one turn of the work.
    private const int Batch = 64;

    // Of received requests: what the controller said between them. Of the bus: what its self-IDs said.
    private byte _requestGeneration, _generation;
    private bool _isInReset = true, _isMarkLost;

    // Requests of a bus whose reset has not been seen: they wait, as those do that come while there is one.
    private bool _isAhead;
    private PacketQueue _refused;
    private bool _isInTurn;

    /// <inheritdoc/>
    [PacketPath]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TrySend(OutPacket packet)
    {
        // One that does not run is in a reset that does not end.
        if (_isInReset || packet.Generation != _generation)
            return Refuse(packet, _state == State.Running ? AckCode.Flushed : AckCode.NotSent);
        AsyncTransmit context = packet.IsResponse ? _responses : _requests;
        // Others under way will say when there is room; without any there is no memory to give its data to the device.
        if (!context.TrySend(packet))
            return context.IsBusy ? WaitForRoom(context) : Refuse(packet, AckCode.NotSent);
        // What a turn of the work gives out, its end says once.
        if (!_isInTurn)
            context.Wake();
        return true;
    }

    // Responses that others took do not interrupt: the work looks at them until there is room.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool WaitForRoom(AsyncTransmit context)
    {
        if (context == _responses)
        {
            _todo |= Todo.MakeRoom;
            _work.Mark();
        }
        return false;
    }

    // True if there is none yet; reported packets had others sent, or wait again.
    private bool MakeRoom()
    {
        uint before = _responses.Progress;
        _todo &= ~Todo.MakeRoom;
        ReportSent(_responses);
        if (_responses.IsBusy && _responses.Progress == before)
            _todo |= Todo.MakeRoom;
        return (_todo & Todo.MakeRoom) != 0;
    }

    // It is reported by the work, as nothing is from within here.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Refuse(OutPacket packet, AckCode why)
    {
        packet.Tag = (uint)why;
        _refused.Push(packet);
        _todo |= Todo.ReportRefused;
        _work.Mark();
        return true;
    }

    /// <inheritdoc/>
    public Error SendPhy(PhyPacket packet)
    {
        if (_state != State.Running)
            return Error.DeviceGone;
        if (_isInReset)
            return Error.Busy;
        return _requests.TrySendPhy(packet.Quadlet) ? Error.None : Error.NoResources;
    }

    private void ReportRefused()
    {
        _todo &= ~Todo.ReportRefused;
        while (_refused.TryTake(out OutPacket? packet))
            _bus.PacketSent(packet!, (AckCode)packet!.Tag);
    }

    // What was given out before: what is sent from within waits for the next turn.
    [PacketPath]
    private void ReportSent(AsyncTransmit context)
    {
        for (uint end = context.Given; context.TryTakeSent(end, out OutPacket? packet, out AckCode ack);)
        {
            if (packet == null)
                continue;
            Counters.Sent = Counters.Sent + 1;
            _bus.PacketSent(packet, ack);
        }
    }

    // Contexts that were stopped, or whose controller was: what they had is the bus's again.
    private void FlushTransmit(AckCode unsent)
    {
        Flush(_requests, unsent);
        Flush(_responses, unsent);
        if (_bus != null)
            ReportRefused();
    }

    private void Flush(AsyncTransmit context, AckCode unsent)
    {
        while (context.TakeStopped(out AckCode ack) is { } packet)
            _bus.PacketSent(packet, ack == AckCode.Flushed ? unsent : ack);
    }

    // True if there may be more.
    [PacketPath]
    private bool TakeReceived(AsyncReceive context)
    {
        if (!context.Refresh())
        {
            Counters.BadDescriptors++;
            Renew(context);
            return false;
        }
        for (int i = 0; i < Batch; i++)
        {
            if (!context.TryLook(out ReceivedPacket packet))
            {
                if (!context.HasMore || !TakeOther(context))
                    return false;
                continue;
            }
            Counters.Received = Counters.Received + 1;
            if (context == _responsesIn)
            {
                _bus.ResponseReceived(context.Header, packet.Data, _generation);
            }
            else
            {
                ReceiveTrailer trailer = packet.Trailer;
                if (trailer.IsRefused)
                    Counters.Refused++;
                else
                    _bus.PacketReceived(context.Header, packet.Data, new Arrival(_requestGeneration, trailer.Speed, trailer.IsAnswered, trailer.Time));
            }
            // It may have been stopped from within.
            if (_state != State.Running)
                return false;
            context.Release(packet.Bytes);
        }
        return context.HasMore;
    }

    // What is no packet of the bus. False if there is nothing, or what is behind it waits.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TakeOther(AsyncReceive context)
    {
        Arrived arrived = context.LookCloser(out ReceiveTrailer trailer);
        if (arrived == Arrived.Malformed)
        {
            Counters.BadPackets++;
            Renew(context);
        }
        if (arrived != Arrived.Internal)
            return false;
        TakeInternal(context, trailer.Event);
        if (_state != State.Running)
            return false;
        context.Release(AsyncReceive.InternalBytes);
        return !_isAhead;
    }

    // Between the packets before a bus reset and those behind it, one says so (8.4.2.3); others are between PHYs.
    private void TakeInternal(AsyncReceive context, EventCode happened)
    {
        PacketHeader header = context.Header;
        if (context != _requestsIn)
            return;
        if (happened != EventCode.BusReset)
        {
            Counters.PhyPackets++;
            // The inverse behind it is what such a packet has for a CRC.
            if (header.Q1 == ~header.Q2)
                _bus.PhyPacketReceived(new PhyPacket(header.Q1));
        }
        else if ((_quirks & OhciQuirks.ResetPacket) == 0)
        {
            _requestGeneration = (byte)(header.Q2 >> 16);
            _isMarkLost = false;
            _isAhead = (sbyte)(_requestGeneration - _generation) > 0;
        }
    }

    // What waited in it is lost; whoever sent it hears nothing, and asks again. So may be what told of a reset, without which all that comes would be old.
    private void Renew(AsyncReceive context)
    {
        if (context.Stop() == Error.None)
            context.Start();
        else
            Fail();
        if (context != _requestsIn)
            return;
        _requestGeneration = _generation;
        _isMarkLost = true;
    }
}
