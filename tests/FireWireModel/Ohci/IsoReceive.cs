using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Ohci;

/// <summary>
/// A context that takes the packets of a channel, or of several: one after the other into a stream of buffers, each into a block of its
/// own, or cut in two. Source: 1394 OHCI 1.1, section 10.
/// </summary>
internal sealed class IsoReceive(OhciController controller, int number) : DmaContext(controller)
{
    private readonly BufferStream _stream = new(controller.Host, controller.DescriptorBytes);
    private readonly DualBuffer _dual = new(controller.Host);
    private readonly byte[] _bytes = new byte[Packet.MostBytes + 16];
    private uint _first, _last;
    private bool _isWaiting;

    /// <summary>Tags 31:28, cycle 26:12, sync 11:8, tag 1 filter 6, channel 5:0.</summary>
    public uint Match { get; set; }

    /// <summary>Packets for this context that it had no room for.</summary>
    public long Lost { get; private set; }

    /// <summary>Waits for a cycle to begin with.</summary>
    public bool IsMatching => Has(ContextControl.CycleMatchReceive);

    protected override uint OwnBits =>
        (uint)(ContextControl.BufferFill | ContextControl.Header | ContextControl.CycleMatchReceive | ContextControl.MultiChannel | ContextControl.DualBuffer);

    /// <summary>A cycle begins, perhaps after some that were lost.</summary>
    public void CycleStarted(uint cycle, int lost)
    {
        if (!IsRunning || !IsMatching || !Controller.IsReached((Match >> 12) & 0x7FFF, cycle, lost))
            return;
        ClearOwn(ContextControl.CycleMatchReceive);
        SetActive((CommandPtr & 0xF) != 0);
    }

    /// <summary>Takes a packet if it is one for this context.</summary>
    /// <returns>Whether it is, taken or lost.</returns>
    public bool TryTake(Packet packet)
    {
        if (!IsRunning || IsMatching || !IsWanted(packet))
            return false;
        if (Controller.FaultUnit.Has(OhciFaults.DeadContext))
        {
            Die(EventCode.Unknown);
            return true;
        }
        bool isTaken = IsActive && (Has(ContextControl.DualBuffer) ? TakeCut(packet) : Has(ContextControl.BufferFill) ? TakeIntoStream(packet) : TakeIntoBlock(packet));
        Lost += isTaken ? 0 : 1;
        return true;
    }

    protected override void Started()
    {
        _isWaiting = false;
        if (IsMatching)
            Controller.Phy.Segment.CyclesChanged();
        else
            SetActive((CommandPtr & 0xF) != 0);
    }

    protected override void Woken() => Resume(Controller.Has(OhciQuirks.ReceiveWake) && !_stream.IsOpen ? _first : _last);

    protected override void Stopped()
    {
        _isWaiting = false;
        _stream.Close();
        _dual.Close();
    }

    private bool Has(ContextControl bit) => (Control & (uint)bit) != 0;

    private bool IsWanted(Packet packet)
    {
        bool isChannel = Has(ContextControl.MultiChannel) ? Controller.TakesChannel(packet.Channel) : (Match & 0x3F) == (uint)packet.Channel;
        bool isFiltered = packet.Tag == 1 && ((Match & (1 << 6)) != 0 || Controller.FiltersTag1) && packet.Sync > 3;
        return isChannel && (Match & (1u << (28 + packet.Tag))) != 0 && !isFiltered;
    }

    // At the end of the program more may have been linked.
    private void Resume(uint last)
    {
        if (_isWaiting && Host.TryRead32(last + 8, out uint branch))
            _isWaiting = !Go(branch);
    }

    // Source: 1394 OHCI 1.1, section 10.2.1 and figures 10-7 and 10-8.
    private bool TakeIntoStream(Packet packet)
    {
        if (!_stream.IsOpen)
        {
            EventCode opened = _stream.Open(CommandPtr);
            if (opened != EventCode.None)
                Die(opened);
        }
        int start = Has(ContextControl.Header) ? 4 : 0, end = start + (start == 0 ? packet.DataBytes : (packet.DataBytes + 3) & ~3);
        if (!_stream.IsOpen || !_stream.HasRoom(end + start))
            return false;
        _bytes.AsSpan(0, end + 4).Clear();
        Copy(packet, start);
        uint status = Status(CodeOf(packet), (int)packet.Speed);
        if (start != 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_bytes, packet.Q0);
            BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(end), status | Controller.TimeStamp);
        }
        EventCode error = _stream.Put(_bytes.AsSpan(0, end + start), status, out bool hasInterrupt);
        _first = _last = _stream.Last;
        _isWaiting = !_stream.IsOpen;
        if (_stream.IsOpen)
            Go(_stream.Current);
        else
            SetActive(false);
        return Done(error, hasInterrupt);
    }

    // Source: 1394 OHCI 1.1, section 10.2.2.
    private bool TakeIntoBlock(Packet packet)
    {
        Span<Descriptor> block = stackalloc Descriptor[MostDescriptors];
        int count = Fetch(block);
        if (count == 0)
            return false;
        block = block[..count];
        if (!IsWellFormed(block))
        {
            Die(EventCode.Unknown);
            return false;
        }
        if (block[0].Wait == 3 && packet.Sync != (int)(Match >> 8 & 0xF))
            return true;
        int bytes = Prefix(packet);
        EventCode code = bytes > Room(block) ? EventCode.LongPacket : CodeOf(packet);
        uint status = Status(code, (int)packet.Speed);
        ReadOnlySpan<byte> left = _bytes.AsSpan(0, bytes);
        bool hasInterrupt = false;
        for (int i = 0; i < count; i++)
        {
            int here = Math.Min(left.Length, block[i].RequestCount);
            if (!Host.TryWrite(block[i].DataAddress, left[..here]) ||
                (block[i].WantsStatus && !Host.TryWrite32(AddressOf(i) + 12, status | (uint)(block[i].RequestCount - here))))
            {
                return Done(EventCode.DataWrite, false);
            }
            left = left[here..];
            hasInterrupt |= block[i].Interrupt == 3;
        }
        _last = AddressOf(count - 1);
        _first = AddressOf(0);
        return Follow(hasInterrupt);
    }

    // Source: 1394 OHCI 1.1, section 10.2.3.
    private bool TakeCut(Packet packet)
    {
        if (!_dual.IsOpen)
        {
            EventCode opened = _dual.Open(CommandPtr);
            if (opened != EventCode.None)
                return Done(opened, false);
        }
        if (_dual.Wait == 3 && packet.Sync != (int)(Match >> 8 & 0xF))
            return true;
        int bytes = Prefix(packet);
        SetEvent(CodeOf(packet), (int)packet.Speed);
        EventCode error = _dual.Put(_bytes.AsSpan(0, bytes), out bool hasInterrupt);
        _last = _dual.Last;
        _isWaiting = !_dual.IsOpen;
        if (_dual.IsOpen)
            Go(_dual.Current);
        else
            SetActive(false);
        return Done(error, hasInterrupt);
    }

    private bool Follow(bool hasInterrupt)
    {
        if (!Host.TryRead32(_last + 8, out uint branch))
            return Done(EventCode.DescriptorRead, false);
        _isWaiting = !Go(branch);
        return Done(EventCode.None, hasInterrupt);
    }

    private bool Done(EventCode error, bool hasInterrupt)
    {
        if (error != EventCode.None)
        {
            Die(error);
            return false;
        }
        if (hasInterrupt)
        {
            Controller.Interrupts.Receive.Events |= 1u << number;
            Controller.Interrupts.Update();
        }
        return true;
    }

    private static EventCode CodeOf(Packet packet) => packet.HasDataError ? EventCode.AckDataError : EventCode.AckComplete;

    private static bool IsWellFormed(ReadOnlySpan<Descriptor> block)
    {
        for (int i = 0; i < block.Length; i++)
        {
            bool isLast = i == block.Length - 1;
            if (block[i].Command != (isLast ? Descriptor.InputLast : Descriptor.InputMore) || block[i].Key != Descriptor.KeyStandard)
                return false;
        }
        return block[^1].Branch == 3;
    }

    private static int Room(ReadOnlySpan<Descriptor> block)
    {
        int room = 0;
        foreach (Descriptor descriptor in block)
            room += descriptor.RequestCount;
        return room;
    }

    // With headers: time stamp and header, then data.
    private int Prefix(Packet packet)
    {
        int start = Has(ContextControl.Header) ? 8 : 0;
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes, Controller.TimeStamp);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(4), packet.Q0);
        Copy(packet, start);
        return start + packet.DataBytes;
    }

    private void Copy(Packet packet, int start)
    {
        packet.Data.CopyTo(_bytes.AsSpan(start));
        Controller.SwapData(_bytes.AsSpan(start, (packet.DataBytes + 3) & ~3));
    }
}
