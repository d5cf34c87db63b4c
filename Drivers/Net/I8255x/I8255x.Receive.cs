using System;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.I8255x;

// Receiving: a list of frames, each a page with a descriptor in front of the data. The device may write a frame from the moment that it
// can come to it, so from then on nothing there is written here; where lines move at hand-overs, that would overwrite what it wrote.
//
// The list ends with the marker: a frame with the end-of-list bit and no room for data. The device stops there and writes nothing, so the
// marker's descriptor is ours. To make the list longer, new frames are linked behind it; then its end-of-list bit goes, and last its
// room comes back. Each received frame is replaced at once by another, in its place, that becomes one of the new frames; so there are
// always as many. A device that had come to the marker before does not look again: it is started anew at the first frame not received.
public sealed partial class I8255x
{
    // A power of two: 128 of the shortest frames are 0.9 ms of the fastest wire.
    private const int ReceiveFrames = 128;

    /// <summary>Bytes of data that each frame has room for: an even number, and the longest frame with a VLAN tag.</summary>
    private const uint Room = 1536;

    private const uint ShortestFrame = 14, LongestReceived = 1518;

    private const ulong NormalCounts = (ulong)Room << 48, MarkerCounts = 0;

    // Where each frame of the list is; free-running positions lead through it.
    private readonly DeviceFrame[] _receive;
    private ulong _wasMarkerLow, _wasMarkerHigh;
    private uint _head, _marker;

    /// <inheritdoc/>
    [PacketPath]
    public int Receive(Span<Frame> frames)
    {
        if (_isActive)
            Reclaim();
        if (_state != State.Running)
            return 0;
        int count = 0;
        uint first = 0, bytes = 0;
        uint head = _head, last = _marker;
        while (count < frames.Length && head != _marker)
        {
            ref DeviceFrame slot = ref _receive[head & ReceiveFrames - 1];
            var status = (ReceiveWord)_dma.Look(in slot, ReceiveHeader.StatusWord);
            if ((status & ReceiveWord.Complete) == 0)
            {
                if (!WasMarker(head) || !TrySkip(head))
                    break;
                status = ReceiveWord.None;
            }
            var counts = (ReceiveCount)_dma.Look(in slot, ReceiveHeader.CountWord);
            uint length = (uint)(counts & ReceiveCount.Mask);
            // QEMU's model sets neither flag of the count; a card sets both.
            if ((status & (ReceiveWord.Ok | ReceiveWord.NoRoom)) != ReceiveWord.Ok || length - ShortestFrame > LongestReceived - ShortestFrame
                || ((counts & ReceiveCount.Flags) is not (0 or ReceiveCount.Flags)))
            {
                CountBad(status, counts);
            }
            else if (!_dma.Frames.TryTake(out Frame fresh))
            {
                // Its frame receives again: a list that got shorter would starve.
                _counters.NoFrames++;
            }
            else
            {
                frames[count] = _dma.TakeFilled(ref slot, length, Room);
                fresh.Reserve(ReceiveHeader.Bytes);
                if (_dma.TryGiveToFill(ref fresh, Room, out slot) != Error.None)
                {
                    // The slots that it needs were given back a moment ago; whoever took them, the list has a hole now.
                    fresh.Free();
                    count++;
                    RequestReset();
                    break;
                }
                bytes += length;
                count++;
            }
            // The frame in this place is the next of the new ones; the one before can say so now.
            uint address = (uint)slot.Address.Value - ReceiveHeader.Bytes;
            if (last == _marker)
                first = address;
            else
                WriteReceiveHeader(last, address, NormalCounts, ReceiveWord.None);
            last++;
            head++;
        }
        if (last != _marker && _state == State.Running)
            Extend(first, last);
        _head = head;
        _counters.Received += (uint)count;
        _counters.ReceivedBytes += bytes;
        return count;
    }

    // Lets the list go on behind the marker, with a new one at its end.
    private void Extend(uint first, uint last)
    {
        WriteReceiveHeader(last, 0, MarkerCounts, ReceiveWord.EndOfList);
        ref DeviceFrame marker = ref _receive[_marker & ReceiveFrames - 1];
        // In this order: the device may read the descriptor at any time, and stops until the last word is there.
        _dma.WriteHeaderWord(in marker, ReceiveHeader.LinkWord, first);
        _dma.WriteHeaderWord(in marker, ReceiveHeader.StatusWord, (uint)ReceiveWord.None);
        _dma.WriteHeaderWord(in marker, ReceiveHeader.CountWord, (uint)(NormalCounts >> 32));
        SetWasMarker(_marker, true);
        SetWasMarker(last, false);
        _marker = last;
    }

    private void WriteReceiveHeader(uint position, uint link, ulong counts, ReceiveWord command)
    {
        var header = new ReceiveHeader { StatusAndLink = (ulong)link << 32 | (uint)command, Counts = counts };
        _dma.WriteHeader(in _receive[position & ReceiveFrames - 1], in header);
    }

    // The next frame was the marker once: the device may have stopped there, or gone past it in the middle of the change. True if it has:
    // there is a complete one behind it.
    private bool TrySkip(uint head)
    {
        uint next = head + 1;
        if (next != _marker && ((ReceiveWord)_dma.Look(in _receive[next & ReceiveFrames - 1], ReceiveHeader.StatusWord) & ReceiveWord.Complete) != 0)
        {
            _faults.Skipped++;
            SetWasMarker(head, false);
            return true;
        }
        ScbStatus status = _registers.Status;
        if (status == ScbStatus.Gone)
        {
            RequestReset();
            return false;
        }
        if (status.ReceiveUnit == ReceiveUnit.Ready)
            return false;
        SetWasMarker(head, false);
        // What came before it stopped is in memory.
        if (((ReceiveWord)_dma.Look(in _receive[head & ReceiveFrames - 1], ReceiveHeader.StatusWord) & ReceiveWord.Complete) == 0)
            RestartReceiver(head);
        return false;
    }

    private void RestartReceiver(uint head)
    {
        _faults.ReceiverRestarts++;
        _registers.Point(_receive[head & ReceiveFrames - 1].Address, unchecked((uint)-(int)ReceiveHeader.Bytes));
        if (Command(ScbCommand.ReceiveStart) != Error.None)
            RequestReset();
    }

    // Makes the list, all of it new, and starts the receive unit.
    private Error StartReceiver()
    {
        for (int i = 0; i < ReceiveFrames; i++)
        {
            if (!_receive[i].IsEmpty)
                continue;
            if (!_dma.Frames.TryTake(out Frame frame))
                return Error.NoResources;
            frame.Reserve(ReceiveHeader.Bytes);
            Error error = _dma.TryGiveToFill(ref frame, Room, out _receive[i]);
            if (error == Error.None)
                continue;
            frame.Free();
            return error;
        }
        _head = 0;
        _marker = ReceiveFrames - 1;
        _wasMarkerLow = _wasMarkerHigh = 0;
        for (uint i = 0; i < _marker; i++)
            WriteReceiveHeader(i, (uint)_receive[i + 1].Address.Value - ReceiveHeader.Bytes, NormalCounts, ReceiveWord.None);
        WriteReceiveHeader(_marker, 0, MarkerCounts, ReceiveWord.EndOfList);
        _registers.Point(_receive[0].Address, unchecked((uint)-(int)ReceiveHeader.Bytes));
        return Command(ScbCommand.ReceiveStart);
    }

    private void CountBad(ReceiveWord status, ReceiveCount counts)
    {
        if (status == ReceiveWord.None)
            return;
        if ((status & (ReceiveWord.Ok | ReceiveWord.NoRoom)) != ReceiveWord.Ok)
            _counters.ReceiveErrors++;
        else if ((counts & ReceiveCount.Flags) is not (0 or ReceiveCount.Flags))
            _counters.BadDescriptors++;
        else
            _counters.BadLength++;
    }

    private bool WasMarker(uint position)
    {
        int slot = (int)(position & ReceiveFrames - 1);
        return (((slot < 64 ? _wasMarkerLow : _wasMarkerHigh) >> slot) & 1) != 0;
    }

    private void SetWasMarker(uint position, bool was)
    {
        int slot = (int)(position & ReceiveFrames - 1);
        ulong bit = 1ul << slot;
        ref ulong half = ref slot < 64 ? ref _wasMarkerLow : ref _wasMarkerHigh;
        half = was ? half | bit : half & ~bit;
    }
}
