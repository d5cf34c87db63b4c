using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;

namespace Sluice.FireWire.Ohci;

/// <summary>
/// Answers requests without software: to host memory, from nodes that the filter lets; to the configuration ROM and the four registers of
/// the resource manager, from all. Source: 1394 OHCI 1.1, sections 5.5 and 12.
/// </summary>
internal sealed class PhysicalUnit(OhciController controller)
{
    private const int MostResponses = 8;

    private readonly Queue<Packet> _responses = new();
    private readonly Stack<Packet> _free = new();

    public bool WantsBus => _responses.Count != 0;

    /// <summary>Requests that it answered.</summary>
    public long Served { get; private set; }

    public Packet? Next() => _responses.TryPeek(out Packet? packet) ? packet : null;

    public bool Owns(Packet packet) => _responses.TryPeek(out Packet? first) && first == packet;

    public void Sent(Ack ack)
    {
        Packet packet = _responses.Peek();
        if (ack.IsBusy && --packet.Retries >= 0)
            return;
        _free.Push(_responses.Dequeue());
        if (ack is not (Ack.Complete or Ack.Pending) && packet.Code == Tcode.LockResponse)
            controller.Interrupts.Raise(IntEvent.LockResponseError);
    }

    public void Reset()
    {
        while (_responses.TryDequeue(out Packet? packet))
            _free.Push(packet);
    }

    /// <summary>Whether an address is of the ROM or one of the four registers.</summary>
    public static bool Keeps(ulong offset) =>
        offset is >= Csr.Base + Csr.Rom and < Csr.Base + Csr.RomEnd || (offset >= Csr.Base && ManagerRegisters.IndexOf(offset - Csr.Base) >= 0);

    /// <summary>Serves a request if it is one for this unit.</summary>
    /// <param name="isAllowed">Whether the filter lets the node at host memory.</param>
    /// <returns>False if software has to.</returns>
    public bool TryServe(Packet request, bool isAllowed, out Ack ack)
    {
        ulong offset = request.Offset;
        ack = Ack.BusyX;
        if (offset is >= Csr.Base + Csr.Rom and < Csr.Base + Csr.RomEnd)
            ack = _responses.Count == MostResponses ? Ack.BusyX : ServeRom(request, (int)(offset - Csr.Base - Csr.Rom));
        else if (offset >= Csr.Base && ManagerRegisters.IndexOf(offset - Csr.Base) is var index and >= 0)
            ack = _responses.Count == MostResponses ? Ack.BusyX : ServeManager(request, index);
        else if (isAllowed && offset < controller.PhysicalBound && request.Code != Tcode.Lock)
            ack = _responses.Count == MostResponses ? Ack.BusyX : ServeMemory(request);
        else
            return false;
        Served++;
        return true;
    }

    private Ack ServeRom(Packet request, int offset)
    {
        if (request.Code == Tcode.ReadQuadlet && (offset & 3) == 0)
        {
            Rcode rcode = controller.TryReadRom(offset, out uint value) ? Rcode.Complete : Rcode.DataError;
            return Respond(request, Tcode.ReadQuadletResponse, rcode, value);
        }
        // The image alone, registers or not.
        if (request.Code != Tcode.ReadBlock || !controller.HasRomImage || offset + request.LengthField > ConfigurationRom.MostBytes)
            return Ack.TypeError;
        Packet response = Begin(request, Tcode.ReadBlockResponse);
        return Finish(response, controller.TryReadRomImage(offset, response.Room[..request.LengthField]), request.LengthField);
    }

    private Ack ServeManager(Packet request, int index)
    {
        if (request.Code == Tcode.ReadQuadlet)
            return Respond(request, Tcode.ReadQuadletResponse, Rcode.Complete, controller.Manager[index]);
        if (request.Code != Tcode.Lock || request.Operation != LockOperation.CompareSwap || request.DataBytes != 8)
            return Ack.TypeError;
        uint old = controller.Manager.CompareSwap(index, BinaryPrimitives.ReadUInt32BigEndian(request.Data), BinaryPrimitives.ReadUInt32BigEndian(request.Data[4..]));
        Packet response = Begin(request, Tcode.LockResponse);
        response.Q3 = (uint)LockOperation.CompareSwap;
        BinaryPrimitives.WriteUInt32BigEndian(response.Room, old);
        return Finish(response, true, 4);
    }

    private Ack ServeMemory(Packet request)
    {
        Span<byte> quadlet = stackalloc byte[4];
        ulong address = request.Offset;
        switch (request.Code)
        {
            case Tcode.WriteQuadlet or Tcode.WriteBlock:
                BinaryPrimitives.WriteUInt32BigEndian(quadlet, request.Q3);
                bool isWritten = controller.Host.TryWrite(address, request.Code == Tcode.WriteQuadlet ? quadlet : request.Data);
                if (!controller.PostsWrites)
                    return Respond(request, Tcode.WriteResponse, isWritten ? Rcode.Complete : Rcode.DataError, 0);
                if (!isWritten)
                    controller.PostedWriteFailed(request.Source, address);
                return Ack.Complete;
            case Tcode.ReadQuadlet:
                bool isRead = controller.Host.TryRead(address, quadlet);
                return Respond(request, Tcode.ReadQuadletResponse, isRead ? Rcode.Complete : Rcode.DataError, BinaryPrimitives.ReadUInt32BigEndian(quadlet));
            default:
                Packet response = Begin(request, Tcode.ReadBlockResponse);
                return Finish(response, controller.Host.TryRead(address, response.Room[..request.LengthField]), request.LengthField);
        }
    }

    private Packet Begin(Packet request, Tcode code)
    {
        Packet response = _free.TryPop(out Packet? free) ? free : new Packet();
        response.Response(code, request.Label, request.Source, controller.NodeId, Rcode.Complete);
        response.Speed = request.Speed;
        response.Retries = (int)(controller.AtRetries >> 8) & 0xF;
        return response;
    }

    private Ack Respond(Packet request, Tcode code, Rcode rcode, uint value)
    {
        Packet response = Begin(request, code);
        response.Q1 |= (uint)rcode << 12;
        response.Q3 = value;
        return Enqueue(response);
    }

    private Ack Finish(Packet response, bool isGood, int bytes)
    {
        response.DataBytes = isGood ? bytes : 0;
        response.Q1 |= isGood ? 0 : (uint)Rcode.DataError << 12;
        response.Q3 = ((uint)response.DataBytes << 16) | (response.Q3 & 0xFFFF);
        return Enqueue(response);
    }

    private Ack Enqueue(Packet response)
    {
        _responses.Enqueue(response);
        controller.RequestBus();
        return Ack.Pending;
    }
}
