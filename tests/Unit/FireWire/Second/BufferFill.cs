using System;
using System.Collections.Generic;

namespace Sluice.Tests.FireWire.Second;

/// <summary>
/// Buffers that are filled with packets, one behind the other and across their ends. What a buffer's descriptor tells of it is as of
/// the end of some packet, never within one, and never ahead of what is in memory. Source: 1394 OHCI 1.1, sections 8.4.2 and 10.2.1.
/// </summary>
internal sealed class BufferFill(SecondController controller, bool quadletsOnly)
{
    private readonly List<Buffer> _untold = [];
    private Buffer? _buffer, _first;
    private int _written;

    /// <summary>There is no buffer behind the full one.</summary>
    public bool IsStuck { get; set; }

    public bool IsBetweenPackets => _written == 0;

    /// <summary>Packets are in memory of which no descriptor tells.</summary>
    public bool HasUntold => _untold.Exists(buffer => buffer.Whole != buffer.Told);

    public bool HasBegun => _buffer != null;

    /// <summary>There is a buffer with room.</summary>
    public bool HasBuffer => _buffer is { } buffer && buffer.Used < buffer.Bytes;

    /// <summary>The buffer is for packets from one with the synchronization code on.</summary>
    public bool Waits => _buffer is { Waits: true };

    public void Begin()
    {
        _untold.Clear();
        _buffer = null;
        _written = 0;
        IsStuck = false;
    }

    /// <summary>Where the full buffer's descriptor leads, as it was read, and the place of that; false if there was no buffer yet.</summary>
    public bool TryGetBranch(out uint branch, out uint place)
    {
        branch = _buffer?.Branch ?? 0;
        place = (_buffer?.At ?? 0) + 8;
        return _buffer != null;
    }

    public void Enter(uint at, uint[] words)
    {
        IsStuck = false;
        _buffer = new Buffer { At = at, Bytes = (int)(words[0] & 0xFFFF), Address = words[1], Branch = words[2], Interrupts = (words[0] >> 20 & 3) == 3, Waits = (words[0] >> 16 & 3) == 3 };
        _untold.Add(_buffer);
    }

    /// <summary>Writes a part of a packet, or all that is left of it.</summary>
    /// <returns>Whether memory was there.</returns>
    public bool TryWrite(ReadOnlySpan<byte> packet, out bool isWhole)
    {
        isWhole = false;
        if (_written == 0)
            _first = _buffer;
        int bytes = Math.Min(packet.Length - _written, _buffer!.Bytes - _buffer.Used);
        if (bytes > 64 && controller.Lot.Below(2) == 0)
            bytes = 4 * (1 + controller.Lot.Below(bytes / 4));
        if (quadletsOnly)
            bytes &= ~3;
        if (!controller.Host.TryWrite(_buffer.Address + (uint)_buffer.Used, packet.Slice(_written, bytes)))
            return false;
        _buffer.Used += bytes;
        _written += bytes;
        if (_written < packet.Length)
            return true;
        isWhole = true;
        _written = 0;
        for (int i = 0; i < _untold.Count; i++)
        {
            Buffer one = _untold[i];
            if (i > _untold.IndexOf(_first!) && one != _buffer && controller.Lot.Takes(Freedom.SkipsMiddle))
                one.Told = one.Bytes;
            one.Whole = one.Used;
        }
        return true;
    }

    /// <summary>What is to be written where: descriptor, what is left of its buffer, and whether it interrupts when full.</summary>
    public List<(uint At, uint Left, bool Interrupts)> TakeUntold()
    {
        List<(uint, uint, bool)> told = [];
        foreach (Buffer buffer in _untold)
        {
            if (buffer.Whole == buffer.Told)
                continue;
            buffer.Told = buffer.Whole;
            told.Add((buffer.At, (uint)(buffer.Bytes - buffer.Whole), buffer.Interrupts));
        }
        if (controller.Lot.Takes(Freedom.TellsLastFirst))
            told.Reverse();
        _untold.RemoveAll(buffer => buffer != _buffer && buffer.Told == buffer.Bytes);
        return told;
    }

    private sealed class Buffer
    {
        public uint At, Address, Branch;
        public int Bytes, Used, Whole, Told;
        public bool Interrupts, Waits;
    }
}
