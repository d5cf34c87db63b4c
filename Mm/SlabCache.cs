using System;
using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Mm;

/// <summary>The state of one cache of small objects. Exact when no other CPU takes or gives meanwhile.</summary>
public struct SlabReport
{
    /// <summary>Page runs that the cache holds.</summary>
    public ulong Slabs;

    /// <summary>Pages in them.</summary>
    public ulong Pages;

    /// <summary>Objects that fit in them.</summary>
    public ulong Capacity;

    /// <summary>Objects in use.</summary>
    public ulong Used;

    /// <summary>Free objects that CPUs keep at hand.</summary>
    public ulong Cached;

    /// <summary>Objects handed out since the start.</summary>
    public ulong Taken;

    /// <summary>Requests that failed for want of pages.</summary>
    public ulong Failures;
}

/// <summary>
/// Objects of one size, cut from page runs ("slabs"), each aligned to the largest power of two that divides the size.
/// A CPU keeps some at hand in a magazine. A slab that is wholly free goes back to the page allocator, save one.
/// </summary>
/// <remarks>
/// Any context but interrupt handlers. Objects are not cleared. Giving back what was not taken, or twice, stops the
/// machine; with <see cref="PageAllocator.Poison"/> on, so does taking an object that was written after it was given back.
/// </remarks>
public sealed unsafe partial class SlabCache
{
    /// <summary>The largest object: a page.</summary>
    public const uint MaxBytes = 4096;

    private const uint MinBytes = 16;

    private readonly PageAllocator _pages;
    private readonly SlabCache? _magazineCache;
    private readonly nint[] _magazines = new nint[Cpu.MaxCount];
    private readonly uint _first, _objects;
    private readonly int _order;
    private readonly ulong _slabMask;       // clears an object's address to its slab's
    private readonly uint _inverse;         // 2^32 / Bytes, rounded up: to multiply instead of dividing
    private readonly ulong _cookie;

    private static ulong _caches;

    /// <summary>Makes a cache; only while the kernel starts.</summary>
    /// <param name="pages">Where slabs come from.</param>
    /// <param name="name">What the leak report shows; cut as <see cref="OwnerTag.Register"/> says.</param>
    /// <param name="bytes">Size of an object, 1 to <see cref="MaxBytes"/>; grows to a multiple of 8 and at least 16.</param>
    /// <param name="magazines">Where magazines come from: a cache of <see cref="Magazine.Bytes"/>. With none, there are none.</param>
    internal SlabCache(PageAllocator pages, ReadOnlySpan<byte> name, uint bytes, SlabCache? magazines)
    {
        Bug.If(bytes - 1 >= MaxBytes, "a slab cache for objects of no size, or too large ones"u8);
        _pages = pages;
        _poison = pages.Poison;
        _magazineCache = magazines;
        Tag = OwnerTag.Register(name);
        Bytes = Math.Max((bytes + 7) & ~7u, MinBytes);
        _inverse = (uint)(((1UL << 32) + Bytes - 1) / Bytes);
        // At least 16 places, of which the slab's own record takes up one or a few.
        while (RunBytes < 16 * Bytes)
            _order++;
        _slabMask = ~(ulong)(RunBytes - 1);
        uint alignment = Bytes & ~(Bytes - 1);
        _objects = SlabHeader.MaxObjects + 1;
        do
            _first = ((uint)sizeof(SlabHeader) + --_objects + alignment - 1) & ~(alignment - 1);
        while (_first + _objects * Bytes > RunBytes);
        _cookie = 0x51AB_C0DE_0000_0000 + ++_caches;
    }

    /// <summary>Bytes of an object.</summary>
    public uint Bytes { get; }

    /// <summary>On whose behalf the slabs are held; its name is the cache's.</summary>
    public OwnerTag Tag { get; }

    private uint RunBytes => (uint)PhysAddr.PageSize << _order;

    /// <summary>Takes an object; false, and null, if there are no pages for more.</summary>
    [NotInInterrupt]
    public bool TryTake(out byte* address)
    {
        Magazine* magazine = MagazineOfThisCpu();
        if (magazine == null || magazine->Count == 0)
            return TryTakeFromSlabs(magazine, out address);
        byte* taken = Magazine.Pop(magazine);
        HandOut(taken);
        address = taken;
        return true;
    }

    /// <summary>Gives an object back and empties the pointer. Stops the machine if it is not in use or not from here.</summary>
    [NotInInterrupt]
    public void Give(ref byte* address)
    {
        byte* given = address;
        address = null;
        TakeBack(given);
        Magazine* magazine = MagazineOfThisCpu();
        if (magazine == null || magazine->Count == Magazine.Capacity)
            GiveToSlabs(magazine, given);
        else
            Magazine.Push(magazine, given);
    }

    /// <summary>Gives back what this CPU keeps at hand and all slabs that are wholly free.</summary>
    [NotInInterrupt]
    public void Trim()
    {
        var magazine = (Magazine*)_magazines[Cpu.Id];
        if (magazine != null)
        {
            GiveToSlabs(Magazine.Entries(magazine), magazine->Count);
            magazine->Count = 0;
        }
        DissolveEmpty();
    }

    /// <summary>Counts the cache.</summary>
    public SlabReport Report()
    {
        var report = new SlabReport
        {
            Slabs = _slabs,
            Pages = _slabs << _order,
            Capacity = _slabs * _objects,
            Failures = _failures,
            Taken = _taken,
        };
        foreach (nint pointer in _magazines)
        {
            if (pointer == 0)
                continue;
            report.Cached += ((Magazine*)pointer)->Count;
            report.Taken += ((Magazine*)pointer)->Taken;
        }
        report.Used = report.Capacity - _freeInSlabs - report.Cached;
        return report;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Magazine* MagazineOfThisCpu()
    {
        int cpu = Cpu.Id;
        var magazine = (Magazine*)_magazines[cpu];
        return magazine != null || _magazineCache == null ? magazine : NewMagazine(_magazineCache, cpu);
    }

    private Magazine* NewMagazine(SlabCache source, int cpu)
    {
        if (!source.TryTake(out byte* memory))
            return null;
        var magazine = (Magazine*)memory;
        *magazine = default;
        _magazines[cpu] = (nint)magazine;
        return magazine;
    }

    private bool TryTakeFromSlabs(Magazine* magazine, out byte* address)
    {
        byte* taken = null;
        if (magazine == null)
        {
            _taken += TakeFromSlabs(&taken, 1);
        }
        else
        {
            magazine->Count = TakeFromSlabs(Magazine.Entries(magazine), Magazine.Batch);
            if (magazine->Count != 0)
                taken = Magazine.Pop(magazine);
        }
        address = taken;
        if (taken == null)
            _failures++;
        else
            HandOut(taken);
        return taken != null;
    }

    private void GiveToSlabs(Magazine* magazine, byte* given)
    {
        if (magazine == null)
        {
            GiveToSlabs(&given, 1);
            return;
        }
        magazine->Count -= Magazine.Batch;
        GiveToSlabs(Magazine.Entries(magazine) + magazine->Count, Magazine.Batch);
        Magazine.Push(magazine, given);
    }
}

/// <summary>A stack of free objects that one CPU keeps at hand; the entries follow in memory.</summary>
internal unsafe struct Magazine
{
    public const uint Capacity = 30, Batch = 15;

    /// <summary>Bytes of a magazine with its entries.</summary>
    public const uint Bytes = 2 * 8 + Capacity * 8;

    /// <summary>Objects handed out by this CPU since the start.</summary>
    public ulong Taken;

    /// <summary>Objects in it.</summary>
    public ulong Count;

    public static byte** Entries(Magazine* magazine) => (byte**)(magazine + 1);

    /// <summary>Takes an entry; there must be one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Pop(Magazine* magazine)
    {
        ulong last = magazine->Count - 1;
        magazine->Count = last;
        magazine->Taken++;
        return Entries(magazine)[last];
    }

    /// <summary>Adds an entry; there must be room.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Push(Magazine* magazine, byte* address)
    {
        ulong count = magazine->Count;
        Entries(magazine)[count] = address;
        magazine->Count = count + 1;
    }
}
