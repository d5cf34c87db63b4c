using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Nodes;

/// <summary>How a request ended.</summary>
public enum Outcome
{
    Complete,
    ConflictError,
    DataError,
    TypeError,
    AddressError,

    /// <summary>Nobody acknowledged.</summary>
    NoAck,

    /// <summary>Still busy after all tries.</summary>
    Busy,

    /// <summary>No response within the split time-out.</summary>
    TimedOut,

    /// <summary>A bus reset came in between.</summary>
    BusReset,
}

/// <summary>Is told how a request ended.</summary>
/// <param name="data">What was read, or the old value of a lock; gone when this returns.</param>
public delegate void Completion(Outcome outcome, ReadOnlySpan<byte> data);

/// <summary>The requests that a node makes.</summary>
public abstract partial class Node : ITimed
{
    private const int Labels = 64, MostRetries = 100;

    private readonly NodeRegisters _registers;
    private readonly Pending[] _pending = new Pending[Labels];
    private readonly Queue<Packet> _requests = new();
    private int _nextLabel;
    private bool _isTimerOn;

    /// <summary>How many seconds its requests wait for their responses, 7 at most; 100 ms unless it is set.</summary>
    public int SplitSeconds
    {
        set => _registers.SetSplitSeconds(value);
    }

    private bool HasRequests => _requests.Count != 0;

    /// <summary>Reads from another node: a quadlet's request for four bytes at a multiple of four, else a block's.</summary>
    /// <param name="most">The speed is not above this, nor above that of the way there.</param>
    /// <returns>False, and nothing will happen, if 64 requests are under way or a reset is on.</returns>
    public bool TryRead(ushort node, ulong offset, int bytes, Completion done, Speed most = Speed.S800)
    {
        bool isQuadlet = bytes == 4 && (offset & 3) == 0;
        if (!TryBegin(isQuadlet ? Tcode.ReadQuadlet : Tcode.ReadBlock, node, offset, done, most, out Packet request))
            return false;
        if (!isQuadlet)
            request.Q3 = (uint)bytes << 16;
        Enqueue(request);
        return true;
    }

    /// <summary>Writes to another node.</summary>
    /// <inheritdoc cref="TryRead"/>
    public bool TryWrite(ushort node, ulong offset, ReadOnlySpan<byte> data, Completion done, Speed most = Speed.S800)
    {
        bool isQuadlet = data.Length == 4 && (offset & 3) == 0;
        if (!TryBegin(isQuadlet ? Tcode.WriteQuadlet : Tcode.WriteBlock, node, offset, done, most, out Packet request))
            return false;
        if (isQuadlet)
            request.Q3 = BinaryPrimitives.ReadUInt32BigEndian(data);
        else
            request.SetData(data);
        Enqueue(request);
        return true;
    }

    /// <summary>Locks a place in another node.</summary>
    /// <param name="data">Argument and value, as <see cref="LockMath"/> takes them.</param>
    /// <inheritdoc cref="TryRead"/>
    public bool TryLock(ushort node, ulong offset, LockOperation operation, ReadOnlySpan<byte> data, Completion done)
    {
        if (!TryBegin(Tcode.Lock, node, offset, done, Speed.S800, out Packet request))
            return false;
        request.Q3 = (uint)operation;
        request.SetData(data);
        Enqueue(request);
        return true;
    }

    void ITimed.Due(int what)
    {
        _isTimerOn = false;
        long now = Phy.Bus.Simulator.Now;
        for (int label = 0; label < Labels; label++)
        {
            if (_pending[label].Done != null && _pending[label].Deadline <= now)
                Finish(label, Outcome.TimedOut, default);
        }
        StartTimer();
    }

    private bool TryBegin(Tcode code, ushort node, ulong offset, Completion done, Speed most, out Packet request)
    {
        request = null!;
        if (Phy.Segment.IsResetting)
            return false;
        int label = _nextLabel;
        for (int tries = 0; _pending[label].Done != null; tries++)
        {
            if (tries == Labels)
                return false;
            label = (label + 1) % Labels;
        }
        _nextLabel = (label + 1) % Labels;
        request = TakeFree();
        request.Request(code, label, node, NodeId, offset);
        request.Speed = (Speed)Math.Min((int)Phy.Segment.SpeedBetween(Phy.PhysicalId, node & 0x3F), (int)most);
        long deadline = Phy.Bus.Simulator.Now + BusTime.Microseconds(_registers.SplitMicroseconds);
        _pending[label] = new Pending(done, code, node, deadline);
        StartTimer();
        return true;
    }

    private void Enqueue(Packet request)
    {
        _requests.Enqueue(request);
        Phy.Segment.Request(Phy);
    }

    private Packet? NextRequest() => _requests.TryPeek(out Packet? request) ? request : null;

    private void RequestSent(Packet request, Ack ack)
    {
        if (ack.IsBusy && --request.Retries > 0)
            return;
        _requests.Dequeue();
        _free.Push(request);
        if (ack != Ack.Pending)
        {
            Finish(request.Label, ack switch
            {
                Ack.Complete => Outcome.Complete,
                Ack.Missing => Outcome.NoAck,
                Ack.DataError => Outcome.DataError,
                Ack.TypeError => Outcome.TypeError,
                Ack.AddressError => Outcome.AddressError,
                Ack.ConflictError => Outcome.ConflictError,
                _ => Outcome.Busy,
            }, default);
        }
    }

    private Ack TakeResponse(Packet response)
    {
        ref Pending pending = ref _pending[response.Label];
        bool fits = pending.Done != null && pending.Node == response.Source && response.Code == pending.Code switch
        {
            Tcode.ReadQuadlet => Tcode.ReadQuadletResponse,
            Tcode.ReadBlock => Tcode.ReadBlockResponse,
            Tcode.Lock => Tcode.LockResponse,
            _ => Tcode.WriteResponse,
        };
        if (!fits)
            return Ack.Complete;
        if (response.IsMalformed)
            return Ack.DataError;
        Span<byte> quadlet = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(quadlet, response.Q3);
        Outcome outcome = response.Rcode switch
        {
            Rcode.Complete => Outcome.Complete,
            Rcode.ConflictError => Outcome.ConflictError,
            Rcode.DataError => Outcome.DataError,
            Rcode.TypeError => Outcome.TypeError,
            _ => Outcome.AddressError,
        };
        Finish(response.Label, outcome, response.Code == Tcode.ReadQuadletResponse ? quadlet : response.Data);
        return Ack.Complete;
    }

    private void Finish(int label, Outcome outcome, ReadOnlySpan<byte> data)
    {
        Completion? done = _pending[label].Done;
        _pending[label] = default;
        done?.Invoke(outcome, data);
    }

    private void AbandonRequests()
    {
        foreach (Packet packet in _requests)
            _free.Push(packet);
        _requests.Clear();
        for (int label = 0; label < Labels; label++)
            Finish(label, Outcome.BusReset, default);
    }

    // One timer for all: it looks at them when the oldest is due.
    private void StartTimer()
    {
        if (_isTimerOn)
            return;
        long first = long.MaxValue;
        foreach (Pending pending in _pending)
        {
            if (pending.Done != null)
                first = Math.Min(first, pending.Deadline);
        }
        if (first == long.MaxValue)
            return;
        _isTimerOn = true;
        Phy.Bus.Simulator.At(first, this, 0, Pace.RealTime);
    }

    private readonly record struct Pending(Completion? Done, Tcode Code, ushort Node, long Deadline);
}
