using System;
using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>What happens to scatter lists: pieces become reachable, and what the device sees becomes segments.</summary>
internal static unsafe class ScatterMapping
{
    public static Error TryMap(DmaDevice device, ScatterTable* table, DmaDirection direction, DmaFamily family, string method, int line)
    {
        ScatterTable.Check(table, Side.None);
        if (table->PieceCount == 0)
            return Error.TooLarge;
        table->Device = new StableReference<DmaDevice>(device);
        table->Direction = direction;
        table->SegmentCount = 0;
        Error error = Error.None;
        int opened = 0;
        for (; opened < table->PieceCount && error == Error.None; opened++)
            error = TryMapPiece(device, table, ScatterTable.Pieces(table) + opened, MappingKind.Word(direction, family), method, line);
        if (error != Error.None)
        {
            Close(table, opened);
            return error;
        }
        table->Written = 0;
        table->Side = Side.Cpu;
        device.CountList(1);
        return Error.None;
    }

    public static void Unmap(ScatterTable* table)
    {
        ScatterTable.Check(table, Side.Cpu);
        table->Side = Side.None;
        table->Device.Target.CountList(-1);
        Close(table, table->PieceCount);
    }

    public static void Give(ScatterTable* table)
    {
        ScatterTable.Check(table, Side.Cpu);
        table->Side = Side.Device;
        for (int i = 0; i < table->PieceCount; i++)
        {
            for (Mapping* chunk = ScatterTable.Pieces(table)[i].Chunks; chunk != null; chunk = chunk->Next)
            {
                chunk->GiveAll();
                chunk->Path.Target.ForDevice(chunk, 0, chunk->Room);
            }
        }
    }

    public static void Take(ScatterTable* table, uint written)
    {
        ScatterTable.Check(table, Side.Device);
        table->Side = Side.Cpu;
        if (written > table->Bytes)
        {
            table->Device.Target.Counters.Overlong++;
            table->Device.Target.System.Checker?.Report(DmaFault.Overlong, table->Device.Target, $"{DmaFault.Overlong.Text}: {written} bytes, a list of {table->Bytes}");
            written = table->Bytes;
        }
        table->Written = written;
        for (int i = 0; i < table->PieceCount; i++)
        {
            ScatterPiece* piece = ScatterTable.Pieces(table) + i;
            uint left = Math.Min(written, piece->Bytes);
            written -= left;
            for (Mapping* chunk = piece->Chunks; chunk != null; chunk = chunk->Next)
            {
                uint bytes = Math.Min(left, chunk->Room);
                left -= bytes;
                chunk->Side = Side.Cpu;
                if (chunk->Checked != 0)
                {
                    CheckedPath path = table->Device.Target.System.Checker!.Path;
                    path.TakeBack(chunk, 0, chunk->Room, table->Direction == DmaDirection.ToDevice ? 0 : bytes);
                    chunk->Given = bytes;
                    continue;
                }
                chunk->Given = bytes;
                if (bytes != 0 && table->Direction != DmaDirection.ToDevice)
                    chunk->Path.Target.ForCpu(chunk, 0, bytes);
            }
        }
    }

    // Chunks stay in the order of their bytes: a piece longer than one row of bounce slots has several.
    private static Error TryMapPiece(DmaDevice device, ScatterTable* table, ScatterPiece* piece, uint kind, string method, int line)
    {
        piece->Chunks = null;
        Mapping** end = &piece->Chunks;
        for (uint done = 0; done < piece->Bytes;)
        {
            uint bytes = piece->Bytes - done;
            Error error = device.TryOpenPiece(table->InPlace, piece->Memory + done, piece->Origin, ref bytes, kind, method, line, out Mapping* chunk);
            if (error != Error.None)
                return error;
            if (chunk != null)
            {
                chunk->Next = null;
                *end = chunk;
                end = &chunk->Next;
            }
            if (!TryAddSegments(device, table, chunk == null ? piece->Memory + done : chunk->Address, bytes))
                return Error.TooLarge;
            done += bytes;
        }
        return Error.None;
    }

    // As much as fits behind the last segment, then new ones, each as long as the device takes it.
    private static bool TryAddSegments(DmaDevice device, ScatterTable* table, ulong address, uint bytes)
    {
        DmaSegment* segments = ScatterTable.Segments(table);
        while (bytes != 0)
        {
            DmaSegment* last = segments + table->SegmentCount - 1;
            bool follows = table->SegmentCount != 0 && last->Address.Value + last->Length == address;
            uint room = follows ? RoomBehind(device, *last) : 0;
            if (room == 0)
            {
                if (table->SegmentCount == table->MostSegments)
                    return false;
                last = segments + table->SegmentCount++;
                *last = new DmaSegment(address, 0);
                room = RoomBehind(device, *last);
            }
            uint more = Math.Min(room, bytes);
            *last = new DmaSegment(last->Address.Value, last->Length + more);
            address += more;
            bytes -= more;
        }
        return true;
    }

    // Bytes by which a segment may grow: to the device's longest, and to the next boundary after its start.
    private static uint RoomBehind(DmaDevice device, DmaSegment segment)
    {
        ulong toBoundary = device.SegmentBoundary - (segment.Address.Value & (device.SegmentBoundary - 1));
        return (uint)Math.Min(device.MaxSegmentBytes, toBoundary) - segment.Length;
    }

    // The mappings of the first pieces.
    private static void Close(ScatterTable* table, int pieces)
    {
        for (int i = 0; i < pieces; i++)
        {
            ScatterPiece* piece = ScatterTable.Pieces(table) + i;
            Mapping* next;
            for (Mapping* chunk = piece->Chunks; chunk != null; chunk = next)
            {
                next = chunk->Next;
                DmaDevice.Close(chunk, piece->Origin);
            }
            piece->Chunks = null;
        }
    }
}

public sealed unsafe partial class DmaDevice
{
    /// <summary>Makes an empty scatter list, in memory that is taken now and does not grow. Any context but interrupt handlers.</summary>
    /// <param name="mostPieces">Pieces that it has room for: 1 to 1024.</param>
    /// <param name="mostSegments">Segments that a device is told of at most: 1 to 1024; what needs more is not mapped.</param>
    /// <param name="list">Empty on an error.</param>
    /// <returns><see cref="Error.TooLarge"/> for other numbers, <see cref="Error.NoResources"/> if there is no memory for it.</returns>
    [NotInInterrupt]
    public Error TryMakeScatterList(int mostPieces, int mostSegments, out ScatterList list)
    {
        list = default;
        if ((uint)(mostPieces - 1) >= ScatterTable.Most || (uint)(mostSegments - 1) >= ScatterTable.Most)
            return Error.TooLarge;
        list.Table = ScatterTable.TryMake(_system, Owner, mostPieces, mostSegments);
        return list.Table == null ? Error.NoResources : Error.None;
    }

    /// <summary>
    /// Makes the pieces of a list one buffer of this device. Pieces that lie in a row become one segment as far as
    /// <see cref="MaxSegmentBytes"/> and <see cref="SegmentBoundary"/> allow, longer ones are cut; those that the device does not reach are
    /// bounced, each by itself. Any context but interrupt handlers.
    /// </summary>
    /// <param name="list">Emptied if it succeeds.</param>
    /// <param name="buffer">On the CPU's side; empty on an error.</param>
    /// <param name="method">For the checker's reports, as <paramref name="line"/>: the compiler fills them in.</param>
    /// <param name="line"></param>
    /// <returns>
    /// <see cref="Error.TooLarge"/> if the list is empty or takes more segments than it has room for; <see cref="Error.NoResources"/> if
    /// bounce slots or records ran out. Then everything is as before.
    /// </returns>
    [NotInInterrupt]
    public Error TryMap<TDirection>(ref ScatterList list, out CpuScatter<TDirection> buffer,
        [CallerMemberName] string method = "", [CallerLineNumber] int line = 0) where TDirection : struct, IDirection
    {
        buffer = default;
        Error error = ScatterMapping.TryMap(this, list.Table, default(TDirection).Kind, DmaFamily.Mapped, method, line);
        if (error != Error.None)
            return error;
        buffer.Table = list.Table;
        list = default;
        return Error.None;
    }

    internal void CountList(int lists) => _direct->Live += (ulong)lists;

    /// <summary>
    /// Makes a piece reachable, or its front: <paramref name="bytes"/> becomes what one row of slots holds. No record where nothing is to be
    /// done at hand-overs.
    /// </summary>
    internal Error TryOpenPiece(bool inPlace, ulong memory, ulong origin, ref uint bytes, uint kind, string method, int line, out Mapping* chunk)
    {
        chunk = null;
        DmaPath path = inPlace ? _system.Direct : PathFor(memory, bytes);
        if (path == _system.Direct && IsCoherent)
            return Error.None;
        if (path == _system.Bounce)
        {
            bytes = Math.Min(bytes, BounceArea.MostBytes - ((uint)memory & (MinAlignment - 1)));
            chunk = TakeReady(memory, origin, bytes, kind);
            if (chunk != null)
                return Error.None;
        }
        if (_system.Checker is { } checker && path == checker.Path)
            bytes = Math.Min(bytes, NeedsBounce(memory, bytes) ? BounceArea.MostBytes - ((uint)memory & (MinAlignment - 1)) : CheckedPath.MostPieceBytes);
        nint opened = OpenOn(path, memory, origin, bytes, kind, method, line);
        if ((nuint)opened <= byte.MaxValue)
            return (Error)opened;
        chunk = (Mapping*)opened;
        CheckedPath.NotePiece(chunk);
        return Error.None;
    }

    // A record with slots at hand, as page runs get one; null if there is none that fits.
    private Mapping* TakeReady(ulong memory, ulong origin, uint bytes, uint kind)
    {
        if (bytes - 1 >= _readyBytes || ((uint)memory & (MinAlignment - 1)) != 0)
            return null;
        nuint order = BounceArea.OrderOf(bytes);
        Mapping* mapping = _ready[order];
        if (mapping == null || mapping->Address > StreamingMask)
            return null;
        _ready[order] = mapping->Next;
        CountBounce(bytes);
        mapping->Kind = new MappingKind(kind);
        mapping->Room = bytes;
        mapping->Memory = memory;
        mapping->Origin = origin;
        mapping->Device = _direct->Device;
        return mapping;
    }
}
