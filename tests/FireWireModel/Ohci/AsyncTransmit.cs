using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Ohci;

/// <summary>
/// A context that sends requests or responses, one at a time: a block is a packet. A bus reset flushes the one under way and stops the
/// context until software has cleared the event. Source: 1394 OHCI 1.1, section 7.
/// </summary>
internal sealed class AsyncTransmit(OhciController controller, IntEvent completed, int retriesShift) : DmaContext(controller)
{
    private readonly Packet _packet = new();
    private bool _isLoaded, _isWaiting, _isHalted;
    private uint _last, _responseDeadline;
    private int _lastInterrupt;
    private EventCode _error;

    /// <summary>
    /// The packet that wants the bus, or null. What is no packet, and a response whose time is over, is done with when its turn comes: so
    /// a program of nothing else takes time, too.
    /// </summary>
    public Packet? Next()
    {
        if (!_isLoaded || Controller.FaultUnit.Has(OhciFaults.StuckTransmit))
            return null;
        if (_error == EventCode.None && completed == IntEvent.ResponseSent && !_packet.IsPhy && _packet.Code.IsResponse && IsTooLate())
            _error = EventCode.TimeOut;
        if (_error == EventCode.None)
            return _packet;
        Complete(_error);
        return null;
    }

    /// <summary>Whether a packet is this context's.</summary>
    public bool Owns(Packet packet) => packet == _packet;

    public bool WantsBus => _isLoaded;

    /// <summary>What became of the packet.</summary>
    public void Sent(Ack ack)
    {
        if (ack.IsBusy && --_packet.Retries >= 0)
            return;
        Complete(ack == Ack.Missing ? EventCode.MissingAck : (EventCode)(0x10 | (int)ack));
    }

    /// <summary>A bus reset: what was loaded does not go out any more.</summary>
    public void BusReset()
    {
        if (_isLoaded && Finish(EventCode.Flushed) && Host.TryRead32(_last + 8, out uint branch))
            _isWaiting = !Go(branch);
        _isLoaded = false;
        // What is linked already is of the generation before: software has to clear run first.
        _isHalted = IsRunning;
        SetActive(false);
    }

    /// <summary>Software has cleared the event of the bus reset.</summary>
    public void Resume()
    {
        if (IsRunning && !_isHalted && !_isLoaded && !_isWaiting)
            Load();
    }

    protected override void Started()
    {
        _isWaiting = false;
        _isHalted = false;
        SetActive(true);
        Load();
    }

    protected override void Woken()
    {
        if (_isLoaded || _isHalted || Controller.Interrupts.Has(IntEvent.BusReset))
            return;
        if (!_isWaiting)
            Load();
        else if (Host.TryRead32(_last + 8, out uint branch))
            Follow(branch);
        else
            Die(EventCode.DescriptorRead);
    }

    protected override void Stopped()
    {
        _isLoaded = false;
        _isWaiting = false;
        _isHalted = false;
    }

    private void Follow(uint branch)
    {
        _isWaiting = !Go(branch);
        if (!_isWaiting)
            Load();
    }

    private void Load()
    {
        Span<Descriptor> block = stackalloc Descriptor[MostDescriptors];
        if (!IsRunning || Controller.Interrupts.Has(IntEvent.BusReset) || !Controller.IsActive)
        {
            SetActive(false);
            return;
        }
        if ((CommandPtr & 0xF) == 0)
        {
            // Nothing linked yet: whoever wakes it sets the command pointer before.
            SetActive(false);
            return;
        }
        int count = Fetch(block);
        if (count == 0)
            return;
        block = block[..count];
        if (!IsWellFormed(block) || Controller.FaultUnit.Has(OhciFaults.DeadContext))
        {
            Die(EventCode.Unknown);
            return;
        }
        SetActive(true);
        int last = count == 2 ? 0 : count - 1;
        _last = AddressOf(last);
        _lastInterrupt = block[last].Interrupt;
        _responseDeadline = block[0].Q3 & 0xFFFF;
        _error = Build(block);
        _packet.Retries = (int)(Controller.AtRetries >> retriesShift) & 0xF;
        _isLoaded = true;
        Controller.RequestBus();
    }

    // The header, immediate, in two descriptors' place; then data, the last one alone being OUTPUT_LAST.
    private static bool IsWellFormed(ReadOnlySpan<Descriptor> block)
    {
        if (block.Length < 2 || block[0].Key != Descriptor.KeyImmediate || block[0].RequestCount is not (8 or 12 or 16))
            return false;
        if (block.Length == 2)
            return block[0].Command == Descriptor.OutputLast && block[0].Branch == 3;
        if (block[0].Command != Descriptor.OutputMore)
            return false;
        for (int i = 2; i < block.Length; i++)
        {
            int command = i == block.Length - 1 ? Descriptor.OutputLast : Descriptor.OutputMore;
            if (block[i].Command != command || block[i].Key != Descriptor.KeyStandard)
                return false;
        }
        return block[^1].Branch == 3;
    }

    // Headers lie in memory otherwise than on the bus. Source: 1394 OHCI 1.1, section 7.8.
    private EventCode Build(ReadOnlySpan<Descriptor> block)
    {
        Descriptor header = block[1];
        var code = (Tcode)((header.Q0 >> 4) & 0xF);
        int expected = code switch { Tcode.Phy => 12, Tcode.Stream => 8, _ => code.HeaderQuadlets * 4 };
        if (code == Tcode.CycleStart || expected != block[0].RequestCount)
            return EventCode.TcodeError;
        _packet.Speed = (Speed)Math.Min((header.Q0 >> 16) & 7, (uint)Speed.S800);
        if (code == Tcode.Phy)
        {
            _packet.Phy(header.Q1);
            _packet.Q1 = header.Q2;
            _packet.Speed = Speed.S100;
            return block.Length == 2 ? EventCode.None : EventCode.TcodeError;
        }
        EventCode error = Gather(block[2..], out int bytes);
        if (error != EventCode.None)
            return error;
        if (code == Tcode.Stream)
        {
            _packet.Stream((int)(header.Q0 >> 8) & 0x3F, (int)(header.Q0 >> 14) & 3, (int)header.Q0 & 0xF, _packet.Room[..bytes]);
            return header.Q1 >> 16 == bytes ? EventCode.None : EventCode.Unknown;
        }
        // The node's own address is put in by the controller.
        ushort source = (ushort)(((header.Q0 & (1u << 23)) != 0 ? Controller.NodeId : Controller.NodeId | 0xFFC0u) & 0xFFFF);
        _packet.Request(code, (int)(header.Q0 >> 10) & 0x3F, (ushort)(header.Q1 >> 16), source, ((ulong)(header.Q1 & 0xFFFF) << 32) | header.Q2);
        _packet.Q0 = (_packet.Q0 & ~0x300u) | (header.Q0 & 0x300);
        if (expected == 16)
            _packet.Q3 = code.HasData || code == Tcode.ReadBlock ? header.Q3 : Controller.SwapData(header.Q3);
        _packet.DataBytes = bytes;
        return bytes == (code.HasData ? _packet.LengthField : 0) ? EventCode.None : EventCode.Unknown;
    }

    private EventCode Gather(ReadOnlySpan<Descriptor> parts, out int bytes)
    {
        bytes = 0;
        foreach (Descriptor part in parts)
        {
            if (part.RequestCount > Packet.MostBytes - bytes)
                return EventCode.Unknown;
            if (!Host.TryRead(part.DataAddress, _packet.Room.Slice(bytes, part.RequestCount)))
                return EventCode.DataRead;
            bytes += part.RequestCount;
        }
        Controller.SwapData(_packet.Room[..((bytes + 3) & ~3)]);
        return EventCode.None;
    }

    // Three bits of seconds, thirteen of cycles: later by less than half of eight seconds is too late.
    private bool IsTooLate()
    {
        const int cyclesPerSecond = 8000, wrap = 8 * cyclesPerSecond;
        return (Cycles(Controller.TimeStamp) - Cycles(_responseDeadline) + wrap) % wrap is > 0 and < wrap / 2;

        static int Cycles(uint stamp) => (int)(((stamp >> 13) * cyclesPerSecond) + Math.Min(stamp & 0x1FFF, cyclesPerSecond - 1));
    }

    private void Complete(EventCode code)
    {
        _isLoaded = false;
        if (!Finish(code))
            return;
        uint done = _last;
        if (Host.TryRead32(_last + 8, out uint branch))
            Follow(branch);
        else
            Die(EventCode.DescriptorRead);
        if (Controller.Faults != 0)
            Controller.FaultUnit.SpoilDescriptor(done);
    }

    private bool Finish(EventCode code)
    {
        if (!Host.TryWrite32(_last + 12, Status(code) | Controller.TimeStamp))
        {
            Die(EventCode.DataWrite);
            return false;
        }
        if (_lastInterrupt == 3 || (_lastInterrupt == 1 && code is not (EventCode.AckComplete or EventCode.AckPending)))
            Controller.Interrupts.Raise(completed);
        return true;
    }
}
