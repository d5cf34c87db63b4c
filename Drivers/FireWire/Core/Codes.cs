using System;
using System.Runtime.CompilerServices;

namespace Sluice.FireWire.Core;

/// <summary>Speeds, as packets and self-IDs code them. Source: IEEE 1394a-2000, table 5B-1; 1394b-2002 for S800, which a self-ID cannot tell from more.</summary>
public enum BusSpeed : byte
{
    S100,
    S200,
    S400,
    S800,
}

/// <summary>Transaction codes. Source: IEEE 1394-1995, table 6-9; 1394a-2000 for asynchronous streams.</summary>
public enum TransactionCode : byte
{
    WriteQuadlet = 0,
    WriteBlock = 1,
    WriteResponse = 2,
    ReadQuadlet = 4,
    ReadBlock = 5,
    ReadQuadletResponse = 6,
    ReadBlockResponse = 7,
    CycleStart = 8,
    Lock = 9,
    Stream = 0xA,
    LockResponse = 0xB,
}

/// <summary>Acknowledge codes. Source: IEEE 1394-1995, table 6-13; 1394a-2000 for tardy, conflict and address errors.</summary>
public enum AckCode : byte
{
    /// <summary>No acknowledge came, or one with a wrong parity.</summary>
    Missing = 0,
    Complete = 1,
    Pending = 2,
    BusyX = 4,
    BusyA = 5,
    BusyB = 6,
    Tardy = 0xB,
    ConflictError = 0xC,
    DataError = 0xD,
    TypeError = 0xE,
    AddressError = 0xF,

    /// <summary>A controller's word, never on the bus: the packet did not go out, as a bus reset came before it.</summary>
    Flushed = 0x10,

    /// <summary>A controller's word: it could not be sent for a reason of its own (no memory to map it, dead, gone).</summary>
    NotSent = 0x11,
}

/// <summary>Response codes. Source: IEEE 1394-1995, table 6-11.</summary>
public enum ResponseCode : byte
{
    Complete = 0,
    ConflictError = 4,
    DataError = 5,
    TypeError = 6,
    AddressError = 7,
}

/// <summary>What a lock does. Source: IEEE 1394-1995, table 6-10.</summary>
public enum LockOperation : ushort
{
    None = 0,
    MaskSwap = 1,
    CompareSwap = 2,
    FetchAdd = 3,
    LittleAdd = 4,
    BoundedAdd = 5,
    WrapAdd = 6,
}

/// <summary>What is true of codes: each of four bits, as a header has it.</summary>
public static class CodeFacts
{
    /// <summary>In a shape: its bytes; data and its CRC follow; its last quadlet is data.</summary>
    internal const uint HeaderBytes = 0x1C, DataFollows = 1, EndsInQuadlet = 2;

    /// <summary>The shapes that there are: of streams; of three and four quadlets; of four, the last data; of four, data behind them.</summary>
    internal const byte OfStream = 4 | (byte)DataFollows, Short = 12, Long = 16, WithQuadlet = 16 | (byte)EndsInQuadlet, WithData = 16 | (byte)DataFollows;

    // Four bits for each transaction code, code 0 lowest; and a bit for each.
    private const ulong Answers = 0x2222_22B2_2276_2222;

    private const uint Responses = 1 << (int)TransactionCode.WriteResponse | 1 << (int)TransactionCode.ReadQuadletResponse
        | 1 << (int)TransactionCode.ReadBlockResponse | 1 << (int)TransactionCode.LockResponse;

    private const uint Requests = 1 << (int)TransactionCode.WriteQuadlet | 1 << (int)TransactionCode.WriteBlock | 1 << (int)TransactionCode.ReadQuadlet
        | 1 << (int)TransactionCode.ReadBlock | 1 << (int)TransactionCode.Lock;

    private static ReadOnlySpan<byte> Shapes =>
    [
        WithQuadlet, WithData, Short, 0, Short, Long, WithQuadlet, WithData,
        0, WithData, OfStream, WithData, 0, 0, 0, 0,
    ];

    extension(TransactionCode code)
    {
        /// <summary>Header quadlets without the CRC; 0 for what links do not send each other.</summary>
        public int HeaderQuadlets => (int)code.Shape / 4;

        /// <summary>What the header is like: <see cref="HeaderBytes"/>, <see cref="DataFollows"/>, <see cref="EndsInQuadlet"/>.</summary>
        internal uint Shape => Shapes[(int)code & 0xF];

        /// <summary>Whether data and its CRC follow the header.</summary>
        public bool HasData => (code.Shape & DataFollows) != 0;

        /// <summary>Whether somebody is asked for something.</summary>
        public bool IsRequest => IsIn(Requests, code);

        /// <summary>Whether it is a request that reads.</summary>
        public bool IsRead => code is TransactionCode.ReadQuadlet or TransactionCode.ReadBlock;

        /// <summary>Whether it is a request that writes.</summary>
        public bool IsWrite => code <= TransactionCode.WriteBlock;

        /// <summary>Whether it answers a request.</summary>
        public bool IsResponse => IsIn(Responses, code);

        /// <summary>What answers a request. Source: IEEE 1394-1995, section 6.2.2.</summary>
        public TransactionCode Answer => (TransactionCode)Look(Answers, code);
    }

    extension(BusSpeed speed)
    {
        /// <summary>The most data of an asynchronous packet, in bytes. Source: IEEE 1394-1995, table 6-4.</summary>
        public int MostBytes => 512 << (int)speed;
    }

    extension(AckCode ack)
    {
        /// <summary>Whether the packet may be sent again. Source: IEEE 1394-1995, section 6.2.5.2.2; 1394a-2000 for tardy.</summary>
        public bool IsBusy => ack is AckCode.BusyX or AckCode.BusyA or AckCode.BusyB or AckCode.Tardy;
    }

    extension(LockOperation operation)
    {
        /// <summary>
        /// The width in bytes (4 or 8) of what is locked with so much data, or 0 if that cannot be: additions of one number have only
        /// the value, all others argument and value. Source: IEEE 1394-1995, table 6-8 (data_length of locks).
        /// </summary>
        public int WidthOf(int dataBytes) => operation switch
        {
            LockOperation.FetchAdd or LockOperation.LittleAdd => dataBytes is 4 or 8 ? dataBytes : 0,
            LockOperation.MaskSwap or LockOperation.CompareSwap or LockOperation.BoundedAdd or LockOperation.WrapAdd =>
                dataBytes is 8 or 16 ? dataBytes / 2 : 0,
            _ => 0,
        };
    }

    /// <summary>The shape of a packet whose header begins with this quadlet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint ShapeOf(uint q0) => Shapes[(int)(q0 >> 4 & 0xF)];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Look(ulong table, TransactionCode code) => (int)(table >> (int)code * 4) & 0xF;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsIn(uint codes, TransactionCode code) => (codes >> (int)code & 1) != 0;
}
