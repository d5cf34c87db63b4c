using System;
using System.Buffers.Binary;
using System.Numerics;
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

    private readonly DmaDevice _dma;
    private readonly DmaContext _context;
    private readonly Place[] _places = new Place[Slots];

    private readonly DeviceFrame[] _given = new DeviceFrame[Slots];
    private readonly bool[] _hasData = new bool[Slots];
    private Coherent<SendSlot> _slots;

    // Counts of packets; modulo the slots they are places.
    private uint _head, _tail, _stoppedAt;
    private bool _isRunning;

    /// <summary>A context whose memory is made by <see cref="TryMake"/>.</summary>
    public AsyncTransmit(DmaDevice dma, ContextRegisters registers)
    {
        _dma = dma;
        _context = new DmaContext(registers);
    }

    /// <summary>Takes the memory.</summary>
    public Error TryMake() => _dma.TryAllocateCoherent(Slots, out _slots);

    /// <summary>Gives the memory back; the context was stopped, and all packets were taken.</summary>
    public void Free()
    {
        if (!_slots.IsEmpty)
            DmaDevice.Free(ref _slots);
    }

    /// <summary>Whether packets are under way.</summary>
    public bool IsBusy => _head != _tail;

    /// <summary>Changes when a packet was sent.</summary>
    public uint Progress => _head;

    /// <summary>Whether the context has died.</summary>
    public bool IsDead => _isRunning && _context.IsDead;

    /// <summary>Sends a packet; false if there is no room.</summary>
    [PacketPath]
    public bool TrySend(OutPacket packet)
    {
        if (_tail - _head >= MostPackets)
            return false;
        int place = (int)(_tail % Slots), bytes = packet.DataBytes;
        ref SendSlot slot = ref _slots[place];
        uint address = 0;
        if (!packet.Payload.IsEmpty)
        {
            if (_dma.TryGiveToSend(ref packet.Payload, out _given[place]) != Error.None)
                return false;
            address = (uint)_given[place].Address.Value;
        }
        else if (bytes != 0)
        {
            Span<ulong> words = stackalloc ulong[2];
            words.Clear();
            packet.Bytes.CopyTo(MemoryMarshal.AsBytes(words));
            slot.Inline0.Write(words[0]);
            slot.Inline1.Write(words[1]);
            address = (uint)_slots.AddressOf(place).Value + SendSlot.InlineOffset;
        }
        _places[place].Packet = packet;
        WriteHeader(ref slot, packet, out uint headerBytes);
        // The place for a time in an immediate descriptor (7.1.2.2); requests ignore it.
        slot.First.Status.Write(packet.Expires);
        if (bytes == 0)
        {
            slot.First.Branch.Write(0);
            if (!packet.Header.Code.IsResponse)
                slot.First.Status.Write(0);
            slot.First.Control.Write(DescriptorControl.HeaderAlone | headerBytes);
        }
        else
        {
            slot.First.Control.Write(DescriptorControl.HeaderAndMore | headerBytes);
            slot.Data.Address.Write(address);
            slot.Data.Branch.Write(0);
            slot.Data.Status.Write(0);
            slot.Data.Control.Write(DescriptorControl.LastData | (uint)bytes);
        }
        Link(place, bytes != 0);
        return true;
    }

    /// <summary>Sends a packet between PHYs: nobody is told what became of it. False if there is no room.</summary>
    public bool TrySendPhy(uint quadlet)
    {
        const uint linkInternal = 0xE << 4, headerBytes = 12;
        if (_tail - _head >= MostPackets)
            return false;
        int place = (int)(_tail % Slots);
        ref SendSlot slot = ref _slots[place];
        _places[place].Packet = null;
        slot.Header0.Write(linkInternal);
        slot.Header1.Write(quadlet);
        slot.Header2.Write(~quadlet);
        slot.First.Branch.Write(0);
        slot.First.Status.Write(0);
        slot.First.Control.Write(DescriptorControl.HeaderAlone | headerBytes);
        Link(place, hasData: false);
        return true;
    }

    /// <summary>The next packet that was sent, and what became of it; false if there is none. The slot is free then.</summary>
    [PacketPath]
    public bool TryTakeSent(out OutPacket? packet, out AckCode ack)
    {
        packet = null;
        ack = AckCode.NotSent;
        while (_head != _tail)
        {
            int place = (int)(_head % Slots);
            uint status = LastOf(place).Status.Read();
            // The event code is never 0 once there is a status; a response's time is in the lower half before.
            if (status >> 16 == 0)
                return false;
            packet = Retire(place);
            ack = AckOf((EventCode)(status >> 16 & 0x1F));
            if (packet != null)
                return true;
        }
        return false;
    }

    /// <summary>
    /// Stops the context. What is under way then is taken by <see cref="TryTakeStopped"/>, and of it alone: what is sent from now on begins
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

    /// <summary>The next packet that was under way when it was stopped, sent or not; false if there is none.</summary>
    public bool TryTakeStopped(out OutPacket? packet, out AckCode ack)
    {
        packet = null;
        ack = AckCode.Flushed;
        while (_head != _stoppedAt && _head != _tail)
        {
            int place = (int)(_head % Slots);
            uint status = LastOf(place).Status.Read();
            packet = Retire(place);
            if (status >> 16 != 0)
                ack = AckOf((EventCode)(status >> 16 & 0x1F));
            if (packet != null)
                return true;
        }
        return false;
    }

    /// <summary>The controller was reset: the context does not run, whatever it did before.</summary>
    public void Forget()
    {
        _isRunning = false;
        _stoppedAt = _tail;
    }

    private static AckCode AckOf(EventCode code) => code switch
    {
        EventCode.MissingAck => AckCode.Missing,
        EventCode.Flushed => AckCode.Flushed,
        >= EventCode.Acknowledged => (AckCode)(code - EventCode.Acknowledged),
        _ => AckCode.NotSent,
    };

    private OutPacket? Retire(int place)
    {
        OutPacket? packet = _places[place].Packet;
        _places[place].Packet = null;
        if (!_given[place].IsEmpty)
            packet!.Payload = _dma.TakeSent(ref _given[place]);
        _head++;
        return packet;
    }

    // The descriptor that says how a block ended, and where the program goes on.
    private ref Descriptor LastOf(int place)
    {
        ref SendSlot slot = ref _slots[place];
        if (_hasData[place])
            return ref slot.Data;
        return ref slot.First;
    }

    private void Link(int place, bool hasData)
    {
        _hasData[place] = hasData;
        uint block = (uint)_slots.AddressOf(place).Value | (hasData ? SendSlot.WithData : SendSlot.Alone);
        _tail++;
        if (_isRunning)
        {
            _slots.Publish(ref LastOf((place + Slots - 1) % Slots).Branch, block);
            _context.Wake();
            return;
        }
        _isRunning = true;
        _context.Start(block);
    }

    // Headers in memory are not those of the bus: speed for the CRC's place, destination one quadlet later (7.8.1).
    private static void WriteHeader(ref SendSlot slot, OutPacket packet, out uint bytes)
    {
        const uint controlMask = 0xFFFF, destinationMask = 0xFFFF_0000;
        PacketHeader header = packet.Header;
        uint speed = (uint)packet.Speed << 16;
        if (header.Code == TransactionCode.Stream)
        {
            slot.Header0.Write(header.Q0 & controlMask | speed);
            slot.Header1.Write(header.Q0 & destinationMask);
            bytes = 8;
            return;
        }
        slot.Header0.Write(header.Q0 & controlMask | speed);
        slot.Header1.Write(header.Q0 & destinationMask | header.Q1 & controlMask);
        slot.Header2.Write(header.Q2);
        // A quadlet of data is data: in the order of its bytes.
        slot.Header3.Write(header.Code is TransactionCode.WriteQuadlet or TransactionCode.ReadQuadletResponse
            ? BinaryPrimitives.ReverseEndianness(header.Q3) : header.Q3);
        bytes = (uint)header.Code.HeaderQuadlets * 4;
    }

    // In a structure, as storing into an array of objects asks what they are.
    private struct Place
    {
        public OutPacket? Packet;
    }
}
