using System;
using System.Buffers.Binary;

namespace Sluice.FireWire.Core;

public sealed unsafe partial class FireWireBus
{
    /// <summary>Responses under way at most, and the most data that one has.</summary>
    public const int Responses = 32, ResponseBytes = 4096;

    // Times have three bits of seconds: half a turn ahead and more is the past.
    private const uint FarthestCycles = 3 * 8000;

    // Sent again at once to a busy requester, so often; then it is too late for him anyway.
    private const int MostResponseTries = 4;

    private PacketQueue _freeResponses;

    /// <inheritdoc/>
    [PacketPath]
    public void PacketReceived(in PacketHeader header, ReadOnlySpan<byte> data, in Arrival arrival)
    {
        if (header.Code.IsResponse)
            ResponseReceived(header, data, arrival.Generation);
        else if (header.Code.IsRequest)
            TakeRequest(header, data, arrival);
        else
            Counters.BadCodes++;
    }

    private void TakeRequest(in PacketHeader header, ReadOnlySpan<byte> data, in Arrival arrival)
    {
        bool isBroadcast = (header.Destination & 0x3F) == PacketHeader.Broadcast;
        bool isWrite = header.Code is TransactionCode.WriteQuadlet or TransactionCode.WriteBlock;
        if (!IsUp || arrival.Generation != Generation)
        {
            Counters.OldRequests++;
            return;
        }
        if ((header.Source & 0x3F) == PacketHeader.Broadcast)
        {
            Counters.BadSources++;
            return;
        }
        if (isBroadcast && !isWrite)
        {
            // 1394-1995, 6.2.4.2: only writes may be broadcast.
            Counters.BadBroadcasts++;
            return;
        }
        var request = new IncomingRequest(header.Source & 0x3F, Generation, arrival.Speed, isBroadcast);
        if (isBroadcast || (isWrite && arrival.IsAnswered))
        {
            Serve(request, header, data, default, out _);
            return;
        }
        if (!_freeResponses.TryTake(out OutPacket? free))
        {
            Counters.NoResponseRecord++;
            return;
        }
        var response = (Response)free!;
        Span<byte> buffer = response.Inline;
        if (header.Code == TransactionCode.ReadBlock && header.DataBytes is > OutPacket.InlineBytes and <= ResponseBytes)
        {
            if (!_frames.TryTake(out response.Payload))
            {
                Counters.NoResponseRecord++;
                _freeResponses.Push(response);
                return;
            }
            response.Payload.SetLength((uint)header.DataBytes);
            buffer = response.Payload.Bytes;
        }
        ResponseCode code = Serve(request, header, data, buffer, out int bytes);
        Respond(response, header, code, bytes, arrival);
    }

    // Carries a request out. Data that is read, or was before a lock, comes first in the buffer.
    private ResponseCode Serve(in IncomingRequest request, in PacketHeader header, ReadOnlySpan<byte> data, Span<byte> buffer, out int bytes)
    {
        bytes = 0;
        int length = header.Code is TransactionCode.ReadQuadlet or TransactionCode.WriteQuadlet ? 4 : header.DataBytes;
        if (header.Code.HasData && data.Length != length)
        {
            Counters.BadLengths++;
            return ResponseCode.DataError;
        }
        if (length > request.Speed.MostBytes || length > ResponseBytes)
        {
            Counters.TooLong++;
            return ResponseCode.TypeError;
        }
        int width = header.Code == TransactionCode.Lock ? header.Operation.WidthOf(length) : length;
        if (width == 0)
        {
            Counters.BadLocks++;
            return ResponseCode.TypeError;
        }
        AddressHandler? handler = Addresses.Find(header.Offset, width);
        if (handler == null)
        {
            Counters.NobodysAddress++;
            return ResponseCode.AddressError;
        }
        Counters.Served++;
        ResponseCode code;
        switch (header.Code)
        {
            case TransactionCode.WriteQuadlet:
                Span<byte> quadlet = stackalloc byte[4];
                BinaryPrimitives.WriteUInt32BigEndian(quadlet, header.Quadlet);
                return handler.Write(request, header.Offset, quadlet);
            case TransactionCode.WriteBlock:
                return handler.Write(request, header.Offset, data);
            case TransactionCode.Lock:
                code = handler.Lock(request, header.Offset, header.Operation, data, buffer[..width]);
                break;
            default:
                code = handler.Read(request, header.Offset, buffer[..width]);
                break;
        }
        // What an error left in the buffer is nobody's business.
        bytes = code == ResponseCode.Complete ? width : 0;
        return code;
    }

    private void Respond(Response response, in PacketHeader request, ResponseCode code, int bytes, in Arrival arrival)
    {
        uint last = (uint)bytes << 16;
        if (request.Code == TransactionCode.ReadQuadlet)
        {
            last = bytes == 4 ? BinaryPrimitives.ReadUInt32BigEndian(response.Inline) : 0;
            bytes = 0;
        }
        else if (request.Code == TransactionCode.Lock)
        {
            last |= (ushort)request.Operation;
        }
        response.SetHeader(PacketHeader.Respond(request, NodeId, code, last));
        response.DataBytes = bytes;
        if (bytes == 0)
            response.FreePayload();
        response.Speed = arrival.Speed;
        response.Generation = Generation;
        response.Expires = CycleMath.Add(arrival.Time, Math.Min(Registers.SplitCycles, FarthestCycles));
        response.Tries = 0;
        TryGive(response);
    }

    private void ResponseSent(Response response, AckCode ack)
    {
        if (ack.IsBusy && IsUp && response.Generation == Generation && ++response.Tries < MostResponseTries)
        {
            TryGive(response);
            return;
        }
        Counters.ResponsesLost += ack == AckCode.Complete ? 0 : 1u;
        response.FreePayload();
        _freeResponses.Push(response);
    }

    // A reset: who asked asks again. Requests of ours that wait are in the list of those under way.
    private void DropBlocked()
    {
        while (_blocked.TryTake(out OutPacket? packet))
        {
            if (packet is StreamPacket stream)
            {
                Finish(stream, TransactionResult.BusReset);
            }
            else if (packet is Response)
            {
                Counters.ResponsesLost++;
                packet.FreePayload();
                _freeResponses.Push(packet);
            }
        }
    }

    // Our own space is asked without the bus.
    private void ServeOurselves(Transaction transaction)
    {
        PacketHeader header = transaction.Header.From(NodeId, 0);
        var request = new IncomingRequest(Topology.Local, Generation, BusSpeed.S800, false);
        Span<byte> small = stackalloc byte[8];
        Span<byte> buffer = transaction.Code == TransactionCode.ReadBlock ? new Span<byte>(transaction.Into, transaction.Length) : small;
        ResponseCode code = Serve(request, header, transaction.From != null ? new ReadOnlySpan<byte>(transaction.From, transaction.DataBytes) : transaction.Bytes, buffer, out int bytes);
        if (code == ResponseCode.Complete && transaction.Code == TransactionCode.ReadQuadlet)
            transaction.Quadlet = BinaryPrimitives.ReadUInt32BigEndian(small);
        else if (code == ResponseCode.Complete && transaction.Code == TransactionCode.Lock)
            SetOld(transaction, small[..bytes]);
        Finish(transaction, code switch
        {
            ResponseCode.Complete => TransactionResult.Complete,
            ResponseCode.ConflictError => TransactionResult.ConflictError,
            ResponseCode.DataError => TransactionResult.DataError,
            ResponseCode.TypeError => TransactionResult.TypeError,
            _ => TransactionResult.AddressError,
        });
    }

    private sealed class Response : OutPacket
    {
        public int Tries;
    }
}
