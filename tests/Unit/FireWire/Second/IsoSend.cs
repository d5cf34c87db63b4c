using System;
using Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire.Second;

/// <summary>An isochronous transmit context: a block a cycle, sent, left out, or skipped. Source: 1394 OHCI 1.1, section 9.</summary>
internal sealed class IsoSend(SecondController controller, int index) : Context(controller, $"IT{index}")
{
    private const uint MatchBit = 1u << 31, HighBits = 0xFFFF_0000;

    private readonly Packet _packet = new();
    private uint[]? _block;
    private uint _at, _stamp;
    private int _first, _last;
    private bool _hasBegun, _isLoaded, _isSent, _hasPacket, _hasStored;

    protected override bool IsAtRest => !_isSent;

    /// <summary>A cycle starts: its packet, if it has one in this cycle.</summary>
    public Packet? Next(uint cycleTime)
    {
        uint cycle = cycleTime >> 12 & 0xFFFF;
        if (!Run || IsDead)
            return null;
        if ((High & MatchBit) != 0)
        {
            // 9.2.1: cycleMatch has the low two bits of the seconds, and the cycle.
            if (Controller.AreCyclesInconsistent || (cycle & 0x7FFF) != (High >> 16 & 0x7FFF))
                return null;
            High &= ~MatchBit;
        }
        // What it had to do by now must be done.
        for (int i = 0; i < 20 && !_isLoaded && Step(); i++)
        {
        }
        if (!_isLoaded || _isSent)
            return null;
        _isSent = true;
        _stamp = cycle;
        Kick();
        return _hasPacket ? _packet : null;
    }

    /// <summary>A cycle is lost: the block that should be sent is left by its other way (9.4).</summary>
    public void CycleLost()
    {
        if (!Run || IsDead || (High & MatchBit) != 0)
            return;
        for (int i = 0; i < 20 && !_isLoaded && Step(); i++)
        {
        }
        if (_block is not { } block || _isSent)
            return;
        (uint skip, uint place) = Skip(block);
        _block = null;
        _isLoaded = false;
        _at = place;
        if (TryFollow(skip, place))
            Kick();
    }

    protected override long Delay() => Lot.ShortDelay();

    protected override void SetHigh(uint bits) => High |= bits & HighBits;

    protected override void ClearHigh(uint bits) => High &= ~(bits & HighBits);

    protected override void Started() => Clear();

    protected override void Reset() => Clear();

    protected override bool Step()
    {
        if (IsDead || StopsNow() || !Run)
            return false;
        if (_isSent)
            return Finish(_block!);
        if (_isLoaded)
            return false;
        if (_block == null)
        {
            if (_hasBegun && IsAtEnd && !(Wake && TryFollow(0, _at)))
                return false;
            if (Fetch() is not { } words)
                return false;
            _hasBegun = true;
            _block = words;
            if (!IsProper(words))
                Controller.Complain($"{Name}: a block of {words.Length / 4} descriptors that begins with {words[0]:x8} {words[1]:x8} {words[2]:x8} (9.1)");
            LookAhead(words[_last * 4 + 2]);
            return !IsDead;
        }
        return Load(_block);
    }

    // STORE_VALUE may come first; then a header and data, or a descriptor without anything.
    private bool IsProper(uint[] block)
    {
        int count = block.Length / 4;
        _first = Command(block, 0) == 8 ? 1 : 0;
        _last = _first;
        if (_first >= count)
            return false;
        if (Key(block, _first) != 2)
            return Command(block, _first) == 1 && count == _first + 1 && (block[4 * _first] & 0xFFFF) == 0;
        if (Command(block, _first) == 1)
            return count == _first + 2;
        for (_last = _first + 2; _last < count - 1; _last++)
        {
            if (Command(block, _last) != 0 || Key(block, _last) != 0)
                return false;
        }
        return _last == count - 1 && Command(block, _last) == 1;
    }

    private bool Load(uint[] block)
    {
        if (_first == 1 && !_hasStored)
        {
            _hasStored = true;
            Span<byte> doublet = [(byte)block[0], (byte)(block[0] >> 8)];
            if (!Controller.Host.TryWrite(block[1], doublet))
            {
                Die(Second.Event.DataWrite);
                return false;
            }
        }
        _hasPacket = Key(block, _first) == 2;
        _isLoaded = true;
        if (!_hasPacket)
            return false;
        uint q0 = block[4 * _first + 4], q1 = block[4 * _first + 5];
        int bytes = 0;
        Span<byte> data = new byte[8192];
        for (int i = _first + 2; i <= _last; i++)
        {
            int length = (int)(block[4 * i] & 0xFFFF);
            if (!Controller.Host.TryRead(block[4 * i + 1], data.Slice(bytes, length)))
            {
                Die(Second.Event.DataRead);
                return false;
            }
            bytes += length;
        }
        if (bytes != q1 >> 16 || (q0 >> 4 & 0xF) != (uint)Tcode.Stream)
            Controller.Complain($"{Name}: {bytes} bytes of data, header {q0:x8} {q1:x8} (9.6)");
        _packet.Stream((int)(q0 >> 8) & 0x3F, (int)(q0 >> 14) & 3, (int)q0 & 0xF, data[..bytes]);
        _packet.Speed = (Speed)(q0 >> 16 & 7);
        return false;
    }

    private bool Finish(uint[] block)
    {
        Event = Second.Event.AckComplete;
        uint last = (CommandPtr & ~0xFu) + (uint)(16 * _last);
        if ((block[4 * _last] >> 27 & 1) != 0 && !Tell(last, _stamp))
            return false;
        if ((block[4 * _last] >> 20 & 3) == 3)
            Controller.RaiseIso(isReceive: false, index);
        _at = last + 8;
        uint branch = block[4 * _last + 2];
        _block = null;
        _isSent = _isLoaded = _hasStored = false;
        return TryFollow(branch, _at);
    }

    // 9.1: in the third quadlet of the first descriptor where it is no last one; else in the second.
    private (uint Skip, uint Place) Skip(uint[] block)
    {
        uint at = CommandPtr & ~0xFu;
        return Command(block, 0) == 1 ? (block[1], at + 4) : (block[2], at + 8);
    }

    private void Clear()
    {
        _block = null;
        _isSent = _isLoaded = _hasStored = _hasBegun = false;
    }

    private static uint Command(uint[] block, int descriptor) => block[4 * descriptor] >> 28;

    private static uint Key(uint[] block, int descriptor) => block[4 * descriptor] >> 24 & 7;
}
