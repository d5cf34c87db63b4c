using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Dma;

public sealed unsafe partial class DmaDevice
{
    // Shorter buffers come from small blocks of whole cache lines.
    private const uint LargestBlock = 1024;

    /// <summary>
    /// Allocates whole pages from the direct map that the device reaches without bouncing, in a row, zeroed, as a buffer on the CPU's
    /// side. <see cref="Release.Free"/> gives them back. Any context but interrupt handlers.
    /// </summary>
    /// <param name="bytes">1 to 16 MiB; the memory is rounded up to a power of two of pages, aligned to its size.</param>
    /// <param name="buffer">Empty on an error.</param>
    /// <returns><see cref="Error.TooLarge"/>, or <see cref="Error.NoResources"/> if no such memory is free.</returns>
    [NotInInterrupt]
    public Error TryAllocatePages<TDirection>(uint bytes, out CpuBuffer<TDirection> buffer) where TDirection : struct, IDirection
    {
        Error error = TryAllocate(bytes, MappingKind.Word(default(TDirection).Kind, DmaFamily.Pages), out ulong origin, out Mapping* mapping);
        buffer.Origin = origin;
        buffer.Room = bytes;
        buffer.Valid = 0;
        buffer.Mapping = mapping;
        return error;
    }

    /// <summary>
    /// Allocates memory that the CPU sees as one span and the device in one piece, without bouncing, zeroed, as a buffer on the CPU's
    /// side. It shares no cache line with anything else. <see cref="Release.Free"/> gives it back. Any context but interrupt handlers.
    /// </summary>
    /// <inheritdoc cref="TryAllocatePages" path="/param|/returns"/>
    [NotInInterrupt]
    public Error TryAllocateNoncoherent<TDirection>(uint bytes, out CpuBuffer<TDirection> buffer) where TDirection : struct, IDirection
    {
        uint kind = MappingKind.Word(default(TDirection).Kind, DmaFamily.Noncoherent);
        if (bytes - 1 >= LargestBlock || !TryAllocateBlock(bytes, kind, out ulong origin, out Mapping* mapping))
        {
            Error error = TryAllocate(bytes, kind, out origin, out mapping);
            if (error != Error.None)
            {
                buffer = default;
                return error;
            }
        }
        buffer.Origin = origin;
        buffer.Room = bytes;
        buffer.Valid = 0;
        buffer.Mapping = mapping;
        return Error.None;
    }

    /// <summary>
    /// Allocates an array that CPU and device use at once, zeroed, in whole pages below the coherent mask. Any context but interrupt
    /// handlers.
    /// </summary>
    /// <param name="count">Elements; together at most 16 MiB.</param>
    /// <param name="memory">Empty on an error; <see cref="Free{T}"/> gives it back.</param>
    /// <param name="cache">
    /// <see cref="CacheMode.WriteCombining"/> for memory that the CPU only writes, in long rows: reads are slow then.
    /// </param>
    /// <returns><see cref="Error.TooLarge"/>, also for none; <see cref="Error.NoResources"/>.</returns>
    [NotInInterrupt]
    public Error TryAllocateCoherent<T>(int count, out Coherent<T> memory, CacheMode cache = CacheMode.WriteBack) where T : unmanaged
    {
        memory = default;
        if (count <= 0 || (ulong)count * (uint)sizeof(T) > PhysAddr.PageSize << PageAllocator.MaxOrder)
            return Error.TooLarge;
        Error error = TryAllocateShared((uint)count * (uint)sizeof(T), cache, DmaFamily.Coherent, out Mapping* mapping);
        if (error == Error.None)
            memory = new Coherent<T>((T*)PhysicalMemory.At(new PhysAddr(mapping->Memory)), count, mapping);
        return error;
    }

    /// <summary>Gives coherent memory back and empties the handle. The device must no longer use it. Any context but interrupt handlers.</summary>
    [NotInInterrupt]
    public static void Free<T>(ref Coherent<T> memory) where T : unmanaged
    {
        Mapping* mapping = memory.Mapping;
        memory = default;
        FreeShared(mapping);
    }

    internal Error TryAllocateShared(uint bytes, CacheMode cache, DmaFamily family, out Mapping* mapping)
    {
        mapping = _system.Table.TryTake();
        if (mapping == null)
            return Error.NoResources;
        if (!TryTakeZeroed(bytes, out PageRun run))
        {
            _system.Table.Give(mapping);
            return Error.NoResources;
        }
        if (!IsCoherent)
            CacheLines.SetUncached(run.Start, run.Bytes, uncached: true);
        mapping->Kind = new MappingKind(MappingKind.Word(DmaDirection.Both, family)) { Side = Side.Shared };
        mapping->Room = bytes;
        mapping->Memory = mapping->Address = run.Start.Value;
        mapping->Device = _direct->Device;
        mapping->Path = _direct->Path;
        mapping->Cache = cache;
        mapping->Since = Clock.Microseconds;
        mapping->Origin = run.Value;
        Own.KeepForGood(ref run);       // until the record ends
        return Error.None;
    }

    [OwnershipInternals("the record was the owner")]
    internal static void FreeShared(Mapping* mapping)
    {
        if (mapping->Side != Side.Shared || !mapping->HasWork)
            Misuse.StaleHandle(mapping);
        DmaDevice device = mapping->Device.Target;
        var run = new PageRun(mapping->Origin);
        if (!device.IsCoherent)
            CacheLines.SetUncached(run.Start, run.Bytes, uncached: false);
        device._system.Table.Give(mapping);
        device._system.Memory.Give(ref run);
    }

    private Error TryAllocate(uint bytes, uint kind, out ulong origin, out Mapping* mapping)
    {
        origin = 0;
        mapping = null;
        if (bytes - 1 >= (uint)PhysAddr.PageSize << PageAllocator.MaxOrder)
            return Error.TooLarge;
        if (!TryTakeZeroed(bytes, out PageRun run))
            return Error.NoResources;
        // Reachable by construction: nothing is to be done at hand-overs where caches are coherent.
        if (IsCoherent)
        {
            mapping = _direct;
            mapping->Live++;
        }
        else
        {
            mapping = TryRecord(run.Start.Value, run.Value, bytes, kind);
            if (mapping == null)
            {
                _system.Memory.Give(ref run);
                return Error.NoResources;
            }
        }
        origin = run.Value;
        Own.KeepForGood(ref run);       // the buffer is the owner
        return Error.None;
    }

    // A block that the device reaches, if there happens to be one.
    private bool TryAllocateBlock(uint bytes, uint kind, out ulong origin, out Mapping* mapping)
    {
        origin = 0;
        mapping = null;
        uint line = CacheLines.Bytes;
        if (!_system.Slabs.TryTake((int)((bytes + line - 1) & ~(line - 1)), out SlabBlock block))
            return false;
        ulong memory = PhysicalMemory.Of(block.Address).Value;
        if (memory + block.Bytes - 1 <= CoherentMask)
            mapping = TryRecord(memory, block.Origin, bytes, kind);
        if (mapping == null)
        {
            _system.Slabs.Give(ref block);
            return false;
        }
        block.Memory.Clear();
        origin = block.Origin;
        Own.KeepForGood(ref block);     // the buffer is the owner
        return true;
    }

    // A record on the direct path, which cannot fail.
    private Mapping* TryRecord(ulong memory, ulong origin, uint bytes, uint kind)
    {
        Mapping* mapping = _system.Table.TryTake();
        if (mapping == null)
            return null;
        mapping->Kind = new MappingKind(kind);
        mapping->Room = bytes;
        mapping->Memory = mapping->Address = memory;
        mapping->Origin = origin;
        mapping->Device = _direct->Device;
        mapping->Path = _direct->Path;
        mapping->IsReady = false;
        mapping->Since = Clock.Microseconds;
        return mapping;
    }

    private bool TryTakeZeroed(uint bytes, out PageRun run)
    {
        int order = bytes <= PhysAddr.PageSize ? 0 : BitOperations.Log2((bytes - 1) >> 12) + 1;
        if (!_system.Memory.TryTake(order, CoherentMask, Owner, out run))
        {
            Counters.NoMemory++;
            return false;
        }
        BlockCopy.ClearBlocks(run.Address, (nuint)run.Bytes);
        return true;
    }
}
