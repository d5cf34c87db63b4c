using System;
using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>A piece of a scatter list: bytes in a row, of memory that the list owns.</summary>
internal unsafe struct ScatterPiece
{
    /// <summary>Where the bytes lie.</summary>
    public ulong Memory;

    /// <summary>What the memory goes back to: of a page run its value, of a block as in the handles.</summary>
    public ulong Origin;

    /// <summary>While it is mapped: the records of its bytes in order, by <see cref="Mapping.Next"/>; null where the device reaches it as it lies.</summary>
    public Mapping* Chunks;

    public uint Bytes;
}

/// <summary>
/// A scatter list's memory: this, then its pieces, then the segments that the device sees, in one page run. Never grows.
/// </summary>
internal unsafe struct ScatterTable
{
    /// <summary>Most pieces, and most segments.</summary>
    public const int Most = 1024;

    public StableReference<DmaSystem> System;

    /// <summary>Whose it is while mapped.</summary>
    public StableReference<DmaDevice> Device;

    /// <summary>The page run that this lies in.</summary>
    public ulong Storage;

    /// <summary>Of noncontiguous memory: the pieces in a row, as the CPU sees them.</summary>
    public byte* Span;

    public int MostPieces, MostSegments, PieceCount, SegmentCount;
    public uint Bytes, Written;
    public Side Side;
    public DmaDirection Direction;

    /// <summary>Whether the pieces were allocated for the device, and are used where they lie: not mapped in any other way.</summary>
    public bool InPlace;

    public static ulong BytesFor(int pieces, int segments) =>
        (ulong)sizeof(ScatterTable) + (ulong)pieces * (uint)sizeof(ScatterPiece) + (ulong)segments * (uint)sizeof(DmaSegment);

    public static ScatterPiece* Pieces(ScatterTable* table) => (ScatterPiece*)(table + 1);

    public static DmaSegment* Segments(ScatterTable* table) => (DmaSegment*)(Pieces(table) + table->MostPieces);

    /// <summary>A piece, if there is one of that number.</summary>
    public static ScatterPiece* Piece(ScatterTable* table, int index)
    {
        Bug.If((uint)index >= (uint)table->PieceCount, "a piece of a scatter list that is not there"u8);
        return Pieces(table) + index;
    }

    /// <summary>The bytes of a piece that the device wrote: what it says it wrote, counted from the front over all pieces.</summary>
    public static uint WrittenOf(ScatterTable* table, int index)
    {
        uint left = table->Written;
        for (int i = 0; i < index; i++)
            left -= Math.Min(left, Pieces(table)[i].Bytes);
        return Math.Min(left, Piece(table, index)->Bytes);
    }

    public static byte* Start(ScatterPiece* piece) => PhysicalMemory.At(new PhysAddr(piece->Memory));

    /// <summary>Stops the machine unless the table is on the side that its handle says.</summary>
    public static void Check(ScatterTable* table, Side side) =>
        Bug.If(table->Side != side, "dma: a copy of a scatter list's handle was used"u8);

    /// <summary>Makes an empty table; null if there is no memory for it.</summary>
    public static ScatterTable* TryMake(DmaSystem system, OwnerTag owner, int pieces, int segments)
    {
        int order = 0;
        while (PhysAddr.PageSize << order < BytesFor(pieces, segments))
            order++;
        if (!system.Memory.Pages.TryTake(order, Zone.Any, owner, out PageRun run))
            return null;
        var table = (ScatterTable*)run.Address;
        *table = new ScatterTable
        {
            System = new StableReference<DmaSystem>(system),
            Storage = run.Value,
            MostPieces = pieces,
            MostSegments = segments,
            Side = Side.None,
        };
        Own.KeepForGood(ref run);       // the table says where it lies
        return table;
    }

    /// <summary>Adds a piece; <see cref="Error.NoResources"/> if the list is full, <see cref="Error.TooLarge"/> above 2 GiB in all.</summary>
    public static Error TryAdd(ScatterTable* table, ulong memory, ulong origin, uint bytes)
    {
        if (table->PieceCount == table->MostPieces)
            return Error.NoResources;
        if (bytes == 0 || bytes > int.MaxValue - table->Bytes)
            return Error.TooLarge;
        Pieces(table)[table->PieceCount++] = new ScatterPiece { Memory = memory, Origin = origin, Bytes = bytes };
        table->Bytes += bytes;
        return Error.None;
    }

    /// <summary>Gives back all that the list owns, and the list.</summary>
    [OwnershipInternals("the list was the owner")]
    public static void Free(ScatterTable* table)
    {
        DmaSystem system = table->System.Target;
        for (int i = 0; i < table->PieceCount; i++)
        {
            ScatterPiece* piece = Pieces(table) + i;
            if (SlabBlock.IsOrigin(piece->Origin))
            {
                SlabBlock block = SlabBlock.From(piece->Memory, piece->Origin);
                system.Slabs.Give(ref block);
                continue;
            }
            var run = new PageRun(piece->Origin);
            system.Memory.Give(ref run);
        }
        // A copy of the handle is found out as long as nobody else has the memory.
        table->Side = Side.Parts;
        var storage = new PageRun(table->Storage);
        system.Memory.Give(ref storage);
    }
}
