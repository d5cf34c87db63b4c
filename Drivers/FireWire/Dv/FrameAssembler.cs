using System;
using System.Buffers.Binary;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Dv;

/// <summary>Who has memory for frames.</summary>
internal unsafe interface IFrameOwner
{
    /// <summary>A frame is whole: where does the next one go? <see cref="DvSystem.MostFrameBytes"/> are there.</summary>
    /// <param name="bytes">How long it is.</param>
    [PacketPath]
    byte* OnFrame(int bytes);
}

/// <summary>
/// Makes frames of the packets of a stream: the header of each is checked, and its blocks go where their identifiers say. A frame is whole when all
/// its blocks came once and no packet was missing meanwhile; every other one is dropped and counted. Nothing in a packet is believed.
/// Source: IEC 61883-1, section 6.2 (CIP headers); 61883-2, section 4 (packets of SD-DVCR).
/// </summary>
internal sealed unsafe class FrameAssembler(IFrameOwner owner) : IIsoStreamHandler
{
    /// <summary>A packet with data.</summary>
    public const int PacketBytes = CipBytes + DvSystem.PacketBlocks * DvSystem.BlockBytes;

    private const int CipBytes = 8;

    // First quadlet: no EOH, node, DBS of 120, FN, QPC and SPH of 0, DBC. Second: EOH, format 0, 50/60 in bit 23, STYPE 0, the rest is its time.
    private const uint FirstMask = 0xC0FF_FC00, First = 120 << 16, SecondMask = 0xFF7C_0000, Second = 0x8000_0000, Is50 = 1 << 23;

    // Half a second of packets: who speaks alone for so long is meant, as some devices give a number that they had once.
    private const int LongAlone = 4000;

    private readonly ulong[] _has = new ulong[(DvSystem.MostFrameBytes / DvSystem.BlockBytes + 63) / 64];
    private byte* _frame;
    private int _count, _sender = -1, _senderBefore = -1, _stranger = -1, _alone;
    private byte _next;
    private bool _isInStep, _is50, _isBegun, _isTorn, _isDoubled;

    /// <summary>What happened.</summary>
    public DvCounters Counters;

    /// <summary>Begins a stream.</summary>
    /// <param name="memory">For the first frame.</param>
    public void Begin(byte* memory)
    {
        _frame = memory;
        _isInStep = _isBegun = false;
    }

    /// <summary>Whose packets they are. After a bus reset those that are on their way have the number before.</summary>
    public void SetSender(int node)
    {
        if (node == _sender)
            return;
        _senderBefore = _sender;
        _sender = node;
    }

    /// <inheritdoc/>
    [PacketPath]
    public void OnPacket(in IsoPacket packet, ReadOnlySpan<byte> data)
    {
        if (!packet.IsWhole)
        {
            Counters.Damaged++;
            return;
        }
        if (data.Length is not (CipBytes or PacketBytes))
        {
            Counters.BadLength++;
            return;
        }
        uint first = BinaryPrimitives.ReadUInt32BigEndian(data), second = BinaryPrimitives.ReadUInt32BigEndian(data.Slice(4));
        if ((first & FirstMask) != First || (second & SecondMask) != Second)
        {
            Counters.BadHeader++;
            return;
        }
        int sender = (int)(first >> 24) & 0x3F;
        if (sender != _sender && sender != _senderBefore && !IsAlone(sender))
        {
            Counters.Foreign++;
            return;
        }
        _alone = 0;
        if (data.Length == CipBytes)
        {
            Counters.Empty++;
            return;
        }
        // A number for each packet with data. One without should have that of the next; not all devices see to that.
        if (_isInStep && (byte)first != _next)
        {
            Counters.Gaps++;
            _isTorn = true;
        }
        _isInStep = true;
        _next = (byte)(first + 1);
        Counters.Packets++;
        Take(data.Slice(CipBytes), (second & Is50) != 0);
    }

    private bool IsAlone(int stranger)
    {
        if (stranger != _stranger)
            _alone = 0;
        _stranger = stranger;
        if (++_alone < LongAlone)
            return false;
        _senderBefore = stranger;
        return true;
    }

    private void Take(ReadOnlySpan<byte> blocks, bool is50)
    {
        if (is50 != _is50)
            Drop();
        _is50 = is50;
        for (int at = 0; at < blocks.Length; at += DvSystem.BlockBytes)
        {
            int place = DvSystem.PlaceOf(is50, blocks[at], blocks[at + 1], blocks[at + 2]);
            if (place < 0)
                Counters.BadBlocks++;
            else
                Take(place, blocks.Slice(at, DvSystem.BlockBytes));
        }
    }

    private void Take(int place, ReadOnlySpan<byte> block)
    {
        if (place == 0)
        {
            Drop();
            _isBegun = true;
            _isTorn = _isDoubled = false;
            _count = 0;
            new Span<ulong>(_has).Clear();
        }
        // What is left of a frame whose beginning was missed.
        if (!_isBegun)
            return;
        ref ulong has = ref _has[place / 64];
        ulong bit = 1ul << place % 64;
        if ((has & bit) != 0)
        {
            _isDoubled = true;
            return;
        }
        has |= bit;
        block.CopyTo(new Span<byte>(_frame + place * DvSystem.BlockBytes, DvSystem.BlockBytes));
        _count++;
        if (_count != DvSystem.Sequences(_is50) * DvSystem.SequenceBlocks)
            return;
        if (_isTorn || _isDoubled)
        {
            Drop();
            return;
        }
        _isBegun = false;
        _frame = owner.OnFrame(_count * DvSystem.BlockBytes);
    }

    private void Drop()
    {
        if (!_isBegun)
            return;
        _isBegun = false;
        if (_isTorn)
            Counters.Torn++;
        else if (_isDoubled)
            Counters.Doubled++;
        else
            Counters.Incomplete++;
    }
}
