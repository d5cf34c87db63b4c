using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Block;

/// <summary>What is asked of a block device.</summary>
public enum BlockOperation : byte
{
    Read,
    Write,

    /// <summary>All that was written is to last when the power fails.</summary>
    Flush,
}

/// <summary>How a request ended.</summary>
public enum BlockResult : byte
{
    Complete,

    /// <summary>Blocks that are not there.</summary>
    OutOfRange,

    /// <summary>None, more than <see cref="IBlockDevice.MostBlocks"/>, or memory in too many pieces.</summary>
    TooLarge,

    /// <summary>The memory is not as long as the blocks are.</summary>
    BadLength,

    /// <summary>It may not be written.</summary>
    ReadOnly,

    /// <summary>The medium has no such data any more, or takes none there.</summary>
    MediumError,

    /// <summary>The device says that it cannot; a part may be done.</summary>
    Failed,

    /// <summary>No answer, after all that was tried; a part may be done.</summary>
    TimedOut,

    /// <summary>The device or its medium is gone, or it was never ready; a part may be done.</summary>
    Removed,

    /// <summary>No bounce slots or records to map the memory with.</summary>
    NoResources,
}

/// <summary>Who waits for requests.</summary>
public interface IBlockHandler
{
    /// <summary>A request has ended: its data is its maker's, and it may be used again at once. Runs as work in the CPU's loop.</summary>
    [PacketPath]
    void OnDone(BlockRequest request);
}

/// <summary>A device of blocks that are read and written in any order: a disk. One CPU; any context but interrupt handlers.</summary>
public interface IBlockDevice
{
    /// <summary>Whether it takes requests; the numbers below mean something once it was, and others with another medium.</summary>
    bool IsReady { get; }

    /// <summary>Bytes of a block: a power of two, 512 to 4096.</summary>
    uint BlockBytes { get; }

    /// <summary>Blocks.</summary>
    ulong Blocks { get; }

    /// <summary>It may not be written.</summary>
    bool IsReadOnly { get; }

    /// <summary>Blocks of one request at most.</summary>
    uint MostBlocks { get; }

    /// <summary>Whose reach data must be in: what makes the scatter lists of requests.</summary>
    DmaDevice Dma { get; }

    /// <summary>
    /// Does what a request asks for; several may be under way, and end in any order. Its handler is called once, whatever happens, and
    /// not before this returns.
    /// </summary>
    [PacketPath]
    void Submit(BlockRequest request);
}
