using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>Scatter lists against plain arrays, direct, bounced and both at once.</summary>
public sealed class ScatterTests
{
    private const ulong MiB = Sluice.Tests.Mm.Machine.MiB;

    [Theory]
    [InlineData(24, false)]
    [InlineData(28, false)]
    [InlineData(32, false)]
    [InlineData(64, false)]
    [InlineData(32, true)]
    public void Segments_are_the_pieces_within_the_limits_and_nothing_that_could_be_merged_is_apart(int bits, bool bounce)
    {
        for (int seed = 0; seed < 25; seed++)
            Exchange(bits, bounce, seed);
    }

    private static void Exchange(int bits, bool bounce, int seed)
    {
        var random = new Random(seed * 100 + bits);
        using var machine = new DmaMachine((0x10_0000, 15 * MiB), (0x1_0000_0000, 48 * MiB));
        DmaDevice device = machine.Device(bits, bounce);
        device.MaxSegmentBytes = (uint)(random.Next(3) == 0 ? random.Next(100, 5000) : 4096 << random.Next(0, 6));
        device.SegmentBoundary = 1ul << random.Next(11, 33);
        device.MinAlignment = 1u << random.Next(0, 13);
        Assert.Equal(Error.None, device.TryMakeScatterList(64, 1024, out ScatterList list));
        var model = new List<byte[]>();
        Fill(machine, random, ref list, model);
        Assert.Equal(model.Sum(piece => piece.Length), (int)list.Bytes);
        ulong live = device.LiveDirect;
        for (int round = 0; round < 3; round++)
        {
            Error error = device.TryMap(ref list, out CpuScatter<Both> mapped);
            if (error != Error.None)
            {
                // Pieces that are cut into very many.
                Assert.Equal(Error.TooLarge, error);
                Assert.False(list.IsEmpty);
                break;
            }
            Assert.True(list.IsEmpty);
            for (int i = 0; i < model.Count; i++)
                Assert.Equal(model[i], mapped.Piece(i).ToArray());
            DeviceScatter<Both> given = mapped.GiveToDevice();
            CheckLimits(device, given.Segments);
            byte[] all = [.. model.SelectMany(piece => piece)];
            Assert.Equal(all, Reads(machine, given.Segments));
            byte[] fresh = new byte[random.Next(all.Length + 1)];
            random.NextBytes(fresh);
            Writes(machine, given.Segments, fresh);
            fresh.CopyTo(all, 0);
            mapped = given.TakeBack((uint)fresh.Length);
            Assert.Equal((uint)fresh.Length, mapped.WrittenBytes);
            int at = 0;
            for (int i = 0; i < model.Count; i++)
            {
                all.AsSpan(at, model[i].Length).CopyTo(model[i]);
                at += model[i].Length;
                Assert.Equal(model[i], mapped.Piece(i).ToArray());
            }
            list = mapped.Unmap();
            Assert.Equal(live, device.LiveDirect);
        }
        list.Free();
        Assert.True(list.IsEmpty);
        machine.Slabs.Trim();
    }

    // Runs in a row, runs anywhere, parts of runs, small blocks, low and high.
    private static void Fill(DmaMachine machine, Random random, ref ScatterList list, List<byte[]> model)
    {
        while (list.Count < 40)
        {
            Zone zone = random.Next(2) == 0 ? Zone.Dma : Zone.Normal;
            switch (random.Next(3))
            {
                case 0:
                    foreach (PageRun taken in Enumerable.Range(0, random.Next(1, 8)).Select(_ => machine.Memory.Take(0, zone)).OrderBy(run => run.Frame).ToArray())
                    {
                        PageRun page = taken;
                        model.Add(Random(random, page.Memory));
                        Assert.Equal(Error.None, list.TryAdd(ref page, 0, 4096));
                        Assert.True(page.IsEmpty);
                    }
                    break;
                case 1:
                    PageRun run = machine.Memory.Take(random.Next(0, 8), zone);
                    uint offset = (uint)random.NextInt64((long)run.Bytes), bytes = (uint)random.NextInt64(1, (long)(run.Bytes - offset + 1));
                    model.Add(Random(random, run.Memory.Slice((int)offset, (int)bytes)));
                    Assert.Equal(Error.None, list.TryAdd(ref run, offset, bytes));
                    break;
                default:
                    Assert.True(machine.Slabs.TryTake(random.Next(1, 2049), out SlabBlock block));
                    model.Add(Random(random, block.Memory));
                    Assert.Equal(Error.None, list.TryAdd(ref block));
                    break;
            }
        }
    }

    private static byte[] Random(Random random, Span<byte> memory)
    {
        random.NextBytes(memory);
        return memory.ToArray();
    }

    private static void CheckLimits(DmaDevice device, ReadOnlySpan<DmaSegment> segments)
    {
        for (int i = 0; i < segments.Length; i++)
        {
            ulong start = segments[i].Address.Value, last = start + segments[i].Length - 1;
            Assert.InRange(segments[i].Length, 1u, device.MaxSegmentBytes);
            Assert.InRange(last, start, device.StreamingMask);
            Assert.Equal(start / device.SegmentBoundary, last / device.SegmentBoundary);
            if (i + 1 < segments.Length && last + 1 == segments[i + 1].Address.Value)
                Assert.True(segments[i].Length == device.MaxSegmentBytes || (last + 1) % device.SegmentBoundary == 0, "two segments that could be one");
        }
    }

    private static byte[] Reads(DmaMachine machine, ReadOnlySpan<DmaSegment> segments)
    {
        var read = new List<byte>();
        foreach (DmaSegment segment in segments)
            read.AddRange(machine.DeviceReads(segment.Address, segment.Length));
        return [.. read];
    }

    private static void Writes(DmaMachine machine, ReadOnlySpan<DmaSegment> segments, ReadOnlySpan<byte> bytes)
    {
        foreach (DmaSegment segment in segments)
        {
            int length = (int)Math.Min(segment.Length, (uint)bytes.Length);
            if (length == 0)
                return;
            machine.DeviceWrites(segment.Address, bytes[..length]);
            bytes = bytes[length..];
        }
    }

    [Fact]
    public void Neighbours_are_one_segment()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device();
        // Each is bounced, or copied for the checker, by itself then, to wherever slots are free.
        if (device.IsForcedToBounce || machine.Kind.Checked)
            return;
        PageRun[] runs = [.. Enumerable.Range(0, 8).Select(_ => machine.Memory.Take(0)).OrderBy(run => run.Frame)];
        Assert.Equal(runs[0].Frame + 7, runs[7].Frame);
        Assert.Equal(Error.None, device.TryMakeScatterList(8, 1, out ScatterList list));
        for (int i = 0; i < 8; i++)
            Assert.Equal(Error.None, list.TryAdd(ref runs[i], 0, 4096));
        PageRun ninth = machine.Memory.Take(0);
        Assert.Equal(Error.NoResources, list.TryAdd(ref ninth, 0, 4096));
        Assert.False(ninth.IsEmpty);
        machine.Memory.Pages.Give(ref ninth);
        Assert.Equal(Error.None, device.TryMap(ref list, out CpuScatter<ToDevice> mapped));
        DeviceScatter<ToDevice> given = mapped.GiveToDevice();
        Assert.Equal(1, given.Segments.Length);
        Assert.Equal(32768u, given.Segments[0].Length);
        mapped = given.TakeBack();
        list = mapped.Unmap();
        // More segments than the list has room for: an error, and it can be mapped otherwise.
        device.MaxSegmentBytes = 16384;
        Assert.Equal(Error.TooLarge, device.TryMap(ref list, out mapped));
        Assert.True(mapped.IsEmpty);
        device.MaxSegmentBytes = 32768;
        Assert.Equal(Error.None, device.TryMap(ref list, out mapped));
        mapped.Free();
        Assert.Equal(0ul, device.LiveDirect);
    }

    [Fact]
    public void What_was_written_is_counted_over_all_pieces()
    {
        using var machine = new DmaMachine();
        machine.ExpectReports();
        foreach (bool bounce in (bool[])[false, true])
        {
            DmaDevice device = machine.Device(32, bounce);
            Assert.Equal(Error.None, device.TryMakeScatterList(3, 8, out ScatterList list));
            for (int i = 0; i < 3; i++)
            {
                PageRun run = machine.Memory.Take(0);
                Assert.Equal(Error.None, list.TryAdd(ref run, 1000, 1500));
            }
            Assert.Equal(Error.None, device.TryMap(ref list, out CpuScatter<FromDevice> mapped));
            Assert.Equal(0, mapped.Piece(0).Length);
            foreach ((uint written, int[] expected) in (ReadOnlySpan<(uint, int[])>)[(0, [0, 0, 0]), (1, [1, 0, 0]), (1500, [1500, 0, 0]), (3001, [1500, 1500, 1]), (uint.MaxValue, [1500, 1500, 1500])])
            {
                DeviceScatter<FromDevice> given = mapped.GiveToDevice();
                mapped = given.TakeBack(written);
                for (int i = 0; i < 3; i++)
                    Assert.Equal(expected[i], mapped.Piece(i).Length);
            }
            Assert.Equal(1ul, device.Statistics.Overlong);
            mapped.Free();
        }
    }

    [Fact]
    public void When_slots_run_out_all_is_as_before()
    {
        using var machine = new DmaMachine((0x10_0000, 15 * MiB), (0x1_0000_0000, 48 * MiB));
        DmaDevice device = machine.Device(28);
        machine.System.BounceLimit = 1 << 20;
        Assert.Equal(Error.None, device.TryMakeScatterList(8, 64, out ScatterList list));
        for (int i = 0; i < 8; i++)
        {
            PageRun run = machine.Memory.Take(6, i == 3 ? Zone.Dma : Zone.Normal);
            run.Memory.Fill((byte)i);
            Assert.Equal(Error.None, list.TryAdd(ref run, 0, 256 << 10));
        }
        for (int round = 0; round < 3; round++)
        {
            Assert.Equal(Error.NoResources, device.TryMap(ref list, out CpuScatter<Both> mapped));
            Assert.True(mapped.IsEmpty && !list.IsEmpty);
            Assert.Equal(7, list[7][0]);
        }
        machine.System.BounceLimit = 8 << 20;
        Assert.Equal(Error.None, device.TryMap(ref list, out CpuScatter<Both> all));
        Assert.InRange(machine.System.BounceReport.Used, 7ul * (256 << 10), 8ul * (256 << 10));
        // Slots that nobody would find again are not kept.
        all.Free();
        Assert.Equal(0ul, machine.System.BounceReport.Used);
    }

    [Fact]
    public void Slots_end_where_they_end_however_an_odd_buffer_lies_in_them()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(32, forceBounce: true);
        device.MinAlignment = 64;
        Assert.Equal(Error.None, device.TryMakeScatterList(2, 8, out ScatterList odd));
        Assert.Equal(Error.None, device.TryMakeScatterList(2, 8, out ScatterList next));
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, odd.TryAdd(ref run, 63, 2048 - 63));
        run = machine.Memory.Take(0);
        run.Memory.Fill(0x99);
        Assert.Equal(Error.None, next.TryAdd(ref run, 0, 2048));
        Assert.Equal(Error.None, device.TryMap(ref odd, out CpuScatter<ToDevice> first));
        Assert.Equal(Error.None, device.TryMap(ref next, out CpuScatter<ToDevice> second));
        DeviceScatter<ToDevice> given = second.GiveToDevice();
        first.Free();
        Assert.True(machine.DeviceReads(given.Segments[0].Address, 2048).All(b => b == 0x99));
        second = given.TakeBack();
        second.Free();
    }

    [Fact]
    public void Misuse_is_refused_or_stops_the_machine()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device();
        Assert.Equal(Error.TooLarge, device.TryMakeScatterList(0, 1, out ScatterList list));
        Assert.Equal(Error.TooLarge, device.TryMakeScatterList(1, 1025, out list));
        // What grows once, and stays.
        Assert.Equal(Error.None, device.TryMakeScatterList(4, 4, out list));
        PageRun run = machine.Memory.Take(1);
        Assert.Equal(Error.None, list.TryAdd(ref run, 8191, 1));
        Assert.Equal(Error.None, device.TryMap(ref list, out CpuScatter<ToDevice> mapped));
        mapped.Free();
        ulong before = machine.PagesUsed;
        Assert.Equal(Error.None, device.TryMakeScatterList(4, 4, out list));
        Assert.Equal(Error.TooLarge, device.TryMap(ref list, out mapped));
        run = machine.Memory.Take(1);
        Assert.Equal(Error.TooLarge, list.TryAdd(ref run, 0, 8193));
        Assert.Equal(Error.TooLarge, list.TryAdd(ref run, uint.MaxValue, 2));
        Assert.Equal(Error.TooLarge, list.TryAdd(ref run, 0, 0));
        Assert.Equal(Error.None, list.TryAdd(ref run, 8191, 1));
        ScatterList copy = list;
        Assert.Equal(Error.None, device.TryMap(ref list, out mapped));
        Assert.Throws<BugException>(() => { ScatterList stale = copy; stale.Free(); });
        Assert.Throws<BugException>(() => copy[0].Length);
        CpuScatter<ToDevice> old = mapped;
        DeviceScatter<ToDevice> given = mapped.GiveToDevice();
        Assert.Throws<BugException>(() => old.Piece(0).Length);
        Assert.Throws<BugException>(() => { CpuScatter<ToDevice> stale = old; stale.Unmap(); });
        mapped = given.TakeBack();
        Assert.Throws<BugException>(() => old.Piece(1).Length);
        mapped.Free();
        Assert.Equal(before, machine.PagesUsed);
    }
}
