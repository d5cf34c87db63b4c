using System;
using Sluice.Platform;

namespace Sluice.Mm;

/// <summary>A part of the kernel's image: virtual addresses, in whole pages.</summary>
public readonly struct ImageSection(ulong start, ulong end, PageAccess access)
{
    public ulong Start { get; } = start;
    public ulong End { get; } = end;
    public PageAccess Access { get; } = access;
}

/// <summary>
/// The kernel's one address space: the image, each section with the access it needs and no more; the direct map of all RAM, never
/// executable; a window where device memory is mapped on demand, an unmapped page behind each mapping. Nothing else is mapped.
/// </summary>
public static unsafe partial class VirtualMemory
{
    /// <summary>Start of the window.</summary>
    public const ulong Window = 0xFFFF_C000_0000_0000;

    // 64 GiB of addresses: far above what device registers and framebuffers take.
    private const uint WindowPages = 16 << 20;
    private const int WindowRanges = 1024;

    private static PageTable _table;
    private static RangeSet? _windowFree;
    private static EarlyMemory? _early;
    private static OwnerTag _tag;
    private static SpinLock _lock;
    private static ulong _physicalEnd;

    /// <summary>Bytes mapped in the window now.</summary>
    public static ulong WindowBytes { get; private set; }

    /// <summary>Pages that tables take.</summary>
    public static ulong TablePages { get; private set; }

    /// <summary>The tables in use, to look at.</summary>
    public static ref readonly PageTable Table => ref _table;

    /// <summary>
    /// Builds the tables and goes over to them. Once, on the early tables of the entry code, before the page allocator exists.
    /// </summary>
    /// <param name="image">The image's sections; their physical addresses are <paramref name="imageOffset"/> below.</param>
    /// <param name="imageOffset">Virtual minus physical address of the image.</param>
    /// <param name="ram">All RAM, in frames.</param>
    /// <param name="early">Where tables come from.</param>
    /// <param name="largestLevel">Largest page of this CPU: 1 (2 MiB) or 2 (1 GiB).</param>
    /// <param name="physicalBits">Bits of a physical address of this CPU, at most 52; those above are reserved in page tables.</param>
    public static void Initialize(ReadOnlySpan<ImageSection> image, ulong imageOffset, ReadOnlySpan<FrameRange> ram, EarlyMemory early,
        int largestLevel, int physicalBits)
    {
        _physicalEnd = 1UL << physicalBits;
        _early = early;
        _windowFree = new RangeSet(WindowRanges);
        _windowFree.Add(0, WindowPages);
        Bug.If(!TakeEarlyTable(out PhysAddr root), "no memory for page tables"u8);
        _table = new PageTable(root, &TakeEarlyTable);

        foreach (ImageSection section in image)
        {
            PhysAddr physical = new(section.Start - imageOffset);
            MapOrStop(section.Start, physical, section.End - section.Start, section.Access, largestLevel: 0);
        }
        foreach (FrameRange range in ram)
        {
            PhysAddr start = PhysAddr.FromFrame(range.First);
            MapOrStop((ulong)PhysicalMemory.At(start), start, (ulong)range.Count * PhysAddr.PageSize, PageAccess.ReadWrite, largestLevel);
        }
        AddressSpace.Activate(root);
    }

    /// <summary>
    /// Maps a device's memory, or firmware's, into the window; <paramref name="pointer"/> leads to <paramref name="start"/> itself,
    /// which need not begin a page. False if there are no bytes, the CPU has no such addresses, or memory or the window's addresses have run
    /// out. Not in interrupts.
    /// </summary>
    public static bool TryMapDevice(PhysAddr start, ulong bytes, CacheMode cache, out byte* pointer)
    {
        pointer = null;
        PhysAddr first = start.AlignDown(PhysAddr.PageSize);
        if (bytes == 0 || bytes > (ulong)WindowPages * PhysAddr.PageSize || start.Value >= _physicalEnd || bytes > _physicalEnd - start.Value)
            return false;
        ulong pages = ((start + bytes).AlignUp(PhysAddr.PageSize) - first) / PhysAddr.PageSize;
        _lock.Acquire();
        bool mapped = TryTakeWindow((uint)pages + 1, out uint page);
        if (mapped)
        {
            ulong address = Window + (ulong)page * PhysAddr.PageSize;
            mapped = _table.TryMap(address, first, pages * PhysAddr.PageSize, PageAccess.ReadWrite, cache, largestLevel: 0);
            if (mapped)
            {
                WindowBytes += pages * PhysAddr.PageSize;
                pointer = (byte*)address + (start - first);
            }
            else
            {
                _windowFree!.Add(page, page + (uint)pages + 1);
            }
        }
        _lock.Release();
        return mapped;
    }

    /// <summary>Takes back what <see cref="TryMapDevice"/> mapped, with the same number of bytes. Not in interrupts.</summary>
    public static void UnmapDevice(byte* pointer, ulong bytes)
    {
        ulong address = (ulong)pointer & ~(PhysAddr.PageSize - 1);
        ulong end = ((ulong)pointer + bytes + PhysAddr.PageSize - 1) & ~(PhysAddr.PageSize - 1);
        Bug.If(address < Window || end > Window + (ulong)WindowPages * PhysAddr.PageSize, "unmapping outside of the window"u8);
        uint page = (uint)((address - Window) / PhysAddr.PageSize), pages = (uint)((end - address) / PhysAddr.PageSize);
        _lock.Acquire();
        _table.Unmap(address, end - address);
        _windowFree!.Add(page, page + pages + 1);
        WindowBytes -= end - address;
        _lock.Release();
    }

    private static bool TryTakeWindow(uint pages, out uint first)
    {
        first = 0;
        foreach (FrameRange range in _windowFree!.Ranges)
        {
            if (range.Count < pages)
                continue;
            first = range.First;
            _windowFree.Remove(first, first + pages);
            return true;
        }
        return false;
    }

    private static void MapOrStop(ulong address, PhysAddr physical, ulong bytes, PageAccess access, int largestLevel) =>
        Bug.If(!_table.TryMap(address, physical, bytes, access, CacheMode.WriteBack, largestLevel), "no memory for page tables"u8);

    /// <summary>From here on tables come from the page allocator. Once, when it has started.</summary>
    public static void UsePageAllocator()
    {
        _early = null;
        _tag = OwnerTag.Register("page tables"u8);
        _table.TakeTablesFrom(&TakeTable);
    }

    private static bool TakeTable(out PhysAddr table)
    {
        bool taken = Pages.TryTake(0, Zone.Any, _tag, out PageRun run);
        table = run.Start;
        if (taken)
            Clear(table);
        Own.KeepForGood(ref run);
        return taken;
    }

    private static bool TakeEarlyTable(out PhysAddr table)
    {
        // The entry code's tables reach the first 4 GiB.
        if (!_early!.TryTake(1, new PhysAddr(1UL << 32), out table))
            return false;
        Clear(table);
        return true;
    }

    private static void Clear(PhysAddr table)
    {
        new Span<byte>(PhysicalMemory.At(table), (int)PhysAddr.PageSize).Clear();
        TablePages++;
    }
}
