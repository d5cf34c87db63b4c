using System;
using System.Collections.Generic;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;

namespace Sluice.FireWire.Sbp2;

/// <summary>A piece of an initiator's memory.</summary>
public readonly record struct Segment(ulong Offset, int Bytes);

/// <summary>Moves bytes between a buffer and pieces of a node's memory, some packets at a time, in order.</summary>
internal sealed class DataTransfer
{
    // As many requests under way as keep the bus busy; a node has 64 labels.
    private const int Window = 8;

    private readonly Sbp2Disk _disk;
    private readonly ushort _node;
    private readonly IReadOnlyList<Segment> _segments;
    private readonly Memory<byte> _buffer;
    private readonly int _mostBytes;
    private readonly Speed _speed;
    private readonly bool _isWrite;
    private readonly Action<Outcome> _done;
    private int _segment, _inSegment, _moved, _underWay;
    private Outcome _outcome = Outcome.Complete;
    private bool _isStarting;

    private DataTransfer(Sbp2Disk disk, ushort node, IReadOnlyList<Segment> segments, Memory<byte> buffer, int mostBytes, Speed speed, bool isWrite, Action<Outcome> done)
    {
        _disk = disk;
        _node = node;
        _segments = segments;
        _buffer = buffer;
        _mostBytes = mostBytes;
        _speed = speed;
        _isWrite = isWrite;
        _done = done;
    }

    /// <summary>Begins; all segments together are at least as long as the buffer.</summary>
    /// <param name="mostBytes">Of a packet.</param>
    /// <param name="isWrite">Whether the node's memory is written.</param>
    /// <param name="done">Called once, when nothing is under way any more.</param>
    public static void Start(Sbp2Disk disk, ushort node, IReadOnlyList<Segment> segments, Memory<byte> buffer, int mostBytes, Speed speed, bool isWrite, Action<Outcome> done) =>
        new DataTransfer(disk, node, segments, buffer, mostBytes, speed, isWrite, done).Continue();

    private void Continue()
    {
        // A request may end before the call that makes it returns.
        if (_isStarting)
            return;
        _isStarting = true;
        while (_outcome == Outcome.Complete && _moved < _buffer.Length && _underWay < Window && TryNext())
        {
        }
        _isStarting = false;
        if (_underWay == 0)
            _done(_outcome == Outcome.Complete && _moved < _buffer.Length ? Outcome.BusReset : _outcome);
    }

    private bool TryNext()
    {
        while (_inSegment == _segments[_segment].Bytes)
        {
            _segment++;
            _inSegment = 0;
        }
        Segment segment = _segments[_segment];
        int bytes = Math.Min(Math.Min(segment.Bytes - _inSegment, _mostBytes), _buffer.Length - _moved), at = _moved;
        ulong offset = segment.Offset + (ulong)_inSegment;
        _underWay++;
        bool isUnderWay = _isWrite
            ? _disk.TryWrite(_node, offset, _buffer.Span.Slice(at, bytes), (outcome, _) => Ended(outcome), _speed)
            : _disk.TryRead(_node, offset, bytes, (outcome, data) => Came(at, bytes, outcome, data), _speed);
        if (!isUnderWay)
        {
            _underWay--;
            return false;
        }
        _inSegment += bytes;
        _moved += bytes;
        return true;
    }

    private void Came(int at, int bytes, Outcome outcome, ReadOnlySpan<byte> data)
    {
        if (outcome == Outcome.Complete && data.Length == bytes)
            data.CopyTo(_buffer.Span[at..]);
        else if (outcome == Outcome.Complete)
            outcome = Outcome.DataError;
        Ended(outcome);
    }

    private void Ended(Outcome outcome)
    {
        _underWay--;
        if (_outcome == Outcome.Complete)
            _outcome = outcome;
        Continue();
    }
}
