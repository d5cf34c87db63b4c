using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>
/// A context that sends requests or responses. Its ring of blocks is a program that never ends: each is linked to the one before when it is
/// filled. The block that was sent last stays as it is, for the controller looks into it for where to go on. Source: OHCI 1.1, section 7.
/// </summary>
internal sealed unsafe class AsyncTransmit
{
    /// <summary>Packets under way at most.</summary>
    public const int MostPackets = Slots - 1;

    private const int Slots = 64;
    private const uint StreamHeaderBytes = 8;

    private readonly DmaDevice _dma;
    private readonly OhciRegisters _registers;
    private readonly DmaContext _context;
    private readonly uint _alone, _lastData;
    private Coherent<SendSlot> _memory;
    private SendSlot* _slots;
    private uint _address;
    private Places _places;

    // Counts of packets; modulo the slots they are places.
    private uint _head, _tail, _stoppedAt;

    // Where the program ends: the last descriptor of the block that was linked last.
    private Descriptor* _end;
    private bool _isRunning, _isToWake;

    /// <summary>A context whose memory is made by <see cref="TryMake"/>.</summary>
    /// <param name="interrupt">When packets interrupt: <see cref="DescriptorControl.Interrupt"/> or <see cref="DescriptorControl.InterruptIfNotTaken"/>.</param>
    public AsyncTransmit(DmaDevice dma, OhciRegisters registers, ContextRegisters context, uint interrupt)
    {
        _alone = DescriptorControl.HeaderAlone | interrupt;
        _lastData = DescriptorControl.LastData | interrupt;
        _dma = dma;
        _registers = registers;
        _context = new DmaContext(context);
    }

    /// <summary>Takes the memory.</summary>
    public Error TryMake()
    {
        Error error = _dma.TryAllocateCoherent(Slots, out _memory);
        if (error != Error.None)
            return error;
        _slots = (SendSlot*)Unsafe.AsPointer(ref _memory[0]);
        _address = (uint)_memory.Address.Value;
        return Error.None;
    }

    /// <summary>Gives the memory back; the context was stopped, and all packets were taken.</summary>
    public void Free()
    {
        if (!_memory.IsEmpty)
            DmaDevice.Free(ref _memory);
    }

    /// <summary>Whether packets are under way.</summary>
    public bool IsBusy => _head != _tail;

    /// <summary>Packets given to it, and of these the ones that are known to be over; both free-running.</summary>
    public uint Given => _tail;

    /// <inheritdoc cref="Given"/>
    public uint Progress => _head;

    /// <summary>Whether the context has died.</summary>
    public bool IsDead => _isRunning && _context.IsDead;

    /// <summary>Gives a packet to the context, which looks at it at the latest when <see cref="Wake"/> is called; false if there is no room.</summary>
    [PacketPath]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TrySend(OutPacket packet)
    {
        uint index = _tail % Slots, block = _address + index * SendSlot.Bytes;
        if (_tail - _head >= MostPackets)
            return false;
        SendSlot* slot = _slots + index;
        ref Place place = ref PlaceAt(index);
        uint header = WriteHeader(slot, packet);
        if (packet.DataBytes == 0)
        {
            slot->First.Branch.Write(0);
            slot->First.Control.Write(_alone | header);
            place.Last = &slot->First;
            block |= SendSlot.Alone;
        }
        else if (TryWriteData(slot, block, packet, ref place))
        {
            slot->First.Control.Write(DescriptorControl.HeaderAndMore | header);
            place.Last = &slot->Data;
            block |= SendSlot.WithData;
        }
        else
        {
            return false;
        }
        // The place for a time in an immediate descriptor (7.1.2.2); it is 0 in requests, which ignore it.
        slot->First.Status.Write(packet.Expires);
        place.Packet = packet;
        Link(place.Last, block);
        return true;
    }

    /// <summary>Sends a packet between PHYs: nobody is told what became of it. False if there is no room.</summary>
    public bool TrySendPhy(uint quadlet)
    {
        const uint linkInternal = 0xE << 4, headerBytes = 12;
        if (_tail - _head >= MostPackets)
            return false;
        uint index = _tail % Slots;
        SendSlot* slot = _slots + index;
        ref Place place = ref PlaceAt(index);
        place.Packet = null;
        place.Last = &slot->First;
        slot->Header0.Write(linkInternal);
        slot->Header1.Write(quadlet);
        slot->Header2.Write(~quadlet);
        slot->First.Branch.Write(0);
        slot->First.Status.Write(0);
        slot->First.Control.Write(_alone | headerBytes);
        Link(place.Last, _address + index * SendSlot.Bytes | SendSlot.Alone);
        Wake();
        return true;
    }

    /// <summary>Has the context look at what it was given since the last call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Wake()
    {
        if (!_isToWake)
            return;
        _isToWake = false;
        _context.Wake();
    }

    /// <summary>Takes the next packet that was sent, its slot is free then; false if there is none.</summary>
    /// <param name="end">None from there on, see <see cref="Given"/>.</param>
    /// <param name="packet">Null for one between PHYs.</param>
    /// <param name="ack">What became of it.</param>
    [PacketPath]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTakeSent(uint end, out OutPacket? packet, out AckCode ack)
    {
        uint head = _head;
        if ((int)(end - head) > 0)
        {
            ref Place place = ref PlaceAt(head % Slots);
            uint status = place.Last->Status.Read();
            // The event code is never 0 once there is a status; a response's time is in the lower half before.
            if (status >> 16 != 0)
            {
                ack = AckOf(status);
                packet = Retire(ref place);
                return true;
            }
        }
        packet = null;
        ack = AckCode.NotSent;
        return false;
    }

    /// <summary>
    /// Stops the context. What is under way then is taken by <see cref="TakeStopped"/>, and of it alone: what is sent from now on begins
    /// anew. On an error the context may go on, and memory must not be used again.
    /// </summary>
    public Error Stop()
    {
        if (!_isRunning)
            return Error.None;
        Error error = _context.Stop();
        if (error == Error.None)
            Forget();
        return error;
    }

    /// <summary>The next packet that was under way when it was stopped, sent or not; null if there is none.</summary>
    public OutPacket? TakeStopped(out AckCode ack)
    {
        ack = AckCode.Flushed;
        while (_head != _stoppedAt && _head != _tail)
        {
            ref Place place = ref PlaceAt(_head % Slots);
            uint status = place.Last->Status.Read();
            if (status >> 16 != 0)
                ack = AckOf(status);
            if (Retire(ref place) is { } packet)
                return packet;
            ack = AckCode.Flushed;
        }
        return null;
    }

    /// <summary>The controller was reset: the context does not run, whatever it did before.</summary>
    public void Forget()
    {
        _isRunning = _isToWake = false;
        _stoppedAt = _tail;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private AckCode AckOf(uint status)
    {
        uint code = status >> 16 & 0x1F;
        return code >= (uint)EventCode.Acknowledged ? (AckCode)(code & 0xF) : UnsentAs((EventCode)code);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private AckCode UnsentAs(EventCode code) => code switch
    {
        // Nobody acknowledges what was on its way when a bus reset began (7.2.3.1); that reset need not have been told of yet.
        EventCode.MissingAck => (_registers.EventSet.Read() & Events.BusReset) != 0 ? AckCode.Flushed : AckCode.Missing,
        EventCode.Flushed => AckCode.Flushed,
        _ => AckCode.NotSent,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Place PlaceAt(uint index) => ref Unsafe.Add(ref Unsafe.As<Places, Place>(ref _places), (nint)index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private OutPacket? Retire(ref Place place)
    {
        _head = _head + 1;
        if (!place.Given.IsEmpty)
            place.Packet!.Payload = _dma.TakeSent(ref place.Given);
        return place.Packet;
    }

    // The block before it is published the link to it, last of all that is written.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Link(Descriptor* last, uint block)
    {
        Descriptor* before = _end;
        _end = last;
        _tail = _tail + 1;
        if (_isRunning)
        {
            before->Branch.Write(block);
            _isToWake = true;
            return;
        }
        _isRunning = true;
        _context.Start(block);
    }

    // Up to 16 bytes are copied into the block, more is a frame. False if that cannot be given to the device now.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryWriteData(SendSlot* slot, uint block, OutPacket packet, ref Place place)
    {
        uint address = block + SendSlot.InlineOffset;
        if (packet.Payload.IsEmpty)
            WriteInline(slot, packet);
        else if (_dma.TryGiveToSend(ref packet.Payload, out place.Given) == Error.None)
            address = (uint)place.Given.Address.Value;
        else
            return false;
        slot->Data.Address.Write(address);
        slot->Data.Branch.Write(0);
        slot->Data.Status.Write(0);
        slot->Data.Control.Write(_lastData | (uint)packet.DataBytes);
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void WriteInline(SendSlot* slot, OutPacket packet)
    {
        Span<ulong> words = stackalloc ulong[2];
        words.Clear();
        packet.Bytes.CopyTo(MemoryMarshal.AsBytes(words));
        slot->Inline0.Write(words[0]);
        slot->Inline1.Write(words[1]);
    }

    // Headers in memory are not those of the bus: speed for the CRC's place, destination one quadlet later (7.8.1). Returns the bytes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint WriteHeader(SendSlot* slot, OutPacket packet)
    {
        const uint controlMask = 0xFFFF, destinationMask = 0xFFFF_0000;
        ref readonly PacketHeader header = ref packet.Header;
        uint q0 = header.Q0, q3 = header.Q3, shape = packet.Shape;
        // Streams have two quadlets here, and nothing in their second.
        uint first = q0 & controlMask | (uint)packet.Speed << 16, second = q0 & destinationMask | header.Q1 & controlMask, third = header.Q2;
        // A quadlet of data is data: in the order of its bytes.
        uint fourth = (shape & CodeFacts.EndsInQuadlet) != 0 ? BinaryPrimitives.ReverseEndianness(q3) : q3;
        Shared<uint>* words = &slot->Header0;
        words[0].Write(first);
        words[1].Write(second);
        words[2].Write(third);
        words[3].Write(fourth);
        uint bytes = shape & CodeFacts.HeaderBytes;
        return bytes < StreamHeaderBytes ? StreamHeaderBytes : bytes;
    }

    // A packet under way: what holds its data, and the descriptor that says how it ended and where the program goes on.
    [NonCopyable]
    private struct Place
    {
        public OutPacket? Packet;
        public DeviceFrame Given;
        public Descriptor* Last;
    }

    // One for each slot.
    [NonCopyable]
    [InlineArray(Slots)]
    private struct Places
    {
        private Place _first;
    }
}
