using System;
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
    }

    public Sluice.Tests.Mm.Machine Memory { get; }

    public SlabHeap Slabs { get; }

    public DmaSystem System { get; }

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

    /// <summary>What the device reads from an address, as its side of the machine sees it.</summary>
    public byte[] DeviceReads(DmaAddr address, uint bytes) => new Span<byte>(PhysicalMemory.At(new PhysAddr(address.Value)), (int)bytes).ToArray();

    /// <summary>The device writes to an address.</summary>
    public void DeviceWrites(DmaAddr address, ReadOnlySpan<byte> bytes) => bytes.CopyTo(new Span<byte>(PhysicalMemory.At(new PhysAddr(address.Value)), bytes.Length));

    public void Dispose() => Memory.Dispose();
}
