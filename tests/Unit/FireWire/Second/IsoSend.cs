using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire.Second;

/// <summary>
/// An isochronous transmit context: a block a cycle, sent, left out, or skipped. Blocks are fetched, their values stored and their data read ahead of
/// their cycles, as many as its FIFO holds. Source: 1394 OHCI 1.1, section 9.
/// </summary>
internal sealed class IsoSend(SecondController controller, int index) : Context(controller, $"IT{index}")
{
    private const uint MatchBit = 1u << 31, HighBits = 0xFFFF_0000;

    // Fetched, in order; the last ones may still be loaded, the first may wait for its status.
    private readonly LinkedList<Block> _blocks = new();
    private uint _branch, _place;
    private int _depth = 1, _skips;
    private bool _hasBegun;

    protected override bool IsAtRest => _blocks.First is not { Value.IsSent: true };

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
        GetReady();
        if (_blocks.First is not { Value: { IsLoaded: true, IsSent: false } block })
            return null;
        block.IsSent = true;
        block.Stamp = cycle;
        block.Event = Second.Event.AckComplete;
        if (block.HasPacket && Controller.TakesUnderrun())
        {
            // What was there went out, and its CRC is wrong.
            block.Event = Second.Event.Underrun;
            block.Packet.HasDataError = true;
        }
        Kick();
        return block.HasPacket ? block.Packet : null;
    }

    /// <summary>
    /// A cycle is lost: the block that should be sent is left by its other way (9.4). What was read ahead may have left for the FIFO already: then it goes out
    /// late, and the block behind it is the one that is left out.
    /// </summary>
    public void CycleLost()
    {
        if (!Run || IsDead || (High & MatchBit) != 0)
            return;
        GetReady();
        if (_blocks.First is not { Value: { IsSent: false } first })
            return;
        if (first.IsLoaded && Lot.Takes(Freedom.SkipsBehind))
        {
            _skips++;
            return;
        }
        _blocks.Clear();
        Skip(first);
        Kick();
    }

    protected override long Delay() => Lot.ShortDelay();

    protected override void SetHigh(uint bits) => High |= bits & HighBits;

    protected override void ClearHigh(uint bits) => High &= ~(bits & HighBits);

    protected override void Started()
    {
        Clear();
        _depth = 1 + Lot.Below(Controller.MostAhead);
    }

    protected override void Reset() => Clear();

    protected override bool Step()
    {
        if (IsDead || StopsNow())
            return false;
        bool isSent = _blocks.First is { Value.IsSent: true };
        if (!Run)
            return isSent && Finish();
        if (isSent && (_blocks.Count >= _depth || Lot.Below(2) == 0))
            return Finish();
        if (_blocks.FirstOrDefault(one => !one.IsLoaded) is { } block)
            return Load(block);
        if (_blocks.Count < _depth && TryFetch())
            return true;
        return isSent && !IsDead && Finish();
    }

    // What it had to do by now must be done.
    private void GetReady()
    {
        for (int i = 0; i < 40 && _blocks.First is not { Value: { IsLoaded: true, IsSent: false } } && Step(); i++)
        {
        }
    }

    private bool TryFetch()
    {
        if (IsDead || (_hasBegun && IsAtEnd && !Wake && !Active))
            return false;
        if (_hasBegun && !TryFollow(_branch, _place))
        {
            // It rests when all that it has is sent.
            Active = !IsDead && _blocks.Count != 0;
            return false;
        }
        if (Fetch() is not { } words)
            return false;
        _hasBegun = true;
        var block = new Block(words, CommandPtr & ~0xFu);
        if (!block.IsProper)
            Controller.Complain($"{Name}: a block of {words.Length / 4} descriptors that begins with {words[0]:x8} {words[1]:x8} {words[2]:x8} (9.1)");
        if (_skips > 0)
        {
            _skips--;
            Skip(block);
            return true;
        }
        (_branch, _place) = (block.Branch, block.At + (uint)(16 * block.Last) + 8);
        _blocks.AddLast(block);
        LookAhead(_branch);
        return !IsDead;
    }

    private void Skip(Block block) => (_branch, _place) = block.Skip;

    private bool Load(Block block)
    {
        if (block.First == 1)
        {
            // 9.1: the doublet, and zeroes above it where a quadlet is written.
            Span<byte> value = [(byte)block.Words[0], (byte)(block.Words[0] >> 8), 0, 0];
            if (!Controller.Host.TryWrite(block.Words[1], Lot.Takes(Freedom.StoresQuadlets) ? value : value[..2]))
            {
                Die(Second.Event.DataWrite);
                return false;
            }
        }
        block.IsLoaded = true;
        if (!block.HasPacket)
            return true;
        uint q0 = block.Words[4 * block.First + 4], q1 = block.Words[4 * block.First + 5];
        int bytes = 0;
        Span<byte> data = new byte[8192];
        for (int i = block.First + 2; i <= block.Last; i++)
        {
            int length = (int)(block.Words[4 * i] & 0xFFFF);
            if (!Controller.Host.TryRead(block.Words[4 * i + 1], data.Slice(bytes, length)))
            {
                Die(Second.Event.DataRead);
                return false;
            }
            bytes += length;
        }
        if (bytes != q1 >> 16 || (q0 >> 4 & 0xF) != (uint)Tcode.Stream)
            Controller.Complain($"{Name}: {bytes} bytes of data, header {q0:x8} {q1:x8} (9.6)");
        block.Packet.Stream((int)(q0 >> 8) & 0x3F, (int)(q0 >> 14) & 3, (int)q0 & 0xF, data[..bytes]);
        block.Packet.Speed = (Speed)(q0 >> 16 & 7);
        return true;
    }

    private bool Finish()
    {
        Block block = _blocks.First!.Value;
        Event = block.Event;
        if (block.Tells && !Tell(block.At + (uint)(16 * block.Last), block.Stamp))
            return false;
        if (block.Interrupts)
            Controller.RaiseIso(isReceive: false, index);
        _blocks.RemoveFirst();
        return !Run || TryFetch() || _blocks.Count != 0;
    }

    private void Clear()
    {
        _blocks.Clear();
        _hasBegun = false;
        _skips = 0;
    }

    private sealed class Block
    {
        public Block(uint[] words, uint at)
        {
            Words = words;
            At = at;
            First = Command(0) == 8 ? 1 : 0;
            Last = First;
            IsProper = IsWellFormed();
        }

        public uint[] Words { get; }

        public uint At { get; }

        public int First { get; }

        public int Last { get; private set; }

        public bool IsProper { get; }

        public Packet Packet { get; } = new();

        public bool IsLoaded { get; set; }

        public bool IsSent { get; set; }

        public uint Stamp { get; set; }

        public uint Event { get; set; }

        public bool HasPacket => Key(First) == 2;

        public uint Branch => Words[4 * Last + 2];

        public bool Tells => (Words[4 * Last] >> 27 & 1) != 0;

        public bool Interrupts => (Words[4 * Last] >> 20 & 3) == 3;

        /// <summary>Where it is left when it is left out, and the place of that (9.1): in the third quadlet of the first descriptor where it is no last one; else in the second.</summary>
        public (uint Skip, uint Place) Skip => Command(0) == 1 ? (Words[1], At + 4) : (Words[2], At + 8);

        // STORE_VALUE may come first; then a header and data, or a descriptor without anything.
        private bool IsWellFormed()
        {
            int count = Words.Length / 4;
            if (First >= count)
                return false;
            if (Key(First) != 2)
                return Command(First) == 1 && count == First + 1 && (Words[4 * First] & 0xFFFF) == 0;
            if (Command(First) == 1)
                return count == First + 2;
            for (Last = First + 2; Last < count - 1; Last++)
            {
                if (Command(Last) != 0 || Key(Last) != 0)
                    return false;
            }
            return Last == count - 1 && Command(Last) == 1;
        }

        private uint Command(int descriptor) => Words[4 * descriptor] >> 28;

        private uint Key(int descriptor) => Words[4 * descriptor] >> 24 & 7;
    }
}
