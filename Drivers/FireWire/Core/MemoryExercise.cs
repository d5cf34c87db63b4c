using System;
using System.Buffers.Binary;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>What one access of an exercise does.</summary>
public enum ExerciseKind : byte
{
    Write,
    Read,
    Lock,

    /// <summary>Not counted: fills the memory, reads all of it at the end, and puts right what a bus reset left uncertain.</summary>
    Other,
}

/// <summary>The first access that did not do what it should.</summary>
public struct ExerciseFailure
{
    public ExerciseKind Kind;

    /// <summary>Where, from the memory's beginning, and how many bytes.</summary>
    public int Offset, Bytes;

    /// <summary><see cref="TransactionResult.Complete"/>: it answered with other bytes; the first of these is at <see cref="Offset"/> + <see cref="At"/>.</summary>
    public TransactionResult Result;
    public int At;
    public byte Got, Expected;
}

/// <summary>
/// Reads, writes and locks another node's memory of 64 KiB, 16 accesses at once, and compares with a copy: quadlets, blocks of any length,
/// compare-swaps of 4 and 8 bytes that hit or miss. A bus reset interrupts it until <see cref="Resume"/>. What was in the memory is lost.
/// </summary>
public sealed unsafe class MemoryExercise : IBlockReader
{
    /// <summary>Of the other node's memory; accesses at once.</summary>
    public const int Bytes = 1 << 16, AtOnce = 16;

    private const int LaneBytes = Bytes / AtOnce;

    private readonly FireWireBus _bus;
    private readonly byte* _expected;
    private readonly Lane[] _lanes = new Lane[AtOnce];
    private SeededRandom _random;
    private ulong _address;
    private int _node, _most, _left;
    private byte _generation;
    private bool _hasFailed, _isStopped;

    /// <summary>An exercise. Only while the kernel starts.</summary>
    /// <param name="bus">Where the other node is.</param>
    /// <param name="memory"><see cref="Bytes"/>, for this alone.</param>
    public MemoryExercise(FireWireBus bus, byte* memory)
    {
        _bus = bus;
        _expected = memory;
        for (int i = 0; i < AtOnce; i++)
            _lanes[i] = new Lane(new Transaction(this), i * LaneBytes);
    }

    /// <summary>Done as they should be.</summary>
    public int Reads { get; private set; }

    /// <summary>Likewise.</summary>
    public int Writes { get; private set; }

    /// <summary>Likewise.</summary>
    public int Locks { get; private set; }

    /// <summary>Accesses that a bus reset interrupted.</summary>
    public int Interrupted { get; private set; }

    /// <summary>Accesses under way.</summary>
    public int UnderWay { get; private set; }

    /// <summary>Nothing is under way, and it goes on with <see cref="Resume"/>.</summary>
    public bool IsInterrupted => UnderWay == 0 && !_hasFailed && !_isStopped && !IsDone;

    /// <summary>All was done, and the memory holds what it should.</summary>
    public bool IsDone { get; private set; }

    /// <summary>What went wrong; false if nothing did.</summary>
    public bool TryGetFailure(out ExerciseFailure failure)
    {
        failure = _failure;
        return _hasFailed;
    }

    private ExerciseFailure _failure;

    /// <summary>Begins; nothing may be under way.</summary>
    /// <param name="node">Whose memory.</param>
    /// <param name="generation">When it had that number.</param>
    /// <param name="address">Where it begins, a multiple of 8.</param>
    /// <param name="mostBytes">Of a block: what the node takes.</param>
    /// <param name="count">Reads, and as many writes, and as many locks.</param>
    /// <param name="seed">The same accesses for the same seed, but for what bus resets interrupt.</param>
    public void Begin(int node, byte generation, ulong address, int mostBytes, int count, ulong seed)
    {
        (_address, _left, _random) = (address, 3 * count, new SeededRandom(seed));
        _most = Math.Min(mostBytes, LaneBytes);
        Reads = Writes = Locks = Interrupted = 0;
        _hasFailed = _isStopped = IsDone = false;
        for (int i = 0; i < Bytes; i++)
            _expected[i] = (byte)_random.Next();
        foreach (Lane lane in _lanes)
            (lane.Filled, lane.Checked, lane.IsInterrupted) = (0, 0, false);
        Resume(node, generation);
    }

    /// <summary>Goes on after a bus reset.</summary>
    public void Resume(int node, byte generation)
    {
        (_node, _generation) = (node, generation);
        foreach (Lane lane in _lanes)
            Next(lane);
    }

    /// <summary>Begins nothing any more; what is under way ends.</summary>
    public void Stop() => _isStopped = true;

    /// <inheritdoc/>
    public void OnRead(Transaction transaction, ReadOnlySpan<byte> data) => Compare(LaneOf(transaction), data);

    /// <inheritdoc/>
    public void OnDone(Transaction transaction)
    {
        UnderWay--;
        Lane lane = LaneOf(transaction);
        if (transaction.Result is TransactionResult.BusReset or TransactionResult.OldGeneration)
        {
            Interrupted++;
            lane.IsInterrupted = true;
            // Whether it was carried out nobody knows: it is written anew.
            if (lane.Kind == ExerciseKind.Lock)
                TakeLock(lane);
        }
        else if (LookAt(lane))
        {
            Next(lane);
        }
    }

    private Lane LaneOf(Transaction transaction)
    {
        foreach (Lane lane in _lanes)
        {
            if (lane.Transaction == transaction)
                return lane;
        }
        Bug.Stop("a transaction of somebody else is reported to an exercise"u8);
        return _lanes[0];
    }

    // The next access of a lane: filling its part, then whatever comes, then reading its part.
    private void Next(Lane lane)
    {
        if (_hasFailed || _isStopped || lane.Transaction.IsUnderWay)
            return;
        if (lane.IsInterrupted)
        {
            lane.IsInterrupted = false;
            if (lane.IsRead)
                Read(lane, lane.Kind, lane.At, lane.Length);
            else
                Write(lane, ExerciseKind.Other, lane.At, lane.Length);
        }
        else if (lane.Filled < LaneBytes)
        {
            int bytes = Math.Min(_most, LaneBytes - lane.Filled);
            lane.Filled += bytes;
            Write(lane, ExerciseKind.Other, lane.Start + lane.Filled - bytes, bytes);
        }
        else if (_left > 0)
        {
            Choose(lane);
        }
        else if (lane.Checked < LaneBytes)
        {
            int bytes = Math.Min(_most, LaneBytes - lane.Checked);
            lane.Checked += bytes;
            Read(lane, ExerciseKind.Other, lane.Start + lane.Checked - bytes, bytes);
        }
        else if (UnderWay == 0)
        {
            bool isAll = true;
            foreach (Lane each in _lanes)
                isAll &= each.Checked == LaneBytes && !each.IsInterrupted;
            IsDone = isAll;
        }
    }

    private void Choose(Lane lane)
    {
        var kind = (ExerciseKind)(_left-- % 3);
        if (kind == ExerciseKind.Lock)
        {
            Lock(lane);
            return;
        }
        bool isQuadlet = _random.Below(2) == 0;
        int bytes = isQuadlet ? 4 : 1 + (int)_random.Below((uint)_most);
        int at = lane.Start + (isQuadlet ? (int)_random.Below(LaneBytes / 4) * 4 : (int)_random.Below((uint)(LaneBytes - bytes + 1)));
        if (kind == ExerciseKind.Read)
        {
            Read(lane, kind, at, bytes);
            return;
        }
        for (int i = 0; i < bytes; i++)
            _expected[at + i] = (byte)_random.Next();
        Write(lane, kind, at, bytes);
    }

    private void Write(Lane lane, ExerciseKind kind, int at, int bytes)
    {
        lane.Note(kind, at, bytes, isRead: false);
        byte* from = _expected + at;
        Submit(bytes == 4 && (at & 3) == 0
            ? lane.Transaction.WriteQuadlet(_node, _generation, _address + (uint)at, BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(from, 4)))
            : lane.Transaction.WriteBlock(_node, _generation, _address + (uint)at, from, bytes));
    }

    private void Read(Lane lane, ExerciseKind kind, int at, int bytes)
    {
        lane.Note(kind, at, bytes, isRead: true);
        Submit(bytes == 4 && (at & 3) == 0
            ? lane.Transaction.ReadQuadlet(_node, _generation, _address + (uint)at)
            : lane.Transaction.ReadBlock(_node, _generation, _address + (uint)at, bytes));
    }

    private void Lock(Lane lane)
    {
        int width = _random.Below(2) == 0 ? 4 : 8, at = lane.Start + (int)_random.Below((uint)(LaneBytes / width)) * width;
        ulong mask = width == 4 ? uint.MaxValue : ulong.MaxValue, present = Present(at, width);
        lane.Note(ExerciseKind.Lock, at, width, isRead: false);
        lane.Hits = _random.Below(2) == 0;
        lane.Value = _random.Next() & mask;
        ulong argument = lane.Hits ? present : present ^ (1ul << (int)_random.Below((uint)width * 8));
        Submit(width == 4
            ? lane.Transaction.Lock(_node, _generation, _address + (uint)at, LockOperation.CompareSwap, (uint)argument, (uint)lane.Value)
            : lane.Transaction.Lock(_node, _generation, _address + (uint)at, LockOperation.CompareSwap, argument, lane.Value));
    }

    private void Submit(Transaction transaction)
    {
        UnderWay++;
        _bus.Submit(transaction);
    }

    // False if it went wrong.
    private bool LookAt(Lane lane)
    {
        Transaction transaction = lane.Transaction;
        if (transaction.Result != TransactionResult.Complete)
            return Fail(lane, -1, 0);
        bool isLock = lane.Kind == ExerciseKind.Lock;
        // Blocks were compared when they came.
        if (isLock || transaction.Code == TransactionCode.ReadQuadlet)
        {
            Span<byte> answer = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64BigEndian(answer, lane.Length == 8 ? transaction.Octlet : (ulong)transaction.Quadlet << 32);
            Compare(lane, answer[..lane.Length]);
        }
        if (lane.Wrong >= 0)
            return Fail(lane, lane.Wrong, lane.Got);
        if (isLock)
            TakeLock(lane);
        Reads += lane.Kind == ExerciseKind.Read ? 1 : 0;
        Writes += lane.Kind == ExerciseKind.Write ? 1 : 0;
        Locks += isLock ? 1 : 0;
        return true;
    }

    // Notes the first byte that is not what it should be.
    private void Compare(Lane lane, ReadOnlySpan<byte> answer)
    {
        for (int i = 0; i < answer.Length; i++)
        {
            byte got = answer[i];
            if (got == _expected[lane.At + i])
                continue;
            (lane.Wrong, lane.Got) = (i, got);
            return;
        }
    }

    private void TakeLock(Lane lane)
    {
        if (!lane.Hits)
            return;
        Span<byte> place = new(_expected + lane.At, lane.Length);
        if (lane.Length == 8)
            BinaryPrimitives.WriteUInt64BigEndian(place, lane.Value);
        else
            BinaryPrimitives.WriteUInt32BigEndian(place, (uint)lane.Value);
    }

    private bool Fail(Lane lane, int at, byte got)
    {
        if (!_hasFailed)
        {
            _failure = new ExerciseFailure
            {
                Kind = lane.Kind,
                Offset = lane.At,
                Bytes = lane.Length,
                Result = lane.Transaction.Result,
                At = Math.Max(at, 0),
                Got = got,
                Expected = at >= 0 ? _expected[lane.At + at] : (byte)0,
            };
        }
        _hasFailed = true;
        return false;
    }

    private ulong Present(int at, int width)
    {
        ReadOnlySpan<byte> place = new(_expected + at, width);
        return width == 4 ? BinaryPrimitives.ReadUInt32BigEndian(place) : BinaryPrimitives.ReadUInt64BigEndian(place);
    }

    // One access at a time in a part of the memory that is nobody else's.
    private sealed class Lane(Transaction transaction, int start)
    {
        public readonly Transaction Transaction = transaction;
        public readonly int Start = start;
        public int Filled, Checked, At, Length;

        // Of what was read: the first byte that differs, or less than 0, and what it is.
        public int Wrong;
        public byte Got;
        public ulong Value;
        public ExerciseKind Kind;
        public bool IsRead, IsInterrupted, Hits;

        public void Note(ExerciseKind kind, int at, int length, bool isRead)
        {
            (Kind, At, Length, IsRead) = (kind, at, length, isRead);
            Wrong = -1;
        }
    }
}
