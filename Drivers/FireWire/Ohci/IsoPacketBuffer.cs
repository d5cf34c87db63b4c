using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>
/// A descriptor block for a packet, and what is told of it: its data goes to one place or, where memory is in pieces, to two. The last descriptor
/// is always the third, so its status is; the block begins with the first of those that are used. A packet that ends before the last may have its status
/// where it ended, and there alone. Behind it lies what no controller that reads 32 bytes at a time may not read. Source: OHCI 1.1, sections
/// 10.1.1 and 10.2.2, and figure 10-7; Fujitsu MB86613S, section 4.4.3.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IsoReceiveSlot
{
    public const uint Bytes = 64, ToldOffset = 48, ToldBytes = 8;

    public Descriptor First, Second, Last;

    /// <summary>When: the lower half. Then the header, as on the bus.</summary>
    public Shared<uint> Time, Header;

    public Shared<ulong> Unused;
}

/// <summary>A buffer in packet-per-buffer mode: a block for each packet, the last of them with an interrupt.</summary>
internal sealed class IsoPacketBuffer(IsoReceive receiver, IsoReceiveMode mode) : IsoReceiveBuffer(mode), IIsoProgram
{
    private const uint Complete = (uint)EventCode.Acknowledged + (uint)AckCode.Complete;

    private IsoPrograms<IsoReceiveSlot> _programs;

    /// <inheritdoc/>
    public uint Begin => BlockAt(0, _firstCount);

    // The descriptors of the first block and of the last, and what of the last place's data goes to its first part; and whether the first waits for a synchronization code that it tells.
    private uint _firstCount, _lastCount, _lastFront;
    private bool _knowsSync;

    /// <inheritdoc/>
    public bool IsDone => _programs.Now[Packets - 1].Last.Status.Read() != 0 || IsDoneEarly();

    /// <inheritdoc/>
    public override IsoPacket this[int place]
    {
        get
        {
            ref IsoReceiveSlot slot = ref _programs.Now[place];
            uint status = slot.Last.Status.Read(), front = slot.Second.Status.Read(), header = HasHeaders ? slot.Header.Read() : 0;
            if (!HasHeaders)
            {
                // All but what is left of each part; a part that nobody asked for has nothing left, one that nothing came to all of it.
                uint left = place < Whole ? 0 : ((status != 0 ? status : slot.Last.Control.Read()) & 0xFFFF) + (front & 0xFFFF);
                header = (uint)PacketBytes - Math.Min(left, (uint)PacketBytes) << 16;
            }
            status = status != 0 ? status : front;
            // An empty packet of the last place may have it where its header went.
            if (status == 0 && place == Packets - 1 && _lastCount == 3)
                status = slot.First.Status.Read();
            return new IsoPacket(header, slot.Time.Read() & 0xFFFF, place < Whole || IsWhole(status, header));
        }
    }

    /// <inheritdoc/>
    public void Give()
    {
        GiveAll();
        // Those that were good have none since they were taken.
        for (int i = Whole; i < Packets; i++)
        {
            _programs.Now[i].Second.Status.Write(0);
            _programs.Now[i].Last.Status.Write(0);
        }
        _programs.Now[Packets - 1].First.Status.Write(0);
        _programs.Now[Packets - 1].Second.Status.Write(0);
        _programs.Turn();
        Link(0, inFirst: true);
    }

    /// <inheritdoc/>
    public void Link(uint block, bool inFirst) => LinkEnd(ref _programs.Now, block, inFirst);

    /// <inheritdoc/>
    public void LinkToItself(bool inFirst) => LinkEnd(ref _programs.Before, Begin, inFirst);

    /// <summary>What is believed is what fits together.</summary>
    public void Done()
    {
        int whole = CountWhole(receiver.Sync);
        Whole = whole;
        uint written = (uint)whole * (uint)PacketBytes;
        if (whole < Packets)
        {
            IsoPacket next = this[whole];
            if (next.IsWhole && next.DataBytes < PacketBytes)
                written += (uint)next.DataBytes;
        }
        TakeBack(written);
        receiver.Filled(this);
    }

    /// <inheritdoc/>
    public void TakeUnused()
    {
        Whole = 0;
        TakeBack(0);
    }

    /// <inheritdoc/>
    public void Lose()
    {
        Abandon();
        _programs.Lose();
    }

    /// <inheritdoc/>
    protected internal override void Enqueue() => receiver.Buffers.Queue(this);

    /// <inheritdoc/>
    protected override Error TryMakeProgram(DmaDevice dma, ReadOnlySpan<DmaSegment> segments, bool waits)
    {
        Error error = _programs.TryMake(dma, Packets);
        _knowsSync = waits && HasHeaders;
        for (int i = 0; i < IsoPrograms<IsoReceiveSlot>.Count && error == Error.None; i++)
        {
            _programs.Turn();
            error = TryWrite(segments, waits);
        }
        return error;
    }

    /// <inheritdoc/>
    protected override void FreeProgram() => _programs.Free();

    private Error TryWrite(ReadOnlySpan<DmaSegment> segments, bool waits)
    {
        uint wait = waits ? DescriptorControl.Wait : 0;
        int segment = 0;
        uint used = 0, bytes = (uint)PacketBytes;
        for (int i = 0; i < Packets; i++)
        {
            if (used == segments[segment].Length)
            {
                segment++;
                used = 0;
            }
            uint front = Math.Min(bytes, segments[segment].Length - used), at = (uint)segments[segment].Address.Value + used;
            ref IsoReceiveSlot slot = ref _programs.Now[i];
            bool isInTwo = front != bytes;
            uint count = (isInTwo ? 2u : 1u) + (HasHeaders ? 1u : 0);
            ref Descriptor told = ref slot.Second;
            if (isInTwo)
            {
                // Only the last segment is shorter than a page, and no packet is longer.
                if (segment + 1 == segments.Length || segments[segment + 1].Length < bytes - front)
                    return Error.TooLarge;
                told = ref slot.First;
                Fill(ref slot.Second, DescriptorControl.ReceiveMore | DescriptorControl.Status | (HasHeaders ? 0 : wait), at, front);
                at = (uint)segments[++segment].Address.Value;
                used = 0;
            }
            // An empty packet ends here: that matters where nothing else would say that the buffer is done.
            if (HasHeaders)
                Fill(ref told, DescriptorControl.ReceiveMore | wait | (i == Packets - 1 ? DescriptorControl.Status : 0), SlotAddress(i) + IsoReceiveSlot.ToldOffset, IsoReceiveSlot.ToldBytes);
            uint rest = isInTwo ? bytes - front : bytes;
            Fill(ref slot.Last, DescriptorControl.ReceiveLast | (count == 1 ? wait : 0) | (i == Packets - 1 ? DescriptorControl.Interrupt : 0), at, rest);
            wait = 0;
            used += rest;
            if (i == 0)
                _firstCount = count;
            else
                _programs.Now[i - 1].Last.Branch.Write(BlockAt(i, count));
            _lastCount = count;
            _lastFront = isInTwo ? front : 0;
        }
        return Error.None;
    }

    // Whether the last packet ended before its last descriptor. That it is nowhere else yet, a status there need not mean: the context has left the block then.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool IsDoneEarly()
    {
        ref IsoReceiveSlot slot = ref _programs.Now[Packets - 1];
        uint told = (_lastCount == 3 ? slot.First.Status.Read() : 0) | slot.Second.Status.Read();
        if (told == 0)
            return false;
        // One that was cut, as it came too fast or is damaged, is shorter than its header says.
        if (HasHeaders && (told >> 16 & 0x1F) == Complete && slot.Header.Read() >> 16 > _lastFront)
            return false;
        return receiver.HasLeft(BlockAt(Packets - 1, _lastCount));
    }

    private int CountWhole(uint sync)
    {
        // The first packet's code is as it may be; and no packet has this one.
        uint other = _knowsSync ? sync : uint.MaxValue, code = uint.MaxValue;
        ref IsoReceiveSlot slot = ref _programs.Now[0], end = ref Unsafe.Add(ref slot, Packets);
        int whole = 0;
        while (Unsafe.IsAddressLessThan(ref slot, ref end))
        {
            // xferStatus says that it came, and resCount that nothing is left of the place.
            if ((slot.Last.Status.Read() & 0x1F_FFFF) != Complete << 16 || (slot.Header.Read() & 0xF) == code)
                break;
            slot.Last.Status.Write(0);
            code = other;
            whole++;
            slot = ref Unsafe.Add(ref slot, 1);
        }
        return whole;
    }

    private bool IsWhole(uint status, uint header) =>
        (status >> 16 & 0x1F) == Complete && header >> 16 <= (uint)PacketBytes && (status & 0xFFFF) <= (uint)PacketBytes - (header >> 16);

    private bool HasHeaders => Mode == IsoReceiveMode.Packets;

    private uint SlotAddress(int place) => (uint)_programs.Now.AddressOf(place).Value;

    private uint BlockAt(int place, uint count) => SlotAddress(place) + (3 - count) * DescriptorControl.Bytes | count;

    private void LinkEnd(ref Coherent<IsoReceiveSlot> program, uint block, bool inFirst)
    {
        ref IsoReceiveSlot slot = ref program[Packets - 1];
        if (inFirst && _lastCount == 3)
            slot.First.Branch.Write(block);
        else if (inFirst && _lastCount == 2)
            slot.Second.Branch.Write(block);
        program.Publish(ref slot.Last.Branch, block);
    }

    private static void Fill(ref Descriptor descriptor, uint control, uint address, uint bytes)
    {
        descriptor.Control.Write(control | bytes);
        descriptor.Address.Write(address);
        descriptor.Branch.Write(0);
        descriptor.Status.Write(0);
    }
}
