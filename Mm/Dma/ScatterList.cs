using System;
using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// Pieces of memory in an order: parts of page runs, small blocks. The list owns what was added. <see cref="DmaDevice.TryMap{T}(ref
/// ScatterList, out CpuScatter{T}, string, int)"/> makes it a device's, <see cref="Scatter.Free(ref ScatterList)"/> ends it. Do not copy it.
/// </summary>
[NonCopyable]
public unsafe struct ScatterList
{
    internal ScatterTable* Table;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty => Table == null;

    /// <summary>Number of pieces.</summary>
    public readonly int Count => Table->PieceCount;

    /// <summary>Bytes in all pieces.</summary>
    public readonly uint Bytes => Table->Bytes;

    /// <summary>The memory of a piece. Not to be used after the list was mapped or freed.</summary>
    public readonly Span<byte> this[int index]
    {
        get
        {
            ScatterTable.Check(Table, Side.None);
            ScatterPiece* piece = ScatterTable.Piece(Table, index);
            return new Span<byte>(ScatterTable.Start(piece), (int)piece->Bytes);
        }
    }

    /// <summary>Adds a part of a page run behind all others. Any context but interrupt handlers.</summary>
    /// <param name="run">The pages; emptied if it succeeds.</param>
    /// <param name="offset">Where the part begins in the run.</param>
    /// <param name="bytes">How long it is.</param>
    /// <returns>
    /// <see cref="Error.TooLarge"/> if the run has no such part, it is empty, or the list would pass 2 GiB; <see cref="Error.NoResources"/>
    /// if the list is full.
    /// </returns>
    public readonly Error TryAdd(ref PageRun run, uint offset, uint bytes)
    {
        ScatterTable.Check(Table, Side.None);
        if ((ulong)offset + bytes > run.Bytes)
            return Error.TooLarge;
        Error error = ScatterTable.TryAdd(Table, run.Start.Value + offset, run.Value, bytes);
        if (error == Error.None)
            Own.KeepForGood(ref run);       // the list is the owner
        return error;
    }

    /// <summary>Adds a small block behind all others; errors as of the other one. Any context but interrupt handlers.</summary>
    public readonly Error TryAdd(ref SlabBlock block)
    {
        ScatterTable.Check(Table, Side.None);
        if (block.IsEmpty)
            return Error.TooLarge;
        Error error = ScatterTable.TryAdd(Table, PhysicalMemory.Of(block.Address).Value, block.Origin, block.Bytes);
        if (error == Error.None)
            Own.KeepForGood(ref block);     // the list is the owner
        return error;
    }
}

/// <summary>
/// A scatter list of one device on the CPU's side: the bytes of pieces, no address. <see cref="Scatter"/> has its hand-overs. Do not copy it.
/// </summary>
[NonCopyable]
public unsafe struct CpuScatter<TDirection> where TDirection : struct, IDirection
{
    internal ScatterTable* Table;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty => Table == null;

    /// <summary>Number of pieces.</summary>
    public readonly int Count => Table->PieceCount;

    /// <summary>Bytes in all pieces.</summary>
    public readonly uint Bytes => Table->Bytes;

    /// <summary>Bytes that the device wrote, from the front of the first piece on; as was said when the list was taken back.</summary>
    public readonly uint WrittenBytes => Table->Written;

    internal readonly Span<byte> Piece(int index, bool onlyWritten)
    {
        ScatterTable.Check(Table, Side.Cpu);
        ScatterPiece* piece = ScatterTable.Piece(Table, index);
        return new Span<byte>(ScatterTable.Start(piece), (int)(onlyWritten ? ScatterTable.WrittenOf(Table, index) : piece->Bytes));
    }
}

/// <summary>A scatter list that the device owns: segments, no bytes. <see cref="Scatter"/> takes it back. Do not copy it.</summary>
[NonCopyable]
public unsafe struct DeviceScatter<TDirection> where TDirection : struct, IDirection
{
    internal ScatterTable* Table;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty => Table == null;

    /// <summary>Bytes in all segments.</summary>
    public readonly uint Bytes => Table->Bytes;

    /// <summary>What to tell the device, in order. Not to be used after the list was taken back.</summary>
    public readonly ReadOnlySpan<DmaSegment> Segments
    {
        get
        {
            ScatterTable.Check(Table, Side.Device);
            return new ReadOnlySpan<DmaSegment>(ScatterTable.Segments(Table), Table->SegmentCount);
        }
    }
}

/// <summary>The pieces of mapped scatter lists: what the direction allows, and no more. Not to be used after a hand-over or release.</summary>
public static class ScatterPieces
{
    extension(in CpuScatter<ToDevice> list)
    {
        /// <summary>All of a piece.</summary>
        public Span<byte> Piece(int index) => list.Piece(index, onlyWritten: false);
    }

    extension(in CpuScatter<Both> list)
    {
        /// <summary>All of a piece.</summary>
        public Span<byte> Piece(int index) => list.Piece(index, onlyWritten: false);
    }

    extension(in CpuScatter<FromDevice> list)
    {
        /// <summary>What the device wrote of a piece.</summary>
        public ReadOnlySpan<byte> Piece(int index) => list.Piece(index, onlyWritten: true);
    }
}

/// <summary>Hand-overs and the end of scatter lists. Each empties the handle that it takes. Any context but interrupt handlers.</summary>
[OwnershipInternals("here a handle becomes another")]
public static unsafe class Scatter
{
    /// <summary>Gives all pieces to the device.</summary>
    public static DeviceScatter<TDirection> GiveToDevice<TDirection>(this ref CpuScatter<TDirection> list) where TDirection : struct, IDirection
    {
        DeviceScatter<TDirection> given;
        given.Table = list.Table;
        list = default;
        ScatterMapping.Give(given.Table);
        return given;
    }

    /// <summary>Takes a list back that the device only read.</summary>
    public static CpuScatter<ToDevice> TakeBack(this ref DeviceScatter<ToDevice> list) => TakeBack<ToDevice>(ref list, 0);

    /// <summary>Takes a list back of which the device wrote the front.</summary>
    /// <param name="list">Emptied.</param>
    /// <param name="written">Bytes over all pieces in order, as the device says. More than there are, are not believed.</param>
    public static CpuScatter<FromDevice> TakeBack(this ref DeviceScatter<FromDevice> list, uint written) => TakeBack<FromDevice>(ref list, written);

    /// <inheritdoc cref="TakeBack(ref DeviceScatter{FromDevice}, uint)"/>
    public static CpuScatter<Both> TakeBack(this ref DeviceScatter<Both> list, uint written) => TakeBack<Both>(ref list, written);

    private static CpuScatter<TDirection> TakeBack<TDirection>(ref DeviceScatter<TDirection> list, uint written) where TDirection : struct, IDirection
    {
        CpuScatter<TDirection> taken;
        taken.Table = list.Table;
        list = default;
        ScatterMapping.Take(taken.Table, written);
        return taken;
    }

    /// <summary>Ends the mapping; the list keeps its memory, for the CPU or another device.</summary>
    public static ScatterList Unmap<TDirection>(this ref CpuScatter<TDirection> list) where TDirection : struct, IDirection
    {
        ScatterList unmapped;
        unmapped.Table = list.Table;
        list = default;
        ScatterMapping.Unmap(unmapped.Table);
        return unmapped;
    }

    /// <summary>Ends the mapping and gives back all the memory.</summary>
    public static void Free<TDirection>(this ref CpuScatter<TDirection> list) where TDirection : struct, IDirection
    {
        ScatterTable* table = list.Table;
        list = default;
        ScatterMapping.Unmap(table);
        ScatterTable.Free(table);
    }

    /// <summary>Gives back all the memory that the list owns.</summary>
    public static void Free(this ref ScatterList list)
    {
        ScatterTable* table = list.Table;
        list = default;
        ScatterTable.Check(table, Side.None);
        ScatterTable.Free(table);
    }
}
