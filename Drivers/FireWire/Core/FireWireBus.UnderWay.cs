using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.FireWire.Core;

// What is under way: given to the controller or waiting for room there, and for how long at most.
public sealed unsafe partial class FireWireBus
{
    // The next time stamp at which somebody's time is over.
    private ulong _nextLook = ulong.MaxValue;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Send(Transaction transaction)
    {
        transaction.State = Transaction.Phase.Sending;
        if (!TryGive(transaction))
            transaction.State = Transaction.Phase.Blocked;
    }

    // To the controller, or behind those that wait for room there.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryGive(OutPacket packet)
    {
        packet.IsControllers = true;
        if (_blocked.IsEmpty && _controller.TrySend(packet))
            return true;
        packet.IsControllers = false;
        _blocked.Push(packet);
        return false;
    }

    // The same by the way of those that waited, for what is rarely sent.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void GiveInTurn(OutPacket packet)
    {
        _blocked.Push(packet);
        SendBlocked();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
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

    // Time-outs and pauses: a walk through all labels, at most once for each that comes due.
    private void CheckTimes(ulong now)
    {
        if (now < _nextLook)
        {
            ArmLook();
            return;
        }
        _nextLook = ulong.MaxValue;
        ulong next = ulong.MaxValue;
        for (int node = 0; node <= Topology.MostNodes; node++)
        {
            for (ulong left = PeerAt(node).Labels; left != 0; left &= left - 1)
            {
                Transaction transaction = PeerAt(node).Transaction(BitOperations.TrailingZeroCount(left))!;
                if (transaction.State is not (Transaction.Phase.Waiting or Transaction.Phase.BackingOff))
                    continue;
                if (transaction.Due > now)
                {
                    next = Math.Min(next, transaction.Due);
                }
                else if (transaction.State == Transaction.Phase.BackingOff)
                {
                    transaction.State = Transaction.Phase.Blocked;
                    GiveInTurn(transaction);
                }
                else
                {
                    Counters.TimeOuts++;
                    Settle(transaction, TransactionResult.TimedOut);
                    Finish(transaction, TransactionResult.TimedOut);
                }
            }
        }
        LookBy(next);
    }

    // A reset: all that was under way is lost. What the controller has, it gives back.
    private void FailAll()
    {
        for (int node = 0; node <= Topology.MostNodes; node++)
        {
            for (ulong left = PeerAt(node).Labels; left != 0; left &= left - 1)
            {
                Transaction transaction = PeerAt(node).Transaction(BitOperations.TrailingZeroCount(left))!;
                Counters.LostByReset++;
                Settle(transaction, TransactionResult.BusReset);
                if (!transaction.IsControllers)
                    Finish(transaction, TransactionResult.BusReset);
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void LookBy(ulong due)
    {
        if (due >= _nextLook)
            return;
        _nextLook = due;
        ArmLook();
    }

    private void ArmLook()
    {
        if (_nextLook != ulong.MaxValue)
            Arm(Clock.MicrosecondsAt(_nextLook) + 1);
    }

    private void Arm(ulong due)
    {
        if (!_timer.IsRunning || due < _timer.Due)
            _timer.StartAt(due);
    }

    // Data that is to be written goes where the controller sends it from.
    private bool TryCopy(OutPacket packet)
    {
        var data = new ReadOnlySpan<byte>(packet.From, packet.DataBytes);
        if (data.Length <= OutPacket.InlineBytes)
        {
            data.CopyTo(packet.Inline);
            return true;
        }
        if (!_frames.TryTake(out packet.Payload))
            return false;
        packet.Payload.SetLength((uint)data.Length);
        fixed (byte* to = packet.Payload.Bytes)
            BlockCopy.Copy(to, packet.From, (uint)packet.DataBytes);
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
}
