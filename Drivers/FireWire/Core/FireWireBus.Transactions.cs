using System;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.FireWire.Core;

public sealed unsafe partial class FireWireBus
{
    /// <summary>Labels of each node, as 6 bits of the header are.</summary>
    public const int Labels = 64;

    // Times that a packet is sent to a busy node: 250 us, then twice as long each time, 64 ms in all. The hardware's own tries come on top.
    private const int MostTries = 9;
    private const ulong FirstPause = 250;

    private Peers _peers;
    private PacketQueue _finished, _blocked;

    /// <summary>Transactions under way.</summary>
    public int UnderWay => (int)(Counters.Submitted - Counters.Finished);

    /// <summary>
    /// Sends what a transaction asks for. Its handler is called once, whatever happens, and not before this returns.
    /// </summary>
    [PacketPath]
    public void Submit(Transaction transaction)
    {
        if (transaction.State != Transaction.Phase.Idle)
            Bug.Stop("a transaction is submitted while it is under way"u8);
        Counters.Submitted = Counters.Submitted + 1;
        ref Peer peer = ref PeerAt(transaction.Node);
        // 1394-1995, 6.2.2: a packet is as fast as the way to the node, and holds what that speed allows.
        BusSpeed speed = peer.Speed < transaction.Most ? peer.Speed : transaction.Most;
        transaction.Speed = speed;
        bool isPlain = peer.IsThere && transaction.Generation == Generation && (uint)(transaction.Length - 1) < (uint)speed.MostBytes;
        if (!isPlain && !IsToBeSent(transaction))
            return;
        if (transaction.From != null && !TryCopy(transaction))
        {
            Finish(transaction, TransactionResult.NotSent);
            return;
        }
        // Each label in turn: one that was free longest, so that a late answer meets nobody who uses its label again.
        int label = peer.NextLabel;
        if ((peer.Labels >> label & 1) != 0)
        {
            if (peer.Labels == ulong.MaxValue)
            {
                Finish(transaction, TransactionResult.NoLabel);
                return;
            }
            label = NextFree(peer.Labels, label);
        }
        peer.Labels |= 1ul << label;
        peer.NextLabel = label + 1 & Labels - 1;
        peer.Transaction(label) = transaction;
        transaction.SetSource(NodeId, label);
        Send(transaction);
    }

    // Whatever is not a request of now to another node that is there: false if it is dealt with.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool IsToBeSent(Transaction transaction)
    {
        if (!IsUp)
            Finish(transaction, TransactionResult.BusReset);
        else if (transaction.Generation != Generation)
            Finish(transaction, TransactionResult.OldGeneration);
        else if (transaction.Length < 1 || transaction.Length > transaction.Speed.MostBytes)
            Finish(transaction, TransactionResult.BadLength);
        else if (transaction.Node == Topology.Local)
            ServeOurselves(transaction);
        else if (IsBroadcast(transaction))
            return true;
        else
            Finish(transaction, TransactionResult.NoAck);
        return false;
    }

    /// <inheritdoc/>
    [PacketPath]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void PacketSent(OutPacket packet, AckCode ack)
    {
        if (!packet.IsControllers)
            Bug.Stop("a controller reports a packet that it does not have"u8);
        packet.IsControllers = false;
        if (packet is Transaction transaction)
            RequestSent(transaction, ack);
        else if (packet is Response response)
            ResponseSent(response, ack);
        else
            StreamSent((StreamPacket)packet, ack);
        if (!_blocked.IsEmpty)
            SendBlocked();
    }

    private static bool IsBroadcast(Transaction transaction) => transaction.Node == PacketHeader.Broadcast
        && transaction.Code is TransactionCode.WriteQuadlet or TransactionCode.WriteBlock;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void RequestSent(Transaction transaction, AckCode ack)
    {
        if (transaction.State == Transaction.Phase.Settled)
        {
            Call(transaction);
        }
        else if (ack == AckCode.Pending)
        {
            AwaitAnswer(transaction);
        }
        else if (ack == AckCode.Complete && transaction.Code.IsWrite)
        {
            // Only a write is over with that (1394-1995, table 6-13).
            Settle(transaction, TransactionResult.Complete);
            Call(transaction);
        }
        else
        {
            Acknowledged(transaction, ack);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AwaitAnswer(Transaction transaction)
    {
        ulong due = Cpu.Timestamp() + Registers.SplitTicks;
        transaction.State = Transaction.Phase.Waiting;
        transaction.Due = due;
        if (due < _nextLook)
            LookBy(due);
    }

    // The acknowledge is the last word all the same, unless the node was busy.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Acknowledged(Transaction transaction, AckCode ack)
    {
        if (ack.IsBusy && ++transaction.Tries < MostTries)
        {
            Counters.Retries++;
            transaction.State = Transaction.Phase.BackingOff;
            transaction.Due = Cpu.Timestamp() + Clock.ToTicks(FirstPause << transaction.Tries - 1);
            LookBy(transaction.Due);
            return;
        }
        Settle(transaction, WhyNot(transaction, ack));
        Call(transaction);
    }

    private TransactionResult WhyNot(Transaction transaction, AckCode ack)
    {
        Counters.GivenUp += ack.IsBusy ? 1u : 0;
        return ack switch
        {
            // Nobody acknowledges a broadcast.
            AckCode.Missing when transaction.Node == PacketHeader.Broadcast => TransactionResult.Complete,
            AckCode.Missing => TransactionResult.NoAck,
            AckCode.ConflictError => TransactionResult.ConflictError,
            AckCode.DataError => TransactionResult.DataError,
            AckCode.TypeError => TransactionResult.TypeError,
            AckCode.AddressError => TransactionResult.AddressError,
            AckCode.Flushed => TransactionResult.BusReset,
            AckCode.NotSent => TransactionResult.NotSent,
            _ => ack.IsBusy ? TransactionResult.Busy : Malformed(),
        };
    }

    /// <inheritdoc/>
    [PacketPath]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ResponseReceived(in PacketHeader header, ReadOnlySpan<byte> data, byte generation)
    {
        if (!IsUp || generation != Generation)
        {
            Counters.OldResponses++;
            return;
        }
        int node = header.Source & 0x3F, label = header.Label;
        ref Peer peer = ref PeerAt(node);
        Transaction transaction = peer.Transaction(label)!;
        // One after the other: together the compiler makes a number of them.
        if ((peer.Labels >> label & 1) == 0 || !header.IsFromThisBus)
        {
            Counters.UnexpectedResponses++;
            return;
        }
        if (transaction.State is not (Transaction.Phase.Sending or Transaction.Phase.Waiting))
        {
            Counters.UnexpectedResponses++;
            return;
        }
        if (transaction.Answer != header.Code || node == PacketHeader.Broadcast)
        {
            // It waits on: what it asked for may still come.
            Counters.WrongResponses++;
            return;
        }
        transaction.State = Transaction.Phase.Settled;
        peer.Labels &= ~(1ul << label);
        transaction.Result = header.Response == ResponseCode.Complete ? TakeData(transaction, header, data) : Refusal(header.Response);
        if (!transaction.IsControllers)
            Call(transaction);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private TransactionResult Refusal(ResponseCode code) => code switch
    {
        ResponseCode.ConflictError => TransactionResult.ConflictError,
        ResponseCode.DataError => TransactionResult.DataError,
        ResponseCode.TypeError => TransactionResult.TypeError,
        ResponseCode.AddressError => TransactionResult.AddressError,
        _ => Malformed(),
    };

    // Read data goes where it is wanted.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TransactionResult TakeData(Transaction transaction, in PacketHeader header, ReadOnlySpan<byte> data)
    {
        if (transaction.Code == TransactionCode.ReadQuadlet)
        {
            transaction.Quadlet = header.Quadlet;
            return TransactionResult.Complete;
        }
        if (transaction.Code.IsWrite)
            return TransactionResult.Complete;
        if (transaction.Code != TransactionCode.ReadBlock)
            return TakeOld(transaction, header, data);
        if ((header.Q3 >> 16) != (uint)transaction.Length || data.Length != transaction.Length)
            return Malformed();
        if (transaction.Into == null)
            transaction.Reader!.OnRead(transaction, data);
        else
            Copy(transaction.Into, data);
        return TransactionResult.Complete;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Copy(byte* to, ReadOnlySpan<byte> data)
    {
        fixed (byte* from = data)
            BlockCopy.Copy(to, from, (uint)data.Length);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private TransactionResult TakeOld(Transaction transaction, in PacketHeader header, ReadOnlySpan<byte> data)
    {
        int width = transaction.Header.Operation.WidthOf(transaction.Length);
        if (header.DataBytes != width || data.Length != width)
            return Malformed();
        SetOld(transaction, data);
        return TransactionResult.Complete;
    }

    private TransactionResult Malformed()
    {
        Counters.MalformedAnswers++;
        return TransactionResult.Malformed;
    }

    private static void SetOld(Transaction transaction, ReadOnlySpan<byte> old)
    {
        if (old.Length == 4)
            transaction.Quadlet = BinaryPrimitives.ReadUInt32BigEndian(old);
        else
            transaction.Octlet = BinaryPrimitives.ReadUInt64BigEndian(old);
    }

    // It has its result, and its label is free.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Settle(Transaction transaction, TransactionResult result)
    {
        transaction.Result = result;
        transaction.State = Transaction.Phase.Settled;
        PeerAt(transaction.Node).Labels &= ~(1ul << transaction.Header.Label);
    }

    private void Call(Transaction transaction)
    {
        if (!transaction.Payload.IsEmpty)
            EndPayload(transaction);
        transaction.State = Transaction.Phase.Idle;
        Counters.Finished = Counters.Finished + 1;
        transaction.Handler.OnDone(transaction);
    }

    // What was sent, or what was read of our own space.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void EndPayload(Transaction transaction)
    {
        if (transaction.Code == TransactionCode.ReadBlock && transaction.Result == TransactionResult.Complete)
            transaction.Reader!.OnRead(transaction, transaction.Payload.Bytes);
        transaction.FreePayload();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int NextFree(ulong taken, int from) => from + BitOperations.TrailingZeroCount(BitOperations.RotateRight(~taken, from)) & Labels - 1;

    // Nodes are of six bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Peer PeerAt(int node) => ref Unsafe.Add(ref Unsafe.As<Peers, Peer>(ref _peers), (nint)(uint)node);

    // What is known of a node: the labels under way to it, a bit each, the one to be tried next, and whose each is, or was last.
    private struct Peer
    {
        public ulong Labels;
        public int NextLabel;
        public BusSpeed Speed;

        // Another node that packets reach now.
        public bool IsThere;

        private PerLabel _transactions;

        // Labels are of six bits.
        [UnscopedRef]
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ref Transaction? Transaction(int label) => ref Unsafe.Add(ref Unsafe.As<PerLabel, Transaction?>(ref _transactions), (nint)(uint)label);
    }

    // In the object itself, as whoever asks an array looks whether there is one.
    [InlineArray(Topology.MostNodes + 1)]
    private struct Peers
    {
        private Peer _first;
    }

    [InlineArray(Labels)]
    private struct PerLabel
    {
        private Transaction? _first;
    }
}
