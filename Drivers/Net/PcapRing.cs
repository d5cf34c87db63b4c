using System;
using System.Buffers.Binary;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

/// <summary>
/// Packets in the pcap file format, from where they pass by to whoever writes them away: a ring of bytes. What does not fit is counted and
/// left out, so nobody waits for the reader. Source: draft-ietf-opsawg-pcap, sections 4 and 5.
/// </summary>
public sealed unsafe class PcapRing
{
    private const uint Magic = 0xA1B2_C3D4, LinkEthernet = 1, SnapLength = 65_535;
    private const int FileHeaderBytes = 24, RecordHeaderBytes = 16;

    private byte* _memory;
    private uint _mask;
    private ulong _in, _out;

    /// <summary>Whether packets are recorded.</summary>
    public bool IsOn { get; private set; }

    /// <summary>Packets that were recorded since it was switched on.</summary>
    public ulong Recorded { get; private set; }

    /// <summary>Packets that were left out for want of room.</summary>
    public ulong LeftOut { get; private set; }

    /// <summary>Bytes that can be read.</summary>
    public ulong Waiting => _in - _out;

    /// <summary>Whether there is something to read.</summary>
    public bool HasBytes => _in != _out;

    /// <summary>Where packets go from now on.</summary>
    /// <param name="memory">A power of two of bytes, kept for good.</param>
    /// <param name="bytes">How many.</param>
    public void UseMemory(void* memory, uint bytes)
    {
        Bug.If((bytes & (bytes - 1)) != 0, "a pcap ring is no power of two"u8);
        _memory = (byte*)memory;
        _mask = bytes - 1;
    }

    /// <summary>Whether it has memory.</summary>
    public bool HasMemory => _memory != null;

    /// <summary>Begins a file.</summary>
    public void Start()
    {
        _in = _out = 0;
        Recorded = LeftOut = 0;
        Span<byte> header = stackalloc byte[FileHeaderBytes];
        header.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(header.Slice(4), 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header.Slice(6), 4);
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(16), SnapLength);
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(20), LinkEthernet);
        Put(header);
        IsOn = true;
    }

    /// <summary>Records no more; what is there can still be read.</summary>
    public void Stop() => IsOn = false;

    /// <summary>Takes the oldest bytes; returns how many.</summary>
    public int Read(Span<byte> buffer)
    {
        int count = (int)Math.Min((ulong)buffer.Length, _in - _out);
        for (int i = 0; i < count; i++)
            buffer[i] = _memory[(uint)(_out + (uint)i) & _mask];
        _out += (uint)count;
        return count;
    }

    /// <summary>Records a packet; false if there is no room for it.</summary>
    internal bool Record(ref Frame packet)
    {
        uint bytes = packet.PacketLength, tag = (packet.Flags & FrameFlags.Vlan) != 0 && packet.Length >= 2 * MacAddress.Bytes ? EthernetHeader.VlanBytes : 0;
        if (RecordHeaderBytes + bytes + tag > _mask + 1 - (_in - _out))
        {
            LeftOut++;
            return false;
        }
        ulong now = Clock.Microseconds;
        Span<byte> header = stackalloc byte[RecordHeaderBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)(now / 1_000_000));
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(4), (uint)(now % 1_000_000));
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(8), bytes + tag);
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(12), bytes + tag);
        Put(header);
        uint at = 0;
        if (tag != 0)
        {
            // The card took the tag out, or will put it in.
            at = 2 * MacAddress.Bytes;
            Put(packet.Bytes.Slice(0, (int)at));
            Put([0x81, 0x00, (byte)(packet.VlanTag >> 8), (byte)packet.VlanTag]);
        }
        Span<byte> piece = stackalloc byte[256];
        while (at < bytes)
        {
            int count = Packet.CopyTo(ref packet, at, piece);
            Put(piece.Slice(0, count));
            at += (uint)count;
        }
        Recorded++;
        return true;
    }

    /// <summary>Forgets the packet that was recorded last; nothing was read meanwhile.</summary>
    internal void Forget(ulong before)
    {
        _in = before;
        Recorded--;
    }

    /// <summary>Where the next packet goes.</summary>
    internal ulong Position => _in;

    private void Put(ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
            _memory[(uint)_in++ & _mask] = value;
    }
}
