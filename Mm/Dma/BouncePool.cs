using System;
using Sluice.Mm;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Dma;

/// <summary>The state of the bounce pool.</summary>
public struct BounceReport
{
    /// <summary>Bytes in all areas, and those in use now.</summary>
    public ulong Bytes, Used;

    /// <summary>Most bytes in use at once since the start.</summary>
    public ulong HighWater;

    public uint Areas;

    /// <summary>Times that the pool wanted to grow and could not.</summary>
    public ulong GrowthFailures;
}

/// <summary>
/// Bounce slots of a machine: areas of memory that the devices in need of them reach. Each CPU takes from areas of its own, then
/// from others', then makes the pool larger. Slots are zero whenever they are free, for the CPU and for devices.
/// </summary>
internal sealed unsafe class BouncePool(DmaMemory memory, Slab<BounceArea> records, MappingTable table, Mapping** ready)
{
    private const int LargestOrder = 8, SmallestOrder = 5;

    private readonly nint[] _areas = new nint[Cpu.MaxCount];
    private readonly OwnerTag _tag = OwnerTag.Register("bounce slots"u8);
    private SpinLock _lock;
    private ulong _bytes, _used, _highWater, _growthFailures;
    private uint _areaCount;

    /// <summary>The pool does not grow beyond so many bytes.</summary>
    public ulong Limit { get; set; } = 64 << 20;

    /// <summary>Takes 2^order slots in a row, below the end of what a mask reaches; false if there are none and no memory for more.</summary>
    public bool TryTake(int order, ulong mask, Mapping* mapping)
    {
        bool found = TryFind(order, mask, mapping) || (TryDrain() && TryFind(order, mask, mapping)) || (TryGrow(mask) && TryFind(order, mask, mapping));
        if (!found)
            return false;
        mapping->SlotOrder = (byte)order;
        _used += 1u << order;
        if (_used > _highWater)
            _highWater = _used;
        return true;
    }

    /// <summary>Gives slots back, which must be zero.</summary>
    public void Give(Mapping* mapping)
    {
        BounceArea* area = mapping->Area;
        mapping->Area = null;
        _used -= 1u << mapping->SlotOrder;
        area->Give(mapping->FirstSlot, mapping->SlotOrder);
    }

    /// <summary>Finds a free slot that is not zero, as all must be, and clears it. For the checker.</summary>
    public bool TryFindDirty(out ulong address)
    {
        for (int cpu = 0; cpu < Cpu.MaxCount; cpu++)
        {
            for (var area = (BounceArea*)_areas[cpu]; area != null; area = area->Next)
            {
                if (area->TryFindDirty(out address))
                    return true;
            }
        }
        address = 0;
        return false;
    }

    /// <summary>Makes sure that there is an area below a mask; called while a device that may need one is set up.</summary>
    public bool TryPrepare(ulong mask)
    {
        for (var area = (BounceArea*)_areas[Cpu.Id]; area != null; area = area->Next)
        {
            if (area->Last <= mask)
                return true;
        }
        return TryGrow(mask);
    }

    /// <summary>Counts.</summary>
    public BounceReport Report() => new()
    {
        Bytes = _bytes,
        Used = _used << BounceArea.SlotShift,
        HighWater = _highWater << BounceArea.SlotShift,
        Areas = _areaCount,
        GrowthFailures = _growthFailures,
    };

    // What waits at hand, row by row, may make up a longer one; or lie low enough for this mask.
    private bool TryDrain()
    {
        bool any = false;
        for (int order = 0; order <= BounceArea.MaxOrder; order++)
        {
            while (ready[order] != null)
            {
                Mapping* mapping = ready[order];
                ready[order] = mapping->Next;
                Give(mapping);
                table.Give(mapping);
                any = true;
            }
        }
        return any;
    }

    // This CPU's areas first.
    private bool TryFind(int order, ulong mask, Mapping* mapping)
    {
        int own = Cpu.Id;
        for (int i = 0; i < Cpu.MaxCount; i++)
        {
            for (var area = (BounceArea*)_areas[(own + i) % Cpu.MaxCount]; area != null; area = area->Next)
            {
                if (area->Last > mask || !area->TryTake(order, out uint first))
                    continue;
                mapping->Area = area;
                mapping->FirstSlot = (ushort)first;
                return true;
            }
        }
        return false;
    }

    // The new area is the first of this CPU's.
    private bool TryGrow(ulong mask)
    {
        for (int order = LargestOrder; order >= SmallestOrder; order--)
        {
            if (_bytes + (PhysAddr.PageSize << order) > Limit || !memory.TryTake(order, mask, _tag, out PageRun run))
                continue;
            if (!records.TryTake(out BounceArea* area))
            {
                memory.Give(ref run);
                break;
            }
            BlockCopy.ClearBlocks(run.Address, (nuint)run.Bytes);
            CacheLines.Clean(run.Start, run.Bytes);
            area->Open(run.Start, run.Bytes);
            Own.KeepForGood(ref run);
            _lock.Acquire();
            ref nint own = ref _areas[Cpu.Id];
            area->Next = (BounceArea*)own;
            own = (nint)area;
            _bytes += PhysAddr.PageSize << order;
            _areaCount++;
            _lock.Release();
            Log.Debug($"dma: bounce pool grown to {_bytes >> 10} KiB");
            return true;
        }
        // Once for 1, 2, 4, 8 ... failures.
        if ((++_growthFailures & (_growthFailures - 1)) == 0)
            Log.Warn($"dma: bounce pool of {_bytes >> 10} KiB cannot grow below {mask:x}: {_growthFailures} requests failed");
        return false;
    }
}
