using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire.Second;

/// <summary>A packet in a receive FIFO, as it will be in memory.</summary>
internal readonly record struct Held(byte[] Bytes, uint Event, uint Speed);

/// <summary>An asynchronous receive context, always in buffer-fill mode. Source: 1394 OHCI 1.1, section 8.</summary>
internal sealed class AsyncReceive(SecondController controller, string name, uint packetEvent, uint bufferEvent) : Context(controller, name)
{
    private readonly Queue<Held> _fifo = new();
    private readonly BufferFill _fill = new(controller, quadletsOnly: true);
    private int _held, _capacity;

    protected override bool IsAtRest => _fill.IsBetweenPackets;

    /// <summary>Whether a packet of so many bytes can be kept until there is memory for it.</summary>
    public bool HasRoom(int bytes) => Run && !IsDead && (_held == 0 || _held + bytes <= _capacity);

    /// <summary>A packet came. Headers are quadlets of the bus as the CPU reads them; the trailer follows the data (8.7).</summary>
    public void Take(Packet packet, uint code)
    {
        int header = packet.IsPhy ? 3 : packet.Code.HeaderQuadlets;
        byte[] bytes = new byte[header * 4 + ((packet.DataBytes + 3) & ~3) + 4];
        uint[] quadlets = packet.IsPhy ? [(uint)Tcode.Phy << 4 | Lot.Reserved(0xFFFF_FF0F), packet.Q0, packet.Q1] : [packet.Q0, packet.Q1, packet.Q2, packet.Q3];
        if (packet is { IsPhy: false, Code: Tcode.WriteQuadlet or Tcode.ReadQuadletResponse } && !Controller.SwapsData)
            quadlets[3] = BinaryPrimitives.ReverseEndianness(quadlets[3]);
        for (int i = 0; i < header; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4 * i), quadlets[i]);
        packet.Data.CopyTo(bytes.AsSpan(header * 4));
        Hold(bytes, code, (uint)packet.Speed);
    }

    /// <summary>8.4.2.3: the packet that tells where in the stream of requests a bus reset came.</summary>
    public void TakeReset(uint generation)
    {
        if (!Run || IsDead)
            return;
        byte[] bytes = new byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)Tcode.Phy << 4 | Lot.Reserved(0xFFFF_FF0F));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), Lot.Reserved(uint.MaxValue));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), generation << 16 | Lot.Reserved(0xFF00_FFFF));
        Hold(bytes, Second.Event.BusReset, 0);
    }

    protected override void Started()
    {
        _fill.Begin();
        _capacity = 600 + Lot.Below(4096);
    }

    protected override void Reset()
    {
        _fill.Begin();
        _fifo.Clear();
        _held = 0;
    }

    protected override bool Step()
    {
        if (IsDead || StopsNow())
            return false;
        if (_fill.HasUntold && (_fifo.Count == 0 || _fill.IsStuck || !Lot.Takes(Freedom.GathersPackets)))
            return TellAll();
        if (_fill.IsStuck && !Wake)
            return false;
        if (!_fill.HasBuffer && (_fifo.Count != 0 || !_fill.HasBegun || Lot.Takes(Freedom.FetchesAhead)))
            return NextBuffer();
        if (_fifo.TryPeek(out Held packet))
        {
            if (!_fill.TryWrite(packet.Bytes, out bool isWhole))
            {
                Die(Second.Event.DataWrite);
                return false;
            }
            if (isWhole)
            {
                _fifo.Dequeue();
                _held -= packet.Bytes.Length;
                (Event, Speed) = (packet.Event, packet.Speed);
            }
            return true;
        }
        return false;
    }

    private bool NextBuffer()
    {
        if (!_fill.TryGetBranch(out uint branch, out uint place))
        {
            // The first of all.
            if (Fetch() is { } first)
                return Enter(first);
            return false;
        }
        if (!TryFollow(branch, place))
        {
            _fill.IsStuck = true;
            return _fill.HasUntold;
        }
        return Fetch() is { } next && Enter(next);
    }

    private bool Enter(uint[] words)
    {
        if (words.Length != 4 || words[0] >> 28 != 2 || (words[0] >> 18 & 3) != 3 || (words[0] & 3) != 0 || (words[1] & 3) != 0)
            Controller.Complain($"{Name}: a descriptor of {words.Length / 4}, {words[0]:x8} {words[1]:x8} (8.1)");
        _fill.Enter(CommandPtr & ~0xFu, words);
        LookAhead(words[2]);
        return !IsDead;
    }

    private bool TellAll()
    {
        uint events = packetEvent;
        foreach ((uint at, uint left, bool interrupts) in _fill.TakeUntold())
        {
            if (!Tell(at, left))
                return false;
            if (left == 0 && interrupts)
                events |= bufferEvent;
        }
        Controller.RaiseLater(events);
        return true;
    }

    private void Hold(byte[] bytes, uint code, uint speed)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - 4), (0x8400 | Lot.Reserved(0x6300) | speed << 5 | code) << 16 | (Controller.CycleTime >> 12 & 0xFFFF));
        _fifo.Enqueue(new Held(bytes, code, speed));
        _held += bytes.Length;
        Kick();
    }
}
