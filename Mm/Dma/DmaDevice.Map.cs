using System;
using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Dma;

public sealed unsafe partial class DmaDevice
{
    // Runs below, and no longer than so many bytes, are mapped the short way: nothing to do, nothing to remember.
    private ulong _directEnd;
    private uint _directBytes;

    // Runs that the device does not reach, and no longer than so many bytes, get a slot the short way.
    private uint _readyBytes;

    // Of these, those that every run is long enough for.
    private uint _readyShort;

    internal uint ReadyBytes => _readyBytes;

    // Allocated memory that the device reaches where it lies needs no record.
    private bool _isPlain;

    internal void SetFastWay()
    {
        _isPlain = IsCoherent && _system.Checker == null;
        _directEnd = _isPlain && !_forceBounce ? Math.Min((StreamingMask >> 12) + 1, uint.MaxValue) << 32 : 0;
        _directBytes = (uint)Math.Min(_maxSegmentBytes, _segmentBoundary);
        _readyBytes = IsCoherent && _system.Checker == null && _minAlignment <= BounceArea.SlotBytes ? Math.Min(_directBytes, BounceArea.MostBytes) : 0;
        // Devices with smaller pieces than a page are rare enough to go the long way.
        if (_directBytes < PhysAddr.PageSize)
        {
            _directEnd = 0;
            _readyBytes = _forceBounce ? _readyBytes : 0;
        }
        _readyShort = Math.Min(_readyBytes, (uint)PhysAddr.PageSize);
        _passing = _directEnd != 0 && StreamingMask >= _system.HighestFrame ? _system.PassingFrames : _direct;
    }

    /// <summary>Mappings by the short way that live now; others are in <see cref="DmaSystem"/>'s records.</summary>
    public ulong LiveDirect => _direct->Live;

    /// <summary>
    /// Makes the first bytes of a page run a buffer of this device; the buffer owns the run until it is unmapped or freed. Its bytes
    /// stay as they are. Any context but interrupt handlers.
    /// </summary>
    /// <param name="run">The pages; emptied if it succeeds.</param>
    /// <param name="bytes">How many: 1 to all of the run.</param>
    /// <param name="buffer">On the CPU's side; empty if it fails.</param>
    /// <param name="method">For the checker's reports, as <paramref name="line"/>: the compiler fills them in.</param>
    /// <param name="line"></param>
    /// <returns>
    /// <see cref="Error.TooLarge"/> for more bytes than the run has, than the device takes with one address, or than can be bounced;
    /// <see cref="Error.NoResources"/> if bounce slots or records ran out. Then everything is as before.
    /// </returns>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Error TryMap<TDirection>(ref PageRun run, uint bytes, out CpuBuffer<TDirection> buffer, [CallerMemberName] string method = "", [CallerLineNumber] int line = 0)
        where TDirection : struct, IDirection
    {
        ulong origin = run.Value;
        run = default;
        buffer.Origin = origin;
        buffer.Room = bytes;
        buffer.Valid = 0;
        Mapping* direct = _direct;
        buffer.Mapping = direct;
        // The last frame's number is in the upper half of the sum. An empty run wraps.
        if (origin + ((ulong)((bytes - 1) >> 12) << 32) - 1 >= _directEnd || ((bytes - 1) >> 12 != 0 && !IsDirectLength(origin, bytes)))
        {
            nint mapping = MapReady(origin, bytes, MappingKind.Word(default(TDirection).Kind, DmaFamily.Mapped));
            buffer.Mapping = (Mapping*)mapping;
            if (mapping == 0)
            {
                mapping = MapRun(origin, bytes, MappingKind.Word(default(TDirection).Kind, DmaFamily.Mapped), method, line);
                buffer.Mapping = (Mapping*)mapping;
                if ((nuint)mapping <= byte.MaxValue)
                {
                    run = new PageRun(origin);
                    buffer.Mapping = null;
                    return (Error)mapping;
                }
            }
            return Error.None;
        }
        direct->Live = direct->Live + 1;
        return Error.None;
    }

    /// <summary>
    /// Makes a small block a buffer of this device, as <see cref="TryMap{TDirection}(ref PageRun, uint, out CpuBuffer{TDirection}, string, int)"/>
    /// does for pages. A block that shares cache lines with others is bounced where lines move at hand-overs.
    /// </summary>
    [NotInInterrupt]
    public Error TryMap<TDirection>(ref SlabBlock block, out CpuBuffer<TDirection> buffer, [CallerMemberName] string method = "", [CallerLineNumber] int line = 0)
        where TDirection : struct, IDirection
    {
        buffer = default;
        if (block.IsEmpty)
            return Error.TooLarge;
        uint kind = MappingKind.Word(default(TDirection).Kind, DmaFamily.Mapped);
        nint mapping = Open(PhysicalMemory.Of(block.Address).Value, block.Origin, block.Bytes, kind, method, line);
        if ((nuint)mapping <= byte.MaxValue)
            return (Error)mapping;
        buffer.Origin = block.Origin;
        buffer.Room = block.Bytes;
        buffer.Mapping = (Mapping*)mapping;
        block = default;
        return Error.None;
    }

    // More than a page: as long as the run at most, and what the device takes with one address.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsDirectLength(ulong origin, uint bytes) => bytes - 1 < _directBytes && IsWithinRun(origin, bytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsWithinRun(ulong origin, uint bytes) => (bytes - 1) >> 12 >> (int)(origin & Page.OrderMask) == 0;

    // Returns a record with slots at hand, or 0.
    private nint MapReady(ulong origin, uint bytes, uint kind)
    {
        nuint order = BounceArea.OrderOf(bytes);
        Mapping* mapping;
        if (bytes - 1 >= _readyShort || origin == 0 || (mapping = _ready[order]) == null || mapping->Address > StreamingMask)
            return 0;
        _ready[order] = mapping->Next;
        CountBounce(bytes);
        mapping->Kind = new MappingKind(kind);
        mapping->Room = bytes;
        mapping->Memory = origin >> 32 << 12;
        mapping->Origin = origin;
        mapping->Device = _direct->Device;
        return (nint)mapping;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CountBounce(uint bytes)
    {
        Counters.Bounced = Counters.Bounced + 1;
        Counters.BouncedBytes = Counters.BouncedBytes + bytes;
    }

    // Returns a record, or an error as a small number.
    private nint MapRun(ulong origin, uint bytes, uint kind, string method, int line)
    {
        Bug.If(origin == 0, "an empty page run was mapped for a device"u8);
        if (!IsWithinRun(origin, bytes))
            return (nint)Error.TooLarge;
        Mapping* ready = TakeReady(origin >> 32 << 12, origin, bytes, kind);
        return ready != null ? (nint)ready : Open(origin >> 32 << 12, origin, bytes, kind, method, line);
    }

    private nint Open(ulong memory, ulong origin, uint bytes, uint kind, string method, int line)
    {
        if (bytes - 1 >= _directBytes)
            return (nint)Error.TooLarge;
        DmaPath path = PathFor(memory, bytes);
        if (CrossesBoundary(memory, bytes))
        {
            // Slots do not, nor the checker's copies, unless the low bits are to stay as they are.
            if (CrossesBoundary(memory & (_minAlignment - 1), bytes))
                return (nint)Error.TooLarge;
            if (path == _system.Direct)
                path = _system.Bounce;
        }
        return OpenOn(path, memory, origin, bytes, kind, method, line);
    }

    // However long it is.
    private nint OpenOn(DmaPath path, ulong memory, ulong origin, uint bytes, uint kind, string method, int line)
    {
        Mapping* mapping = _system.Table.TryTake();
        if (mapping == null)
            return (nint)Error.NoResources;
        *mapping = new Mapping
        {
            Kind = new MappingKind(kind),
            Room = bytes,
            Memory = memory,
            Origin = origin,
            Device = new StableReference<DmaDevice>(this),
            Path = new StableReference<DmaPath>(path),
            Since = Cpu.Timestamp(),
        };
        Error error = path.Open(mapping);
        if (error == Error.None)
        {
            DmaChecker.Sign(mapping, method, line);
            return (nint)mapping;
        }
        _system.Table.Give(mapping);
        return (nint)error;
    }

    private DmaPath PathFor(ulong memory, uint bytes)
    {
        if (_system.Checker != null)
            return _system.Checker.Path;
        return NeedsBounce(memory, bytes) ? _system.Bounce : _system.Direct;
    }

    /// <summary>Whether memory cannot be mapped where it lies.</summary>
    internal bool NeedsBounce(ulong memory, uint bytes)
    {
        if (_forceBounce || memory + bytes - 1 > StreamingMask)
            return true;
        // A line that is shared with other memory cannot move with the buffer alone.
        return !IsCoherent && ((memory | bytes) & (CacheLines.Bytes - 1)) != 0 && !IsWholePages(memory);
    }

    private static bool IsWholePages(ulong memory) => (memory & (PhysAddr.PageSize - 1)) == 0;

    // Runs, aligned to their size, never do; blocks may.
    private bool CrossesBoundary(ulong start, uint bytes) => ((start ^ (start + bytes - 1)) & ~(_segmentBoundary - 1)) != 0;

    /// <summary>Ends a mapping of a page run that has a record.</summary>
    internal static void CloseRun(Mapping* mapping, ulong origin)
    {
        if (SlabBlock.IsOrigin(origin))
        {
            Misuse.NotPages(mapping);
            return;
        }
        Close(mapping, origin);
    }

    /// <summary>Ends a mapping that has a record.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Close(Mapping* mapping, ulong origin)
    {
        if (mapping->Side != Side.Cpu || mapping->Origin != origin)
        {
            Misuse.StaleHandle(mapping);
            return;
        }
        if (!mapping->IsReady)
        {
            CloseGeneral(mapping);
            return;
        }
        // Nobody takes it before it is zero: there is no preemption.
        Mapping** ready = mapping->Device.Target._ready + mapping->SlotOrder;
        mapping->Kind = MappingKind.Ended;
        mapping->Next = *ready;
        *ready = mapping;
        BlockCopy.ClearBlocks(PhysicalMemory.At(new PhysAddr(mapping->Address)), mapping->Room);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CloseGeneral(Mapping* mapping)
    {
        // The checker keeps the record for a while, and gives it back itself.
        bool isKept = mapping->Checked != 0;
        mapping->Path.Target.Close(mapping);
        if (!isKept)
            mapping->Device.Target._system.Table.Give(mapping);
    }
}
