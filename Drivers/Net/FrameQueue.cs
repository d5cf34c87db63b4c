using System;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

/// <summary>Packets first in, first out, up to a number; made while starting.</summary>
public sealed class FrameQueue(int capacity)
{
    private readonly Frame[] _frames = new Frame[capacity];
    private int _first;

    /// <summary>Packets in it.</summary>
    public int Count { get; private set; }

    /// <summary>Whether no more goes in.</summary>
    public bool IsFull => Count == _frames.Length;

    /// <summary>Where the packet at the end goes; and, after it, the number of <see cref="Push"/>.</summary>
    public int NextPlace
    {
        get
        {
            int place = _first + Count;
            return place < _frames.Length ? place : place - _frames.Length;
        }
    }

    /// <summary>Which place the oldest packet has; from 0 up to the capacity.</summary>
    public int FirstPlace => _first;

    /// <summary>Puts a packet at the end; stops the machine if it is full.</summary>
    public void Push(ref Frame packet)
    {
        Bug.If(IsFull, "a packet was put into a full queue"u8);
        _frames[NextPlace] = Own.Move(ref packet);
        Count++;
    }

    /// <summary>Takes the oldest; false if there is none.</summary>
    public bool TryPop(out Frame packet)
    {
        if (Count == 0)
        {
            packet = default;
            return false;
        }
        packet = Own.Move(ref _frames[_first]);
        _first = _first + 1 < _frames.Length ? _first + 1 : 0;
        Count--;
        return true;
    }

    /// <summary>Frees all of them.</summary>
    public void Clear()
    {
        while (TryPop(out Frame packet))
            packet.Free();
    }
}
