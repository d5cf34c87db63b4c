using System;
using System.Buffers.Binary;
using System.Numerics;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

public sealed unsafe partial class FireWireBus
{
    /// <summary>Labels of each node, as 6 bits of the header are.</summary>
    public const int Labels = 64;

    // Times that a packet is sent to a busy node: 250 us, then twice as long each time, 64 ms in all. The hardware's own tries come on top.
    private const int MostTries = 9;
    private const ulong FirstPause = 250;

    private readonly BusSpeed[] _speeds = new BusSpeed[64];
    private readonly Transaction?[] _byLabel = new Transaction?[64 * Labels];
    private readonly ulong[] _labels = new ulong[64];
    private readonly byte[] _nextLabel = new byte[64];
    private Transaction? _first, _last;
    private PacketQueue _finished, _blocked;

    /// <summary>Transactions under way.</summary>
    public int UnderWay { get; private set; }

    /// <summary>
    /// Sends what a transaction asks for. Its handler is called once, whatever happens, and not before this returns.
    /// </summary>
    [PacketPath]
    public void Submit(Transaction transaction)
    {
        if (transaction.State != Transaction.Phase.Idle)
            Bug.Stop("a transaction is submitted while it is under way"u8);
        Counters.Submitted++;
        UnderWay++;
        int node = transaction.Node;
        // 1394-1995, 6.2.2: a packet is as fast as the way to the node, and holds what that speed allows.
        BusSpeed speed = _speeds[node];
        transaction.Speed = speed < transaction.Most ? speed : transaction.Most;
        if (!IsUp)
            Finish(transaction, TransactionResult.BusReset);
        else if (transaction.Generation != Generation)
            Finish(transaction, TransactionResult.OldGeneration);
        else if (transaction.Length < 1 || transaction.Length > transaction.Speed.MostBytes)
            Finish(transaction, TransactionResult.BadLength);
        else if (node == Topology.Local)
            ServeOurselves(transaction);
        else if (node >= Topology.Count && !IsBroadcast(transaction))
            Finish(transaction, TransactionResult.NoAck);
        else if (!TryCopy(transaction))
            Finish(transaction, TransactionResult.NotSent);
        else if (!TryTakeLabel(node, out int label))
            Finish(transaction, TransactionResult.NoLabel);
        else
        {
            _byLabel[node * Labels + label] = transaction;
            transaction.Header = PacketHeader.Request(transaction.Code, (ushort)(PacketHeader.LocalBus | node), NodeId, label,
                transaction.Offset, transaction.Last);
            Link(transaction);
            Send(transaction);
        }
    }

    /// <inheritdoc/>
    [PacketPath]
    public void PacketSent(OutPacket packet, AckCode ack)
    {
        if (!packet.IsControllers)
            Bug.Stop("a controller reports a packet that it does not have"u8);
        packet.IsControllers = false;
        if (packet is Transaction transaction)
            RequestSent(transaction, ack);
        else if (packet is StreamPacket stream)
            StreamSent(stream, ack);
        else
            ResponseSent((Response)packet, ack);
        if (!_blocked.IsEmpty)
            SendBlocked();
    }

    private static bool IsBroadcast(Transaction transaction) => transaction.Node == PacketHeader.Broadcast
        && transaction.Code is TransactionCode.WriteQuadlet or TransactionCode.WriteBlock;

    private void RequestSent(Transaction transaction, AckCode ack)
    {
        if (transaction.State == Transaction.Phase.Settled)
        {
            Call(transaction);
            return;
        }
        if (ack == AckCode.Pending)
        {
            transaction.State = Transaction.Phase.Waiting;
            transaction.Since = Clock.Microseconds;
            Arm(transaction.Since + Registers.SplitMicroseconds);
            return;
        }
        if (ack.IsBusy && ++transaction.Tries < MostTries)
        {
            Counters.Retries++;
            transaction.State = Transaction.Phase.BackingOff;
            transaction.Since = Clock.Microseconds + (FirstPause << transaction.Tries - 1);
            Arm(transaction.Since);
            return;
        }
        bool isWrite = transaction.Code is TransactionCode.WriteQuadlet or TransactionCode.WriteBlock;
        Counters.GivenUp += ack.IsBusy ? 1u : 0;
        Settle(transaction, ack switch
        {
            // Nobody acknowledges a broadcast.
            AckCode.Complete or AckCode.Missing when transaction.Node == PacketHeader.Broadcast => TransactionResult.Complete,
            // Only a write is over with that (1394-1995, table 6-13).
            AckCode.Complete => isWrite ? TransactionResult.Complete : TransactionResult.Malformed,
            AckCode.Missing => TransactionResult.NoAck,
            AckCode.ConflictError => TransactionResult.ConflictError,
            AckCode.DataError => TransactionResult.DataError,
            AckCode.TypeError => TransactionResult.TypeError,
            AckCode.AddressError => TransactionResult.AddressError,
            AckCode.Flushed => TransactionResult.BusReset,
            AckCode.NotSent => TransactionResult.NotSent,
            _ => ack.IsBusy ? TransactionResult.Busy : TransactionResult.Malformed,
        });
        Call(transaction);
    }

    private void TakeResponse(in PacketHeader header, ReadOnlySpan<byte> data, in Arrival arrival)
    {
        if (!IsUp || arrival.Generation != Generation)
        {
            Counters.OldResponses++;
            return;
        }
        int node = header.Source & 0x3F;
        Transaction? transaction = header.Source >= PacketHeader.LocalBus ? _byLabel[node * Labels + header.Label] : null;
        if (transaction == null || transaction.State is not (Transaction.Phase.Sending or Transaction.Phase.Waiting))
        {
            Counters.UnexpectedResponses++;
            return;
        }
        if (transaction.Code.Answer != header.Code || node == PacketHeader.Broadcast)
        {
            // It waits on: what it asked for may still come.
            Counters.WrongResponses++;
            return;
        }
        Settle(transaction, ResultOf(transaction, header, data));
        if (!transaction.IsControllers)
            Call(transaction);
    }

    // What a response says; read data goes where it is wanted.
    private static TransactionResult ResultOf(Transaction transaction, in PacketHeader header, ReadOnlySpan<byte> data)
    {
        switch (header.Response)
        {
            case ResponseCode.Complete:
                break;
            case ResponseCode.ConflictError:
                return TransactionResult.ConflictError;
            case ResponseCode.DataError:
                return TransactionResult.DataError;
            case ResponseCode.TypeError:
                return TransactionResult.TypeError;
            case ResponseCode.AddressError:
                return TransactionResult.AddressError;
            default:
                return TransactionResult.Malformed;
        }
        switch (transaction.Code)
        {
            case TransactionCode.ReadQuadlet:
                transaction.Quadlet = header.Quadlet;
                break;
            case TransactionCode.ReadBlock:
                if (header.DataBytes != transaction.Length || data.Length != transaction.Length)
                    return TransactionResult.Malformed;
                data.CopyTo(new Span<byte>(transaction.Into, transaction.Length));
                break;
            case TransactionCode.Lock:
                int width = transaction.Header.Operation.WidthOf(transaction.Length);
                if (header.DataBytes != width || data.Length != width)
                    return TransactionResult.Malformed;
                SetOld(transaction, data);
                break;
        }
        return TransactionResult.Complete;
    }

    private static void SetOld(Transaction transaction, ReadOnlySpan<byte> old)
    {
        if (old.Length == 4)
            transaction.Quadlet = BinaryPrimitives.ReadUInt32BigEndian(old);
        else
            transaction.Octlet = BinaryPrimitives.ReadUInt64BigEndian(old);
    }

    // A reset: all that was under way is lost. What the controller has, it gives back.
    private void FailAll()
    {
        for (Transaction? transaction = _first; transaction != null;)
        {
            Transaction? later = transaction.Later;
            if (transaction.State != Transaction.Phase.Settled)
            {
                Counters.LostByReset++;
                Settle(transaction, TransactionResult.BusReset);
                if (!transaction.IsControllers)
                    Enqueue(transaction);
            }
            transaction = later;
        }
    }

    private void Send(Transaction transaction)
    {
        transaction.State = Transaction.Phase.Sending;
        if (!TryGive(transaction))
            transaction.State = Transaction.Phase.Blocked;
    }

    // To the controller, or behind those that wait for room there.
    private bool TryGive(OutPacket packet)
    {
        packet.IsControllers = true;
        if (_blocked.IsEmpty && _controller.TrySend(packet))
            return true;
        packet.IsControllers = false;
        _blocked.Push(packet);
        return false;
    }

    private void SendBlocked()
    {
        while (_blocked.TryTake(out OutPacket? packet))
        {
            var transaction = packet as Transaction;
            packet!.IsControllers = true;
            if (transaction != null)
                transaction.State = Transaction.Phase.Sending;
            if (_controller.TrySend(packet))
                continue;
            packet.IsControllers = false;
            if (transaction != null)
                transaction.State = Transaction.Phase.Blocked;
            _blocked.PushFirst(packet);
            return;
        }
    }

    // Time-outs and pauses: the list is short, and this runs once per time that something is due.
    private void CheckTimes(ulong now)
    {
        ulong due = ulong.MaxValue;
        for (Transaction? transaction = _first; transaction != null;)
        {
            Transaction? later = transaction.Later;
            ulong at = ulong.MaxValue;
            if (transaction.State == Transaction.Phase.Waiting)
                at = transaction.Since + Registers.SplitMicroseconds;
            else if (transaction.State == Transaction.Phase.BackingOff)
                at = transaction.Since;
            if (at > now)
                due = Math.Min(due, at);
            else if (transaction.State == Transaction.Phase.BackingOff)
                Send(transaction);
            else
            {
                Counters.TimeOuts++;
                Settle(transaction, TransactionResult.TimedOut);
                Enqueue(transaction);
            }
            transaction = later;
        }
        if (due != ulong.MaxValue)
            Arm(due);
    }

    private void Arm(ulong due)
    {
        if (!_timer.IsRunning || due < _timer.Due)
            _timer.StartAt(due);
    }

    // Data that is to be written goes where the controller sends it from.
    private bool TryCopy(OutPacket packet)
    {
        if (packet.From == null)
            return true;
        var data = new ReadOnlySpan<byte>(packet.From, packet.DataBytes);
        if (data.Length <= OutPacket.InlineBytes)
        {
            data.CopyTo(packet.Inline);
            return true;
        }
        if (!_frames.TryTake(out packet.Payload))
            return false;
        packet.Payload.SetLength((uint)data.Length);
        data.CopyTo(packet.Payload.Bytes);
        return true;
    }

    // What was never sent: its handler is called by the loop, so no submission calls a handler that submits.
    private void Finish(Transaction transaction, TransactionResult result)
    {
        transaction.Result = result;
        transaction.State = Transaction.Phase.Finished;
        _finished.Push(transaction);
        _work.Mark();
    }

    private void Enqueue(Transaction transaction)
    {
        Unlink(transaction);
        Finish(transaction, transaction.Result);
    }

    private void Settle(Transaction transaction, TransactionResult result)
    {
        Counters.MalformedAnswers += result == TransactionResult.Malformed ? 1u : 0;
        transaction.Result = result;
        transaction.State = Transaction.Phase.Settled;
        int label = transaction.Header.Label;
        _byLabel[transaction.Node * Labels + label] = null;
        _labels[transaction.Node] &= ~(1ul << label);
    }

    private void Call(Transaction transaction)
    {
        if (transaction.State == Transaction.Phase.Settled)
            Unlink(transaction);
        transaction.FreePayload();
        transaction.State = Transaction.Phase.Idle;
        UnderWay--;
        Counters.Finished++;
        transaction.Handler.OnDone(transaction);
    }

    // Each label in turn: one that was free longest, so that a late answer meets nobody who uses its label again.
    private bool TryTakeLabel(int node, out int label)
    {
        ulong free = ~_labels[node];
        label = 0;
        if (free == 0)
            return false;
        int from = _nextLabel[node];
        label = (from + BitOperations.TrailingZeroCount(BitOperations.RotateRight(free, from))) & Labels - 1;
        _labels[node] |= 1ul << label;
        _nextLabel[node] = (byte)((label + 1) & Labels - 1);
        return true;
    }

    private void Link(Transaction transaction)
    {
        transaction.Later = null;
        transaction.Earlier = _last;
        if (_last == null)
            _first = transaction;
        else
            _last.Later = transaction;
        _last = transaction;
    }

    private void Unlink(Transaction transaction)
    {
        if (transaction.Earlier == null)
            _first = transaction.Later;
        else
            transaction.Earlier.Later = transaction.Later;
        if (transaction.Later == null)
            _last = transaction.Earlier;
        else
            transaction.Later.Earlier = transaction.Earlier;
        transaction.Earlier = transaction.Later = null;
    }
}
