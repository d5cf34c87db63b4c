using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>A block of a <see cref="DmaPool{T}"/>, used by CPU and device at once. Give it back to its pool. Do not copy it.</summary>
[NonCopyable]
public readonly unsafe struct PoolBlock<T> where T : unmanaged
{
    internal readonly T* First;
    internal readonly ulong Number;

    internal PoolBlock(T* first, ulong address)
    {
        First = first;
        Number = address;
    }

    /// <summary>Whether it holds nothing.</summary>
    public bool IsEmpty => First == null;

    /// <summary>Where the device sees it.</summary>
    public DmaAddr Address => new(Number);

    /// <summary>The block. Its fields are <see cref="Shared{T}"/>.</summary>
    public ref T Value => ref *First;
}

/// <summary>
/// Small blocks of coherent memory, all of one type: descriptors that come and go. Each is zero when taken, aligned, crosses no boundary
/// and shares no cache line with anything else. What blocks are free stands in memory that no device reaches. Any context but
/// interrupt handlers; one CPU at a time.
/// </summary>
public sealed unsafe partial class DmaPool<T> where T : unmanaged
{
    private readonly DmaDevice _device;
    private readonly uint _step;
    private readonly ulong _boundary;
    private PageRun _table;

    // A stack of free blocks: its first entry, the one after the last free block, and the one after the last block there is.
    private PoolBlock<T>* _free, _top, _end;

    /// <summary>Makes a pool; only while the kernel starts. Takes no memory yet.</summary>
    /// <param name="device">Who uses the blocks.</param>
    /// <param name="alignment">A power of two up to 4096.</param>
    /// <param name="boundary">No block crosses a multiple of this power of two; 0 for no such demand.</param>
    public DmaPool(DmaDevice device, uint alignment = 1, uint boundary = 0)
    {
        Bug.If(!BitOperations.IsPow2(alignment) || alignment > PhysAddr.PageSize, "a DMA pool's alignment is no power of two up to a page"u8);
        uint unit = Math.Max(alignment, CacheLines.Bytes);
        _step = ((uint)sizeof(T) + unit - 1) & ~(unit - 1);
        Bug.If(_step > PhysAddr.PageSize, "a DMA pool of blocks larger than a page"u8);
        Bug.If(boundary != 0 && (!BitOperations.IsPow2(boundary) || boundary < sizeof(T)), "a DMA pool's boundary is no power of two, or less than a block"u8);
        _device = device;
        _boundary = boundary == 0 ? PhysAddr.PageSize : Math.Min(boundary, PhysAddr.PageSize);
    }

    /// <summary>Blocks in use.</summary>
    public ulong Used => (ulong)(_end - _top) + _checkedTotal - _checkedFree;

    /// <summary>Takes a block, zeroed; <see cref="Error.NoResources"/> if there is no memory for more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [NotInInterrupt]
    [OwnershipInternals("what lies above the count is nobody's handle")]
    public Error TryTake(out PoolBlock<T> block, [CallerMemberName] string method = "", [CallerLineNumber] int line = 0)
    {
        PoolBlock<T>* top = _top;
        if (top == _free)
        {
            if (!TryGrow(method, line))
            {
                block = default;
                return Error.NoResources;
            }
            top = _top;
        }
        _top = --top;
        block = new PoolBlock<T>(top->First, top->Number);
        *block.First = default;
        return Error.None;
    }

    /// <summary>Gives a block back and empties the handle.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [NotInInterrupt]
    [OwnershipInternals("here the handle ends")]
    public void Give(ref PoolBlock<T> block)
    {
        PoolBlock<T>* top = _top;
        if (block.First == null || top == _end)
        {
            GiveGeneral(block.First);
            block = default;
            return;
        }
        *top = new PoolBlock<T>(block.First, block.Number);
        _top = top + 1;
        block = default;
    }

    private void GiveGeneral(T* first)
    {
        if (first == null || _device.System.Checker is not { } checker)
            Bug.Stop("an empty block, or one too many, was given back to a DMA pool"u8);
        else
            GiveChecked(checker, first);
    }

    private bool TryGrow(string method, int line) =>
        _device.System.Checker is { } checker ? TryOfferChecked(checker, method, line) : TryAddPage(method, line);

    // A page more of blocks; the table of free ones has room for all there are.
    private bool TryAddPage(string method, int line)
    {
        uint more = 0;
        for (uint at = 0; TryNext(ref at); at += _step)
            more++;
        if (!TryFitTable((ulong)(_end - _free) + more) || _device.TryAllocateShared(PhysAddr.PageSize, CacheMode.WriteBack, DmaFamily.Pool, method, line, out _, out Mapping* mapping) != Error.None)
            return false;
        for (uint at = 0; TryNext(ref at); at += _step)
            *_top++ = new PoolBlock<T>((T*)(PhysicalMemory.At(new PhysAddr(mapping->Memory)) + at), mapping->Address + at);
        _end += more;
        return true;
    }

    // Where the next block of a page fits.
    private bool TryNext(ref uint at)
    {
        ulong end = (at & ~(_boundary - 1)) + _boundary;
        if (at + (uint)sizeof(T) > end)
            at = (uint)end;
        return at + (uint)sizeof(T) <= PhysAddr.PageSize;
    }

    private bool TryFitTable(ulong blocks)
    {
        ulong bytes = blocks * (uint)sizeof(PoolBlock<T>);
        if (bytes <= _table.Bytes)
            return true;
        int order = _table.IsEmpty ? 0 : _table.Order + 1;
        if (!_device.System.Memory.Pages.TryTake(order, Zone.Any, _device.Owner, out PageRun larger))
            return false;
        if (!_table.IsEmpty)
        {
            _table.Memory.CopyTo(larger.Memory);
            _device.System.Memory.Give(ref _table);
        }
        _table = Own.Move(ref larger);
        var moved = (PoolBlock<T>*)_table.Address;
        _top = moved + (_top - _free);
        _end = moved + (_end - _free);
        _free = moved;
        return true;
    }
}
