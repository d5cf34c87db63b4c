using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>How a transaction ended.</summary>
public enum TransactionResult : byte
{
    Complete,

    /// <summary>The other side's words.</summary>
    ConflictError,
    DataError,
    TypeError,
    AddressError,

    /// <summary>Nobody acknowledged, or there is no such node.</summary>
    NoAck,

    /// <summary>Still busy after all tries.</summary>
    Busy,

    /// <summary>No response within the split time-out.</summary>
    TimedOut,

    /// <summary>A bus reset came: it may have been carried out or not.</summary>
    BusReset,

    /// <summary>It was meant for the bus before a reset; nothing was sent.</summary>
    OldGeneration,

    /// <summary>The answer cannot be one: another length, a code that does not exist, complete without data.</summary>
    Malformed,

    /// <summary>All 64 labels of the node are in use; nothing was sent.</summary>
    NoLabel,

    /// <summary>More data than packets of this speed hold, or none; nothing was sent.</summary>
    BadLength,

    /// <summary>The controller could not send it.</summary>
    NotSent,
}

/// <summary>Who waits for a transaction.</summary>
public interface ITransactionHandler
{
    /// <summary>It has ended, and may be used again at once. Runs as work in the CPU's loop, or in the controller's.</summary>
    [PacketPath]
    void OnDone(Transaction transaction);
}

/// <summary>Who reads blocks without having memory for them.</summary>
public interface IBlockReader : ITransactionHandler
{
    /// <summary>
    /// What was read, where it arrived: valid in this call, read once; others on the bus may have made it up. <see cref="ITransactionHandler.OnDone"/>
    /// follows; it comes alone if nothing was read.
    /// </summary>
    [PacketPath]
    void OnRead(Transaction transaction, ReadOnlySpan<byte> data);
}

/// <summary>
/// A request to another node and its answer: made while starting, filled, given to <see cref="FireWireBus.Submit"/>, and used again when its handler was
/// called. Memory that it reads into or writes from is its own until then. Source: IEEE 1394-1995, section 7.
/// </summary>
public sealed unsafe class Transaction(ITransactionHandler handler) : OutPacket
{
    internal enum Phase : byte
    {
        Idle,

        /// <summary>Waits for room in the controller.</summary>
        Blocked,

        /// <summary>The controller has it.</summary>
        Sending,

        /// <summary>The controller has it, and it has its result already.</summary>
        Settled,

        /// <summary>Acknowledged as pending.</summary>
        Waiting,

        /// <summary>Found the node busy; sent again when its time comes.</summary>
        BackingOff,

        /// <summary>Its handler is to be called.</summary>
        Finished,
    }

    /// <summary>How it ended.</summary>
    public TransactionResult Result { get; internal set; }

    /// <summary>Which node it is for.</summary>
    public int Node { get; private set; }

    /// <summary>Quadlet reads: what was read. Locks of 32 bits: the value before.</summary>
    public uint Quadlet { get; internal set; }

    /// <summary>Locks of 64 bits: the value before.</summary>
    public ulong Octlet { get; internal set; }

    /// <summary>Not with its handler.</summary>
    public bool IsUnderWay => State != Phase.Idle;

    /// <summary>The speed is not above this.</summary>
    public BusSpeed Most { get; set; } = BusSpeed.S800;

    /// <summary>What was asked for last.</summary>
    public TransactionCode Code { get; private set; }

    /// <summary>What answers it. It follows from the code; each response is compared with it.</summary>
    internal TransactionCode Answer { get; private set; }

    internal ITransactionHandler Handler { get; } = handler;
    internal IBlockReader? Reader { get; } = handler as IBlockReader;
    internal int Length { get; private set; }
    internal byte* Into { get; private set; }
    internal Phase State { get; set; }
    internal int Tries { get; set; }

    // Waiting and backing off: when that is over, as a time stamp.
    internal ulong Due { get; set; }

    /// <summary>A quadlet is read, at a multiple of 4.</summary>
    public Transaction ReadQuadlet(int node, byte generation, ulong offset) => Begin(TransactionCode.ReadQuadlet, CodeFacts.Short, node, generation, offset, 4, 0);

    /// <summary>A quadlet is written, at a multiple of 4.</summary>
    public Transaction WriteQuadlet(int node, byte generation, ulong offset, uint value) =>
        Begin(TransactionCode.WriteQuadlet, CodeFacts.WithQuadlet, node, generation, offset, 4, value);

    /// <summary>So many bytes are read into memory.</summary>
    public Transaction ReadBlock(int node, byte generation, ulong offset, byte* into, int bytes)
    {
        Begin(TransactionCode.ReadBlock, CodeFacts.Long, node, generation, offset, bytes, (uint)bytes << 16);
        Into = into;
        return this;
    }

    /// <summary>So many bytes are read; the handler, an <see cref="IBlockReader"/>, is shown them where they arrive.</summary>
    public Transaction ReadBlock(int node, byte generation, ulong offset, int bytes)
    {
        if (Reader == null)
            Bug.Stop("a block is read for a handler that does not look at it"u8);
        Begin(TransactionCode.ReadBlock, CodeFacts.Long, node, generation, offset, bytes, (uint)bytes << 16);
        Into = null;
        return this;
    }

    /// <summary>So many bytes of memory are written: as they are when it is submitted.</summary>
    public Transaction WriteBlock(int node, byte generation, ulong offset, byte* from, int bytes)
    {
        Begin(TransactionCode.WriteBlock, CodeFacts.WithData, node, generation, offset, bytes, (uint)bytes << 16);
        From = from;
        DataBytes = bytes;
        return this;
    }

    /// <summary>The data of a frame is written, which lies in one part; the frame is given back to its pool when that is done.</summary>
    public Transaction WriteBlock(int node, byte generation, ulong offset, ref Frame frame)
    {
        var bytes = (int)frame.Length;
        Begin(TransactionCode.WriteBlock, CodeFacts.WithData, node, generation, offset, bytes, (uint)bytes << 16);
        Payload = Own.Move(ref frame);
        DataBytes = bytes;
        return this;
    }

    /// <summary>32 bits are locked: compare-swap, or what takes an argument as that does.</summary>
    public Transaction Lock(int node, byte generation, ulong offset, LockOperation operation, uint argument, uint value)
    {
        Begin(TransactionCode.Lock, CodeFacts.WithData, node, generation, offset, 8, 8u << 16 | (ushort)operation);
        BinaryPrimitives.WriteUInt32BigEndian(Inline, argument);
        BinaryPrimitives.WriteUInt32BigEndian(Inline[4..], value);
        DataBytes = 8;
        return this;
    }

    /// <summary>64 bits are locked, likewise.</summary>
    public Transaction Lock(int node, byte generation, ulong offset, LockOperation operation, ulong argument, ulong value)
    {
        Begin(TransactionCode.Lock, CodeFacts.WithData, node, generation, offset, 16, 16u << 16 | (ushort)operation);
        BinaryPrimitives.WriteUInt64BigEndian(Inline, argument);
        BinaryPrimitives.WriteUInt64BigEndian(Inline[8..], value);
        DataBytes = 16;
        return this;
    }

    // In place, as most of it is constant there.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Transaction Begin(TransactionCode code, byte shape, int node, byte generation, ulong offset, int bytes, uint last)
    {
        if (State != Phase.Idle)
            Bug.Stop("a transaction is changed while it is under way"u8);
        Code = code;
        Answer = code.Answer;
        node &= 0x3F;
        Node = node;
        Generation = generation;
        Length = bytes;
        // Who asks, and by which label, is known when it is sent.
        SetHeader(PacketHeader.Request(code, (ushort)(PacketHeader.LocalBus | node), 0, 0, offset, last), shape);
        From = null;
        DataBytes = 0;
        Tries = 0;
        return this;
    }
}
