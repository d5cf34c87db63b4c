using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire.Second;

/// <summary>An isochronous receive context: buffer-fill, packet-per-buffer and dual-buffer. Source: 1394 OHCI 1.1, section 10.</summary>
internal sealed class IsoReceive(SecondController controller, int index) : Context(controller, $"IR{index}")
{
    private const uint BufferFillBit = 1u << 31, HeaderBit = 1 << 30, MatchBit = 1 << 29, ManyBit = 1 << 28, DualBit = 1 << 27, HighBits = BufferFillBit | HeaderBit | MatchBit | ManyBit | DualBit;
    private const int MostHeld = 64;

    private readonly Queue<(byte[] Bytes, int DataBytes, uint Wrong, uint Sync)> _fifo = new();
    private readonly BufferFill _fill = new(controller, quadletsOnly: false);
    private readonly DualFill _dual = new(controller, $"IR{index}");
    private uint[]? _block;
    private uint _at;
    private bool _hasBegun, _isSynchronized;

    /// <summary>Packets for which there was no room.</summary>
    public int Lost { get; private set; }

    /// <summary>ContextMatch.</summary>
    public uint Match { get; set; }

    public bool IsForMany => Run && (High & ManyBit) != 0;

    protected override bool IsAtRest => _fill.IsBetweenPackets && _dual.IsBetweenPackets;

    private bool Fills => (High & BufferFillBit) != 0;

    private bool Divides => (High & DualBit) != 0;

    private bool HasHeader => (High & HeaderBit) != 0;

    /// <summary>A cycle begins: those that wait for it begin (10.3; while cycleInconsistent stands, none does, 9.5.1).</summary>
    public void CycleStarted(uint cycleTime)
    {
        if (!Run || (High & MatchBit) == 0 || Controller.AreCyclesInconsistent || (cycleTime >> 12 & 0x7FFF) != (Match >> 12 & 0x7FFF))
            return;
        High &= ~MatchBit;
        Kick();
    }

    /// <summary>A packet came by.</summary>
    public void Hear(Packet packet, ulong channels)
    {
        if (!Run || IsDead || (High & MatchBit) != 0 || (Match >> 28 >> packet.Tag & 1) == 0)
            return;
        if (IsForMany ? (channels >> packet.Channel & 1) == 0 : (Match & 0x3F) != packet.Channel)
            return;
        uint wrong = packet.HasDataError || packet.Q0 >> 16 != packet.DataBytes ? Second.Event.AckDataError : 0;
        byte[] bytes = Layout(packet);
        // The FIFO is full: what is in it is all that there is of the packet.
        if (Controller.Overruns != 0 && Lot.Below(Controller.Overruns) == 0 && bytes.Length > 12)
            (bytes, wrong) = (bytes[..(8 + (Lot.Below(2) == 0 ? 0 : 4 * Lot.Below((bytes.Length - 8) / 4)))], Second.Event.Overrun);
        if (_fifo.Count == MostHeld)
        {
            Lost++;
            return;
        }
        _fifo.Enqueue((bytes, packet.DataBytes, wrong, (uint)packet.Sync));
        Kick();
    }

    protected override long Delay() => Lot.ShortDelay();

    protected override void SetHigh(uint bits)
    {
        if (Run && (bits & (HighBits & ~MatchBit) & ~High) != 0)
            Controller.Complain($"{Name}: its mode changes while it runs (10.3.1)");
        High |= bits & HighBits;
    }

    protected override void ClearHigh(uint bits) => High &= ~(bits & HighBits);

    protected override void Started()
    {
        if ((High & ManyBit) != 0 && !Fills)
            Controller.Complain($"{Name}: several channels are for buffer-fill mode alone, {High:x8} (10.3.1)");
        if (Divides && Fills)
            Controller.Complain($"{Name}: two modes at once, {High:x8} (10.3.1)");
        Clear();
    }

    protected override void Reset() => Clear();

    protected override bool Step()
    {
        if (IsDead || StopsNow())
            return false;
        // One that waits for a buffer in the middle of a packet is not active, and what it had of that is lost when it is stopped.
        if (!Run && !Active)
            Clear();
        if ((High & MatchBit) != 0 || !(Run || Active))
            return false;
        return Divides ? DualStep() : Fills ? FillStep() : PacketStep();
    }

    private void Clear()
    {
        _fifo.Clear();
        _fill.Begin();
        _dual.Begin();
        _block = null;
        _hasBegun = _isSynchronized = false;
    }

    // 10.6: with header, what follows or precedes the data is header and trailer; without, it is the data alone.
    private byte[] Layout(Packet packet)
    {
        int data = packet.DataBytes, padded = data + 3 & ~3;
        if (!HasHeader)
            return packet.Data.ToArray();
        uint stamp = Controller.CycleTime >> 12 & 0xFFFF;
        byte[] bytes = new byte[8 + (Fills || Divides || Lot.Takes(Freedom.Pads) ? padded : data)];
        int header = Fills ? 0 : 4;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(header), packet.Q0);
        packet.Data.CopyTo(bytes.AsSpan(header + 4));
        if (Fills)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4 + padded), (0x8400 | Lot.Reserved(0x6300) | (uint)packet.Speed << 5 | Second.Event.AckComplete) << 16 | stamp);
        else
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, Lot.Reserved(0xFFFF_0000) | stamp);
        return bytes;
    }

    // 10.2.1. Wrong packets leave nothing.
    private bool FillStep()
    {
        if (_fill.HasUntold && (_fifo.Count == 0 || _fill.IsStuck || !Lot.Takes(Freedom.GathersPackets)))
        {
            bool interrupts = false;
            foreach ((uint at, uint left, bool interruptsWhenFull) in _fill.TakeUntold())
            {
                if (!Tell(at, left))
                    return false;
                interrupts |= left == 0 && interruptsWhenFull;
            }
            if (interrupts)
                Controller.RaiseIso(isReceive: true, index);
            return true;
        }
        if (_fill.IsStuck && !Wake)
        {
            if (_fill.IsBetweenPackets)
                DropAll();
            return false;
        }
        if (!_fill.HasBuffer && (_fifo.Count != 0 || !_fill.HasBegun || Lot.Takes(Freedom.FetchesAhead)))
            return NextBuffer();
        if (!_fifo.TryPeek(out var packet))
            return false;
        bool isWhole = true;
        bool waits = !_isSynchronized && _fill.Waits && packet.Sync != (Match >> 8 & 0xF);
        if (packet.Wrong == 0 && !waits)
        {
            _isSynchronized = true;
            Event = Second.Event.AckComplete;
            if (!_fill.TryWrite(packet.Bytes, out isWhole))
            {
                Die(Second.Event.DataWrite);
                return false;
            }
        }
        if (isWhole)
            _fifo.Dequeue();
        return true;
    }

    // 10.2.3. Wrong packets leave nothing, as in buffer-fill mode.
    private bool DualStep()
    {
        bool fullAlone = Lot.Takes(Freedom.TellsWhenFull);
        if (_dual.HasUntold(fullAlone) && (_fifo.Count == 0 || _dual.IsStuck || !Lot.Takes(Freedom.GathersPackets)))
        {
            bool interrupts = false;
            foreach ((uint at, uint left, bool interruptsWhenFull) in _dual.TakeUntold(fullAlone))
            {
                if (!Controller.Host.TryWrite32(at + 12, left))
                {
                    Die(Second.Event.DataWrite);
                    return false;
                }
                interrupts |= interruptsWhenFull;
            }
            if (interrupts)
                Controller.RaiseIso(isReceive: true, index);
            return true;
        }
        if (_dual.IsStuck && !Wake)
        {
            if (_dual.IsBetweenPackets)
                DropAll();
            return false;
        }
        if (!_dual.HasPair && (_fifo.Count != 0 || !_dual.HasBegun || Lot.Takes(Freedom.FetchesAhead)))
            return NextPair();
        if (!_fifo.TryPeek(out var packet))
            return false;
        bool isWhole = true;
        if (packet.Wrong == 0 && !(_dual.IsBetweenPackets && _dual.Waits && packet.Sync != (Match >> 8 & 0xF)))
        {
            Event = Second.Event.AckComplete;
            if (!_dual.TryWrite(packet.Bytes, out isWhole))
            {
                Die(Second.Event.DataWrite);
                return false;
            }
        }
        if (isWhole)
            _fifo.Dequeue();
        return true;
    }

    private bool NextPair()
    {
        if (_dual.TryGetBranch(out uint branch, out uint place) && !TryFollow(branch, place))
        {
            _dual.IsStuck = !IsDead;
            return _dual.HasUntold(fullAlone: true);
        }
        if (Fetch() is not { } words)
            return false;
        if (words.Length != 8)
        {
            Controller.Complain($"{Name}: Z is {words.Length / 4} in dual-buffer mode (10.1.2)");
            Die(Second.Event.Unknown);
            return false;
        }
        _dual.Enter(CommandPtr & ~0xFu, words);
        LookAhead(words[2]);
        return !IsDead;
    }

    private void DropAll()
    {
        Lost += _fifo.Count;
        _fifo.Clear();
    }

    private bool NextBuffer()
    {
        if (_fill.TryGetBranch(out uint branch, out uint place) && !TryFollow(branch, place))
        {
            _fill.IsStuck = !IsDead;
            return _fill.HasUntold;
        }
        if (Fetch() is not { } words)
            return false;
        _fill.Enter(CommandPtr & ~0xFu, words);
        LookAhead(words[2]);
        return !IsDead;
    }

    // 10.2.2: a block a packet.
    private bool PacketStep()
    {
        if (_block == null)
        {
            if (_hasBegun && IsAtEnd && !(Wake && TryFollow(0, _at)))
            {
                DropAll();
                return false;
            }
            if (Fetch() is not { } words)
                return false;
            _hasBegun = true;
            _block = words;
            _at = (CommandPtr & ~0xFu) + (uint)(words.Length * 4) - 8;
            LookAhead(words[^2]);
            return !IsDead;
        }
        if (!_fifo.TryDequeue(out var packet))
            return false;
        if ((_block[0] >> 16 & 3) == 3 && packet.Sync != (Match >> 8 & 0xF))
            return true;
        return Store(_block, packet.Bytes, packet.Wrong) && Leave(_block);
    }

    private bool Store(uint[] block, byte[] bytes, uint wrong)
    {
        int last = block.Length / 4 - 1, written = 0, at = 0;
        uint left = 0;
        for (; at <= last; at++)
        {
            int room = (int)(block[4 * at] & 0xFFFF), piece = Math.Min(room, bytes.Length - written);
            if (!Controller.Host.TryWrite(block[4 * at + 1], bytes.AsSpan(written, piece)))
            {
                Die(Second.Event.DataWrite);
                return false;
            }
            written += piece;
            left = (uint)(room - piece);
            if (written == bytes.Length)
                break;
            Event = Second.Event.AckComplete;
            if (at < last && Says(block, at) && !Tell(Place(at), 0))
                return false;
        }
        at = Math.Min(at, last);
        Event = wrong != 0 ? wrong : written < bytes.Length ? Second.Event.LongPacket : Second.Event.AckComplete;
        bool isShort = at < last, isSaid = !isShort || Says(block, at);
        if (isShort && isSaid && !Tell(Place(at), left))
            return false;
        if (isShort && (!isSaid || Lot.Takes(Freedom.TellsShortTwice)))
            return Tell(Place(last), block[4 * last] & 0xFFFF);
        return isShort || Tell(Place(last), left);
    }

    private bool Leave(uint[] block)
    {
        _block = null;
        if ((block[^4] >> 20 & 3) == 3)
            Controller.RaiseIso(isReceive: true, index);
        return TryFollow(block[^2], _at);
    }

    private uint Place(int descriptor) => (CommandPtr & ~0xFu) + (uint)(16 * descriptor);

    private static bool Says(uint[] block, int descriptor) => (block[4 * descriptor] >> 27 & 1) != 0;
}
