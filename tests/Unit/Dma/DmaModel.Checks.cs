using System;
using System.Linq;
using System.Reflection;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>What must hold after each step, and at the end.</summary>
internal sealed unsafe partial class DmaModel
{
    /// <summary>What a request that fails leaves as it was.</summary>
    private readonly record struct Snapshot(ulong SlotBytes, int Records, ulong FirstLive, ulong SecondLive, ulong Pages);

    private Snapshot Look() => new(SlotBytesInUse(), RecordsInUse(), _devices[0].LiveDirect, _devices[1].LiveDirect, PagesOf(_devices[0].Owner));

    // Whether a request succeeded; if not, whether that is right, and nothing is changed.
    private bool Succeeded(Error error, bool isEmpty, Snapshot before, bool tooLarge, bool mayLack)
    {
        Assert.Equal(error != Error.None, isEmpty);
        Assert.Equal(tooLarge, error == Error.TooLarge);
        if (error == Error.None)
            return true;
        Assert.True(tooLarge || error == Error.NoResources && mayLack, $"{error}");
        Assert.Equal(before, Look());
        return false;
    }

    private bool Bounces(DmaDevice device, ulong memory, uint bytes, bool isBlock)
    {
        bool sharesLines = isBlock && !device.IsCoherent && ((memory | bytes) & (CacheLines.Bytes - 1)) != 0 && memory % PhysAddr.PageSize != 0;
        return device.IsForcedToBounce || memory + bytes - 1 > device.StreamingMask || sharesLines || Crosses(device, memory, bytes);
    }

    private static bool Crosses(DmaDevice device, ulong memory, uint bytes) =>
        memory / device.SegmentBoundary != (memory + bytes - 1) / device.SegmentBoundary;

    private static bool IsTooLarge(DmaDevice device, ulong memory, uint bytes, uint most, bool bounces)
    {
        uint offset = (uint)memory & (device.MinAlignment - 1);
        return bytes == 0 || bytes > most || bytes > device.MaxSegmentBytes || bytes > device.SegmentBoundary
            || bounces && (offset + bytes > 256 << 10 || Crosses(device, offset, bytes));
    }

    // Whether memory below a mask is so short that a request may fail.
    private bool IsShort(ulong mask, uint bytes)
    {
        if (_withheld.Count != 0)
            return true;
        int order = Math.Max(System.Numerics.BitOperations.Log2(Math.Max(bytes, 4096) - 1 >> 12 << 1 | 1), 2);
        if (!_machine.System.Memory.TryTake(order, mask, default, out PageRun run))
            return true;
        _machine.Memory.Pages.Give(ref run);
        return false;
    }

    private void AddMapped(LiveBuffer buffer, ulong memory, bool bounces)
    {
        Assert.Equal(bounces, buffer.IsBounced);
        DmaDevice device = buffer.Device;
        Assert.InRange(buffer.Room, 1u, device.MaxSegmentBytes);
        Assert.False(Crosses(device, buffer.Address, buffer.Room), "a segment crosses the device's boundary");
        if (bounces)
            Assert.Equal(memory & (device.MinAlignment - 1), buffer.Address & (device.MinAlignment - 1));
        else
            Assert.Equal(memory, buffer.Address);
        Add(buffer);
    }

    private void Add(LiveBuffer buffer)
    {
        bool mapped = buffer.Source is BufferSource.Run or BufferSource.Block;
        AssertPlace(buffer.Address, buffer.Room, mapped ? buffer.Device.StreamingMask : buffer.Device.CoherentMask, !buffer.IsBounced);
        if (buffer.IsBounced)
            buffer.ForDevice.SetZero();
        _buffers.Add(buffer);
        AssertCpuSees(buffer);
    }

    // Below the mask, and apart from all that lives: by whole cache lines where lines move.
    private void AssertPlace(ulong start, uint bytes, ulong mask, bool isDirect)
    {
        Assert.True(start + bytes - 1 >= start && start + bytes - 1 <= mask, $"{bytes} bytes at {start:x} are out of reach: the mask is {mask:x}");
        ulong line = isDirect && !CacheLines.AreCoherent ? CacheLines.Bytes : 1;
        ulong first = start & ~(line - 1), end = start + bytes + line - 1 & ~(line - 1);
        foreach (LiveBuffer other in _buffers)
            Apart(other.Address, other.Room);
        foreach (LiveArray other in _arrays)
            Apart(other.Memory.Address.Value, (uint)other.Memory.Count * 8);
        foreach (LiveItem other in _items)
            Apart(other.Block.Address.Value, (uint)sizeof(PoolItem));

        void Apart(ulong other, uint length) =>
            Assert.True(other >= end || other + length <= first, $"{bytes} bytes at {start:x} overlap {length} bytes at {other:x}");
    }

    private static void AssertCpuSees(LiveBuffer buffer) => buffer.ForCpu.AssertFront(buffer.Bytes, $"the CPU, {buffer.Direction}");

    private void AssertDeviceSees(LiveBuffer buffer) => buffer.ForDevice.AssertFront(
        _machine.DeviceReads(new DmaAddr(buffer.Address), buffer.Given, buffer.Device), $"the device, {buffer.Direction}{(buffer.IsBounced ? ", bounced" : "")}");

    /// <summary>With nothing alive, everything is back where it came from; what is kept for the next time is counted as kept.</summary>
    public void AssertNothingLeaked()
    {
        Assert.Empty(_machine.Ram.Faults);
        Assert.All(_devices, device => Assert.Equal(0ul, device.LiveDirect));
        Assert.All(_pools, pool => Assert.Equal(0ul, pool.Used));
        Assert.Equal(0ul, SlotBytesInUse());
        for (int i = 0; i < SlabHeap.ClassCount; i++)
            Assert.Equal(0ul, _machine.Slabs.Cache(i).Report().Used);
        int poolPages = 0;
        MappingTable table = _machine.System.Table;
        for (int i = 0; i < table.Count; i++)
            poolPages += table.At(i)->IsLive && table.At(i)->Kind.Family == DmaFamily.Pool ? 1 : 0;
        Assert.Equal(poolPages, RecordsInUse());
        Assert.Equal((ulong)poolPages + PoolTablePages(), PagesOf(_devices[0].Owner));
        Assert.Equal(0ul, PagesOf(OwnerTag.None));
        Assert.Equal(_machine.System.BounceReport.Bytes, PagesOf(OwnerTag.Register("bounce slots"u8)) * PhysAddr.PageSize);
        AssertRecords(table, poolPages);
    }

    // Each record is a device's own, that of all frames, in use, ready with a slot, or free.
    private void AssertRecords(MappingTable table, int inUse)
    {
        int count = table.Count, free = 0;
        LeavePages(0);
        while (table.TryTake() != null)
            free++;
        ReturnPages();
        Assert.Equal(count, table.Count);
        Assert.Equal(count, free + inUse + ReadyRecords(out _) + _devices.Length + 1);
    }

    private int RecordsInUse()
    {
        int used = 0;
        MappingTable table = _machine.System.Table;
        for (int i = 0; i < table.Count; i++)
            used += table.At(i)->IsLive ? 1 : 0;
        return used;
    }

    // Slots of records that wait for the next mapping are kept, not in use.
    private ulong SlotBytesInUse()
    {
        ReadyRecords(out ulong kept);
        return _machine.System.BounceReport.Used - kept;
    }

    private int ReadyRecords(out ulong slotBytes)
    {
        int count = 0;
        slotBytes = 0;
        for (int order = 0; order <= BounceArea.MaxOrder; order++)
        {
            for (Mapping* ready = _machine.System.Ready[order]; ready != null; ready = ready->Next)
            {
                count++;
                slotBytes += (ulong)BounceArea.SlotBytes << ready->SlotOrder;
            }
        }
        return count;
    }

    private ulong PoolTablePages() => _pools.Aggregate(0ul, (sum, pool) =>
    {
        var table = (PageRun)typeof(DmaPool<PoolItem>).GetField("_table", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(pool)!;
        return sum + table.Bytes / PhysAddr.PageSize;
    });

    private ulong PagesOf(OwnerTag owner)
    {
        var owners = new OwnerReport[OwnerTag.Count];
        _machine.Memory.Pages.CountOwners(owners);
        return owners[owner.Id].Pages;
    }
}
