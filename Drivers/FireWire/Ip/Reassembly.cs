using System;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Drivers.Ip1394;

/// <summary>
/// Puts datagrams together of fragments that come in any order: each in a frame of its own, with room for an Ethernet header before it. A
/// fixed number at a time, and of each source; the oldest gives way. A fragment that overlaps another, or says another size, ends what was
/// there and begins anew. Times are microseconds. Source: RFC 2734, sections 4.3 and 4.4.
/// </summary>
public sealed class Reassembly
{
    /// <summary>Datagrams at a time, of all and of one source; how long one waits for its last fragment.</summary>
    public const int Most = 48, MostOfSource = 16;
    public const ulong Patience = 10_000_000;

    /// <summary>The longest datagram, in bytes: what a frame holds behind its header.</summary>
    public const int Longest = 4064;

    /// <summary>Room before the datagram: an Ethernet header, and before that what aligns the datagram.</summary>
    internal const uint Front = 14, Reserve = 2;

    private readonly FramePool _frames;
    private readonly Partial[] _partials = new Partial[Most];

    /// <summary>Nothing yet. Only while the kernel starts.</summary>
    public Reassembly(FramePool frames)
    {
        _frames = frames;
        for (int i = 0; i < Most; i++)
            _partials[i] = new Partial();
    }

    /// <summary>Datagrams that are there in part.</summary>
    public int Count { get; private set; }

    /// <summary>When the next one is given up; the far end of time if there is none.</summary>
    public ulong Due
    {
        get
        {
            ulong due = ulong.MaxValue;
            for (int i = 0; i < Count; i++)
                due = Math.Min(due, _partials[i].Since + Patience);
            return due;
        }
    }

    /// <summary>Takes a fragment. True with the datagram that it completes, <see cref="Front"/> bytes left before it within the frame's data.</summary>
    /// <param name="source">Who sent it, and whether to all: labels of one are not those of the other.</param>
    [PacketPath]
    public bool TryAdd(uint source, EncapsulationHeader header, ReadOnlySpan<byte> data, ulong now, ref Ip1394Counters counters, out Frame datagram, out ushort type)
    {
        datagram = default;
        type = 0;
        counters.FragmentsReceived++;
        int size = header.DatagramBytes, offset = header.Offset, end = offset + data.Length;
        bool fits = header.Kind switch
        {
            LinkFragment.First => end < size,
            LinkFragment.Last => offset > 0 && end == size,
            _ => offset > 0 && end < size,
        };
        if (!fits || data.Length == 0)
        {
            counters.BadFragment++;
            return false;
        }
        if (size > Longest)
        {
            counters.BadLength++;
            return false;
        }
        uint key = source << 16 | header.Label;
        int index = Find(key);
        if (index >= 0 && _partials[index].Size != size)
        {
            counters.SizeChanged++;
            Drop(ref index);
        }
        if (index >= 0 && _partials[index].Overlaps(offset, end))
        {
            counters.Overlapping++;
            Drop(ref index);
        }
        if (index < 0 && !TryBegin(key, size, now, ref counters, out index))
            return false;
        Partial partial = _partials[index];
        if (!partial.TryAdd(offset, end))
        {
            counters.TooScattered++;
            Drop(ref index);
            return false;
        }
        data.CopyTo(partial.Frame.Bytes.Slice((int)Front + offset));
        if (offset == 0)
            partial.Type = header.EtherType;
        if (!partial.IsWhole)
            return false;
        counters.Reassembled++;
        type = partial.Type;
        datagram = Own.Move(ref partial.Frame);
        Remove(index);
        return true;
    }

    /// <summary>Gives up those whose time is over.</summary>
    public void Expire(ulong now, ref Ip1394Counters counters)
    {
        for (int i = Count - 1; i >= 0; i--)
        {
            if (now - _partials[i].Since < Patience)
                continue;
            counters.Incomplete++;
            int index = i;
            Drop(ref index);
        }
    }

    /// <summary>Gives up all.</summary>
    /// <returns>How many there were.</returns>
    public int Clear()
    {
        int count = Count;
        for (int i = count - 1; i >= 0; i--)
        {
            int index = i;
            Drop(ref index);
        }
        return count;
    }

    private int Find(uint key)
    {
        for (int i = 0; i < Count; i++)
        {
            if (_partials[i].Key == key)
                return i;
        }
        return -1;
    }

    private bool TryBegin(uint key, int size, ulong now, ref Ip1394Counters counters, out int index)
    {
        int oldest = -1, oldestOfSource = -1, ofSource = 0;
        for (int i = 0; i < Count; i++)
        {
            if (oldest < 0 || _partials[i].Since < _partials[oldest].Since)
                oldest = i;
            if (_partials[i].Key >> 16 != key >> 16)
                continue;
            ofSource++;
            if (oldestOfSource < 0 || _partials[i].Since < _partials[oldestOfSource].Since)
                oldestOfSource = i;
        }
        index = ofSource == MostOfSource ? oldestOfSource : Count == Most ? oldest : -1;
        if (index >= 0)
        {
            counters.PushedOut++;
            Drop(ref index);
        }
        // Refused ones are the pool's to count.
        if (!_frames.TryTake(out Frame frame))
            return false;
        frame.Reserve(Reserve);
        frame.SetLength(Front + (uint)size);
        frame.SetFlags(FrameFlags.None);
        index = Count++;
        _partials[index].Begin(key, size, now, ref frame);
        return true;
    }

    private void Drop(ref int index)
    {
        _partials[index].Frame.Free();
        Remove(index);
        index = -1;
    }

    private void Remove(int index)
    {
        Count--;
        (_partials[index], _partials[Count]) = (_partials[Count], _partials[index]);
    }

    // What has come of a datagram: ranges in order that neither overlap nor touch.
    private sealed class Partial
    {
        // With at most 512 bytes in a packet there are nine fragments, which make five ranges at most.
        private const int MostRanges = 8;

        private readonly ushort[] _starts = new ushort[MostRanges], _ends = new ushort[MostRanges];
        private int _ranges;

        public Frame Frame;
        public uint Key;
        public int Size;
        public ushort Type;
        public ulong Since;

        public bool IsWhole => _ranges == 1 && _ends[0] - _starts[0] == Size;

        public void Begin(uint key, int size, ulong now, ref Frame frame)
        {
            (Key, Size, Since) = (key, size, now);
            (Type, _ranges) = (0, 0);
            Frame = Own.Move(ref frame);
        }

        public bool Overlaps(int start, int end)
        {
            for (int i = 0; i < _ranges; i++)
            {
                if (start < _ends[i] && end > _starts[i])
                    return true;
            }
            return false;
        }

        // False if there would be too many ranges.
        public bool TryAdd(int start, int end)
        {
            int at = 0;
            while (at < _ranges && _ends[at] < start)
                at++;
            bool joinsBefore = at < _ranges && _ends[at] == start;
            int next = joinsBefore ? at + 1 : at;
            bool joinsAfter = next < _ranges && _starts[next] == end;
            if (joinsBefore && joinsAfter)
            {
                _ends[at] = _ends[next];
                _ranges--;
                for (int i = next; i < _ranges; i++)
                    (_starts[i], _ends[i]) = (_starts[i + 1], _ends[i + 1]);
                return true;
            }
            if (joinsBefore)
            {
                _ends[at] = (ushort)end;
                return true;
            }
            if (joinsAfter)
            {
                _starts[at] = (ushort)start;
                return true;
            }
            if (_ranges == MostRanges)
                return false;
            for (int i = _ranges++; i > at; i--)
                (_starts[i], _ends[i]) = (_starts[i - 1], _ends[i - 1]);
            (_starts[at], _ends[at]) = ((ushort)start, (ushort)end);
            return true;
        }
    }
}
