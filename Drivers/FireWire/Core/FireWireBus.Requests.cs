using System;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.FireWire.Core;

public sealed unsafe partial class FireWireBus
{
    /// <summary>Responses under way at most.</summary>
    public const int Responses = 64;

    // Sent again at once to a busy requester, so often; then it is too late for him anyway.
    private const int MostResponseTries = 4;

    private readonly Response[] _responses = new Response[Responses];

    // A bit each.
    private ulong _freeResponses = ulong.MaxValue;

    /// <inheritdoc/>
    [PacketPath]
    public void PacketReceived(in PacketHeader header, ReadOnlySpan<byte> data, in Arrival arrival)
    {
        TransactionCode code = header.Code;
        if (code.IsRead && TryAnswer(header, arrival))
            return;
        if (code.IsRequest)
            TakeRequest(header, data, arrival);
        else if (code.IsResponse)
            ResponseReceived(header, data, arrival.Generation);
        else
            Counters.BadCodes++;
    }

    // A read, answered from where its data is to be sent from. False, and nothing has happened, if it must not be or cannot be.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryAnswer(in PacketHeader header, in Arrival arrival)
    {
        bool isQuadlet = header.Code == TransactionCode.ReadQuadlet;
        uint node = header.Q1 >> 16 & 0x3F, bytes = isQuadlet ? 4 : header.Q3 >> 16;
        ulong free = _freeResponses;
        if (!IsUp || arrival.Generation != Generation || node == PacketHeader.Broadcast || (header.Q0 >> 16 & 0x3F) == PacketHeader.Broadcast
            || bytes - 1 >= (uint)arrival.Speed.MostBytes)
            return false;
        AddressHandler? handler = Addresses.Find(header.Offset, bytes);
        if (handler == null || free == 0)
            return false;
        Response response = ResponseAt(free);
        // As it goes out if all is well: only itself is needed after the handler then.
        response.SetHeader(isQuadlet
            ? PacketHeader.Respond(header, TransactionCode.ReadQuadletResponse, NodeId, ResponseCode.Complete, 0)
            : PacketHeader.Respond(header, TransactionCode.ReadBlockResponse, NodeId, ResponseCode.Complete, bytes << 16), isQuadlet ? CodeFacts.WithQuadlet : CodeFacts.WithData);
        Fill(response, isQuadlet ? 0 : bytes, arrival);
        Span<byte> into;
        if (bytes <= OutPacket.InlineBytes)
        {
            into = MemoryMarshal.CreateSpan(ref response.InlineFirst, (int)bytes);
        }
        else
        {
            if (!_frames.TryTake(out response.Payload))
                return false;
            response.Payload.SetLength(bytes);
            into = response.Payload.Bytes;
        }
        _freeResponses = free & (free - 1);
        Counters.Served = Counters.Served + 1;
        var request = new IncomingRequest((int)node, arrival.Generation, arrival.Speed, false);
        ResponseCode code = handler.Read(request, header.Offset, into);
        if (code != ResponseCode.Complete)
            response.Refuse(code);
        else if (response.DataBytes == 0)
            response.TakeQuadlet();
        TryGive(response);
        return true;
    }

    // Writes, locks, and reads that were not answered at once.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void TakeRequest(in PacketHeader header, ReadOnlySpan<byte> data, in Arrival arrival)
    {
        bool isBroadcast = (header.Destination & 0x3F) == PacketHeader.Broadcast, isWrite = header.Code.IsWrite;
        int node = header.Source & 0x3F;
        if (!IsUp || arrival.Generation != Generation || node == PacketHeader.Broadcast || (isBroadcast && !isWrite))
        {
            Ignore(header, arrival);
            return;
        }
        ResponseCode code = Find(header, data.Length, arrival.Speed, out AddressHandler? handler, out uint width);
        Response? response = null;
        if (!isBroadcast && !(isWrite && arrival.IsAnswered))
        {
            ulong free = _freeResponses;
            // A read could have been answered, but for memory.
            if (free == 0 || (header.Code.IsRead && handler != null))
            {
                Counters.NoResponseRecord++;
                return;
            }
            response = ResponseAt(free);
            _freeResponses = free & (free - 1);
        }
        if (handler != null)
        {
            var request = new IncomingRequest(node, arrival.Generation, arrival.Speed, isBroadcast);
            code = Change(handler, request, header, data, response == null || isWrite ? default : response.Inline[..(int)width]);
        }
        if (response != null)
        {
            bool hasOld = header.Code == TransactionCode.Lock && code == ResponseCode.Complete;
            uint operation = header.Code == TransactionCode.Lock ? (ushort)header.Operation : 0u;
            TransactionCode answer = header.Code.Answer;
            response.SetHeader(PacketHeader.Respond(header, answer, NodeId, code, operation | (hasOld ? width << 16 : 0)), (byte)answer.Shape);
            Fill(response, hasOld ? width : 0, arrival);
            GiveInTurn(response);
        }
    }

    // Requests of another bus, and those that cannot be: nobody hears of them.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Ignore(in PacketHeader header, in Arrival arrival)
    {
        if (!IsUp || arrival.Generation != Generation)
            Counters.OldRequests++;
        else if ((header.Source & 0x3F) == PacketHeader.Broadcast)
            Counters.BadSources++;
        else
            // 1394-1995, 6.2.4.2: only writes may be broadcast.
            Counters.BadBroadcasts++;
    }

    // Who carries a request out, and how many bytes it is about: of locks, those that change. Null, and why, if nobody does.
    private ResponseCode Find(in PacketHeader header, int dataBytes, BusSpeed speed, out AddressHandler? handler, out uint width)
    {
        TransactionCode code = header.Code;
        uint length = code is TransactionCode.ReadQuadlet or TransactionCode.WriteQuadlet ? 4 : header.Q3 >> 16;
        width = code == TransactionCode.Lock ? (uint)header.Operation.WidthOf((int)length) : length;
        handler = null;
        bool hasOtherLength = code.HasData && (uint)dataBytes != length, isTooLong = length > (uint)speed.MostBytes;
        if (hasOtherLength || isTooLong || width == 0)
            return LengthError(hasOtherLength, isTooLong);
        handler = Addresses.Find(header.Offset, width);
        if (handler != null)
        {
            Counters.Served++;
            return ResponseCode.Complete;
        }
        Counters.NobodysAddress++;
        return ResponseCode.AddressError;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ResponseCode LengthError(bool hasOtherLength, bool isTooLong)
    {
        if (hasOtherLength)
        {
            Counters.BadLengths++;
            return ResponseCode.DataError;
        }
        if (isTooLong)
            Counters.TooLong++;
        else
            Counters.BadLocks++;
        return ResponseCode.TypeError;
    }

    // Carries out a write, or a lock, whose place is as it was before then.
    private static ResponseCode Change(AddressHandler handler, in IncomingRequest request, in PacketHeader header, ReadOnlySpan<byte> data, Span<byte> old)
    {
        if (header.Code == TransactionCode.WriteBlock)
            return handler.Write(request, header.Offset, data);
        if (header.Code == TransactionCode.Lock)
            return handler.Lock(request, header.Offset, header.Operation, data, old);
        uint quadlet = BinaryPrimitives.ReverseEndianness(header.Quadlet);
        return handler.Write(request, header.Offset, new ReadOnlySpan<byte>(&quadlet, 4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Fill(Response response, uint bytes, in Arrival arrival)
    {
        response.DataBytes = (int)bytes;
        response.Speed = arrival.Speed;
        response.Generation = arrival.Generation;
        response.Expires = CycleMath.Add(arrival.Time, Registers.ResponseTime);
        response.Tries = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void ResponseSent(Response response, AckCode ack)
    {
        if (ack == AckCode.Complete || !IsSentAgain(response, ack))
            Free(response);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool IsSentAgain(Response response, AckCode ack)
    {
        if (ack.IsBusy && IsUp && response.Generation == Generation && ++response.Tries < MostResponseTries)
        {
            GiveInTurn(response);
            return true;
        }
        Counters.ResponsesLost++;
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Free(Response response)
    {
        if (!response.Payload.IsEmpty)
            response.FreePayload();
        _freeResponses |= response.Bit;
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
            else if (packet is Response response)
            {
                Counters.ResponsesLost++;
                Free(response);
            }
        }
    }

    // Our own space is asked without the bus.
    private void ServeOurselves(Transaction transaction)
    {
        PacketHeader header = transaction.Header.From(NodeId, 0);
        var request = new IncomingRequest(Topology.Local, Generation, BusSpeed.S800, false);
        Span<byte> small = stackalloc byte[8];
        Span<byte> buffer = small;
        if (transaction.Code == TransactionCode.ReadBlock && !TryMakeRoom(transaction, out buffer))
        {
            Finish(transaction, TransactionResult.NotSent);
            return;
        }
        ReadOnlySpan<byte> data = transaction.From != null ? new ReadOnlySpan<byte>(transaction.From, transaction.DataBytes) : transaction.Bytes;
        ResponseCode code = Find(header, data.Length, request.Speed, out AddressHandler? handler, out uint width);
        if (handler != null)
            code = header.Code.IsRead ? handler.Read(request, header.Offset, buffer[..(int)width]) : Change(handler, request, header, data, small[..Math.Min((int)width, 8)]);
        if (code == ResponseCode.Complete && transaction.Code == TransactionCode.ReadQuadlet)
            transaction.Quadlet = BinaryPrimitives.ReadUInt32BigEndian(small);
        else if (code == ResponseCode.Complete && transaction.Code == TransactionCode.Lock)
            SetOld(transaction, small[..(int)width]);
        Finish(transaction, code switch
        {
            ResponseCode.Complete => TransactionResult.Complete,
            ResponseCode.ConflictError => TransactionResult.ConflictError,
            ResponseCode.DataError => TransactionResult.DataError,
            ResponseCode.TypeError => TransactionResult.TypeError,
            _ => TransactionResult.AddressError,
        });
    }

    // Where a read of our own space is to be put: in memory of its own or, until it is shown, in a frame.
    private bool TryMakeRoom(Transaction transaction, out Span<byte> room)
    {
        room = new Span<byte>(transaction.Into, transaction.Length);
        if (transaction.Into != null)
            return true;
        if (!_frames.TryTake(out transaction.Payload))
            return false;
        transaction.Payload.SetLength((uint)transaction.Length);
        room = transaction.Payload.Bytes;
        return true;
    }

    // Of those whose bits these are the first.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Response ResponseAt(ulong free) => _responses[BitOperations.TrailingZeroCount(free)];

    private sealed class Response : OutPacket
    {
        public readonly ulong Bit;
        public int Tries;

        public Response(ulong bit)
        {
            Bit = bit;
            IsResponse = true;
        }

        // What the handler left there is nobody's business.
        [MethodImpl(MethodImplOptions.NoInlining)]
        public void Refuse(ResponseCode code)
        {
            DataBytes = 0;
            FreePayload();
            SetResult(code, 0);
        }
    }
}
