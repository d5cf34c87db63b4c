using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>Memory that both sides use at once, and memory that somebody else has.</summary>
internal sealed unsafe partial class DmaModel
{
    private readonly uint _poolAlignment, _poolBoundary;

    private void AllocateCoherent(DmaDevice device, DmaStep step)
    {
        int count = (int)Math.Min(step.Bytes / 8, int.MaxValue);
        Snapshot before = Look();
        Error error = device.TryAllocateCoherent(count, out Coherent<ulong> memory);
        if (!Succeeded(error, memory.IsEmpty, before, count is 0 or > (16 << 20) / 8, mayLack: IsShort(device.CoherentMask, (uint)count * 8)))
            return;
        uint bytes = (uint)count * 8;
        AssertPlace(memory.Address.Value, bytes, device.CoherentMask, isDirect: true);
        Assert.True(_machine.DeviceReads(memory.Address, bytes, device).All(b => b == 0));
        for (int i = 0; i < count; i++)
            Assert.Equal(0ul, memory[i]);
        var array = new LiveArray(device, memory, []);
        _arrays.Add(array);
        Use(array, step.Number);
    }

    // Each side writes, and the other reads at once.
    private void Use(LiveArray array, int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 4; i++)
        {
            int index = random.Next(array.Memory.Count);
            ulong value = (ulong)random.NextInt64();
            if (i % 2 == 0)
                array.Memory[index] = value;
            else
                _machine.DeviceWrites(array.Memory.AddressOf(index), BitConverter.GetBytes(value), array.Device);
            array.Values[index] = value;
        }
        foreach ((int index, ulong value) in array.Values)
        {
            Assert.Equal(value, array.Memory[index]);
            Assert.Equal(value, BitConverter.ToUInt64(_machine.DeviceReads(array.Memory.AddressOf(index), 8, array.Device)));
        }
    }

    private void EndArray(int index)
    {
        LiveArray array = _arrays[index];
        Use(array, index);
        _arrays.RemoveAt(index);
        Coherent<ulong> memory = array.Memory;
        DmaDevice.Free(ref memory);
        Assert.True(memory.IsEmpty);
    }

    private void TakeFromPool(DmaStep step)
    {
        DmaDevice device = _devices[step.Device];
        DmaPool<PoolItem> pool = _pools[step.Device];
        ulong used = pool.Used;
        _poolUsed[step.Device] = true;
        Error error = pool.TryTake(out PoolBlock<PoolItem> block);
        if (error != Error.None)
        {
            Assert.Equal(Error.NoResources, error);
            Assert.True(block.IsEmpty && pool.Used == used);
            Assert.True(IsShort(device.CoherentMask, 4096), "pages would have been there");
            return;
        }
        Assert.Equal(used + 1, pool.Used);
        ulong address = block.Address.Value;
        uint bytes = (uint)sizeof(PoolItem);
        AssertPlace(address, bytes, device.CoherentMask, isDirect: true);
        Assert.Equal(0ul, address % _poolAlignment);
        if (_poolBoundary != 0)
            Assert.Equal(address / _poolBoundary, (address + bytes - 1) / _poolBoundary);
        Assert.True(_machine.DeviceReads(block.Address, bytes, device).All(b => b == 0));
        ulong value = (ulong)step.Number << 20 | 1;
        block.Value.Second.Write(value);
        _machine.DeviceWrites(new DmaAddr(address + 16), BitConverter.GetBytes(value), device);
        _items.Add(new LiveItem(step.Device, block, value));
    }

    private void GiveToPool(int index)
    {
        LiveItem item = _items[index];
        _items.RemoveAt(index);
        PoolBlock<PoolItem> block = item.Block;
        Assert.Equal((0ul, item.Value, item.Value), (block.Value.First.Read(), block.Value.Second.Read(), block.Value.Third.Read()));
        Assert.Equal(item.Value, BitConverter.ToUInt64(_machine.DeviceReads(new DmaAddr(block.Address.Value + 8), 8, _devices[item.Device])));
        _pools[item.Device].Give(ref block);
        Assert.True(block.IsEmpty);
    }

    // Others take all memory but some pages: what needs more fails on the way.
    private void LeavePages(int count)
    {
        PageAllocator pages = _machine.Memory.Pages;
        for (int order = PageAllocator.MaxOrder; order >= 0; order--)
        {
            for (Zone zone = Zone.Dma; zone <= Zone.Any; zone++)
            {
                while (pages.TryTake(order, zone, default, out PageRun run))
                    _withheld.Add(run);
            }
        }
        // The last ones are single pages, if there are any.
        for (; count > 0 && _withheld.Count != 0 && _withheld[^1].Order == 0; count--)
            ReturnLast();
    }

    private void ReturnPages()
    {
        while (_withheld.Count != 0)
            ReturnLast();
    }

    private void ReturnLast()
    {
        PageRun run = _withheld[^1];
        _withheld.RemoveAt(_withheld.Count - 1);
        _machine.Memory.Pages.Give(ref run);
    }
}
