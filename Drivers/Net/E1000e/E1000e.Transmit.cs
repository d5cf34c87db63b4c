using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.E1000e;

// Sending. All descriptors of a call are written, then the tail, once; the last of them asks for its status, and when that comes, all up to
// it are done, so no others are read. The place of such a last one is a mark. What is done is freed many at once, when half of the ring is
// in use, or somebody asks: Arm, the watchdog, a call without frames. Source: Intel 82574 datasheet 3.4, section 7.2.
public sealed unsafe partial class E1000e
{
    private const int TransmitDescriptors = 256;
    private const uint TransmitMask = TransmitDescriptors - 1;

    // Shorter ones are padded here: the device takes at least 17 bytes (TCTL.PSP).
    private const uint ShortestSent = 17, PaddedLength = 60;

    // Of one packet.
    private const int MostParts = 64;

    private const uint ReclaimBelow = TransmitDescriptors / 2;

    private readonly DeviceFrame[] _sendSlots = new DeviceFrame[TransmitDescriptors];
    private readonly byte[] _marks = new byte[TransmitDescriptors];
    private Coherent<TransmitDescriptor> _transmitMemory;
    private TransmitDescriptor* _transmitRing;

    // The oldest descriptor in use, the next to be used, the first that the device has not got yet, and how many may be used: one less than
    // there are, as head == tail means none.
    private uint _sendHead, _sendTail, _sendGiven, _sendFree;

    // The oldest mark and the next one's place, both free-running.
    private uint _markHead, _markTail;

    // The context that the device has, as its first word; 0 for none.
    private ulong _context;

    // Whether some descriptors in use have no frame.
    private bool _hasHoles;

    // Whether there is a link, and the card runs.
    private bool _canSend;

    /// <summary>Descriptors whose frames are not known to be out.</summary>
    public int PacketsUnderWay => (int)(TransmitDescriptors - 1 - _sendFree);

    /// <inheritdoc/>
    [PacketPath]
    public int Transmit(Span<Frame> frames)
    {
        if (!_canSend)
            return SendNothing(frames);
        if (_sendFree < ReclaimBelow || frames.IsEmpty)
            Reclaim();
        int count = SendPlain(frames);
        if (count < frames.Length)
            count = SendRest(frames, count);
        if (_sendTail != _sendGiven)
            GiveAway();
        return count;
    }

    // What is odd, and what comes behind it or behind the ring's end.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int SendRest(Span<Frame> frames, int count)
    {
        while (count < frames.Length)
        {
            int plain = SendPlain(frames[count..]);
            count += plain;
            if (plain != 0)
                continue;
            if (!TrySendOdd(ref frames[count]))
                break;
            count++;
        }
        return count;
    }

    // Packets that need no more than a descriptor: whole in one frame, with nothing to insert, and theirs with nothing to do; up to the ring's
    // end. It calls nothing, so all it needs is in registers.
    private int SendPlain(Span<Frame> frames)
    {
        nint most = (nint)Math.Min((uint)frames.Length, Math.Min(_sendFree, TransmitDescriptors - _sendTail));
        ref Frame first = ref MemoryMarshal.GetReference(frames);
        ref DeviceFrame slots = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_sendSlots), (nint)_sendTail);
        TransmitDescriptor* descriptor = _transmitRing + _sendTail;
        FramePass pass = _pass;
        ulong longest = _longestSent, bytes = 0;
        nint count = 0;
        for (; count < most; count++)
        {
            ref Frame frame = ref Unsafe.Add(ref first, count);
            ulong length = frame.Length;
            if (!frame.IsPlain || length - ShortestSent > longest
                || !pass.TryGive(ref frame, out DeviceFrame given))
                break;
            TransmitDescriptor.Write(descriptor, given.Address.Value, length + (TransmitCommand.End | TransmitCommand.InsertFcs));
            descriptor++;
            Unsafe.Add(ref slots, count) = Own.Move(ref given);
            bytes += length;
        }
        _sendTail = (_sendTail + (uint)count) & TransmitMask;
        _sendFree -= (uint)count;
        _counters.Sent += (uint)count;
        _counters.SentBytes += bytes;
        return (int)count;
    }

    // Asks for the status of the last descriptor, remembers it, and lets the device have all that were written.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void GiveAway()
    {
        uint tail = _sendTail, last = (tail - 1) & TransmitMask;
        ref Shared<TransmitCommand> command = ref _transmitRing[last].Command;
        command.Write(new TransmitCommand(command.Read().Word | TransmitCommand.ReportStatus));
        _marks[(int)(_markTail & TransmitMask)] = (byte)last;
        _markTail++;
        _sendGiven = tail;
        _registers.Transmit.Tail.Write(tail);
    }

    // Frees what the device is done with: all, if it reported the newest mark, else up to the last that it reported in order.
    private void Reclaim()
    {
        uint newest = _markTail - 1;
        if (_markHead != _markTail && IsDone(newest))
            _markHead = newest;
        while (_markHead != _markTail && IsDone(_markHead))
            FreeSent(_marks[(int)(_markHead++ & TransmitMask)]);
    }

    private bool IsDone(uint mark) => _transmitRing[_marks[(int)(mark & TransmitMask)]].Command.Read().IsDone;

    // Frees the frames from the oldest on, up to a descriptor.
    private void FreeSent(uint last)
    {
        uint head = _sendHead, count = ((last - head) & TransmitMask) + 1, untilEnd = Math.Min(count, TransmitDescriptors - head);
        Span<DeviceFrame> slots = _sendSlots;
        if (!_hasHoles)
        {
            _dma.FreeSent(slots.Slice((int)head, (int)untilEnd));
            if (count != untilEnd)
                _dma.FreeSent(slots[..(int)(count - untilEnd)]);
        }
        else
        {
            for (uint i = 0; i < count; i++)
                FreeIfAny(ref slots[(int)((head + i) & TransmitMask)]);
            _hasHoles = _markHead != _markTail;
        }
        _sendHead = (last + 1) & TransmitMask;
        _sendFree += count;
    }

    private void FreeIfAny(ref DeviceFrame given)
    {
        if (given.IsEmpty)
            return;
        Frame frame = _dma.TakeSent(ref given);
        frame.Free();
    }

    // The device is being reset: the frames wait. There is no link, or it is gone: they have no future.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int SendNothing(Span<Frame> frames)
    {
        if (_phase is Phase.EndingDma or Phase.Resetting)
            return 0;
        if (_phase == Phase.Running)
            Reclaim();
        foreach (ref Frame frame in frames)
            Drop(ref frame);
        return frames.Length;
    }

    private void Drop(ref Frame frame)
    {
        frame.Free();
        _counters.SendDropped++;
    }

    // A packet in parts, with a tag or a checksum to insert, too short or too long, or when there is no room. False: it stays the caller's.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TrySendOdd(ref Frame frame)
    {
        uint length = frame.PacketLength;
        if (length is >= HeaderBytes and < ShortestSent && !frame.HasRest)
            length = Pad(ref frame);
        FrameFlags flags = frame.Flags;
        ulong context = (flags & FrameFlags.InsertChecksum) != 0 ? TransmitCommand.Context(frame.ChecksumStart, frame.ChecksumAt) : 0;
        bool isPossible = length >= ShortestSent && length <= LongestFrame + ((flags & FrameFlags.Vlan) != 0 ? 0 : TagBytes)
            && (context == 0 || frame.ChecksumStart < length && frame.ChecksumAt + 2u <= length && (frame.ChecksumStart | frame.ChecksumAt) <= byte.MaxValue);
        if (!isPossible)
        {
            Drop(ref frame);
            return true;
        }
        // A context, and a descriptor for each part, of which only those with data count in the end.
        if (_sendFree < (frame.HasRest ? MostParts + 1 : 2))
            return false;
        if (context != 0 && context != _context)
            WriteContext(context);
        ulong command = TransmitCommand.InsertFcs;
        if (context != 0)
            command |= TransmitCommand.Extended | TransmitCommand.Data | TransmitCommand.InsertChecksum;
        if ((flags & FrameFlags.Vlan) != 0)
            command |= TransmitCommand.InsertVlan | TransmitCommand.Tag(frame.VlanTag);
        if (TryWriteParts(ref frame, command))
        {
            _counters.Sent++;
            _counters.SentBytes += length;
        }
        return true;
    }

    // With zeros, as the device would.
    private static uint Pad(ref Frame frame)
    {
        uint length = frame.Length;
        if (frame.Room < PaddedLength)
            return length;
        frame.SetLength(PaddedLength);
        frame.Bytes[(int)length..].Clear();
        return PaddedLength;
    }

    private void WriteContext(ulong context)
    {
        TransmitDescriptor* descriptor = _transmitRing + _sendTail;
        descriptor->Address.Write(context);
        descriptor->Command.Write(new TransmitCommand(TransmitCommand.Extended));
        _sendTail = (_sendTail + 1) & TransmitMask;
        _sendFree--;
        _hasHoles = true;
        _context = context;
    }

    // A descriptor for each part. False if the packet was dropped: too many parts, or one that could not be given.
    private bool TryWriteParts(ref Frame frame, ulong command)
    {
        uint begin = _sendTail;
        Frame part = Own.Move(ref frame);
        for (int parts = 0; !part.IsEmpty;)
        {
            Frame rest = part.TakeRest();
            uint length = part.Length;
            if (length == 0)
            {
                part.Free();
            }
            else if (parts == MostParts || _dma.TryGiveToSend(ref part, out _sendSlots[(int)_sendTail]) != Error.None)
            {
                part.Free();
                if (!rest.IsEmpty)
                    rest.Free();
                TakeBack(begin);
                return false;
            }
            else
            {
                TransmitDescriptor* descriptor = _transmitRing + _sendTail;
                descriptor->Address.Write(_sendSlots[(int)_sendTail].Address.Value);
                descriptor->Command.Write(new TransmitCommand(command | length));
                _sendTail = (_sendTail + 1) & TransmitMask;
                _sendFree--;
                parts++;
            }
            part = Own.Move(ref rest);
        }
        ref Shared<TransmitCommand> last = ref _transmitRing[(_sendTail - 1) & TransmitMask].Command;
        last.Write(new TransmitCommand(last.Read().Word | TransmitCommand.End));
        return true;
    }

    // Descriptors that the device has not got yet become free again, with their frames.
    private void TakeBack(uint begin)
    {
        while (_sendTail != begin)
        {
            _sendTail = (_sendTail - 1) & TransmitMask;
            _sendFree++;
            FreeIfAny(ref _sendSlots[(int)_sendTail]);
        }
        _counters.SendDropped++;
    }

    private Error TryMakeTransmitRing()
    {
        Error error = _dma.TryAllocateCoherent(TransmitDescriptors, out _transmitMemory);
        if (error == Error.None)
            _transmitRing = (TransmitDescriptor*)Unsafe.AsPointer(ref _transmitMemory[0]);
        return error;
    }

    // Says to the device where it is, empty. The device is stopped: what was under way is lost.
    private void PlaceTransmitRing()
    {
        FreeUnsent();
        _registers.Transmit.Place(_transmitMemory.Address, TransmitDescriptors * TransmitDescriptor.Bytes);
        _registers.Transmit.Head.Write(0);
        _registers.Transmit.Tail.Write(0);
        _registers.Transmit.Delay.Write(0);
        _registers.Transmit.AbsoluteDelay.Write(0);
        _registers.Transmit.Control.Write(RingControl.InDescriptors | RingControl.CountDescriptors | RingControl.WriteBackEach);
    }

    private void FreeUnsent()
    {
        // Some is out, and only waits to be freed.
        if (_transmitRing != null)
            Reclaim();
        for (int i = 0; i < TransmitDescriptors; i++)
        {
            if (_sendSlots[i].IsEmpty)
                continue;
            FreeIfAny(ref _sendSlots[i]);
            _counters.SendDropped++;
        }
        _sendHead = _sendTail = _sendGiven = _markHead = _markTail = 0;
        _sendFree = TransmitDescriptors - 1;
        _context = 0;
        _hasHoles = false;
    }

    // The device is stopped.
    private void FreeTransmitRing()
    {
        FreeUnsent();
        _transmitRing = null;
        if (!_transmitMemory.IsEmpty)
            DmaDevice.Free(ref _transmitMemory);
    }
}
