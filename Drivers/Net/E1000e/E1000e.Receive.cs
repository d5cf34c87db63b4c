using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.E1000e;

// Receiving. Each descriptor of the ring always has a frame of 2,048 bytes: a filled one is handed out when another could be put in its
// place, and stays, to be filled again, when its packet is dropped; so the ring never runs dry, and an error never costs memory. Source:
// Intel 82574 datasheet 3.4, section 7.1.
public sealed unsafe partial class E1000e
{
    // Bytes of each buffer, as ReceiveControl says.
    private const uint ReceiveRoom = 2048;

    private const int MostReceiveDescriptors = 256, LeastReceiveDescriptors = 16;

    // Without the frame check sequence, which is taken off.
    private const uint ShortestReceived = HeaderBytes;

    private readonly DeviceFrame[] _receiveSlots = new DeviceFrame[MostReceiveDescriptors];
    private Coherent<ReceiveDescriptor> _receiveMemory;
    private ReceiveDescriptor* _receiveRing;

    // The next to be filled; the number of descriptors, a power of two, less one.
    private uint _receiveNext, _receiveMask;

    // Parts of a packet whose end has not come yet, and whether the rest of it is dropped.
    private Frame _parts;
    private bool _dropsRest;

    /// <inheritdoc/>
    [PacketPath]
    public int Receive(Span<Frame> frames)
    {
        if (_phase != Phase.Running)
            return 0;
        ref DeviceFrame slots = ref MemoryMarshal.GetArrayDataReference(_receiveSlots);
        ref Frame first = ref MemoryMarshal.GetReference(frames);
        ReceiveDescriptor* ring = _receiveRing;
        DmaDevice dma = _dma;
        FramePool pool = _frames;
        uint next = _receiveNext, begin = next, mask = _receiveMask, bytes = 0;
        int count = 0;
        bool isOdd = _dropsRest || !_parts.IsEmpty;
        while (count < frames.Length)
        {
            ReceiveDescriptor* descriptor = ring + next;
            ReceiveResult result = descriptor->Result.Read();
            if ((result.Word & (ReceiveResult.Done | ReceiveResult.End | ReceiveResult.Bad)) != (ReceiveResult.Done | ReceiveResult.End)
                || result.Length - ShortestReceived > ReceiveRoom - ShortestReceived || isOdd)
            {
                _receiveNext = next;
                isOdd = false;
                if (!TryReceiveOdd(result, ref frames[count]))
                    break;
                next = _receiveNext;
                if (!frames[count].IsEmpty)
                    bytes += frames[count++].PacketLength;
                continue;
            }
            if (!pool.TryTake(out Frame fresh))
            {
                _counters.NoFrames++;
            }
            else if (dma.TryGiveToFill(ref fresh, ReceiveRoom, out DeviceFrame given) != Error.None)
            {
                fresh.Free();
                _counters.NoFrames++;
            }
            else
            {
                ref DeviceFrame slot = ref Unsafe.Add(ref slots, (nint)next);
                Frame frame = dma.TakeFilled(ref slot, result.Length, ReceiveRoom);
                if ((result.Word & ReceiveResult.Findings) != 0)
                    Describe(frame, result.Word);
                Unsafe.Add(ref first, count) = Own.Move(ref frame);
                descriptor->Address.Write(given.Address.Value);
                slot = Own.Move(ref given);
                bytes += result.Length;
                count++;
            }
            descriptor->Result.Write(default);
            next = (next + 1) & mask;
        }
        _receiveNext = next;
        if (next != begin)
            _registers.Receive.Tail.Write((next - 1) & mask);
        _counters.Received += (uint)count;
        _counters.ReceivedBytes += bytes;
        return count;
    }

    // A descriptor that is not done, or whatever is not one good packet in one buffer: goes on until a packet is complete, is dropped, or the
    // next descriptor is not done. False: nothing more is to be had now.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryReceiveOdd(ReceiveResult result, ref Frame packet)
    {
        for (int examined = 0; examined <= MostReceiveDescriptors; examined++)
        {
            if ((result.Word & ReceiveResult.Done) == 0)
                return false;
            bool isEnd = (result.Word & ReceiveResult.End) != 0, isFirst = _parts.IsEmpty && !_dropsRest;
            if (!_dropsRest && !TryKeep(result, isFirst, isEnd))
            {
                if (!_parts.IsEmpty)
                    _parts.Free();
                _dropsRest = true;
            }
            ReceiveDescriptor* descriptor = _receiveRing + _receiveNext;
            descriptor->Address.Write(_receiveSlots[(int)_receiveNext].Address.Value);
            descriptor->Result.Write(default);
            _receiveNext = (_receiveNext + 1) & _receiveMask;
            if (isEnd)
            {
                bool isDropped = _dropsRest;
                _dropsRest = false;
                if (isDropped)
                    return true;
                Describe(_parts, result.Word);
                packet = Own.Move(ref _parts);
                return true;
            }
            result = (_receiveRing + _receiveNext)->Result.Read();
        }
        // As many as the ring has without an end: others have their turn before it goes on.
        return false;
    }

    // Adds a buffer to the packet under way. False, and counted, if the packet is to be dropped: then the buffer stays where it is.
    private bool TryKeep(ReceiveResult result, bool isFirst, bool isEnd)
    {
        uint length = result.Length;
        // Buffers before the last are full; the last may hold nothing but a rest of the frame check sequence that was taken off.
        bool isLengthPossible = length <= ReceiveRoom && (isEnd ? !isFirst || length >= ShortestReceived : length == ReceiveRoom);
        if (isEnd && (result.Word & ReceiveResult.Bad) != 0)
            _counters.ReceiveErrors++;
        else if (!isLengthPossible)
            _counters.BadLength++;
        else if (!isFirst && _parts.PacketLength + length > LongestFrame + TagBytes)
            _counters.BadDescriptors++;
        else
            return TryKeep(length);
        return false;
    }

    private bool TryKeep(uint length)
    {
        ref DeviceFrame slot = ref _receiveSlots[(int)_receiveNext];
        if (!_frames.TryTake(out Frame fresh))
        {
            _counters.NoFrames++;
            return false;
        }
        if (_dma.TryGiveToFill(ref fresh, ReceiveRoom, out DeviceFrame given) != Error.None)
        {
            fresh.Free();
            _counters.NoFrames++;
            return false;
        }
        Frame part = _dma.TakeFilled(ref slot, length, ReceiveRoom);
        slot = Own.Move(ref given);
        if (_parts.IsEmpty)
            _parts = Own.Move(ref part);
        else if (length == 0)
            part.Free();
        else
            _parts.Append(ref part);
        return true;
    }

    // What the device found beside the data.
    private static void Describe(in Frame frame, ulong word)
    {
        FrameFlags flags = FrameFlags.None;
        if ((word & ReceiveResult.IgnoreChecksums) == 0)
        {
            if ((word & (ReceiveResult.HeaderChecked | ReceiveResult.HeaderWrong)) == ReceiveResult.HeaderChecked)
                flags |= FrameFlags.HeaderChecksumGood;
            if ((word & (ReceiveResult.TransportChecked | ReceiveResult.UdpChecked)) != 0 && (word & ReceiveResult.TransportWrong) == 0)
                flags |= FrameFlags.ChecksumGood;
        }
        bool isTagged = (word & ReceiveResult.Vlan) != 0;
        frame.SetFlags(isTagged ? flags | FrameFlags.Vlan : flags, isTagged ? (ushort)(word >> 48) : (ushort)0);
    }

    // Whether something can be received.
    private bool HasReceived => _phase == Phase.Running && ((_receiveRing + _receiveNext)->Result.Read().Word & ReceiveResult.Done) != 0;

    // With as many descriptors as frames can be had for.
    private Error TryMakeReceiveRing()
    {
        Error error = _dma.TryAllocateCoherent(MostReceiveDescriptors, out _receiveMemory);
        if (error != Error.None)
            return error;
        _receiveRing = (ReceiveDescriptor*)Unsafe.AsPointer(ref _receiveMemory[0]);
        int filled = 0;
        for (; filled < MostReceiveDescriptors && _frames.TryTake(out Frame frame); filled++)
        {
            if (_dma.TryGiveToFill(ref frame, ReceiveRoom, out _receiveSlots[filled]) == Error.None)
                continue;
            frame.Free();
            break;
        }
        int count = MostReceiveDescriptors;
        while (count > filled)
            count /= 2;
        FreeReceiveSlots(count);
        _receiveMask = (uint)count - 1;
        return count < LeastReceiveDescriptors ? Error.NoResources : Error.None;
    }

    // Says to the device where it is, with all descriptors as new. The tail follows when receiving is on.
    private void PlaceReceiveRing()
    {
        for (uint i = 0; i <= _receiveMask; i++)
        {
            _receiveRing[i].Address.Write(_receiveSlots[(int)i].Address.Value);
            _receiveRing[i].Result.Write(default);
        }
        _receiveNext = 0;
        _dropsRest = false;
        if (!_parts.IsEmpty)
            _parts.Free();
        _registers.Receive.Place(_receiveMemory.Address, (_receiveMask + 1) * ReceiveDescriptor.Bytes);
        _registers.Receive.Head.Write(0);
        _registers.Receive.Tail.Write(0);
        _registers.Receive.Delay.Write(0);
        _registers.Receive.AbsoluteDelay.Write(0);
        _registers.Receive.Control.Write(RingControl.InDescriptors | RingControl.WriteBackEach);
    }

    // The device is stopped.
    private void FreeReceiveRing()
    {
        if (!_parts.IsEmpty)
            _parts.Free();
        FreeReceiveSlots(0);
        _receiveRing = null;
        if (!_receiveMemory.IsEmpty)
            DmaDevice.Free(ref _receiveMemory);
    }

    private void FreeReceiveSlots(int from)
    {
        for (int i = from; i < MostReceiveDescriptors; i++)
        {
            if (_receiveSlots[i].IsEmpty)
                continue;
            Frame frame = _dma.TakeFilled(ref _receiveSlots[i], 0, ReceiveRoom);
            frame.Free();
        }
    }
}
