namespace Sluice.Mm;

/// <summary>
/// Memory for what must exist before the page allocator: page tables, its own tables. Takes pages off the free part
/// of a memory map for good, from the top of what the caller can reach, so that low memory stays whole.
/// </summary>
public sealed class EarlyMemory(MemoryMap map)
{
    /// <summary>Pages taken so far.</summary>
    public ulong PagesTaken { get; private set; }

    /// <summary>
    /// Takes consecutive pages, not zeroed. False if no range has that many left below <paramref name="limit"/>.
    /// Only while the kernel starts, before the page allocator starts.
    /// </summary>
    public bool TryTake(uint pages, PhysAddr limit, out PhysAddr start)
    {
        uint limitFrame = limit.Frame < MemoryMap.FrameLimit ? (uint)limit.Frame : MemoryMap.FrameLimit;
        for (int i = map.Free.Count - 1; i >= 0; i--)
        {
            FrameRange range = map.Free[i];
            uint end = range.End < limitFrame ? range.End : limitFrame;
            if (end <= range.First || end - range.First < pages)
                continue;
            map.Free.Remove(end - pages, end);
            PagesTaken += pages;
            start = PhysAddr.FromFrame(end - pages);
            return true;
        }
        start = default;
        return false;
    }
}
