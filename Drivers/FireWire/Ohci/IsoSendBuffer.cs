using System;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>
/// A descriptor block for a cycle: header, then data in one place or two; a header alone; or nothing. It ends with the fifth descriptor, or with a
/// header there, and may begin with a value to be stored. Behind it lies what no controller that reads 32 bytes at a time may not read.
/// Source: OHCI 1.1, sections 9.1 and 9.6.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IsoSendSlot
{
    public const uint EndOffset = 80;

    public Descriptor First, Second, Third, Fourth, Last;

    /// <summary>In the first slot the controller writes how far it is.</summary>
    public Shared<uint> Progress, Unused;

    public Shared<ulong> Unused2;
}

/// <summary>A buffer of packets to be sent: a block for each cycle, the last of them with an interrupt.</summary>
internal sealed class IsoSendBuffer(IsoTransmit transmitter) : IsoTransmitBuffer, IIsoProgram
{
    // What is wanted of a place: data bytes 12:0, channel 18:13, tag 20:19, sync 24:21, speed 26:25, a packet at all 27, options 30:28.
    private const uint BytesMask = 0x1FFF, HasPacket = 1u << 27;
    private const int OptionsShift = 28;
    private const uint IsDropped = (uint)IsoSendOptions.Dropped << OptionsShift, Interrupts = (uint)IsoSendOptions.Interrupt << OptionsShift;
    private const uint Stores = (uint)IsoSendOptions.Progress << OptionsShift;
    private const uint HeaderBytes = 8;

    // What is stored has 16 bits.
    private const int MostPackets = 1 << 16;

    private readonly Part[] _parts = new Part[MostSegments];
    private IsoPrograms<IsoSendSlot> _programs;
    private Coherent<Shared<uint>> _wanted;

    // What was wanted of the last place when it was given, and the time before.
    private uint _last, _lastBefore;

    // The next place to be told of, or the last of all; and how far it was at the last look.
    private int _next, _progress;

    /// <inheritdoc/>
    public uint Begin { get; private set; }

    /// <inheritdoc/>
    public bool IsDone => EndOf(Packets - 1).Status.Read() != 0;

    /// <inheritdoc/>
    public override int Progress
    {
        get
        {
            if (!IsQueued)
                return 0;
            uint stored = _programs.Now[0].Progress.Read();
            if (stored < (uint)_progress || stored >= (uint)Packets)
                transmitter.Counters.BadProgress++;
            else
                _progress = (int)stored;
            return _progress;
        }
    }

    /// <inheritdoc/>
    public override void Set(int place, int bytes, int channel, int tag, int sync, BusSpeed speed, IsoSendOptions options = IsoSendOptions.None)
    {
        if ((uint)bytes > (uint)PacketBytes || IsQueued)
            Bug.Stop("a packet of a stream is longer than its place, or the controller's"u8);
        _wanted[place].Write((uint)bytes | (uint)(channel & 0x3F) << 13 | (uint)(tag & 3) << 19 | (uint)(sync & 0xF) << 21 | (uint)speed << 25 | HasPacket | (uint)options << OptionsShift);
    }

    /// <inheritdoc/>
    public override void SetEmpty(int place, IsoSendOptions options = IsoSendOptions.None)
    {
        if (IsQueued)
            Bug.Stop("a packet of a stream is the controller's"u8);
        _wanted[place].Write((uint)options << OptionsShift);
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
        _next = Packets - 1;
        _progress = 0;
        _programs.Now[0].Progress.Write(0);
        int part = PartOf(Packets - 1, out uint used);
        uint next = 0;
        for (int i = Packets - 1; i >= 0; i--)
        {
            uint wanted = _wanted[i].Read();
            next = Build(i, wanted, part, used, next);
            if ((wanted & Interrupts) != 0)
                _next = i;
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

    /// <summary>Whether places had their cycle since the last time that are to be told of.</summary>
    /// <param name="sent">That many places had theirs.</param>
    public bool TryGoOn(out int sent)
    {
        int last = Packets - 1;
        for (sent = 0; _next < last && EndOf(_next).Status.Read() != 0;)
        {
            sent = ++_next;
            while (_next < last && (_wanted[_next].Read() & Interrupts) == 0)
                _next++;
        }
        return sent != 0;
    }

    /// <inheritdoc/>
    public void Done()
    {
        TakeBack();
        transmitter.Sent(this);
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
        if (Packets > MostPackets)
            return Error.TooLarge;
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
            return ref slot.Fourth;
        return ref slot.Last;
    }

    // A block, and behind it the next one: what is returned is the block.
    private uint Build(int place, uint wanted, int part, uint used, uint next)
    {
        ref IsoSendSlot slot = ref _programs.Now[place];
        var at = (uint)_programs.Now.AddressOf(place).Value;
        uint bytes = wanted & BytesMask, front = Math.Min(bytes, _parts[part].Bytes - used);
        uint interrupt = place == Packets - 1 || (wanted & Interrupts) != 0 ? DescriptorControl.Interrupt : 0;
        uint count = (wanted & HasPacket) == 0 ? 1u : bytes == 0 ? 2u : front == bytes ? 3u : 4u;
        uint all = count + ((wanted & Stores) != 0 ? 1u : 0);
        uint block = at + IsoSendSlot.EndOffset - all * DescriptorControl.Bytes | all;
        // What is nothing is left out, too. What is told of never is, nor the end, which says that the buffer is done.
        uint skip = (wanted & (IsDropped | HasPacket)) != HasPacket && interrupt == 0 ? next : block;
        // Before the rest of the block, whatever that is.
        ref Descriptor store = ref slot.First;
        switch (count)
        {
            case 1:
                store = ref slot.Fourth;
                Fill(ref slot.Last, DescriptorControl.SendLast | interrupt, skip, next);
                break;
            case 2:
                store = ref slot.Third;
                Fill(ref slot.Fourth, DescriptorControl.SendLast | DescriptorControl.Immediate | interrupt | HeaderBytes, skip, next);
                WriteHeader(ref slot.Last, wanted);
                break;
            case 3:
                store = ref slot.Second;
                Fill(ref slot.Third, DescriptorControl.Immediate | HeaderBytes, 0, skip);
                WriteHeader(ref slot.Fourth, wanted);
                Fill(ref slot.Last, DescriptorControl.SendLast | interrupt | bytes, _parts[part].Address + used, next);
                break;
            default:
                Fill(ref slot.Second, DescriptorControl.Immediate | HeaderBytes, 0, skip);
                WriteHeader(ref slot.Third, wanted);
                Fill(ref slot.Fourth, front, _parts[part].Address + used, 0);
                Fill(ref slot.Last, DescriptorControl.SendLast | interrupt | bytes - front, _parts[part + 1].Address, next);
                break;
        }
        if (all != count)
            Fill(ref store, DescriptorControl.StoreValue | (uint)place, (uint)_programs.Now.AddressOf(0).Value + IsoSendSlot.EndOffset, skip);
        return block;
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
