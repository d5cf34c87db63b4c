using System;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>
/// A descriptor block for a cycle: header, then data in one place or two; a header alone; or nothing. It ends with the fourth descriptor, or with a
/// header there. Source: OHCI 1.1, sections 9.1 and 9.6.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IsoSendSlot
{
    public const uint Bytes = 64;

    public Descriptor First, Second, Third, Last;
}

/// <summary>A buffer of packets to be sent: a block for each cycle, the last of them with an interrupt.</summary>
internal sealed class IsoSendBuffer : IsoTransmitBuffer, IIsoProgram
{
    // What is wanted of a place: data bytes 12:0, channel 18:13, tag 20:19, sync 24:21, speed 26:25, left out if late 27, a packet at all 28.
    private const uint BytesMask = 0x1FFF, IsDropped = 1u << 27, HasPacket = 1u << 28;
    private const uint HeaderBytes = 8;

    private readonly Part[] _parts = new Part[MostSegments];
    private IsoPrograms<IsoSendSlot> _programs;
    private Coherent<Shared<uint>> _wanted;

    // What was wanted of the last place when it was given, and the time before.
    private uint _last, _lastBefore;

    /// <inheritdoc/>
    public uint Begin { get; private set; }

    /// <inheritdoc/>
    public bool IsDone => EndOf(Packets - 1).Status.Read() != 0;

    /// <inheritdoc/>
    public override void Set(int place, int bytes, int channel, int tag, int sync, BusSpeed speed, bool isDropped = false)
    {
        if ((uint)bytes > (uint)PacketBytes || IsQueued)
            Bug.Stop("a packet of a stream is longer than its place, or the controller's"u8);
        _wanted[place].Write((uint)bytes | (uint)(channel & 0x3F) << 13 | (uint)(tag & 3) << 19 | (uint)(sync & 0xF) << 21 | (uint)speed << 25 | (isDropped ? IsDropped : 0) | HasPacket);
    }

    /// <inheritdoc/>
    public override void SetEmpty(int place)
    {
        if (IsQueued)
            Bug.Stop("a packet of a stream is the controller's"u8);
        _wanted[place].Write(0);
    }

    /// <inheritdoc/>
    public override bool WasSent(int place, out uint time)
    {
        uint status = EndOf(place).Status.Read();
        time = status & 0xFFFF;
        return (status >> 16 & 0x1F) == (uint)EventCode.Acknowledged + (uint)AckCode.Complete;
    }

    /// <inheritdoc/>
    public void Give()
    {
        GiveAll();
        _programs.Turn();
        _lastBefore = _last;
        _last = _wanted[Packets - 1].Read();
        int part = PartOf(Packets - 1, out uint used);
        uint next = 0;
        for (int i = Packets - 1; i >= 0; i--)
        {
            next = Build(i, _wanted[i].Read(), part, used, next);
            if (i == 0)
                break;
            // Back by one place.
            uint back = (uint)PacketBytes;
            for (; used < back; used = _parts[part].Bytes)
            {
                back -= used;
                part--;
            }
            used -= back;
        }
        Begin = next;
    }

    /// <inheritdoc/>
    public void TakeUnused() => TakeBack();

    /// <inheritdoc/>
    public void Lose()
    {
        Abandon();
        _programs.Lose();
        Own.KeepForGood(ref _wanted);
    }

    /// <inheritdoc/>
    public void Link(uint block, bool inFirst) => _programs.Now.Publish(ref EndOf(Packets - 1).Branch, block);

    /// <inheritdoc/>
    public void LinkToItself(bool inFirst) => _programs.Before.Publish(ref EndOf(ref _programs.Before[Packets - 1], _lastBefore).Branch, Begin);

    /// <inheritdoc/>
    protected override Error TryMakeProgram(DmaDevice dma, ReadOnlySpan<DmaSegment> segments)
    {
        Error error = _programs.TryMake(dma, Packets);
        if (error == Error.None)
            error = dma.TryAllocateCoherent(Packets, out _wanted);
        for (int i = 0; i < segments.Length && error == Error.None; i++)
        {
            // Only the last one is shorter than a page, and no packet is longer.
            if (segments[i].Length < (uint)PacketBytes && i != segments.Length - 1)
                error = Error.TooLarge;
            _parts[i] = new Part { Address = (uint)segments[i].Address.Value, Bytes = segments[i].Length };
        }
        return error;
    }

    /// <inheritdoc/>
    protected override void FreeProgram()
    {
        _programs.Free();
        if (!_wanted.IsEmpty)
            DmaDevice.Free(ref _wanted);
    }

    private int PartOf(int place, out uint used)
    {
        int part = 0;
        used = (uint)place * (uint)PacketBytes;
        for (; used >= _parts[part].Bytes; part++)
            used -= _parts[part].Bytes;
        return part;
    }

    // The descriptor that says where the program goes on, and what became of the packet.
    private ref Descriptor EndOf(int place) => ref EndOf(ref _programs.Now[place], _wanted[place].Read());

    private static ref Descriptor EndOf(ref IsoSendSlot slot, uint wanted)
    {
        if ((wanted & HasPacket) != 0 && (wanted & BytesMask) == 0)
            return ref slot.Third;
        return ref slot.Last;
    }

    // A block, and behind it the next one: what is returned is the block.
    private uint Build(int place, uint wanted, int part, uint used, uint next)
    {
        ref IsoSendSlot slot = ref _programs.Now[place];
        var at = (uint)_programs.Now.AddressOf(place).Value;
        uint bytes = wanted & BytesMask, front = Math.Min(bytes, _parts[part].Bytes - used);
        uint interrupt = place == Packets - 1 ? DescriptorControl.Interrupt : 0;
        uint count = (wanted & HasPacket) == 0 ? 1u : bytes == 0 ? 2u : front == bytes ? 3u : 4u;
        uint block = at + IsoSendSlot.Bytes - count * DescriptorControl.Bytes | count;
        // What is nothing is left out, too. The end is always reached: it says that the buffer is done.
        uint skip = (wanted & (IsDropped | HasPacket)) != HasPacket && next != 0 ? next : block;
        switch (count)
        {
            case 1:
                Fill(ref slot.Last, DescriptorControl.SendLast | interrupt, skip, next);
                return block;
            case 2:
                Fill(ref slot.Third, DescriptorControl.SendLast | DescriptorControl.Immediate | interrupt | HeaderBytes, skip, next);
                WriteHeader(ref slot.Last, wanted);
                return block;
            case 3:
                Fill(ref slot.Second, DescriptorControl.Immediate | HeaderBytes, 0, skip);
                WriteHeader(ref slot.Third, wanted);
                Fill(ref slot.Last, DescriptorControl.SendLast | interrupt | bytes, _parts[part].Address + used, next);
                return block;
            default:
                Fill(ref slot.First, DescriptorControl.Immediate | HeaderBytes, 0, skip);
                WriteHeader(ref slot.Second, wanted);
                Fill(ref slot.Third, front, _parts[part].Address + used, 0);
                Fill(ref slot.Last, DescriptorControl.SendLast | interrupt | bytes - front, _parts[part + 1].Address, next);
                return block;
        }
    }

    // Speed 18:16, tag 15:14, channel 13:8, transaction code 7:4, sync 3:0; then data_length 31:16 (9.6).
    private static void WriteHeader(ref Descriptor header, uint wanted)
    {
        header.Control.Write((wanted >> 25 & 3) << 16 | (wanted >> 19 & 3) << 14 | (wanted >> 13 & 0x3F) << 8 | (uint)TransactionCode.Stream << 4 | (wanted >> 21 & 0xF));
        header.Address.Write((wanted & BytesMask) << 16);
    }

    private static void Fill(ref Descriptor descriptor, uint control, uint address, uint branch)
    {
        descriptor.Control.Write(control);
        descriptor.Address.Write(address);
        descriptor.Branch.Write(branch);
        descriptor.Status.Write(0);
    }

    private struct Part
    {
        public uint Address, Bytes;
    }
}
