using System;
using Sluice.Platform;

namespace Sluice.Mm;

/// <summary>The handle of a small piece of memory. Whoever has it owns it and gives it back once; that empties the handle.</summary>
[NonCopyable]
public readonly unsafe struct SlabBlock
{
    private readonly uint _bytes, _class;

    internal SlabBlock(byte* address, uint bytes, uint sizeClass)
    {
        Address = address;
        _bytes = bytes;
        _class = sizeClass;
    }

    internal uint Class => _class;

    internal uint Bytes => _bytes;

    // What a DMA buffer remembers of a block besides its address. A page run's number is never so small.
    internal ulong Origin => (ulong)_bytes << 8 | _class;

    internal static bool IsOrigin(ulong origin) => origin <= uint.MaxValue;

    internal static SlabBlock From(ulong memory, ulong origin) =>
        new(PhysicalMemory.At(new PhysAddr(memory)), (uint)(origin >> 8), (uint)(origin & 0xFF));

    /// <summary>The first byte; null if the block is empty.</summary>
    public byte* Address { get; }

    /// <summary>Whether it holds nothing.</summary>
    public bool IsEmpty => Address == null;

    /// <summary>The bytes that were asked for; not cleared when taken.</summary>
    public Span<byte> Memory => new(Address, (int)_bytes);
}

/// <summary>
/// Small memory of any size: a <see cref="SlabCache"/> for each of 14 sizes, two to an octave. The static face of the
/// machine's one is <see cref="Slab"/>. Any context but interrupt handlers.
/// </summary>
public sealed unsafe class SlabHeap
{
    /// <summary>The largest block.</summary>
    public const int MaxBytes = 2048;

    /// <summary>Number of sizes.</summary>
    public const int ClassCount = 14;

    private static ReadOnlySpan<ushort> Sizes => [16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];

    private readonly SlabCache[] _caches = new SlabCache[ClassCount];
    private readonly byte[] _classOf = new byte[MaxBytes / 16 + 1];
    private readonly SlabCache _magazines;
    private readonly PageAllocator _pages;

    /// <summary>Makes a heap on an allocator; only while the kernel starts. Takes no pages yet.</summary>
    public SlabHeap(PageAllocator pages)
    {
        _pages = pages;
        _magazines = new SlabCache(pages, "slab magazines"u8, Magazine.Bytes, null);
        int sizeClass = 0;
        for (int i = 0; i < _classOf.Length; i++)
        {
            if (i * 16 > Sizes[sizeClass])
                sizeClass++;
            _classOf[i] = (byte)sizeClass;
        }
        for (int i = 0; i < ClassCount; i++)
        {
            Utf8Message name = $"slab {Sizes[i]}";
            _caches[i] = new SlabCache(pages, name.Text, Sizes[i], _magazines);
        }
    }

    /// <summary>Takes a block; false if the size is not 1 to <see cref="MaxBytes"/> or there are no pages for more.</summary>
    [NotInInterrupt]
    public bool TryTake(int bytes, out SlabBlock block)
    {
        block = default;
        if ((uint)(bytes - 1) >= MaxBytes)
            return false;
        uint sizeClass = _classOf[(bytes + 15) >> 4];
        if (!_caches[sizeClass].TryTake(out byte* address))
            return false;
        block = new SlabBlock(address, (uint)bytes, sizeClass);
        return true;
    }

    /// <summary>Gives a block back and empties the handle. Stops the machine if it is empty or was given back before.</summary>
    [NotInInterrupt]
    public void Give(ref SlabBlock block)
    {
        byte* address = block.Address;
        uint sizeClass = block.Class;
        block = default;
        _caches[sizeClass].Give(ref address);
    }

    /// <summary>A cache for objects of one size and name; only while the kernel starts.</summary>
    public SlabCache NewCache(ReadOnlySpan<byte> name, uint bytes) => new(_pages, name, bytes, _magazines);

    /// <summary>The cache behind a size, 0 to <see cref="ClassCount"/> - 1; for statistics.</summary>
    public SlabCache Cache(int sizeClass) => _caches[sizeClass];

    /// <summary>Gives back what this CPU keeps at hand and all wholly free slabs.</summary>
    [NotInInterrupt]
    public void Trim()
    {
        foreach (SlabCache cache in _caches)
            cache.Trim();
    }
}

/// <summary>Objects of one unmanaged type from a cache of their own. Any context but interrupt handlers.</summary>
public readonly unsafe struct Slab<T> where T : unmanaged
{
    private readonly SlabCache _cache;

    /// <summary>Makes a cache on a heap; only while the kernel starts.</summary>
    public Slab(SlabHeap heap, ReadOnlySpan<byte> name) => _cache = heap.NewCache(name, (uint)sizeof(T));

    /// <summary>Statistics.</summary>
    public SlabReport Report() => _cache.Report();

    /// <summary>Takes an object with all fields zero; false, and null, if there are no pages for more.</summary>
    [NotInInterrupt]
    public bool TryTake(out T* item)
    {
        bool taken = _cache.TryTake(out byte* address);
        item = (T*)address;
        if (taken)
            *item = default;
        return taken;
    }

    /// <summary>Gives an object back and empties the pointer. Stops the machine if it is not in use or not from here.</summary>
    [NotInInterrupt]
    public void Give(ref T* item)
    {
        var address = (byte*)item;
        item = null;
        _cache.Give(ref address);
    }
}

/// <summary>The machine's small memory. Any context but interrupt handlers.</summary>
public static class Slab
{
    private static SlabHeap _heap = null!;

    /// <summary>The heap itself: statistics, caches of one's own.</summary>
    public static SlabHeap Heap => _heap;

    /// <summary>Makes the heap on <see cref="Pages"/>, which must have started; once.</summary>
    public static void Start()
    {
        Bug.If(_heap != null, "the slab heap was started twice"u8);
        _heap = new SlabHeap(Pages.Allocator);
    }

    /// <inheritdoc cref="SlabHeap.TryTake"/>
    [NotInInterrupt]
    public static bool TryTake(int bytes, out SlabBlock block) => _heap.TryTake(bytes, out block);

    /// <inheritdoc cref="SlabHeap.Give"/>
    [NotInInterrupt]
    public static void Give(ref SlabBlock block) => _heap.Give(ref block);
}
