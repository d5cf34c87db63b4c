using System;
using Sluice.Arch;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Boot;

/// <summary>From firmware's memory map to an allocator for every page.</summary>
internal static unsafe class SystemMemory
{
    // Firmware of some machines writes to the first 64 KiB behind the system's back.
    private const ulong LowReservedBytes = 64 * 1024;

    // Pages for objects that the kernel makes while it starts: 2^10 pages, 4 MiB.
    private const int ObjectHeapOrder = 10;

    // The kernel with its tables and objects needs this much, though only the first page tables must lie below 4 GiB.
    private const ulong LeastBytes = 16 << 20;

    /// <summary>The machine's memory.</summary>
    public static MemoryMap Map { get; private set; } = null!;

    /// <summary>Sets up the address space and the page allocator. Once.</summary>
    public static void Initialize()
    {
        ImageLayout* layout = ImageLayout.Current;
        PhysAddr image = new(layout->ImageStart - ImageLayout.KernelBase);
        ReadOnlySpan<MemoryRange> reserved =
        [
            new(default, LowReservedBytes, MemoryKind.Reserved),
            new(image, layout->ImageEnd - layout->ImageStart, MemoryKind.Reserved),
        ];
        MemoryMap map = Map = new MemoryMap();
        map.Build(BootInformation.MemoryMap, reserved);
        ulong usable = map.Free.Frames * PhysAddr.PageSize;
        if (usable < LeastBytes)
            Kernel.CannotStart($"{new ByteSize(usable)} of usable memory in the memory map, {new ByteSize(LeastBytes)} needed");

        EarlyMemory early = new(map);
        MemoryProtection.Enable();
        MemoryProtection.BuildAddressSpace(map, early);
        Bug.If(!early.TryTake(1 << ObjectHeapOrder, new PhysAddr(PhysicalMemory.DirectMapBytes), out PhysAddr objects), "no memory for objects"u8);
        new Span<byte>(PhysicalMemory.At(objects), 4096 << ObjectHeapOrder).Clear();
        ObjectHeap.Feed(PhysicalMemory.At(objects), 4096 << ObjectHeapOrder);
        // What is sent of memory that nobody wrote is known by the pattern.
        bool started = Pages.Start(map, early, new PhysAddr(PhysicalMemory.DirectMapBytes), BootArguments.IsOn(Argument.Poison) || new DmaOptions(BootArguments.Text(Argument.Dma)).Check);
        Bug.If(!started, "no memory for the page allocator"u8);
        VirtualMemory.UsePageAllocator();
        Slab.Start();
        Log.Info($"memory: {new ByteSize(usable)} usable, {map.Usable.Count} ranges");
        if (BootInformation.IgnoredRanges != 0)
            Log.Warn($"memory: the last {BootInformation.IgnoredRanges} ranges of the memory map are too many, and not used");
    }
}
