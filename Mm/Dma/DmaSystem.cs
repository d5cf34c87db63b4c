using System;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>What all devices of a machine share: memory, records, bounce slots. One a machine; made while the kernel starts.</summary>
public sealed unsafe partial class DmaSystem
{
    private const int MostDevices = 256;

    private readonly DmaDevice[] _devices = new DmaDevice[MostDevices];
    private int _count;

    /// <param name="pages">Where memory comes from.</param>
    /// <param name="slabs">Where small memory comes from.</param>
    /// <param name="highestRam">The last byte of memory that may ever be mapped.</param>
    /// <param name="check">Whether misuse is looked for, at a cost.</param>
    public DmaSystem(PageAllocator pages, SlabHeap slabs, PhysAddr highestRam, bool check = false)
    {
        Memory = new DmaMemory(pages);
        Slabs = slabs;
        HighestRam = highestRam.Value;
        Table = new MappingTable(pages);
        bool taken = pages.TryTake(0, Zone.Any, OwnerTag.Register("dma mappings"u8), out PageRun ready);
        Bug.If(!taken, "no memory for DMA"u8);
        ready.Memory.Clear();
        Ready = (Mapping**)ready.Address;
        Pool = new BouncePool(Memory, new Slab<BounceArea>(slabs, "bounce areas"u8), Table, Ready);
        NoParts = (PartSides*)(ready.Address + PhysAddr.PageSize / 2);
        Parts = new Slab<PartSides>(slabs, "dma parts"u8);
        Own.KeepForGood(ref ready);
        PassingFrames = Table.TryTake();
        Bug.If(PassingFrames == null, "no memory for DMA records"u8);
        *PassingFrames = default;
        Direct = new DirectPath();
        Bounce = new BouncePath(Pool);
        if (check)
            Checker = new DmaChecker(this, pages, slabs);
    }

    /// <summary>What looks for misuse; null if nothing does.</summary>
    public DmaChecker? Checker { get; }

    internal DmaMemory Memory { get; }
    internal SlabHeap Slabs { get; }
    internal MappingTable Table { get; }
    internal BouncePool Pool { get; }
    internal Mapping** Ready { get; }
    internal Slab<PartSides> Parts { get; }
    internal PartSides* NoParts { get; }

    /// <summary>The record that frames name which devices reach where they lie, with nothing to do at hand-overs.</summary>
    internal Mapping* PassingFrames { get; }

    /// <summary>The highest address that a frame of any pool may have.</summary>
    internal ulong HighestFrame { get; private set; }

    internal DirectPath Direct { get; }
    internal BouncePath Bounce { get; }
    internal ulong HighestRam { get; }

    /// <summary>Bytes that all bounce slots together may take; 64 MiB unless said otherwise.</summary>
    public ulong BounceLimit
    {
        get => Pool.Limit;
        set => Pool.Limit = value;
    }

    /// <summary>The frames that all network devices share; set while the kernel starts, before drivers do.</summary>
    public FramePool Frames { get; set; } = null!;

    /// <summary>All devices made so far.</summary>
    public ReadOnlySpan<DmaDevice> Devices => new(_devices, 0, _count);

    /// <summary>The state of the bounce pool.</summary>
    public BounceReport BounceReport => Pool.Report();

    // A pool was made: its frames lie no higher than that.
    internal void NoteFrames(ulong highest)
    {
        HighestFrame = Math.Max(HighestFrame, highest);
        foreach (DmaDevice device in Devices)
            device.SetFastWay();
    }

    /// <summary>Makes a device. Only while the kernel starts.</summary>
    /// <param name="name">What reports call it: its PCI address. Copied.</param>
    /// <param name="forceBounce">All its mappings go through bounce slots, whatever it could reach.</param>
    public DmaDevice NewDevice(ReadOnlySpan<byte> name, bool forceBounce = false)
    {
        Bug.If(_count == MostDevices, "too many devices for DMA"u8);
        Mapping* direct = Table.TryTake();
        Bug.If(direct == null, "no memory for DMA records"u8);
        var device = new DmaDevice(this, name, direct, forceBounce);
        _devices[_count++] = device;
        return device;
    }
}
