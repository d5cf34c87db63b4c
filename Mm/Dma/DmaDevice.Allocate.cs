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
    /// <param name="method">For the checker's reports, as <paramref name="line"/>: the compiler fills them in.</param>
    /// <param name="line"></param>
    /// <returns><see cref="Error.TooLarge"/>, or <see cref="Error.NoResources"/> if no such memory is free.</returns>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Error TryAllocatePages<TDirection>(uint bytes, out CpuBuffer<TDirection> buffer,
        [CallerMemberName] string method = "", [CallerLineNumber] int line = 0) where TDirection : struct, IDirection
    {
        Mapping* mapping = _direct;
        ulong origin = bytes - 1 < PhysAddr.PageSize ? TakePage() : 0;
        Error error = origin != 0 ? Error.None
            : TryAllocate(bytes, MappingKind.Word(default(TDirection).Kind, DmaFamily.Pages), method, line, out origin, out mapping);
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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Error TryAllocateNoncoherent<TDirection>(uint bytes, out CpuBuffer<TDirection> buffer,
        [CallerMemberName] string method = "", [CallerLineNumber] int line = 0) where TDirection : struct, IDirection
    {
        Mapping* mapping = _direct;
        ulong origin = bytes - 1 - LargestBlock < PhysAddr.PageSize - LargestBlock ? TakePage() : 0;
        Error error = origin != 0 ? Error.None
            : TryAllocateSmall(bytes, MappingKind.Word(default(TDirection).Kind, DmaFamily.Noncoherent), method, line, out origin, out mapping);
        buffer.Origin = origin;
        buffer.Room = bytes;
        buffer.Valid = 0;
        buffer.Mapping = mapping;
        return error;
    }

    /// <summary>
    /// Allocates an array that CPU and device use at once, zeroed, in whole pages below the coherent mask. Any context but interrupt
    /// handlers.
    /// </summary>
    /// <param name="count">Elements; together at most 16 MiB.</param>
    /// <param name="memory">Empty on an error; <see cref="Free{T}"/> gives it back.</param>
    /// <param name="cache">
    /// <see cref="CacheMode.WriteCombining"/> for memory that the CPU only writes, in long rows: reads are slow then. The direct map of
    /// these pages changes, so nothing sees them in another way; whole pages are split from large ones for that.
    /// </param>
    /// <param name="method">For the checker's reports, as <paramref name="line"/>: the compiler fills them in.</param>
    /// <param name="line"></param>
    /// <returns><see cref="Error.TooLarge"/>, also for none; <see cref="Error.NoResources"/>.</returns>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Error TryAllocateCoherent<T>(int count, out Coherent<T> memory, CacheMode cache = CacheMode.WriteBack,
        [CallerMemberName] string method = "", [CallerLineNumber] int line = 0) where T : unmanaged
    {
        Mapping* mapping = _direct;
        ulong bytes = (ulong)(uint)count * (uint)sizeof(T);
        ulong origin = bytes - 1 < PhysAddr.PageSize && cache == CacheMode.WriteBack ? TakePage() : 0;
        Error error = origin != 0 ? Error.None : TryAllocateShared(bytes, cache, DmaFamily.Coherent, method, line, out origin, out mapping);
        if (error != Error.None)
        {
            memory = default;
            return error;
        }
        memory = new Coherent<T>(count, origin, mapping);
        return Error.None;
    }

    /// <summary>Gives coherent memory back and empties the handle. The device must no longer use it. Any context but interrupt handlers.</summary>
    [NotInInterrupt]
    public static void Free<T>(ref Coherent<T> memory) where T : unmanaged
    {
        Mapping* mapping = memory.Mapping;
        ulong origin = memory.Origin;
        memory = default;
        FreeBuffer(mapping, origin);
    }

    [OwnershipInternals("the record becomes the owner")]
    internal Error TryAllocateShared(ulong bytes, CacheMode cache, DmaFamily family, string method, int line, out ulong origin, out Mapping* mapping)
    {
        origin = 0;
        mapping = null;
        if (bytes - 1 >= PhysAddr.PageSize << PageAllocator.MaxOrder)
            return Error.TooLarge;
        Mapping* taken = _system.Table.TryTake();
        if (taken == null)
            return Error.NoResources;
        if (_system.Checker is { } checker)
        {
            Error error = OpenChecked(checker, (uint)bytes, cache, family, taken, method, line);
            mapping = error == Error.None ? taken : null;
            origin = error == Error.None ? taken->Origin : 0;
            return error;
        }
        origin = TakeZeroed((uint)bytes);
        if (origin == 0)
        {
            _system.Table.Give(taken);
            return Error.NoResources;
        }
        if (cache != CacheMode.WriteBack && !DirectMap.TrySetCache(new PhysAddr(origin >> 32 << 12), new PageRun(origin).Bytes, cache))
        {
            var run = new PageRun(origin);
            _system.Memory.Give(ref run);
            _system.Table.Give(taken);
            origin = 0;
            return Error.NoResources;
        }
        *taken = new Mapping
        {
            Kind = new MappingKind(MappingKind.SharedWord(family)),
            Room = (uint)bytes,
            Memory = origin >> 32 << 12,
            Address = origin >> 32 << 12,
            Origin = origin,
            Device = _direct->Device,
            Path = _direct->Path,
            Cache = cache,
            Since = Cpu.Timestamp(),
        };
        if (!IsCoherent)
        {
            // A line that stayed would hide what the device writes, or be written back over it.
            var run = new PageRun(origin);
            CacheLines.Clean(run.Start, run.Bytes);
            CacheLines.Invalidate(run.Start, run.Bytes);
            CacheLines.SetUncached(run.Start, run.Bytes, uncached: true);
        }
        mapping = taken;
        return Error.None;
    }

    private Error OpenChecked(DmaChecker checker, uint bytes, CacheMode cache, DmaFamily family, Mapping* mapping, string method, int line)
    {
        *mapping = new Mapping
        {
            Kind = new MappingKind(MappingKind.SharedWord(family)),
            Room = bytes,
            Device = _direct->Device,
            Path = new StableReference<DmaPath>(checker.Path),
            Cache = cache,
            Since = Cpu.Timestamp(),
        };
        Error error = checker.Path.OpenShared(mapping);
        if (error == Error.None)
        {
            DmaChecker.Sign(mapping, method, line);
            return Error.None;
        }
        Counters.NoMemory++;
        _system.Table.Give(mapping);
        return error;
    }

    [OwnershipInternals("the record was the owner")]
    private static void CloseShared(DmaDevice device, Mapping* mapping, ulong origin)
    {
        if (mapping->Origin != origin)
            Misuse.StaleHandle(mapping);
        if (!device.IsCoherent)
            CacheLines.SetUncached(new PhysAddr(mapping->Memory), new PageRun(origin).Bytes, uncached: false);
        if (mapping->Cache != CacheMode.WriteBack)
        {
            bool restored = DirectMap.TrySetCache(new PhysAddr(mapping->Memory), new PageRun(origin).Bytes, CacheMode.WriteBack);
            Bug.If(!restored, "the cache mode of coherent memory could not be restored"u8);
        }
        device._system.Table.Give(mapping);
    }

    /// <summary>Ends a buffer and gives its memory back to where it came from.</summary>
    [OwnershipInternals("the buffer was the owner")]
    internal static void FreeBuffer(Mapping* mapping, ulong origin)
    {
        DmaDevice device = mapping->Device.Target;
        if (mapping->Kind.HasWork)
        {
            FreeRecorded(device, mapping, origin);
            return;
        }
        mapping->Live = mapping->Live - 1;
        var run = new PageRun(origin);
        device._pages.Give(ref run);
    }

    [OwnershipInternals("the buffer was the owner")]
    private static void FreeRecorded(DmaDevice device, Mapping* mapping, ulong origin)
    {
        ulong memory = mapping->Memory;
        if (mapping->Side == Side.Shared && mapping->Checked != 0)
        {
            if (mapping->Origin != origin)
                Misuse.StaleHandle(mapping);
            device._system.Checker!.Path.CloseShared(mapping);
            return;
        }
        if (mapping->Side == Side.Shared)
            CloseShared(device, mapping, origin);
        else
            Close(mapping, origin);
        if (SlabBlock.IsOrigin(origin))
        {
            SlabBlock block = SlabBlock.From(memory, origin);
            device._system.Slabs.Give(ref block);
            return;
        }
        var run = new PageRun(origin);
        device._pages.Give(ref run);
    }

    private Error TryAllocateSmall(uint bytes, uint kind, string method, int line, out ulong origin, out Mapping* mapping) =>
        bytes - 1 < LargestBlock && TryAllocateBlock(bytes, kind, method, line, out origin, out mapping)
            ? Error.None
            : TryAllocate(bytes, kind, method, line, out origin, out mapping);

    private Error TryAllocate(uint bytes, uint kind, string method, int line, out ulong origin, out Mapping* mapping)
    {
        origin = 0;
        mapping = null;
        if (bytes - 1 >= (uint)PhysAddr.PageSize << PageAllocator.MaxOrder)
            return Error.TooLarge;
        origin = TakeZeroed(bytes);
        if (origin == 0)
            return Error.NoResources;
        // Reachable by construction: nothing is to be done at hand-overs where caches are coherent.
        if (_isPlain)
        {
            mapping = _direct;
            mapping->Live++;
            return Error.None;
        }
        mapping = TryRecord(origin >> 32 << 12, origin, bytes, kind);
        if (mapping != null)
        {
            DmaChecker.Sign(mapping, method, line);
            return Error.None;
        }
        var run = new PageRun(origin);
        _system.Memory.Give(ref run);
        origin = 0;
        return Error.NoResources;
    }

    // A block that the device reaches, if there happens to be one.
    private bool TryAllocateBlock(uint bytes, uint kind, string method, int line, out ulong origin, out Mapping* mapping)
    {
        origin = 0;
        mapping = null;
        uint unit = CacheLines.Bytes;
        if (!_system.Slabs.TryTake((int)((bytes + unit - 1) & ~(unit - 1)), out SlabBlock block))
            return false;
        ulong memory = PhysicalMemory.Of(block.Address).Value;
        if (memory + block.Bytes - 1 <= CoherentMask)
            mapping = TryRecord(memory, block.Origin, bytes, kind);
        if (mapping == null)
        {
            _system.Slabs.Give(ref block);
            return false;
        }
        DmaChecker.Sign(mapping, method, line);
        block.Memory.Clear();
        origin = block.Origin;
        Own.KeepForGood(ref block);     // the buffer is the owner
        return true;
    }

    // A record for a buffer that the device has where it lies, in the place of the record that all such buffers share.
    internal Mapping* TryRecordGiven(ulong origin, uint bytes, DmaDirection direction)
    {
        Mapping* mapping = TryRecord(origin >> 32 << 12, origin, bytes, MappingKind.Word(direction, DmaFamily.Mapped));
        if (mapping == null)
            return null;
        mapping->Side = Side.Device;
        _direct->Live--;
        return mapping;
    }

    // A record on the direct path, or the checker's; null if there is none.
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
        mapping->Since = Cpu.Timestamp();
        if (_system.Checker is not { } checker)
            return mapping;
        mapping->Path = new StableReference<DmaPath>(checker.Path);
        if (checker.Path.Open(mapping) == Error.None)
            return mapping;
        Counters.NoMemory++;
        _system.Table.Give(mapping);
        return null;
    }

    // The short way to a page of a buffer without a record; 0 if there is none.
    private ulong TakePage()
    {
        if (!_isPlain || !_pages.TryTake(0, _zone, Owner, out PageRun run))
            return 0;
        // The highest zone that may serve need not lie below the mask as a whole.
        if (run.Value >> 32 > CoherentMask >> 12)
        {
            _pages.Give(ref run);
            return 0;
        }
        _direct->Live = _direct->Live + 1;
        ulong origin = run.Value;
        BlockCopy.ClearPage(PhysicalMemory.At(new PhysAddr(origin >> 32 << 12)));
        Own.KeepForGood(ref run);       // its value is the owner now
        return origin;
    }

    private ulong TakeZeroed(uint bytes)
    {
        int order = bytes <= PhysAddr.PageSize ? 0 : BitOperations.Log2((bytes - 1) >> 12) + 1;
        if (!_system.Memory.TryTake(order, CoherentMask, Owner, out PageRun run))
        {
            Counters.NoMemory++;
            return 0;
        }
        ulong origin = run.Value;
        BlockCopy.ClearBlocks(run.Address, (nuint)run.Bytes);
        Own.KeepForGood(ref run);
        return origin;
    }
}
