using System;
using System.Collections.Generic;
using System.Linq;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Mm;
using Xunit;

namespace Sluice.Tests.Mm;

public sealed class MemoryMapTests
{
    private const uint Frames = 128;

    // Unaligned, empty, overlapping and in any order, all within the first 128 pages.
    private static readonly Gen<MemoryRange> _range =
        from kind in Gen.Elements(MemoryKind.Usable, MemoryKind.Usable, MemoryKind.Usable, MemoryKind.Reserved,
            MemoryKind.AcpiReclaimable, MemoryKind.AcpiNonvolatile, MemoryKind.Unusable, (MemoryKind)77)
        from start in Gen.Choose(0, (int)Frames * 4096)
        from bytes in Gen.OneOf(Gen.Choose(0, 3), Gen.Choose(0, 20_000), Gen.Choose(0, (int)Frames * 4096))
        from aligned in Gen.Elements(true, false)
        let first = aligned ? start & ~4095 : start
        select new MemoryRange(new PhysAddr((ulong)first), (ulong)Math.Min(bytes, ((int)Frames * 4096) - first), kind);

    private static readonly Gen<(MemoryRange[] Firmware, MemoryRange[] Reserved)> _maps =
        from firmware in _range.ArrayOf()
        from reserved in _range.ArrayOf(3)
        select (firmware, reserved);

    [Fact]
    public void A_page_is_usable_if_one_range_says_so_of_all_of_it_and_none_says_otherwise_of_any() => Properties.ForAll(_maps, maps =>
    {
        var map = new MemoryMap();
        map.Build(maps.Firmware, maps.Reserved);
        for (uint frame = 0; frame < Frames; frame++)
        {
            bool usable = maps.Firmware.Any(range => range.Kind == MemoryKind.Usable && Covers(range, frame))
                && !maps.Firmware.Any(range => range.Kind != MemoryKind.Usable && Touches(range, frame));
            Assert.Equal(usable, map.Usable.Contains(frame));
            Assert.Equal(usable && !maps.Reserved.Any(range => Touches(range, frame)), map.Free.Contains(frame));
        }
        Assert.False(map.Usable.Contains(Frames));
    }, times: 1000);

    [Fact]
    public void Building_it_again_forgets_the_first_map()
    {
        var map = new MemoryMap();
        map.Build([new MemoryRange(new PhysAddr(0), 1 << 20, MemoryKind.Usable)], []);
        map.Build([new MemoryRange(new PhysAddr(1 << 20), 1 << 20, MemoryKind.Usable)], []);
        Assert.Equal(256u, map.Free.Frames);
        Assert.False(map.Free.Contains(0));
    }

    [Fact]
    public void Ranges_that_leave_the_address_space_are_cut()
    {
        var map = new MemoryMap();
        map.Build(
            [
                new MemoryRange(new PhysAddr(15UL << 40), ulong.MaxValue, MemoryKind.Usable),
                new MemoryRange(new PhysAddr(ulong.MaxValue - 10), 100, MemoryKind.Usable),
                new MemoryRange(new PhysAddr(1UL << 60), 1UL << 40, MemoryKind.Usable),
                new MemoryRange(new PhysAddr((16UL << 40) - 1), ulong.MaxValue, MemoryKind.Reserved),
            ],
            []);
        Assert.Equal((1UL << 28) - 1, map.Usable.Frames);
    }

    [Fact]
    public void More_holes_than_the_map_holds_lose_memory_and_say_so()
    {
        var map = new MemoryMap();
        var firmware = new List<MemoryRange> { new(new PhysAddr(0), 1 << 30, MemoryKind.Usable) };
        for (ulong i = 0; i < 1000; i++)
            firmware.Add(new MemoryRange(new PhysAddr((i * 8 + 1) << 12), 1, MemoryKind.Reserved));
        map.Build(firmware.ToArray(), []);
        for (uint i = 0; i < 1000; i++)
            Assert.False(map.Usable.Contains(i * 8 + 1));
        Assert.Equal((1u << 18) - 1000, map.Usable.Frames + map.Usable.Lost);
        Assert.InRange(map.Usable.Lost, 1u, 8000u);
    }

    [Fact]
    public void Early_memory_comes_from_the_top_of_what_can_be_reached_and_is_free_no_more()
    {
        var map = new MemoryMap();
        map.Build(
            [
                new MemoryRange(new PhysAddr(0), 640 << 10, MemoryKind.Usable),
                new MemoryRange(new PhysAddr(1 << 20), 63 << 20, MemoryKind.Usable),
                new MemoryRange(new PhysAddr(4UL << 30), 1UL << 30, MemoryKind.Usable),
            ],
            []);
        var early = new EarlyMemory(map);
        ulong free = map.Free.Frames;

        Assert.True(early.TryTake(3, new PhysAddr(1UL << 30), out PhysAddr low));
        Assert.Equal(new PhysAddr((64 << 20) - (3 << 12)), low);
        Assert.True(early.TryTake(1, new PhysAddr((4UL << 30) + (16 << 20)), out PhysAddr inTheMiddle));
        Assert.Equal(new PhysAddr((4UL << 30) + (16 << 20) - 4096), inTheMiddle);
        Assert.False(early.TryTake((1 << 18) + 1, new PhysAddr(ulong.MaxValue), out _));
        Assert.False(early.TryTake(1, new PhysAddr(4095), out _));

        Assert.Equal(free - 4, map.Free.Frames);
        Assert.Equal(4u, early.PagesTaken);
        Assert.False(map.Free.Contains((uint)low.Frame + 2));
        Assert.False(map.Free.Contains((uint)inTheMiddle.Frame));
        Assert.True(map.Usable.Contains((uint)low.Frame));
    }

    private static bool Covers(MemoryRange range, uint frame) =>
        range.Start.Value <= (ulong)frame << 12 && range.Start.Value + range.Bytes >= (frame + 1ul) << 12;

    private static bool Touches(MemoryRange range, uint frame) =>
        range.Bytes != 0 && range.Start.Value < (frame + 1ul) << 12 && range.Start.Value + range.Bytes > (ulong)frame << 12;
}
