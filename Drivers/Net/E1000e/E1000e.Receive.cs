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
        uint begin = _receiveNext;
        int count = 0;
        while (count < frames.Length)
        {
            int plain = _dropsRest || !_parts.IsEmpty ? 0 : ReceivePlain(frames[count..]);
            count += plain;
            // At the ring's end it begins anew.
            if (plain != 0 && _receiveNext == 0)
                continue;
            if (count == frames.Length || !TryReceiveOdd((_receiveRing + _receiveNext)->Result.Read(), ref frames[count]))
                break;
            if (!frames[count].IsEmpty)
                _counters.ReceivedBytes += frames[count++].PacketLength;
        }
        if (_receiveNext != begin)
            _registers.Receive.Tail.Write((_receiveNext - 1) & _receiveMask);
        _counters.Received += (uint)count;
        return count;
    }

    // Good packets in one buffer each, while frames for the ring are at hand and change sides with nothing to do; up to the ring's end. It calls
    // nothing, so all it needs is in registers.
    private int ReceivePlain(Span<Frame> frames)
    {
        ulong findings = ReceiveResult.Findings;
        ref Frame into = ref MemoryMarshal.GetReference(frames);
        ref DeviceFrame slot = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_receiveSlots), (nint)_receiveNext);
        ReceiveDescriptor* descriptor = _receiveRing + _receiveNext;
        ref Frame end = ref Unsafe.Add(ref into, (nint)Math.Min((uint)frames.Length, _receiveMask + 1 - _receiveNext));
        FramePass pass = _pass;
        uint bytes = 0;
        while (Unsafe.IsAddressLessThan(ref into, ref end))
        {
            ulong word = ReceiveDescriptor.ReadResult(descriptor);
            var length = (uint)(ushort)word;
            if ((word & (ReceiveResult.Done | ReceiveResult.End | ReceiveResult.Bad)) != (ReceiveResult.Done | ReceiveResult.End)
                || length - ShortestReceived > ReceiveRoom - ShortestReceived
                || !pass.TryExchange(ref slot, length, out into))
                break;
            if ((word & findings) != 0)
                into.SetFlags(FlagsOf(word), (word & ReceiveResult.Vlan) != 0 ? (ushort)(word >> 48) : (ushort)0);
            ReceiveDescriptor.Renew(descriptor, slot.Address.Value);
            descriptor++;
            slot = ref Unsafe.Add(ref slot, 1);
            into = ref Unsafe.Add(ref into, 1);
            bytes += length;
        }
        _receiveNext = (uint)(descriptor - _receiveRing) & _receiveMask;
        _counters.ReceivedBytes += bytes;
        return (int)((nint)Unsafe.ByteOffset(ref MemoryMarshal.GetReference(frames), ref into) / sizeof(Frame));
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
                _parts.SetFlags(FlagsOf(result.Word), (result.Word & ReceiveResult.Vlan) != 0 ? result.VlanTag : (ushort)0);
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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static FrameFlags FlagsOf(ulong word)
    {
        FrameFlags flags = (word & ReceiveResult.Vlan) != 0 ? FrameFlags.Vlan : FrameFlags.None;
        if ((word & ReceiveResult.IgnoreChecksums) != 0)
            return flags;
        if ((word & (ReceiveResult.HeaderChecked | ReceiveResult.HeaderWrong)) == ReceiveResult.HeaderChecked)
            flags |= FrameFlags.HeaderChecksumGood;
        if ((word & (ReceiveResult.TransportChecked | ReceiveResult.UdpChecked)) != 0 && (word & ReceiveResult.TransportWrong) == 0)
            flags |= FrameFlags.ChecksumGood;
        return flags;
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
