using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.E1000e;

// Sending. All descriptors of a call are written, then the tail, once; the last of them asks for its status, and when that comes, all up to
// it are done, so no others are read. The place of such a last one is a mark. Source: Intel 82574 datasheet 3.4, section 7.2.
public sealed unsafe partial class E1000e
{
    private const int TransmitDescriptors = 256;
    private const uint TransmitMask = TransmitDescriptors - 1;

    // Shorter ones are padded here: the device takes at least 17 bytes (TCTL.PSP).
    private const uint ShortestSent = 17, PaddedLength = 60;

    // Of one packet.
    private const int MostParts = 64;

    // A mark's lower bits are the descriptor's place; this one says that some up to it have no frame.
    private const ushort MarkHasHoles = 1 << 15;

    private readonly DeviceFrame[] _sendSlots = new DeviceFrame[TransmitDescriptors];
    private readonly ushort[] _marks = new ushort[TransmitDescriptors];
    private Coherent<TransmitDescriptor> _transmitMemory;
    private TransmitDescriptor* _transmitRing;

    // The oldest descriptor in use, the next to be used, and how many may be: one less than there are, as head == tail means none.
    private uint _sendHead, _sendTail, _sendFree;

    // The oldest mark and the next one's place, both free-running.
    private uint _markHead, _markTail;

    // The context that the device has, as its first word; 0 for none.
    private ulong _context;
    private bool _hasHoles, _canSend;

    /// <summary>Descriptors whose frames are not known to be out.</summary>
    public int PacketsUnderWay => (int)(TransmitDescriptors - 1 - _sendFree);

    /// <inheritdoc/>
    [PacketPath]
    public int Transmit(Span<Frame> frames)
    {
        if (!_canSend)
            return SendNothing(frames);
        Reclaim();
        ref Frame first = ref MemoryMarshal.GetReference(frames);
        ref DeviceFrame slots = ref MemoryMarshal.GetArrayDataReference(_sendSlots);
        TransmitDescriptor* ring = _transmitRing;
        DmaDevice dma = _dma;
        uint begin = _sendTail, tail = begin, free = _sendFree, longest = LongestFrame, bytes = 0;
        ulong sent = 0;
        int count = 0;
        for (; count < frames.Length; count++)
        {
            ref Frame frame = ref Unsafe.Add(ref first, count);
            uint length = frame.Length;
            if (frame.HasRest || (frame.Flags & (FrameFlags.Vlan | FrameFlags.InsertChecksum)) != 0
                || length - ShortestSent > longest - ShortestSent || free == 0
                || dma.TryGiveToSend(ref frame, out Unsafe.Add(ref slots, (nint)tail)) != Error.None)
            {
                (_sendTail, _sendFree) = (tail, free);
                if (!TrySendOdd(ref frame))
                    break;
                (tail, free) = (_sendTail, _sendFree);
                continue;
            }
            TransmitDescriptor* descriptor = ring + tail;
            descriptor->Address.Write(Unsafe.Add(ref slots, (nint)tail).Address.Value);
            descriptor->Command.Write(new TransmitCommand(length | TransmitCommand.End | TransmitCommand.InsertFcs));
            tail = (tail + 1) & TransmitMask;
            free--;
            bytes += length;
            sent++;
        }
        (_sendTail, _sendFree) = (tail, free);
        _counters.Sent += sent;
        _counters.SentBytes += bytes;
        if (tail != begin)
            GiveAway();
        return count;
    }

    // Asks for the status of the last descriptor, remembers it, and lets the device have all that were written.
    private void GiveAway()
    {
        uint last = (_sendTail - 1) & TransmitMask;
        ref Shared<TransmitCommand> command = ref _transmitRing[last].Command;
        command.Write(new TransmitCommand(command.Read().Word | TransmitCommand.ReportStatus));
        _marks[(int)(_markTail++ & TransmitMask)] = (ushort)(_hasHoles ? last | MarkHasHoles : last);
        _hasHoles = false;
        _registers.Transmit.Tail.Write(_sendTail);
    }

    // Frees what the device is done with: up to the newest mark that it reported, in order.
    private void Reclaim()
    {
        while (_markHead != _markTail)
        {
            ushort mark = _marks[(int)(_markHead & TransmitMask)];
            uint last = mark & TransmitMask;
            if (!_transmitRing[last].Command.Read().IsDone)
                break;
            _markHead++;
            FreeSent(last, mark >= MarkHasHoles);
        }
    }

    // Frees the frames from the oldest on, up to a descriptor.
    private void FreeSent(uint last, bool hasHoles)
    {
        uint count = ((last - _sendHead) & TransmitMask) + 1, untilEnd = Math.Min(count, TransmitDescriptors - _sendHead);
        Span<DeviceFrame> slots = _sendSlots;
        if (!hasHoles)
        {
            _dma.FreeSent(slots.Slice((int)_sendHead, (int)untilEnd));
            _dma.FreeSent(slots[..(int)(count - untilEnd)]);
        }
        else
        {
            for (uint i = 0; i < count; i++)
                FreeIfAny(ref slots[(int)((_sendHead + i) & TransmitMask)]);
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
        if (_sendFree < MostParts + 1)
        {
            Reclaim();
            if (_sendFree < MostParts + 1)
                return false;
        }
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
        for (int parts = 0; !part.IsEmpty; parts++)
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
        for (int i = 0; i < TransmitDescriptors; i++)
        {
            if (_sendSlots[i].IsEmpty)
                continue;
            FreeIfAny(ref _sendSlots[i]);
            _counters.SendDropped++;
        }
        _sendHead = _sendTail = _markHead = _markTail = 0;
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
