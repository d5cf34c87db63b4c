using System;
using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// All records of mappings of a machine. Grows by chunks of pages, and keeps them. For one CPU: there is no preemption, and interrupt
/// handlers do not map. With several, each would have a list of free ones.
/// </summary>
internal sealed unsafe class MappingTable(PageAllocator pages)
{
    private const int ChunkOrder = 2, MaxChunks = 4096;

    private readonly nint[] _chunks = new nint[MaxChunks];
    private Mapping* _free;
    private readonly OwnerTag _tag = OwnerTag.Register("dma mappings"u8);
    private SpinLock _lock;
    private int _count;

    private static int PerChunk => (4096 << ChunkOrder) / sizeof(Mapping);

    /// <summary>Takes a record, with whatever was in it; null if there is no memory for more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Mapping* TryTake()
    {
        Mapping* mapping = _free;
        if (mapping == null)
            return TakeNew();
        _free = mapping->Next;
        return mapping;
    }

    /// <summary>Gives a record back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Give(Mapping* mapping)
    {
        mapping->Kind = MappingKind.Ended;
        mapping->Next = _free;
        _free = mapping;
    }

    /// <summary>Most records that there may be at a position of <see cref="At"/>.</summary>
    public int Count => _count * PerChunk;

    /// <summary>A record by number, in use or not.</summary>
    public Mapping* At(int index) => (Mapping*)_chunks[index / PerChunk] + index % PerChunk;

    private Mapping* TakeNew() => TryGrow() ? TryTake() : null;

    private bool TryGrow()
    {
        if (!pages.TryTake(ChunkOrder, Zone.Any, _tag, out PageRun run))
            return false;
        _lock.Acquire();
        bool fits = _count < MaxChunks;
        if (fits)
        {
            new Span<byte>(run.Address, 4096 << ChunkOrder).Clear();
            _chunks[_count++] = (nint)run.Address;
        }
        _lock.Release();
        if (!fits)
        {
            pages.Give(ref run);
            return false;
        }
        for (int i = PerChunk - 1; i >= 0; i--)
            Give((Mapping*)run.Address + i);
        Own.KeepForGood(ref run);
        return true;
    }
}
