using System;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Ohci;

/// <summary>
/// A context that sends a packet in each cycle: a block is a packet, or a cycle without one. A cycle that is lost is skipped by the
/// block's skip address. Source: 1394 OHCI 1.1, section 9.
/// </summary>
internal sealed class IsoTransmit(OhciController controller, int number) : DmaContext(controller)
{
    private const int HeaderBytes = 8;

    private readonly Packet _packet = new();
    private uint _last;
    private bool _isWaiting;

    /// <summary>Waits for a cycle to begin with.</summary>
    public bool IsMatching => (Control & (uint)ContextControl.CycleMatchTransmit) != 0;

    protected override uint OwnBits => 0xFFFF_0000;

    /// <summary>A cycle begins, perhaps after some that were lost.</summary>
    /// <param name="cycle">Two bits of seconds, thirteen of cycles.</param>
    public void CycleStarted(uint cycle, int lost)
    {
        if (!IsRunning)
            return;
        if (IsMatching)
        {
            if (!Controller.IsReached((Control >> 16) & 0x7FFF, cycle, lost))
                return;
            ClearOwn(ContextControl.CycleMatchTransmit);
            SetActive((CommandPtr & 0xF) != 0);
            return;
        }
        for (; lost > 0 && IsActive; lost--)
            Skip();
    }

    /// <summary>The packet of this cycle, or null. The block is done with this.</summary>
    public Packet? Next()
    {
        if (!IsRunning || IsMatching || !IsActive)
            return null;
        if (Controller.FaultUnit.Has(OhciFaults.DeadContext))
        {
            Die(EventCode.Unknown);
            return null;
        }
        Span<Descriptor> block = stackalloc Descriptor[MostDescriptors];
        int count = Fetch(block);
        return count == 0 ? null : Carry(block[..count]);
    }

    protected override void Started()
    {
        _isWaiting = false;
        if (!IsMatching)
            SetActive((CommandPtr & 0xF) != 0);
        Controller.Phy.Segment.CyclesChanged();
    }

    protected override void Woken()
    {
        if (!_isWaiting)
            return;
        if (Host.TryRead32(_last + 8, out uint branch))
            _isWaiting = !Go(branch);
        else
            Die(EventCode.DescriptorRead);
    }

    protected override void Stopped() => _isWaiting = false;

    private Packet? Carry(ReadOnlySpan<Descriptor> block)
    {
        int first = 0;
        if (block[0].Command == Descriptor.StoreValue && block[0].Key == Descriptor.KeyStore)
        {
            if (!Host.TryWrite32(block[0].DataAddress & ~3u, block[0].Q0 & 0xFFFF))
            {
                Die(EventCode.DataWrite);
                return null;
            }
            if (block[0].Interrupt == 3)
                Interrupt();
            first = 1;
        }
        ReadOnlySpan<Descriptor> rest = block[first..];
        int last = LastOf(rest);
        if (last < 0)
        {
            Die(EventCode.Unknown);
            return null;
        }
        EventCode code = EventCode.AckComplete;
        bool hasPacket = rest[0].Key == Descriptor.KeyImmediate;
        if (hasPacket)
        {
            code = Build(rest, last == 0 ? 2 : rest.Length);
            hasPacket = code == EventCode.AckComplete;
        }
        Finish(rest[last], AddressOf(first + last), code);
        return hasPacket ? _packet : null;
    }

    // The place of the OUTPUT_LAST; -1 if the block has not the form of one.
    private static int LastOf(ReadOnlySpan<Descriptor> rest)
    {
        if (rest.IsEmpty)
            return -1;
        if (rest.Length == 1)
            return rest[0].Command == Descriptor.OutputLast && rest[0].Key == Descriptor.KeyStandard && rest[0].RequestCount == 0 && rest[0].Branch == 3 ? 0 : -1;
        if (rest[0].Key != Descriptor.KeyImmediate || rest[0].RequestCount != HeaderBytes)
            return -1;
        if (rest.Length == 2)
            return rest[0].Command == Descriptor.OutputLast && rest[0].Branch == 3 ? 0 : -1;
        for (int i = 0; i < rest.Length; i++)
        {
            int command = i == rest.Length - 1 ? Descriptor.OutputLast : Descriptor.OutputMore;
            if (i != 1 && (rest[i].Command != command || (i > 1 && rest[i].Key != Descriptor.KeyStandard)))
                return -1;
        }
        return rest[^1].Branch == 3 ? rest.Length - 1 : -1;
    }

    private EventCode Build(ReadOnlySpan<Descriptor> rest, int count)
    {
        Descriptor header = rest[1];
        int bytes = 0;
        foreach (Descriptor part in rest[2..count])
        {
            if (part.RequestCount > Packet.MostBytes - bytes)
                return EventCode.Unknown;
            if (!Host.TryRead(part.DataAddress, _packet.Room.Slice(bytes, part.RequestCount)))
                return EventCode.DataRead;
            bytes += part.RequestCount;
        }
        _packet.Speed = (Speed)Math.Min((header.Q0 >> 16) & 7, (uint)Speed.S800);
        if ((Tcode)((header.Q0 >> 4) & 0xF) != Tcode.Stream)
            return EventCode.TcodeError;
        if (header.Q1 >> 16 != bytes || bytes > _packet.Speed.MostIsochronousBytes)
            return EventCode.Unknown;
        Controller.SwapData(_packet.Room[..((bytes + 3) & ~3)]);
        _packet.Stream((int)(header.Q0 >> 8) & 0x3F, (int)(header.Q0 >> 14) & 3, (int)header.Q0 & 0xF, _packet.Room[..bytes]);
        return EventCode.AckComplete;
    }

    private void Finish(in Descriptor last, uint address, EventCode code)
    {
        uint status = Status(code) | Controller.TimeStamp;
        if (last.WantsStatus && !Host.TryWrite32(address + 12, status))
        {
            Die(EventCode.DataWrite);
            return;
        }
        if (last.Interrupt == 3)
            Interrupt();
        _last = address;
        if (Host.TryRead32(address + 8, out uint branch))
            _isWaiting = !Go(branch);
        else
            Die(EventCode.DescriptorRead);
    }

    // A block with its last descriptor first has the skip address where others have their data's.
    private void Skip()
    {
        Span<Descriptor> block = stackalloc Descriptor[MostDescriptors];
        if (Fetch(block) == 0)
            return;
        Go(block[0].Command == Descriptor.OutputLast ? block[0].Q1 : block[0].Q2);
    }

    private void Interrupt()
    {
        Controller.Interrupts.Transmit.Events |= 1u << number;
        Controller.Interrupts.Update();
    }
}
