using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Nodes;

/// <summary>
/// A node that sends back what is written to it. Register 0 of its space holds a 48-bit address, big-endian in 8 bytes; a write to
/// <see cref="Window"/> + x is written to that address + x of the node that wrote it, byte for byte. A write of two quadlets to register 8,
/// a number and a length, has it read so many bytes there so often, one after the other. A stream packet on an even channel is
/// sent on the next one, in the next cycle. What it cannot send is counted.
/// </summary>
public sealed class EchoNode : Node
{
    /// <summary>Where its own space begins.</summary>
    public const ulong Base = Csr.Base + 0x1_0000;

    /// <summary>What is sent back, 4 KiB.</summary>
    public const ulong Window = Base + 0x1000;

    private const ulong WindowEnd = Window + 0x1000;
    private const int MostStreams = 64;
    private const uint MostReads = 1_000_000;

    private readonly Queue<Packet> _streams = new();
    private readonly Stack<Packet> _free = new();
    private ulong _target;
    private int _due, _readsLeft, _readBytes;

    public EchoNode(in BusInformation information)
        : base(information, new RomDirectory().Value(0x03, (uint)(information.Guid >> 40)).Text("Sluice").Value(0x17, 2).Text("Echo").Value(0x0C, 0x00_83C0))
    {
    }

    /// <summary>Writes that were sent back, and arrived.</summary>
    public long Echoes { get; private set; }

    /// <summary>Stream packets that were sent back.</summary>
    public long StreamEchoes { get; private set; }

    /// <summary>Reads that it was asked for, and that were answered.</summary>
    public long Reads { get; private set; }

    /// <summary>Packets that could not be sent back.</summary>
    public long Failures { get; private set; }

    public override bool NeedsCycles => _streams.Count != 0;

    public override void ReceiveStream(Packet packet)
    {
        if ((packet.Channel & 1) != 0)
            return;
        if (_streams.Count == MostStreams || packet.HasDataError)
        {
            Failures++;
            return;
        }
        Packet echo = _free.TryPop(out Packet? free) ? free : new Packet();
        echo.Stream(packet.Channel + 1, packet.Tag, packet.Sync, packet.Data);
        echo.Speed = packet.Speed;
        _streams.Enqueue(echo);
        Phy.Segment.CyclesChanged();
    }

    public override void CycleStarted(uint cycleTime) => _due = _streams.Count;

    public override Packet? NextIsochronous(uint cycleTime)
    {
        if (_due == 0)
            return null;
        _due--;
        StreamEchoes++;
        Packet packet = _streams.Dequeue();
        // It is used up before the next one comes in, as that is in a later call.
        _free.Push(packet);
        return packet;
    }

    protected override Rcode Read(ushort source, ulong offset, Span<byte> data)
    {
        if (offset != Base || data.Length != 8)
            return Rcode.AddressError;
        BinaryPrimitives.WriteUInt64BigEndian(data, _target);
        return Rcode.Complete;
    }

    protected override Rcode Write(ushort source, ulong offset, ReadOnlySpan<byte> data, Speed speed)
    {
        if (offset == Base && data.Length == 8)
        {
            _target = BinaryPrimitives.ReadUInt64BigEndian(data) & 0xFFFF_FFFF_FFFF;
            return Rcode.Complete;
        }
        if (offset == Base + 8 && data.Length == 8)
        {
            bool isReading = _readsLeft > 0;
            _readsLeft = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(data), MostReads);
            _readBytes = (int)Math.Clamp(BinaryPrimitives.ReadUInt32BigEndian(data[4..]), 1, 2048);
            if (!isReading)
                ReadNext(source);
            return Rcode.Complete;
        }
        if (offset < Window || offset + (ulong)data.Length > WindowEnd)
            return Rcode.AddressError;
        if (TryWrite(source, (_target + (offset - Window)) & 0xFFFF_FFFF_FFFF, data, Answered))
            return Rcode.Complete;
        Failures++;
        return Rcode.ConflictError;
    }

    // A reset ends it.
    private void ReadNext(ushort node)
    {
        if (_readsLeft <= 0)
            return;
        bool isAsked = TryRead(node, _target, _readBytes, (outcome, _) =>
        {
            _readsLeft = outcome == Outcome.Complete ? _readsLeft - 1 : 0;
            Reads += outcome == Outcome.Complete ? 1 : 0;
            Failures += outcome == Outcome.Complete ? 0 : 1;
            ReadNext(node);
        });
        if (!isAsked)
            _readsLeft = 0;
    }

    private void Answered(Outcome outcome, ReadOnlySpan<byte> data)
    {
        if (outcome == Outcome.Complete)
            Echoes++;
        else
            Failures++;
    }
}
