using System.Runtime.CompilerServices;

namespace Sluice.Mm;

/// <summary>The machine's page allocator. Any context but interrupt handlers.</summary>
public static unsafe class Pages
{
    // Set in Start and not by initialisers, so that no access asks whether those have run.
    private static PageAllocator _allocator = null!;
    private static RunLists* _shortWay;

    /// <summary>The allocator itself: statistics, walk.</summary>
    public static PageAllocator Allocator => _allocator;

    /// <summary>Makes the allocator and starts it; once. See <see cref="PageAllocator.Start"/>.</summary>
    public static bool Start(MemoryMap map, EarlyMemory early, PhysAddr reach, bool poison = false)
    {
        Bug.If(_allocator != null, "the page allocator was started twice"u8);
        _allocator = new PageAllocator();
        if (!_allocator.Start(map, early, reach, poison))
            return false;
        _shortWay = _allocator.ShortWay;
        return true;
    }

    /// <inheritdoc cref="PageAllocator.TryAddCpu"/>
    public static bool TryAddCpu(int id)
    {
        bool added = _allocator.TryAddCpu(id);
        _shortWay = _allocator.ShortWay;
        return added;
    }

    /// <inheritdoc cref="PageAllocator.TryTake"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [NotInInterrupt]
    public static bool TryTake(int order, Zone zone, OwnerTag owner, out PageRun run) =>
        RunLists.TryTake(_shortWay, order, zone, owner, out run) || _allocator.TryTakeGeneral(order, zone, owner, out run);

    /// <summary>Takes a run on nobody's behalf; see the other overload.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [NotInInterrupt]
    public static bool TryTake(int order, Zone zone, out PageRun run) => TryTake(order, zone, OwnerTag.None, out run);

    /// <inheritdoc cref="PageAllocator.Give"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [OwnershipInternals("here the handle ends")]
    [NotInInterrupt]
    public static void Give(ref PageRun run)
    {
        PageRun given = run;
        run = default;
        if (!RunLists.TryGive(_shortWay, given))
            _allocator.GiveGeneral(given);
    }
}
