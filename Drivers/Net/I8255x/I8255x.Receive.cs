using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.I8255x;

// Receiving: a list of frames, each a page with a descriptor in front of the data. The device may write a frame from the moment that it
// can come to it, so from then on nothing there is written here; where lines move at hand-overs, that would overwrite what it wrote.
//
// The list ends with the marker: a frame with the end-of-list bit and no room for data. The device stops there and writes nothing, so the
// marker's descriptor is ours. To make the list longer, new frames are linked behind it; then its end-of-list bit goes, and last its
// room comes back. Each received frame is replaced at once by another, in its place, that becomes the next of the new frames; so there are
// always as many, and the marker is the one before the first that is not received. A device that had come to the marker before does not
// look again: it is started anew at the first frame not received.
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
        uint first = _head, settled = first;
        int count = 0;
        // Each turn takes a frame at least, or skips one, or is the last; if the device takes a word back that it gave, it gets no more turns than others.
        for (int turns = 0; turns < 2 * frames.Length && count < frames.Length && _head != _marker; turns++)
        {
            if (_head == settled)
                settled += Settle(Math.Min((uint)(frames.Length - count), _marker - _head));
            bool isSettled = _head != settled;
            if (isSettled)
                count += ReceivePlain(ref frames[count], (int)(settled - _head));
            if (isSettled && _head == settled)
                continue;
            if (!TryReceiveOdd(ref frames[count], isSettled))
                break;
            count += frames[count].IsEmpty ? 0 : 1;
            settled = isSettled ? settled : _head;
        }
        if (_head != first && _state == State.Running)
            Extend();
        return count;
    }

    // How many of the next frames are complete, at most so many, and in memory as a whole. QEMU's model says complete before it writes count and data,
    // from another thread that reading a register waits for; on a bus that brings in all that was written before.
    private uint Settle(uint most)
    {
        uint complete = 0;
        while (complete < most && IsComplete(_head + complete))
            complete++;
        if (complete == 0 || _registers.Status != ScbStatus.Gone)
            return complete;
        RequestReset();
        return 0;
    }

    // Good frames whose hand-over has nothing to do, up to the first that is none. It calls nothing, so all it needs is in registers.
    private int ReceivePlain(ref Frame frame, int most)
    {
        FramePass pass = _pass;
        ref DeviceFrame slots = ref MemoryMarshal.GetArrayDataReference(_receive);
        uint head = _head, bytes = 0;
        ref DeviceFrame last = ref Unsafe.Add(ref slots, head - 1 & ReceiveFrames - 1);
        ref Frame at = ref frame, end = ref Unsafe.Add(ref frame, most);
        while (Unsafe.IsAddressLessThan(ref at, ref end))
        {
            ref DeviceFrame slot = ref Unsafe.Add(ref slots, head & ReceiveFrames - 1);
            var status = (ReceiveWord)pass.Read(in slot, ReceiveHeader.StatusWord);
            if ((status & ReceiveWord.Verdict) != ReceiveWord.Good)
                break;
            uint counts = pass.Read(in slot, ReceiveHeader.CountWord), length = counts & (uint)ReceiveCount.Mask;
            if (IsImpossible(length, counts & (uint)ReceiveCount.Flags) || !pass.TryExchange(ref slot, length, out at, ReceiveHeader.Bytes))
                break;
            // The frame in this place is the next of the new ones.
            pass.Write(in last, ReceiveHeader.LinkWord, (uint)slot.PageAddress.Value);
            pass.Write(in slot, 0, new ReceiveHeader { Counts = NormalCounts });
            last = ref slot;
            at = ref Unsafe.Add(ref at, 1);
            bytes += length;
            head++;
        }
        uint count = head - _head;
        _head = head;
        _counters.Received += count;
        _counters.ReceivedBytes += bytes;
        return (int)count;
    }

    // QEMU's model sets neither flag of the count; a card sets both.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsImpossible(uint length, uint flags) =>
        length - ShortestFrame > LongestReceived - ShortestFrame || flags - 1 < (uint)ReceiveCount.Flags - 1;

    // Whatever comes next, if anything: false if nothing has come, or it cannot go on. A frame that is no good is left empty; one that is complete
    // only now is left where it is.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryReceiveOdd(ref Frame frame, bool isSettled)
    {
        ref DeviceFrame slot = ref _receive[_head & ReceiveFrames - 1];
        var status = (ReceiveWord)_dma.Look(in slot, ReceiveHeader.StatusWord, ReceiveHeader.CountWord, out uint counts);
        if (!isSettled && (status & ReceiveWord.Complete) != 0)
            return true;
        uint length = counts & (uint)ReceiveCount.Mask, flags = counts & (uint)ReceiveCount.Flags;
        if ((status & ReceiveWord.Complete) == 0)
        {
            if (!WasMarker(_head) || !TrySkip())
                return false;
        }
        else if ((status & ReceiveWord.Verdict) == ReceiveWord.Good && !IsImpossible(length, flags))
        {
            Exchange(ref slot, length, ref frame);
        }
        else
        {
            if ((status & ReceiveWord.Verdict) != ReceiveWord.Good)
                _counters.ReceiveErrors++;
            else if (IsImpossible(ShortestFrame, flags))
                _counters.BadDescriptors++;
            else
                _counters.BadLength++;
            // What it was filled like as the marker may have come after it was none; then the device stopped there.
            if (WasMarker(_head))
                SetWasMarker(_head + 1, true);
        }
        if (slot.IsEmpty)
            return false;
        _dma.WriteHeaderWord(in _receive[_head - 1 & ReceiveFrames - 1], ReceiveHeader.LinkWord, (uint)slot.PageAddress.Value);
        WriteReceiveHeader(_head, 0, NormalCounts, ReceiveWord.None);
        _head++;
        return true;
    }

    // Takes a filled frame and gives one of the pool in its place, whatever that needs. If there is none it receives again: a list that got
    // shorter would starve. If it could not be given the place is empty, and the list has a hole.
    private void Exchange(ref DeviceFrame slot, uint length, ref Frame filled)
    {
        if (!_dma.Frames.TryTake(out Frame fresh))
        {
            _counters.NoFrames++;
            return;
        }
        Frame taken = _dma.TakeFilled(ref slot, length, Room);
        fresh.Reserve(ReceiveHeader.Bytes);
        if (_dma.TryGiveToFill(ref fresh, Room, out slot) == Error.None)
        {
            _counters.Received++;
            _counters.ReceivedBytes += length;
            filled = Own.Move(ref taken);
            return;
        }
        // The slots that it needs were given back a moment ago; somebody else has them now.
        taken.Free();
        fresh.Free();
        RequestReset();
    }

    // The frames behind the marker are linked; now it goes, and the last of them takes its place.
    private void Extend()
    {
        uint last = _head + ReceiveFrames - 1;
        WriteReceiveHeader(last, 0, MarkerCounts, ReceiveWord.EndOfList);
        ref DeviceFrame marker = ref _receive[_marker & ReceiveFrames - 1];
        // In this order: the device may read the descriptor at any time, and stops until the last word is there.
        _dma.WriteHeaderWords(in marker, ReceiveHeader.StatusWord, (uint)ReceiveWord.None, ReceiveHeader.CountWord, (uint)(NormalCounts >> 32));
        SetWasMarker(_marker, true);
        SetWasMarker(last, false);
        _marker = last;
    }

    private void WriteReceiveHeader(uint position, uint link, ulong counts, ReceiveWord command)
    {
        var header = new ReceiveHeader { StatusAndLink = (ulong)link << 32 | (uint)command, Counts = counts };
        _dma.WriteHeader(in _receive[position & ReceiveFrames - 1], header);
    }

    // The next frame was the marker once: the device may have stopped there, or gone past it in the middle of the change. True if it has:
    // there is a complete one behind it.
    private bool TrySkip()
    {
        uint head = _head, next = head + 1;
        if (next != _marker && IsComplete(next))
        {
            // Frames are completed in order: both may have been since this one was looked at.
            if (IsComplete(head))
                return false;
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
        if (!IsComplete(head))
            RestartReceiver(head);
        else
            SetWasMarker(next, true);
        return false;
    }

    private bool IsComplete(uint position) =>
        ((ReceiveWord)_dma.Look(in _receive[position & ReceiveFrames - 1], ReceiveHeader.StatusWord) & ReceiveWord.Complete) != 0;

    private void RestartReceiver(uint head)
    {
        _faults.ReceiverRestarts++;
        _registers.Point(_receive[head & ReceiveFrames - 1].PageAddress);
        if (Command(ScbCommand.ReceiveStart) != Error.None)
            RequestReset();
    }

    // Makes the list anew, of the frames that the stopped device has and of others in their empty places, and starts the receive unit.
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
            WriteReceiveHeader(i, (uint)_receive[i + 1].PageAddress.Value, NormalCounts, ReceiveWord.None);
        WriteReceiveHeader(_marker, 0, MarkerCounts, ReceiveWord.EndOfList);
        _registers.Point(_receive[0].PageAddress);
        return Command(ScbCommand.ReceiveStart);
    }

    private void TakeReceiveBack()
    {
        for (int slot = 0; slot < ReceiveFrames; slot++)
        {
            if (_receive[slot].IsEmpty)
                continue;
            Frame frame = _dma.TakeFilled(ref _receive[slot], 0, Room);
            frame.Free();
        }
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
