using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Nodes;

/// <summary>
/// A node that sends back what is written to it. Register 0 of its space holds a 48-bit address, big-endian in 8 bytes; a write to
/// <see cref="Window"/> + x is written to that address + x of the node that wrote it, byte for byte. What it cannot send is counted.
/// </summary>
public sealed class EchoNode : Node
{
    /// <summary>Where its own space begins.</summary>
    public const ulong Base = Csr.Base + 0x1_0000;

    /// <summary>What is sent back, 4 KiB.</summary>
    public const ulong Window = Base + 0x1000;

    private const ulong WindowEnd = Window + 0x1000;

    private ulong _target;

    public EchoNode(in BusInformation information)
        : base(information, new RomDirectory().Value(0x03, (uint)(information.Guid >> 40)).Text("Sluice").Value(0x17, 2).Text("Echo").Value(0x0C, 0x00_83C0))
    {
    }

    /// <summary>Writes that were sent back, and arrived.</summary>
    public long Echoes { get; private set; }

    /// <summary>Writes that could not be sent back.</summary>
    public long Failures { get; private set; }

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
        if (offset < Window || offset + (ulong)data.Length > WindowEnd)
            return Rcode.AddressError;
        if (TryWrite(source, (_target + (offset - Window)) & 0xFFFF_FFFF_FFFF, data, Answered))
            return Rcode.Complete;
        Failures++;
        return Rcode.ConflictError;
    }

    private void Answered(Outcome outcome, ReadOnlySpan<byte> data)
    {
        if (outcome == Outcome.Complete)
            Echoes++;
        else
            Failures++;
    }
}
