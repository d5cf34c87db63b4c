using System.Runtime.CompilerServices;

namespace Sluice.Mm;

/// <summary>The machine's page allocator. Any context but interrupt handlers.</summary>
public static class Pages
{
    // Set in Start and not by an initialiser, so that no access asks whether that has run.
    private static PageAllocator _allocator = null!;

    /// <summary>The allocator itself: statistics, walk, CPUs.</summary>
    public static PageAllocator Allocator => _allocator;

    /// <summary>Makes the allocator and starts it; once. See <see cref="PageAllocator.Start"/>.</summary>
    public static bool Start(MemoryMap map, EarlyMemory early, PhysAddr reach, bool poison = false)
    {
        Bug.If(_allocator != null, "the page allocator was started twice"u8);
        _allocator = new PageAllocator();
        return _allocator.Start(map, early, reach, poison);
    }

    /// <inheritdoc cref="PageAllocator.TryTake"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryTake(int order, Zone zone, OwnerTag owner, out PageRun run) =>
        _allocator.TryTake(order, zone, owner, out run);

    /// <summary>Takes a run on nobody's behalf; see the other overload.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryTake(int order, Zone zone, out PageRun run) => _allocator.TryTake(order, zone, OwnerTag.None, out run);

    /// <inheritdoc cref="PageAllocator.Give"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Give(ref PageRun run) => _allocator.Give(ref run);
}
