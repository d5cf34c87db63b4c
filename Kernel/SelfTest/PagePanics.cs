using System;
using Sluice.Mm;

namespace Sluice.SelfTest;

/// <summary>What a caller may do wrong with memory that stops the machine.</summary>
[OwnershipInternals("does on purpose what is forbidden")]
internal static unsafe class PagePanics
{
    public static void GiveTwice()
    {
        Bug.If(!Pages.TryTake(0, Zone.Any, out PageRun run), "no memory for this"u8);
        PageRun copy = run;
        Pages.Give(ref run);
        Pages.Give(ref copy);
    }

    // The pages are another's by then, in use and of the same size.
    public static void GiveStale()
    {
        Bug.If(!Pages.TryTake(0, Zone.Any, out PageRun run), "no memory for this"u8);
        PageRun copy = run;
        Pages.Give(ref run);
        Bug.If(!Pages.TryTake(0, Zone.Any, out run), "no memory for this"u8);
        Pages.Give(ref copy);
    }

    public static void GiveBlockTwice()
    {
        Bug.If(!Slab.TryTake(100, out SlabBlock block), "no memory for this"u8);
        SlabBlock copy = block;
        Slab.Give(ref block);
        Slab.Give(ref copy);
    }

    // In an allocator of its own, as the machine's may run without poison.
    public static void WriteAfterGive()
    {
        Bug.If(!Pages.TryTake(8, Zone.Any, out PageRun machine), "no memory for this"u8);
        MemoryMap map = new();
        map.Build([new MemoryRange(machine.Start, machine.Bytes, MemoryKind.Usable)], []);
        var inner = new PageAllocator();
        inner.Start(map, new EarlyMemory(map), new PhysAddr(ulong.MaxValue), poison: true);
        Bug.If(!inner.TryTake(2, Zone.Any, OwnerTag.Register("careless"u8), out PageRun run), "no memory for this"u8);
        Span<byte> memory = run.Memory;
        inner.Give(ref run);
        memory[4096 + 17] = 0x42;
        Bug.If(!inner.TryTake(2, Zone.Any, OwnerTag.None, out run), "no memory for this"u8);
    }
}
