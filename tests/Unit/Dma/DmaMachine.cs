using System;
using System.Collections.Generic;
using System.Numerics;
using Sluice.Devices;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Sluice.Tests.Mm;

namespace Sluice.Tests.Dma;

/// <summary>A machine with memory, and devices that reach some of it.</summary>
public sealed unsafe class DmaMachine : IDisposable
{
    public DmaMachine(params (ulong Start, ulong Bytes)[] usable)
    {
        Memory = new Sluice.Tests.Mm.Machine(MachineMap.Of(usable.Length == 0 ? [(0x10_0000, 32 * Sluice.Tests.Mm.Machine.MiB)] : usable));
        Slabs = new SlabHeap(Memory.Pages);
        System = new DmaSystem(Memory.Pages, Slabs, new PhysAddr(Memory.Memory.Bytes - 1));
        Ram = new DeviceRam(Memory.Memory.Base, Usable(Memory.Map));
    }

    public Sluice.Tests.Mm.Machine Memory { get; }

    public SlabHeap Slabs { get; }

    public DmaSystem System { get; }

    /// <summary>Memory as devices see it, with all address bits.</summary>
    public DeviceRam Ram { get; }

    /// <summary>Pages in use now; caches of the allocator count as free.</summary>
    public ulong PagesUsed
    {
        get
        {
            ulong used = 0;
            for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
                used += Memory.Pages.Report(zone).Used;
            return used;
        }
    }

    public DmaDevice Device(int bits = 32, bool forceBounce = false)
    {
        DmaDevice device = System.NewDevice("00:04.0"u8, forceBounce);
        Xunit.Assert.Equal(Error.None, device.TrySetMasks(bits, bits));
        return device;
    }

    /// <summary>What a device reads from an address, as its side of the machine sees it.</summary>
    /// <param name="device">Whose address lines it has; all 64 of none.</param>
    public byte[] DeviceReads(DmaAddr address, uint bytes, DmaDevice? device = null)
    {
        byte[] read = new byte[bytes];
        Bus(device).Read(address.Value, read);
        return read;
    }

    /// <summary>A device writes to an address.</summary>
    public void DeviceWrites(DmaAddr address, ReadOnlySpan<byte> bytes, DmaDevice? device = null) => Bus(device).Write(address.Value, bytes);

    public void Dispose() => Memory.Dispose();

    // A device says as many bits as its wider mask has.
    private IDeviceMemory Bus(DmaDevice? device) => device == null
        ? Ram
        : new NarrowBus(Ram, 64 - BitOperations.LeadingZeroCount(device.StreamingMask | device.CoherentMask));

    private static (ulong, ulong)[] Usable(MemoryMap map)
    {
        var usable = new List<(ulong, ulong)>();
        foreach (FrameRange range in map.Usable.Ranges)
            usable.Add((range.First * PhysAddr.PageSize, range.Count * PhysAddr.PageSize));
        return [.. usable];
    }
}
