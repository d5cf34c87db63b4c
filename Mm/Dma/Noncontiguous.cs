using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Dma;

/// <summary>
/// A large buffer of page runs that lie anywhere, on the CPU's side: one span, no address. <see cref="Noncontiguous"/> has its hand-overs
/// and its end. Do not copy it.
/// </summary>
[NonCopyable]
public unsafe struct CpuNoncontiguous<TDirection> where TDirection : struct, IDirection
{
    internal ScatterTable* Table;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty => Table == null;

    /// <summary>Bytes that were asked for.</summary>
    public readonly uint Capacity => Table->Bytes;

    /// <summary>Where the device will find it, in order: the same for as long as it lives, so that what tells a device can be made once.</summary>
    public readonly ReadOnlySpan<DmaSegment> Segments
    {
        get
        {
            ScatterTable.Check(Table, Side.Cpu);
            return new ReadOnlySpan<DmaSegment>(ScatterTable.Segments(Table), Table->SegmentCount);
        }
    }

    internal readonly Span<byte> All(uint bytes)
    {
        ScatterTable.Check(Table, Side.Cpu);
        return new Span<byte>(Table->Span, (int)bytes);
    }
}

/// <summary>Such a buffer on the device's side: segments, no bytes. Do not copy it.</summary>
[NonCopyable]
public unsafe struct DeviceNoncontiguous<TDirection> where TDirection : struct, IDirection
{
    internal ScatterTable* Table;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty => Table == null;

    /// <summary>Bytes in all segments.</summary>
    public readonly uint Length => Table->Bytes;

    /// <summary>What to tell the device, in order. Not to be used after the buffer was taken back.</summary>
    public readonly ReadOnlySpan<DmaSegment> Segments
    {
        get
        {
            ScatterTable.Check(Table, Side.Device);
            return new ReadOnlySpan<DmaSegment>(ScatterTable.Segments(Table), Table->SegmentCount);
        }
    }
}

/// <summary>The bytes of noncontiguous buffers: what the direction allows, and no more. Not to be used after a hand-over or release.</summary>
public static unsafe class NoncontiguousBytes
{
    extension(in CpuNoncontiguous<ToDevice> buffer)
    {
        /// <summary>All bytes; zero when allocated.</summary>
        public Span<byte> Bytes => buffer.All(buffer.Capacity);
    }

    extension(in CpuNoncontiguous<Both> buffer)
    {
        /// <summary>All bytes; the device wrote the first <c>WrittenBytes</c>.</summary>
        public Span<byte> Bytes => buffer.All(buffer.Capacity);

        /// <summary>Bytes that the device wrote, as was said when the buffer was taken back.</summary>
        public uint WrittenBytes => buffer.Table->Written;
    }

    extension(in CpuNoncontiguous<FromDevice> buffer)
    {
        /// <summary>What the device wrote, as long as was said when the buffer was taken back; nothing before.</summary>
        public ReadOnlySpan<byte> Bytes => buffer.All(buffer.Table->Written);
    }
}

/// <summary>Hand-overs and the end of noncontiguous buffers. Each empties the handle that it takes. Any context but interrupt handlers.</summary>
[OwnershipInternals("here a handle becomes another")]
public static unsafe class Noncontiguous
{
    /// <summary>Gives all of a buffer to the device.</summary>
    public static DeviceNoncontiguous<TDirection> GiveToDevice<TDirection>(this ref CpuNoncontiguous<TDirection> buffer)
        where TDirection : struct, IDirection
    {
        DeviceNoncontiguous<TDirection> given;
        given.Table = buffer.Table;
        buffer = default;
        ScatterMapping.Give(given.Table);
        return given;
    }

    /// <summary>Takes a buffer back that the device only read.</summary>
    public static CpuNoncontiguous<ToDevice> TakeBack(this ref DeviceNoncontiguous<ToDevice> buffer) => TakeBack<ToDevice>(ref buffer, 0);

    /// <summary>Takes a buffer back of which the device wrote the front.</summary>
    /// <param name="buffer">Emptied.</param>
    /// <param name="written">Bytes, as the device says. More than there are, are not believed.</param>
    public static CpuNoncontiguous<FromDevice> TakeBack(this ref DeviceNoncontiguous<FromDevice> buffer, uint written) =>
        TakeBack<FromDevice>(ref buffer, written);

    /// <inheritdoc cref="TakeBack(ref DeviceNoncontiguous{FromDevice}, uint)"/>
    public static CpuNoncontiguous<Both> TakeBack(this ref DeviceNoncontiguous<Both> buffer, uint written) => TakeBack<Both>(ref buffer, written);

    private static CpuNoncontiguous<TDirection> TakeBack<TDirection>(ref DeviceNoncontiguous<TDirection> buffer, uint written)
        where TDirection : struct, IDirection
    {
        CpuNoncontiguous<TDirection> taken;
        taken.Table = buffer.Table;
        buffer = default;
        ScatterMapping.Take(taken.Table, written);
        return taken;
    }

    /// <summary>Ends the buffer and gives its memory back.</summary>
    public static void Free<TDirection>(this ref CpuNoncontiguous<TDirection> buffer) where TDirection : struct, IDirection
    {
        ScatterTable* table = buffer.Table;
        buffer = default;
        ScatterMapping.Unmap(table);
        DirectMap.UnmapRuns(table->Span, DmaDevice.WholePages(table->Bytes));
        ScatterTable.Free(table);
    }
}

public sealed unsafe partial class DmaDevice
{
    /// <summary>
    /// Allocates memory of any size that the CPU sees as one span and the device as few segments, reached without bouncing, zeroed, on the
    /// CPU's side: for frames and other buffers too large to be had in one piece. Takes the largest runs that are free.
    /// <see cref="Noncontiguous.Free"/> gives it back. Any context but interrupt handlers.
    /// </summary>
    /// <param name="bytes">1 to 1 GiB.</param>
    /// <param name="mostSegments">Segments that the device takes at most: 1 to 1024.</param>
    /// <param name="buffer">Empty on an error.</param>
    /// <param name="method">For the checker's reports, as <paramref name="line"/>: the compiler fills them in.</param>
    /// <param name="line"></param>
    /// <returns>
    /// <see cref="Error.TooLarge"/>, also if memory is in so many pieces that it takes more segments; <see cref="Error.NoResources"/> if
    /// there is no such memory, or none for the tables of the CPU's span.
    /// </returns>
    [NotInInterrupt]
    public Error TryAllocateNoncontiguous<TDirection>(uint bytes, int mostSegments, out CpuNoncontiguous<TDirection> buffer,
        [CallerMemberName] string method = "", [CallerLineNumber] int line = 0)
        where TDirection : struct, IDirection
    {
        buffer = default;
        if (bytes - 1 >= 1 << 30 || (uint)(mostSegments - 1) >= ScatterTable.Most)
            return Error.TooLarge;
        ScatterTable* table = ScatterTable.TryMake(_system, Owner, (int)Math.Min(ScatterTable.Most, WholePages(bytes) >> 12), mostSegments);
        if (table == null)
            return Error.NoResources;
        Error error = TryFill(table, bytes);
        if (error == Error.None)
            error = TryMapInPlace(table, default(TDirection).Kind, method, line);
        if (error != Error.None)
        {
            ScatterTable.Free(table);
            return error;
        }
        if (!TryMapSpan(table))
        {
            ScatterMapping.Unmap(table);
            ScatterTable.Free(table);
            return Error.NoResources;
        }
        buffer.Table = table;
        return Error.None;
    }

    // The checker's copies may take more segments than there are to be, or more memory than there is.
    private Error TryMapInPlace(ScatterTable* table, DmaDirection direction, string method, int line)
    {
        if (_system.Checker is { } checker)
        {
            if (ScatterMapping.TryMap(this, table, direction, DmaFamily.Noncontiguous, method, line) == Error.None)
                return Error.None;
            checker.CountUnchecked(this);
        }
        // What was allocated for the device is reached by construction.
        table->InPlace = true;
        return ScatterMapping.TryMap(this, table, direction, DmaFamily.Noncontiguous, method, line);
    }

    internal static ulong WholePages(uint bytes) => ((ulong)bytes + PhysAddr.PageSize - 1) & ~(PhysAddr.PageSize - 1);

    // From large runs to small ones; none larger than what is still missing, so that nothing is wasted but the end of the last page.
    private Error TryFill(ScatterTable* table, uint bytes)
    {
        int order = PageAllocator.MaxOrder;
        while (table->Bytes < bytes)
        {
            uint missing = bytes - table->Bytes;
            order = Math.Min(order, BitOperations.Log2((uint)(WholePages(missing) >> 12)));
            if (!_system.Memory.TryTake(order, CoherentMask, Owner, out PageRun run))
            {
                if (order-- != 0)
                    continue;
                Counters.NoMemory++;
                return Error.NoResources;
            }
            BlockCopy.ClearBlocks(run.Address, (nuint)run.Bytes);
            Error error = ScatterTable.TryAdd(table, run.Start.Value, run.Value, (uint)Math.Min(missing, run.Bytes));
            if (error != Error.None)
            {
                _system.Memory.Give(ref run);
                return Error.TooLarge;
            }
            Own.KeepForGood(ref run);       // the table is the owner
        }
        return Error.None;
    }

    // The pieces in a row for the CPU; what is mapped is said by a list that lives for as long as the call.
    private bool TryMapSpan(ScatterTable* table)
    {
        int order = 0;
        while (PhysAddr.PageSize << order < (ulong)table->PieceCount * (uint)sizeof(FrameRange))
            order++;
        if (!_system.Memory.Pages.TryTake(order, Zone.Any, Owner, out PageRun scratch))
            return false;
        var ranges = (FrameRange*)scratch.Address;
        for (int i = 0; i < table->PieceCount; i++)
        {
            ScatterPiece* piece = ScatterTable.Pieces(table) + i;
            var first = (uint)(piece->Memory >> 12);
            ranges[i] = new FrameRange(first, first + (uint)(WholePages(piece->Bytes) >> 12));
        }
        bool mapped = DirectMap.TryMapRuns(new ReadOnlySpan<FrameRange>(ranges, table->PieceCount), out table->Span);
        _system.Memory.Give(ref scratch);
        return mapped;
    }
}
