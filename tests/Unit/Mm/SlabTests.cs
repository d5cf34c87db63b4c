using System;
using System.Collections.Generic;
using System.Linq;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Mm;

/// <summary>Small objects beside a plain model, and what a caller may do wrong with them.</summary>
public sealed unsafe class SlabTests
{
    private static readonly MachineMap _small = MachineMap.Of((16 * Machine.MiB, 8 * Machine.MiB));

    public readonly record struct Step(bool Take, int Bytes, int Number);

    private static readonly Gen<Step[]> _steps =
        (from take in Gen.Elements(true, true, false)
         from bytes in Gen.OneOf(Gen.Choose(1, 64), Gen.Choose(1, SlabHeap.MaxBytes))
         from number in Gen.Choose(0, 400)
         select new Step(take, bytes, number)).ArrayOf(80);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Blocks_are_apart_aligned_and_counted(bool poison) => Properties.ForAll(_steps, steps =>
    {
        using var machine = new Machine(_small, poison, garbage: 0xAA);
        ulong free = machine.Pages.Report(Zone.Any).Free + machine.Pages.Report(Zone.Dma32).Free;
        var heap = new SlabHeap(machine.Pages);
        var live = new List<(SlabBlock Block, byte Stamp)>();
        byte stamp = 0;
        foreach (Step step in steps)
        {
            for (int i = 0; i < step.Number; i++)
            {
                if (step.Take)
                {
                    if (!heap.TryTake(step.Bytes, out SlabBlock block))
                        break;
                    Assert.Equal(step.Bytes, block.Memory.Length);
                    int alignment = step.Bytes & -step.Bytes;
                    Assert.Equal(0u, (ulong)block.Address % (uint)Math.Min(alignment, 2048));
                    block.Memory.Fill(++stamp);
                    live.Add((block, stamp));
                }
                else if (live.Count != 0)
                {
                    int at = (step.Bytes + i * 31) % live.Count;
                    GiveBack(heap, live, at);
                }
            }
            AssertCounts(heap, live);
        }
        while (live.Count != 0)
            GiveBack(heap, live, live.Count - 1);
        AssertCounts(heap, live);
        heap.Trim();
        for (int i = 0; i < SlabHeap.ClassCount; i++)
            Assert.Equal(default, heap.Cache(i).Report() with { Taken = 0, Failures = 0 });
        machine.Pages.Drain();
        // Magazines stay.
        Assert.InRange(machine.Pages.Report(Zone.Any).Free + machine.Pages.Report(Zone.Dma32).Free, free - 2, free);
    }, times: poison ? 20 : 60);

    [Fact]
    public void Every_size_fits_its_class()
    {
        using var machine = new Machine(_small);
        var heap = new SlabHeap(machine.Pages);
        for (int bytes = 1; bytes <= SlabHeap.MaxBytes; bytes++)
        {
            Assert.True(heap.TryTake(bytes, out SlabBlock block));
            uint size = heap.Cache((int)block.Class).Bytes;
            Assert.InRange((uint)bytes, block.Class == 0 ? 1 : heap.Cache((int)block.Class - 1).Bytes + 1, size);
            Assert.Equal(0u, (ulong)block.Address % (size & (0 - size)));
            heap.Give(ref block);
            Assert.True(block.IsEmpty);
        }
        foreach (int bytes in new[] { 0, -1, SlabHeap.MaxBytes + 1, int.MaxValue, int.MinValue })
            Assert.False(heap.TryTake(bytes, out _));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(24)]
    [InlineData(100)]
    [InlineData(264)]
    [InlineData(1000)]
    [InlineData(4096)]
    public void A_cache_of_any_size_fills_its_slabs_without_overlap(int bytes)
    {
        using var machine = new Machine(_small);
        SlabCache cache = new SlabHeap(machine.Pages).NewCache("any"u8, (uint)bytes);
        var addresses = new SortedSet<ulong>();
        for (int i = 0; i < 600; i++)
        {
            Assert.True(cache.TryTake(out byte* address));
            Assert.Equal(0u, (ulong)address % (cache.Bytes & (0 - cache.Bytes)));
            Assert.True(addresses.Add((ulong)address));
        }
        ulong previous = 0;
        foreach (ulong address in addresses)
        {
            Assert.True(address - previous >= cache.Bytes);
            previous = address;
        }
        SlabReport report = cache.Report();
        Assert.Equal(600u, report.Used);
        Assert.True(report.Capacity * cache.Bytes * 10 > report.Pages * 4096 * 7, "at most three tenths are lost");
    }

    [Fact]
    public void A_second_free_a_foreign_pointer_and_one_into_the_middle_are_found()
    {
        using var machine = new Machine(_small);
        var heap = new SlabHeap(machine.Pages);
        SlabCache one = heap.NewCache("one"u8, 64), other = heap.NewCache("other"u8, 64);
        Assert.True(one.TryTake(out byte* address));
        AssertStops(other, address, "not from");
        AssertStops(one, address + 8, "middle");
        AssertStops(one, null, "null");
        AssertStops(one, (byte*)((ulong)address & ~4095ul), "middle");
        PageRun page = machine.Take(0);
        page.Memory.Clear();
        AssertStops(one, page.Address + 1024, "not from");
        byte* copy = address;
        one.Give(ref address);
        Assert.True(address == null);
        AssertStops(one, copy, "twice");
        one.Trim();
        AssertStops(one, copy, "not from");

        SlabBlock empty = default;
        Assert.Throws<BugException>(() => heap.Give(ref empty));
    }

    [Fact]
    public void With_poison_a_write_after_free_is_found()
    {
        using var machine = new Machine(_small, poison: true);
        SlabCache cache = new SlabHeap(machine.Pages).NewCache("watched"u8, 96);
        Assert.True(cache.TryTake(out byte* address));
        byte* stale = address;
        cache.Give(ref address);
        stale[95] = 7;
        var bug = Assert.Throws<BugException>(() => cache.TryTake(out byte* _));
        Assert.Contains("watched", bug.Message);
        Assert.Contains("0x07 at offset 0x5f", bug.Message);
    }

    private struct Item
    {
        public ulong A, B, C;
    }

    [Fact]
    public void A_typed_object_starts_with_zero_fields()
    {
        using var machine = new Machine(_small, garbage: 0xFF);
        var items = new Slab<Item>(new SlabHeap(machine.Pages), "items"u8);
        for (int round = 0; round < 3; round++)
        {
            Assert.True(items.TryTake(out Item* item));
            Assert.Equal(0u, item->A | item->B | item->C);
            *item = new Item { A = 1, B = 2, C = 3 };
            items.Give(ref item);
            Assert.True(item == null);
        }
        Assert.Equal(3u, items.Report().Taken);
    }

    [Fact]
    public void Without_pages_a_request_fails_and_is_counted()
    {
        using var machine = new Machine(_small);
        var heap = new SlabHeap(machine.Pages);
        var runs = new List<PageRun>();
        for (int order = PageAllocator.MaxOrder; order >= 0; order--)
        {
            while (machine.Pages.TryTake(order, Zone.Any, OwnerTag.None, out PageRun run))
                runs.Add(run);
        }
        Assert.False(heap.TryTake(100, out SlabBlock block));
        Assert.True(block.IsEmpty);
        Assert.Equal(1u, heap.Cache((int)4 + 1).Report().Failures);
        PageRun one = runs[^1];
        machine.Pages.Give(ref one);
        // One page: enough for a slab without a magazine.
        Assert.True(heap.TryTake(100, out block) || heap.Cache(5).Report().Failures == 2);
    }

    [Fact]
    public void The_leak_report_names_the_cache()
    {
        using var machine = new Machine(_small);
        SlabCache cache = new SlabHeap(machine.Pages).NewCache("leaky"u8, 512);
        Assert.True(cache.TryTake(out byte* _));
        var owners = new OwnerReport[OwnerTag.Count];
        machine.Pages.CountOwners(owners);
        Assert.Equal((1u, 2u), (owners[cache.Tag.Id].Runs, owners[cache.Tag.Id].Pages));
        Assert.Equal("leaky"u8, cache.Tag.Name);
    }

    private static void GiveBack(SlabHeap heap, List<(SlabBlock Block, byte Stamp)> live, int at)
    {
        (SlabBlock block, byte stamp) = live[at];
        Assert.Equal(-1, block.Memory.IndexOfAnyExcept(stamp));
        live[at] = live[^1];
        live.RemoveAt(live.Count - 1);
        heap.Give(ref block);
    }

    private static void AssertCounts(SlabHeap heap, List<(SlabBlock Block, byte Stamp)> live)
    {
        ulong used = 0;
        for (int i = 0; i < SlabHeap.ClassCount; i++)
        {
            SlabReport report = heap.Cache(i).Report();
            Assert.Equal((ulong)live.Count(item => item.Block.Class == i), report.Used);
            Assert.True(report.Used + report.Cached <= report.Capacity);
            used += report.Used;
        }
        Assert.Equal((ulong)live.Count, used);
    }

    private static void AssertStops(SlabCache cache, byte* address, string because)
    {
        SlabReport before = cache.Report();
        byte* given = address;
        var bug = Record.Exception(() => cache.Give(ref given));
        Assert.Contains(because, Assert.IsType<BugException>(bug).Message);
        Assert.Equal(before, cache.Report());
    }
}
