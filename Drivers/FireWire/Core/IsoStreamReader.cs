using System;
using System.Buffers.Binary;

namespace Sluice.FireWire.Core;

/// <summary>Who reads packets out of a stream.</summary>
public interface IIsoStreamHandler
{
    /// <summary>The next packet.</summary>
    /// <param name="data">Its data, valid in this call.</param>
    void OnPacket(in IsoPacket packet, ReadOnlySpan<byte> data);
}

/// <summary>
/// Takes a stream apart that was received with headers (<see cref="IsoReceiveMode.Stream"/>): header, data, time, each in whole quadlets, one packet behind the other
/// also across buffers. A packet that ends in the next buffer is kept in memory of its own. Made while the kernel starts.
/// </summary>
public sealed class IsoStreamReader(IIsoStreamHandler handler)
{
    // No packet of S800 has more data (IEEE 1394b-2002).
    private const int MostData = 8192, Around = 8;
    private const uint Complete = 0x11;

    private readonly byte[] _kept = new byte[MostData + Around];
    private int _count;

    /// <summary>Nobody can tell where the next packet begins: what said so was no header. <see cref="Restart"/> ends it.</summary>
    public bool IsLost { get; private set; }

    /// <summary>What comes next is the beginning of a stream.</summary>
    public void Restart()
    {
        _count = 0;
        IsLost = false;
    }

    /// <summary>Reads what comes behind all that was read before.</summary>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (!IsLost && bytes.Length != 0)
        {
            if (_count != 0 || !TryRead(bytes, out int used))
            {
                used = Math.Min(bytes.Length, Missing(bytes));
                bytes.Slice(0, used).CopyTo(new Span<byte>(_kept, _count, used));
                _count += used;
                if (TryRead(new ReadOnlySpan<byte>(_kept, 0, _count), out _))
                    _count = 0;
            }
            bytes = bytes.Slice(used);
        }
    }

    // What a packet that is kept lacks: first its header.
    private int Missing(ReadOnlySpan<byte> next)
    {
        if (_count == 0)
            return next.Length < 4 ? next.Length : 4;
        return _count < 4 ? 4 - _count : Length(_kept) - _count;
    }

    private bool TryRead(ReadOnlySpan<byte> bytes, out int length)
    {
        length = 0;
        if (bytes.Length < 4)
            return false;
        uint header = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        length = Length(bytes);
        IsLost = header >> 16 > MostData || (TransactionCode)(header >> 4 & 0xF) != TransactionCode.Stream;
        if (IsLost || bytes.Length < length)
            return false;
        uint trailer = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(length - 4));
        handler.OnPacket(new IsoPacket(header, trailer & 0xFFFF, (trailer >> 16 & 0x1F) == Complete), bytes.Slice(4, (int)(header >> 16)));
        return true;
    }

    private static int Length(ReadOnlySpan<byte> packet) => ((BinaryPrimitives.ReadUInt16LittleEndian(packet.Slice(2)) + 3) & ~3) + Around;
}
