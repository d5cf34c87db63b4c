using System.Runtime.CompilerServices;

namespace Sluice.FireWire.Core;

/// <summary>
/// A packet's header as it is on the bus: up to four quadlets, first bit highest, without CRCs. Source: IEEE 1394-1995, sections 6.2.2 and
/// 6.2.3 (fields), 1394a-2000 (asynchronous streams).
/// </summary>
public readonly struct PacketHeader(uint q0, uint q1, uint q2, uint q3)
{
    public const ulong OffsetMask = 0xFFFF_FFFF_FFFF;

    /// <summary>The bus that a node is on unless bridges say otherwise, in bits 15:6 of a node ID.</summary>
    public const ushort LocalBus = 0xFFC0;

    /// <summary>The physical ID that means all nodes of a bus.</summary>
    public const int Broadcast = 0x3F;

    // retry_X: the sender does not take part in the dual-phase protocol (IEEE 1394-1995, table 6-7).
    private const uint RetryX = 1u << 8, LabelMask = 0x3F << 10;

    public readonly uint Q0 = q0, Q1 = q1, Q2 = q2, Q3 = q3;

    public TransactionCode Code => (TransactionCode)(Q0 >> 4 & 0xF);

    /// <summary>Where it goes: bus 15:6, node 5:0.</summary>
    public ushort Destination => (ushort)(Q0 >> 16);

    /// <summary>Who sent it: bus 15:6, node 5:0.</summary>
    public ushort Source => (ushort)(Q1 >> 16);

    /// <summary>Whether its sender is a node of this bus.</summary>
    public bool IsFromThisBus => Q1 >= (uint)LocalBus << 16;

    /// <summary>Transaction label.</summary>
    public int Label => (int)(Q0 >> 10) & 0x3F;

    /// <summary>Requests: the address in the destination's 48 bits.</summary>
    public ulong Offset => (ulong)(Q1 & 0xFFFF) << 32 | Q2;

    /// <summary>Responses.</summary>
    public ResponseCode Response => (ResponseCode)(Q1 >> 12 & 0xF);

    /// <summary>Quadlet writes and read responses: the data, first byte highest.</summary>
    public uint Quadlet => Q3;

    /// <summary>Block packets and streams: data_length, in bytes.</summary>
    public int DataBytes => (int)((Code == TransactionCode.Stream ? Q0 : Q3) >> 16);

    /// <summary>Locks: extended_tcode.</summary>
    public LockOperation Operation => (LockOperation)(ushort)Q3;

    /// <summary>Streams.</summary>
    public int Channel => (int)(Q0 >> 8) & 0x3F;

    /// <summary>Streams: 0 has no format, 1 a CIP header, 3 a GASP header.</summary>
    public int Tag => (int)(Q0 >> 14) & 3;

    /// <summary>Streams: the synchronization code.</summary>
    public int Sync => (int)Q0 & 0xF;

    /// <summary>A request for a quadlet (6.2.2.2.1).</summary>
    public static PacketHeader ReadQuadlet(ushort destination, ushort source, int label, ulong offset) =>
        Request(TransactionCode.ReadQuadlet, destination, source, label, offset, 0);

    /// <summary>A request for so many bytes (6.2.2.3.2).</summary>
    public static PacketHeader ReadBlock(ushort destination, ushort source, int label, ulong offset, int bytes) =>
        Request(TransactionCode.ReadBlock, destination, source, label, offset, (uint)bytes << 16);

    /// <summary>A write of a quadlet (6.2.2.2.2).</summary>
    public static PacketHeader WriteQuadlet(ushort destination, ushort source, int label, ulong offset, uint quadlet) =>
        Request(TransactionCode.WriteQuadlet, destination, source, label, offset, quadlet);

    /// <summary>A write of the data that follows (6.2.2.3.1).</summary>
    public static PacketHeader WriteBlock(ushort destination, ushort source, int label, ulong offset, int bytes) =>
        Request(TransactionCode.WriteBlock, destination, source, label, offset, (uint)bytes << 16);

    /// <summary>A lock with the argument and value that follow (6.2.2.3.4).</summary>
    public static PacketHeader Lock(ushort destination, ushort source, int label, ulong offset, LockOperation operation, int bytes) =>
        Request(TransactionCode.Lock, destination, source, label, offset, (uint)bytes << 16 | (ushort)operation);

    /// <summary>Any request; <paramref name="last"/> is what the fourth quadlet holds, if the code has one.</summary>
    public static PacketHeader Request(TransactionCode code, ushort destination, ushort source, int label, ulong offset, uint last) =>
        new((uint)destination << 16 | (uint)(label & 0x3F) << 10 | RetryX | (uint)code << 4,
            (uint)source << 16 | (uint)(offset >> 32 & 0xFFFF), (uint)offset, last);

    /// <summary>The same request with another source and label.</summary>
    public PacketHeader From(ushort source, int label) =>
        new(Q0 & ~(0x3Fu << 10) | (uint)(label & 0x3F) << 10, Q1 & 0xFFFF | (uint)source << 16, Q2, Q3);

    /// <summary>
    /// The answer to a request: same label, back to where it came from (6.2.2.2.3 to 6.2.2.3.5). <paramref name="answer"/> is the
    /// code that goes with its own, <paramref name="last"/> the quadlet, or for blocks the number of bytes in the upper half; a
    /// lock's answer has its operation in the lower half.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PacketHeader Respond(in PacketHeader request, TransactionCode answer, ushort source, ResponseCode response, uint last) =>
        new(request.Q1 & 0xFFFF_0000 | request.Q0 & LabelMask | RetryX | (uint)answer << 4, (uint)source << 16 | (uint)response << 12, 0, last);

    /// <summary>A stream packet (6.2.3.1); its data follows.</summary>
    public static PacketHeader Stream(int bytes, int tag, int channel, int sync) =>
        new((uint)bytes << 16 | (uint)(tag & 3) << 14 | (uint)(channel & 0x3F) << 8 | (uint)TransactionCode.Stream << 4 | (uint)(sync & 0xF), 0, 0, 0);
}

/// <summary>
/// The header of a global asynchronous stream packet: the first two quadlets of the data of a stream with tag 3. Source: IEEE 1394a-2000,
/// section 6.2.4.1.2; RFC 2734, section 8.
/// </summary>
public readonly struct GaspHeader(uint q0, uint q1)
{
    public const int Tag = 3, Bytes = 8;

    public readonly uint Q0 = q0, Q1 = q1;

    /// <summary>Who sent it.</summary>
    public ushort Source => (ushort)(Q0 >> 16);

    /// <summary>Who defines the contents: 24 bits.</summary>
    public uint Specifier => Q0 << 8 & 0xFF_FF00 | Q1 >> 24;

    /// <summary>24 bits.</summary>
    public uint Version => Q1 & 0xFF_FFFF;

    public static GaspHeader Of(ushort source, uint specifier, uint version) =>
        new((uint)source << 16 | specifier >> 8 & 0xFFFF, specifier << 24 | version & 0xFF_FFFF);
}
