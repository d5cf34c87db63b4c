using System;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

// Packets between the bus and the contexts.
public sealed unsafe partial class Ohci
{
    // Packets taken from each context in one turn of the work.
    private const int Batch = 64;

    // Of received requests: what the controller said between them. Of the bus: what its self-IDs said.
    private byte _requestGeneration, _generation;
    private bool _isInReset = true;
    private PacketQueue _refused;
    private bool _hasRefused;

    /// <inheritdoc/>
    [PacketPath]
    public bool TrySend(OutPacket packet)
    {
        AckCode why = _state == State.Running ? AckCode.Flushed : AckCode.NotSent;
        if (_state == State.Running && !_isInReset && packet.Generation == _generation)
        {
            AsyncTransmit context = packet.Header.Code.IsResponse ? _responses : _requests;
            if (context.TrySend(packet))
                return true;
            // Others under way will say when there is room; without any there is no memory to give its data to the device.
            if (context.IsBusy)
                return false;
            why = AckCode.NotSent;
        }
        // It is reported by the work, as nothing is from within here.
        packet.Tag = (uint)why;
        _refused.Push(packet);
        _hasRefused = true;
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
        _hasRefused = false;
        while (_refused.TryTake(out OutPacket? packet))
            _bus.PacketSent(packet!, (AckCode)packet!.Tag);
    }

    // True if there may be more, as of the others.
    [PacketPath]
    private bool ReportSent(Events events) =>
        ((events & Events.RequestSent) != 0 && ReportSent(_requests)) | ((events & Events.ResponseSent) != 0 && ReportSent(_responses));

    [PacketPath]
    private bool TakeReceived(Events events) =>
        ((events & Events.ResponseReceived) != 0 && TakeReceived(_responsesIn)) | ((events & Events.RequestReceived) != 0 && TakeReceived(_requestsIn));

    [PacketPath]
    private bool ReportSent(AsyncTransmit context)
    {
        for (int i = 0; i < Batch; i++)
        {
            if (!context.TryTakeSent(out OutPacket? packet, out AckCode ack))
                return false;
            Counters.Sent++;
            _bus.PacketSent(packet!, ack);
        }
        return true;
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
        while (context.TryTakeStopped(out OutPacket? packet, out AckCode ack))
            _bus.PacketSent(packet!, ack == AckCode.Flushed ? unsent : ack);
    }

    [PacketPath]
    private bool TakeReceived(AsyncReceive context)
    {
        bool isRequests = context == _requestsIn;
        if (!context.Refresh())
        {
            Counters.BadDescriptors++;
            Renew(context);
            return false;
        }
        for (int i = 0; i < Batch; i++)
        {
            if (!context.TryTake(out ReceivedPacket packet, out bool isBad))
            {
                if (!isBad)
                    return false;
                Counters.BadPackets++;
                Renew(context);
                return false;
            }
            if (packet.IsInternal)
            {
                TakeInternal(packet, isRequests);
            }
            else
            {
                Counters.Received++;
                byte generation = isRequests ? _requestGeneration : _generation;
                bool isAnswered = packet.Event == EventCode.Acknowledged + (byte)AckCode.Complete;
                _bus.PacketReceived(packet.Header, packet.Data, new Arrival(generation, packet.Speed, isAnswered, (ushort)packet.Trailer));
            }
            // It may have been stopped from within.
            if (_state != State.Running)
                return false;
            context.Release();
        }
        return true;
    }

    // Between the packets before a bus reset and those behind it, one says so (8.4.2.3); others are between PHYs.
    private void TakeInternal(in ReceivedPacket packet, bool isRequests)
    {
        if (!isRequests)
            return;
        if (packet.Event != EventCode.BusReset)
        {
            Counters.PhyPackets++;
            // The inverse behind it is what such a packet has for a CRC.
            if (packet.Header.Q1 == ~packet.Header.Q2)
                _bus.PhyPacketReceived(new PhyPacket(packet.Header.Q1));
        }
        else if ((_quirks & OhciQuirks.ResetPacket) == 0)
            _requestGeneration = (byte)(packet.Header.Q2 >> 16);
    }

    // What waited in it is lost; whoever sent it hears nothing, and asks again.
    private void Renew(AsyncReceive context)
    {
        if (context.Stop() == Error.None)
            context.Start();
        else
            Fail();
    }
}
