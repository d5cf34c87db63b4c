using System;

namespace Sluice.FireWire.Bus;

/// <summary>
/// A packet on the bus, in a buffer that its sender owns: who receives it copies what he needs before he returns. Headers are quadlets,
/// first bit highest; data is bytes in the bus's order. CRCs are flags, as nobody looks at their bits (<see cref="Crc"/> has those).
/// Source: IEEE 1394-1995, sections 6.2.2 and 6.2.3.
/// </summary>
public sealed class Packet
{
    /// <summary>The longest data of all speeds here.</summary>
    public const int MostBytes = 8192;

    // Bits around each packet and the gap before an acknowledge, in ticks: data prefix, data end, ACK_RESPONSE_TIME.
    private const int Overhead = 30, AckGap = 8, AckBits = 8;

    private readonly byte[] _data = new byte[MostBytes];

    /// <summary>Header quadlets; how many, <see cref="CodeFacts"/> says.</summary>
    public uint Q0, Q1, Q2, Q3;

    /// <summary>Bytes of data behind the header.</summary>
    public int DataBytes;

    public Speed Speed;

    /// <summary>The header's CRC is wrong: nobody takes it.</summary>
    public bool HasHeaderError;

    /// <summary>The data's CRC is wrong, or less data came than the header says.</summary>
    public bool HasDataError;

    /// <summary>
    /// Whether what came is not what the header promises: wrong data, less, more, any where there should be none, or more than the speed has.
    /// </summary>
    public bool IsMalformed => HasDataError || DataBytes != (Code.HasData ? LengthField : 0) || DataBytes > Speed.MostAsynchronousBytes;

    /// <summary>The sender's: tries that are left when it meets busy nodes.</summary>
    public int Retries;

    /// <summary>Two quadlets between PHYs, not a packet of a link.</summary>
    public bool IsPhy;

    /// <summary>The data, <see cref="DataBytes"/> long.</summary>
    public Span<byte> Data => _data.AsSpan(0, DataBytes);

    /// <summary>Room for data, all of it.</summary>
    public Span<byte> Room => _data;

    public Tcode Code => (Tcode)((Q0 >> 4) & 0xF);

    /// <summary>Where it goes: bus 15:6, node 5:0.</summary>
    public ushort Destination => (ushort)(Q0 >> 16);

    /// <summary>Who sent it: bus 15:6, node 5:0.</summary>
    public ushort Source => (ushort)(Q1 >> 16);

    /// <summary>Transaction label.</summary>
    public int Label => (int)(Q0 >> 10) & 0x3F;

    /// <summary>Requests: 48 bits.</summary>
    public ulong Offset => ((ulong)(Q1 & 0xFFFF) << 32) | Q2;

    /// <summary>Responses.</summary>
    public Rcode Rcode => (Rcode)((Q1 >> 12) & 0xF);

    /// <summary>Block packets: data_length as the header says.</summary>
    public int LengthField => (int)(Q3 >> 16);

    /// <summary>Locks: extended_tcode.</summary>
    public LockOperation Operation => (LockOperation)(ushort)Q3;

    /// <summary>Streams.</summary>
    public int Channel => (int)(Q0 >> 8) & 0x3F;

    /// <summary>Streams.</summary>
    public int Tag => (int)(Q0 >> 14) & 3;

    /// <summary>Streams: the synchronization code.</summary>
    public int Sync => (int)Q0 & 0xF;

    /// <summary>Begins a request.</summary>
    public void Request(Tcode code, int label, ushort destination, ushort source, ulong offset)
    {
        // Retry code 1 is retry_X (IEEE 1394-1995, table 6-12).
        Q0 = ((uint)destination << 16) | ((uint)(label & 0x3F) << 10) | (1u << 8) | ((uint)code << 4);
        Q1 = ((uint)source << 16) | (uint)(offset >> 32 & 0xFFFF);
        Q2 = (uint)offset;
        Clear();
    }

    /// <summary>Begins a response.</summary>
    public void Response(Tcode code, int label, ushort destination, ushort source, Rcode rcode)
    {
        Q0 = ((uint)destination << 16) | ((uint)(label & 0x3F) << 10) | (1u << 8) | ((uint)code << 4);
        Q1 = ((uint)source << 16) | ((uint)rcode << 12);
        Q2 = 0;
        Clear();
    }

    /// <summary>Begins a stream packet; the data is set with it.</summary>
    public void Stream(int channel, int tag, int sync, ReadOnlySpan<byte> data)
    {
        Q0 = ((uint)data.Length << 16) | ((uint)tag << 14) | ((uint)channel << 8) | ((uint)Tcode.Stream << 4) | (uint)sync;
        Q1 = 0;
        Q2 = 0;
        Clear();
        data.CopyTo(_data);
        DataBytes = data.Length;
    }

    /// <summary>Makes it two quadlets between PHYs.</summary>
    public void Phy(uint quadlet)
    {
        Q0 = quadlet;
        Q1 = ~quadlet;
        Q2 = 0;
        Clear();
        IsPhy = true;
    }

    /// <summary>Sets a block's data, and its length field; the operation's field stays.</summary>
    public void SetData(ReadOnlySpan<byte> data)
    {
        data.CopyTo(_data);
        DataBytes = data.Length;
        Q3 = ((uint)data.Length << 16) | (Q3 & 0xFFFF);
    }

    /// <summary>Ticks that it takes on the bus.</summary>
    public int Ticks(int headerQuadlets)
    {
        int quadlets = headerQuadlets + 1 + (DataBytes == 0 ? 0 : ((DataBytes + 3) >> 2) + 1);
        return ((quadlets * 32) >> (int)Speed) + Overhead;
    }

    /// <summary>Ticks from its end to the end of its acknowledge.</summary>
    public int AckTicks => AckGap + (AckBits >> (int)Speed) + Overhead;

    private void Clear()
    {
        Q3 = 0;
        DataBytes = 0;
        IsPhy = false;
        HasHeaderError = false;
        HasDataError = false;
    }
}
