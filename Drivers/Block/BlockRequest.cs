using Sluice.Dma;

namespace Sluice.Block;

/// <summary>
/// A request to a block device and the memory for it: made while starting, filled, given to <see cref="IBlockDevice.Submit"/>, used again
/// when its handler was called. The memory is the request's until <see cref="TakeData"/>, and the device's while it is under way.
/// </summary>
public sealed class BlockRequest(IBlockHandler handler)
{
    // What the device has in hand: pieces that are mapped, its place in a list, times and tries.
    internal ScatterList Data;
    internal DeviceScatter<FromDevice> Into;
    internal DeviceScatter<ToDevice> From;
    internal BlockRequest? Next;
    internal ulong Since, Due;
    internal int Tries;

    /// <summary>What it asks for.</summary>
    public BlockOperation Operation { get; private set; }

    /// <summary>The first block.</summary>
    public ulong First { get; private set; }

    /// <summary>Blocks.</summary>
    public uint Count { get; private set; }

    /// <summary>How it ended.</summary>
    public BlockResult Result { get; internal set; }

    /// <summary>Not with its handler.</summary>
    public bool IsUnderWay { get; internal set; }

    internal IBlockHandler Handler { get; } = handler;

    internal bool IsMapped => !Into.IsEmpty || !From.IsEmpty;

    /// <summary>Blocks are read into the pieces of a list, which are as long together. If it fails, what is in them means nothing.</summary>
    /// <param name="into">Emptied.</param>
    public BlockRequest Read(ulong first, uint count, ref ScatterList into)
    {
        Begin(BlockOperation.Read, first, count);
        Data = Own.Move(ref into);
        return this;
    }

    /// <summary>Blocks are written from the pieces of a list, which are as long together.</summary>
    /// <param name="from">Emptied.</param>
    public BlockRequest Write(ulong first, uint count, ref ScatterList from)
    {
        Begin(BlockOperation.Write, first, count);
        Data = Own.Move(ref from);
        return this;
    }

    /// <summary>What was written lasts.</summary>
    public BlockRequest Flush()
    {
        Begin(BlockOperation.Flush, 0, 0);
        return this;
    }

    /// <summary>The list that it was given; stops the machine while the request is under way.</summary>
    public ScatterList TakeData()
    {
        if (IsUnderWay)
            Bug.Stop("the data of a block request is taken while it is under way"u8);
        return Own.Move(ref Data);
    }

    private void Begin(BlockOperation operation, ulong first, uint count)
    {
        if (IsUnderWay || !Data.IsEmpty)
            Bug.Stop("a block request is filled while it is under way, or still has data"u8);
        Operation = operation;
        First = first;
        Count = count;
    }
}

/// <summary>Requests in order; each is in one queue at a time.</summary>
internal struct RequestQueue
{
    private BlockRequest? _first, _last;

    public readonly bool IsEmpty => _first == null;

    public readonly BlockRequest? First => _first;

    public void Push(BlockRequest request)
    {
        request.Next = null;
        if (_last == null)
            _first = request;
        else
            _last.Next = request;
        _last = request;
    }

    public void PushFirst(BlockRequest request)
    {
        request.Next = _first;
        _first = request;
        _last ??= request;
    }

    public bool TryTake(out BlockRequest? request)
    {
        request = _first;
        if (request == null)
            return false;
        _first = request.Next;
        if (_first == null)
            _last = null;
        request.Next = null;
        return true;
    }
}
