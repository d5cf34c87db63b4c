using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Tests.Mm;

/// <summary>A memory map as firmware might give it, with what a kernel reserves in it.</summary>
public sealed record MachineMap(IReadOnlyList<MemoryRange> Firmware, IReadOnlyList<MemoryRange> Reserved)
{
    /// <summary>Usable ranges: start and length in bytes.</summary>
    public static MachineMap Of(params (ulong Start, ulong Bytes)[] usable) =>
        new([.. usable.Select(range => new MemoryRange(new PhysAddr(range.Start), range.Bytes, MemoryKind.Usable))], []);

    /// <summary>What firmware says is usable; overlaps count twice.</summary>
    public ulong UsableBytes =>
        Firmware.Where(range => range.Kind == MemoryKind.Usable).Aggregate(0ul, (sum, range) => sum + range.Bytes);

    public override string ToString() =>
        string.Join(' ', Firmware.Select(Show)) + " reserved " + string.Join(' ', Reserved.Select(Show));

    private static string Show(MemoryRange range) => $"[{range.Start.Value:x}+{range.Bytes:x} {range.Kind}]";
}

/// <summary>A machine with a page allocator of its own, on simulated memory.</summary>
public sealed class Machine : IDisposable
{
    public const ulong KiB = 1 << 10, MiB = 1 << 20, GiB = 1 << 30, TiB = 1UL << 40;

    public Machine(MachineMap layout, bool poison = false, byte? garbage = null)
    {
        Map.Build(layout.Firmware.ToArray(), layout.Reserved.ToArray());
        Early = new EarlyMemory(Map);
        ulong end = Map.Usable.Count == 0 ? 1 : (ulong)Map.Usable[^1].End;
        Memory = new SimulatedMemory(end * PhysAddr.PageSize);
        if (garbage is byte value)
        {
            foreach (FrameRange range in Map.Usable.Ranges)
                Fill(range, value);
        }
        Started = Pages.Start(Map, Early, new PhysAddr(16 * TiB), poison);
    }

    public MemoryMap Map { get; } = new();
    public EarlyMemory Early { get; }
    public SimulatedMemory Memory { get; }
    public PageAllocator Pages { get; } = new();
    public bool Started { get; }

    public PageRun Take(int order, Zone zone = Zone.Any, OwnerTag owner = default)
    {
        if (!Pages.TryTake(order, zone, owner, out PageRun run))
            throw new InvalidOperationException($"no run of order {order} in {zone}");
        return run;
    }

    public void Dispose() => Memory.Dispose();

    private unsafe void Fill(FrameRange range, byte value)
    {
        for (uint frame = range.First; frame < range.End; frame++)
            new Span<byte>(PhysicalMemory.At(PhysAddr.FromFrame(frame)), (int)PhysAddr.PageSize).Fill(value);
    }
}
