using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>What drivers do wrong, and what the checker says.</summary>
[RunsOnce]
public sealed class CheckerDriverTests
{
    private struct Block
    {
        public Shared<ulong> First, Second, Third;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_CPU_writes_while_the_device_has_it(bool bounce)
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device(bounce);
        PageRun run = machine.Memory.Take(0);
        run.Memory.Fill(6);
        Span<byte> stale = run.Memory;
        Assert.Equal(Error.None, device.TryMap(ref run, 1500, out CpuBuffer<ToDevice> buffer));
        DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
        stale[1234] = 1;
        Assert.Equal(6, machine.Reach(given.Address, 1500)[1234]);
        buffer = given.TakeBack();
        Assert.Contains("byte 1234 is 0x01", machine.Expect(DmaFault.CpuWrite));
        Assert.Equal(6, stale[1234]);
        buffer.Free();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_CPU_reads_no_data_without_a_hand_over(bool bounce)
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device(bounce);
        PageRun run = machine.Memory.Take(0), other = machine.Memory.Take(0);
        Span<byte> stale = run.Memory;
        Assert.Equal(Error.None, device.TryMap(ref run, 1500, out CpuBuffer<FromDevice> buffer));
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        machine.Reach(given.Address, 1500).Fill(1);
        Assert.True(stale[..1500].ToArray().All(b => b == 0xDA));
        // What was read so is known again when it is sent.
        stale[..100].CopyTo(other.Memory);
        Assert.Equal(Error.None, device.TryMap(ref other, 60, out CpuBuffer<ToDevice> sent));
        DeviceBuffer<ToDevice> out1 = sent.GiveToDevice();
        Assert.Contains("that the device had, from byte 0 on", machine.Expect(DmaFault.Uninitialised));
        sent = out1.TakeBack();
        sent.Free();
        buffer = given.TakeBack(1500);
        Assert.True(buffer.Bytes.ToArray().All(b => b == 1));
        buffer.Free();
    }

    [Fact]
    public void Free_memory_is_sent()
    {
        using var machine = new CheckedMachine(poison: true);
        DmaDevice device = machine.Device();
        PageRun run = machine.Memory.Take(0);
        machine.Memory.Pages.Give(ref run);
        run = machine.Memory.Take(0);
        run.Memory[..40].Clear();
        run.Memory[55..60].Clear();
        Assert.Equal(Error.None, device.TryMap(ref run, 60, out CpuBuffer<ToDevice> buffer));
        buffer = Turn(ref buffer);
        Assert.Equal(0ul, machine.Checker.Reports);
        run = buffer.Unmap();
        Assert.Equal(Error.None, device.TryMap(ref run, 76, out buffer));
        buffer = Turn(ref buffer);
        Assert.Contains("from byte 60 on", machine.Expect(DmaFault.Uninitialised));
        buffer.Free();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_handle_is_used_after_its_hand_over(bool bounce)
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device(bounce);
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 100, out CpuBuffer<Both> buffer));
        CpuBuffer<Both> copy = buffer;
        DeviceBuffer<Both> given = buffer.GiveToDevice(), stale = given;
        Assert.Throws<BugException>(() => { CpuBuffer<Both> used = copy; used.GiveToDevice(); });
        machine.Expect(DmaFault.StaleHandle);
        Assert.Throws<BugException>(() => { CpuBuffer<Both> used = copy; used.Unmap(); });
        machine.Expect(DmaFault.StaleHandle);
        buffer = given.TakeBack(0);
        Assert.Throws<BugException>(() => { DeviceBuffer<Both> used = stale; used.TakeBack(0); });
        machine.Expect(DmaFault.StaleHandle);
        buffer.Free();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_handle_is_used_after_its_release(bool bounce)
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device(bounce);
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 100, out CpuBuffer<ToDevice> buffer));
        CpuBuffer<ToDevice> copy = buffer;
        run = buffer.Unmap();
        // The same pages again, so that a look at those alone would not do.
        Assert.Equal(Error.None, device.TryMap(ref run, 100, out buffer));
        Assert.Throws<BugException>(() => { CpuBuffer<ToDevice> used = copy; used.Unmap(); });
        Assert.Contains("released", machine.Expect(DmaFault.UsedAfterEnd));
        Assert.Throws<BugException>(() => { CpuBuffer<ToDevice> used = copy; used.GiveToDevice(); });
        machine.Expect(DmaFault.UsedAfterEnd);
        buffer.Free();
        Assert.Equal(Error.None, device.TryAllocateCoherent(4, out Coherent<ulong> memory));
        Coherent<ulong> second = memory;
        DmaDevice.Free(ref memory);
        Assert.Throws<BugException>(() => DmaDevice.Free(ref second));
        machine.Expect(DmaFault.UsedAfterEnd);
    }

    [Fact]
    public void A_buffer_is_released_as_what_it_is_not()
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        Assert.True(machine.Slabs.TryTake(64, out SlabBlock block));
        Assert.Equal(Error.None, device.TryMap(ref block, out CpuBuffer<Both> small));
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 64, out CpuBuffer<Both> large));
        Assert.Throws<BugException>(() => { CpuBuffer<Both> used = small; used.Unmap(); });
        machine.Expect(DmaFault.WrongKind);
        Assert.Throws<BugException>(() => { CpuBuffer<Both> used = large; used.UnmapBlock(); });
        machine.Expect(DmaFault.WrongKind);
        small.Free();
        large.Free();
    }

    [Fact]
    public void Blocks_of_pools_are_misused()
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        var pool = new DmaPool<Block>(device);
        var other = new DmaPool<Block>(device);
        Assert.Equal(Error.None, pool.TryTake(out PoolBlock<Block> block));
        PoolBlock<Block> copy = block;
        Assert.Throws<BugException>(() => { PoolBlock<Block> used = copy; other.Give(ref used); });
        machine.Expect(DmaFault.WrongKind);
        machine.Reach(block.Address, 25)[24] ^= 1;
        pool.Give(ref block);
        Assert.Contains("behind its end: 1 bytes from byte 24 on", machine.Expect(DmaFault.DeviceWroteOutside));
        Assert.Throws<BugException>(() => { PoolBlock<Block> used = copy; pool.Give(ref used); });
        machine.Expect(DmaFault.UsedAfterEnd);
        machine.Reach(copy.Address, 24)[3] ^= 1;
        for (int i = 0; i < 64; i++)
        {
            Assert.Equal(Error.None, pool.TryTake(out PoolBlock<Block> taken));
            Assert.True(machine.Reach(taken.Address, 24).ToArray().All(b => b == 0));
        }
        Assert.Contains("1 bytes from byte 3 on", machine.Expect(DmaFault.DeviceWroteLate));
        Assert.Equal(64ul, pool.Used);
    }

    [Fact]
    public void A_driver_lets_go_of_its_device_and_not_of_its_buffers()
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device(), other = machine.Device();
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, other.TryMap(ref run, 77, out CpuBuffer<FromDevice> others));
        run = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 77, out CpuBuffer<FromDevice> buffer));
        Assert.Equal(1u, device.Close());
        string report = machine.Expect(DmaFault.Leak);
        Assert.Contains("mapped memory from device, 77 bytes at 0x", report);
        Assert.Contains($"by {nameof(A_driver_lets_go_of_its_device_and_not_of_its_buffers)}:", report);
        buffer.Free();
        Assert.Equal(0u, device.Close());
        others.Free();
    }

    [Fact]
    public void Leaks_are_what_was_made_since_a_mark()
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        Assert.Equal(Error.None, device.TryAllocatePages(100, out CpuBuffer<Both> before));
        ulong mark = machine.Checker.Mark();
        Assert.Equal(0u, machine.Checker.ReportLeaks(mark));
        Assert.Equal(Error.None, device.TryAllocateNoncoherent(100, out CpuBuffer<Both> after));
        Assert.Equal(1u, machine.Checker.ReportLeaks(mark));
        Assert.Contains("noncoherent both ways, 100 bytes", machine.Expect(DmaFault.Leak));
        before.Free();
        after.Free();
    }

    [Fact]
    public void Limits_are_said_after_mapping()
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        PageRun run = machine.Memory.Take(1);
        Assert.Equal(Error.None, device.TryMap(ref run, 8192, out CpuBuffer<ToDevice> buffer));
        device.MaxSegmentBytes = 4096;
        buffer = Turn(ref buffer);
        Assert.Contains("4096 bytes with one address", machine.Expect(DmaFault.Limits));
        device.MaxSegmentBytes = 65536;
        device.SegmentBoundary = 4096;
        buffer = Turn(ref buffer);
        Assert.Contains("multiple of 0x1000", machine.Expect(DmaFault.Limits));
        device.SegmentBoundary = 1UL << 32;
        Assert.Equal(Error.None, device.TrySetMasks(24, 24));
        buffer = Turn(ref buffer);
        Assert.Contains("the mask ends at 0xffffff", machine.Expect(DmaFault.Limits));
        buffer.Free();
    }

    [Fact]
    public void Memory_is_mapped_twice()
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        PageRun run = machine.Memory.Take(0), copy = run;
        Assert.Equal(Error.None, device.TryMap(ref run, 100, out CpuBuffer<ToDevice> first));
        Assert.Equal(Error.None, device.TryMap(ref copy, 10, out CpuBuffer<ToDevice> second));
        machine.Expect(DmaFault.Overlap);
        second.Unmap();
        first.Free();
    }

    [Fact]
    public void The_CPU_writes_beside_a_buffer_on_its_line()
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        PageRun run = machine.Memory.Take(0);
        Span<byte> stale = run.Memory;
        Assert.Equal(Error.None, device.TryMap(ref run, 100, out CpuBuffer<FromDevice> buffer));
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        stale[128] ^= 1;
        buffer = given.TakeBack(0);
        given = buffer.GiveToDevice();
        stale[127] ^= 1;
        buffer = given.TakeBack(0);
        machine.Expect(DmaFault.SharedLine);
        buffer.Free();
    }

    [Fact]
    public void Without_memory_to_check_it_nothing_is_mapped()
    {
        using var machine = new CheckedMachine(false, (0x10_0000, 8 * Sluice.Tests.Mm.Machine.MiB));
        DmaDevice device = machine.Device();
        var live = new List<CpuBuffer<FromDevice>>();
        while (machine.Memory.Pages.TryTake(4, Zone.Any, default, out PageRun run))
        {
            PageRun kept = run;
            if (device.TryMap(ref run, 65536, out CpuBuffer<FromDevice> buffer) is var error && error != Error.None)
            {
                Assert.Equal(Error.NoResources, error);
                Assert.Equal(kept.Start, run.Start);
                machine.Memory.Pages.Give(ref run);
                break;
            }
            live.Add(buffer);
        }
        Assert.InRange(live.Count, 10, 60);
        Assert.Equal(1ul, machine.Checker.Refused);
        Assert.Equal((ulong)live.Count, machine.Checker.Live);
        for (int i = 0; i < live.Count; i++)
        {
            CpuBuffer<FromDevice> buffer = live[i];
            buffer.Free();
        }
        Assert.Equal(0ul, machine.Checker.Live);
    }

    [Fact]
    public void A_buffer_without_room_for_guards_is_told_of()
    {
        using var machine = new CheckedMachine(false, (0x100_0000, 128 * Sluice.Tests.Mm.Machine.MiB));
        DmaDevice device = machine.Device();
        Assert.Equal(Error.None, device.TryAllocatePages(16 << 20, out CpuBuffer<Both> buffer));
        machine.Expect(DmaFault.Unguarded);
        buffer.Free();
    }

    [Fact]
    public void A_full_table_of_reports_keeps_the_last_and_counts_all()
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 100, out CpuBuffer<FromDevice> buffer));
        for (uint i = 1; i <= 200; i++)
        {
            DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
            machine.Reach(given.Address, 100).Fill(1);
            buffer = given.TakeBack(100 + i);
        }
        Assert.Equal(200ul, machine.Checker.Reports);
        Assert.Equal(200ul, machine.Checker.CountOf(DmaFault.Overlong));
        Assert.False(machine.Checker.TryGet(136, out _, out _));
        Assert.False(machine.Checker.TryGet(201, out _, out _));
        Assert.False(machine.Checker.TryGet(0, out _, out _));
        for (ulong number = 137; number <= 200; number++)
            Assert.True(machine.Checker.TryGet(number, out DmaFault fault, out _) && fault == DmaFault.Overlong);
        machine.Forgive(200);
        buffer.Free();
    }

    [Fact]
    public void Pieces_of_a_list_are_named_by_whoever_mapped_it()
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        Assert.Equal(Error.None, device.TryMakeScatterList(4, 8, out ScatterList list));
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, list.TryAdd(ref run, 0, 1000));
        Assert.Equal(Error.None, device.TryMap(ref list, out CpuScatter<FromDevice> data));
        DeviceScatter<FromDevice> given = data.GiveToDevice();
        Span<byte> reach = machine.Reach(given.Segments[0].Address, 1004);
        reach[..1000].Fill(1);
        reach[1000] ^= 1;
        reach[1003] ^= 1;
        data = given.TakeBack(1000);
        string report = machine.Expect(DmaFault.DeviceWroteOutside);
        Assert.Contains("4 bytes from byte 1000 on; mapped memory from device, 1000 bytes at 0x", report);
        Assert.Contains($"by {nameof(Pieces_of_a_list_are_named_by_whoever_mapped_it)}:", report);
        given = data.GiveToDevice();
        machine.Reach(given.Segments[0].Address, 1000).Fill(1);
        data = given.TakeBack(5000);
        machine.Expect(DmaFault.Overlong);
        data.Free();
    }

    [Fact]
    public void Parts_and_frames_are_watched_too()
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        Assert.Equal(Error.None, device.TryAllocatePages(8192, out CpuBuffer<FromDevice> buffer));
        DeviceBuffer<FromDevice> whole = buffer.GiveToDevice();
        Assert.Equal(Error.None, whole.TryDivide(4096, out DividedBuffer<FromDevice> divided));
        Span<byte> reach = machine.Reach(divided.AddressOf(1), 4096);
        reach.Fill(1);
        BufferPart<FromDevice> part = divided.TakePart(1, 4096);
        reach[7] ^= 2;
        divided.GivePart(ref part);
        Assert.Contains("1 bytes from byte 4103 on; pages from device", machine.Expect(DmaFault.DeviceWroteEarly));
        whole = divided.Join();
        buffer = whole.TakeBack(0);
        buffer.Free();

        var pool = new FramePool(machine.System, 1);
        Assert.True(pool.TryTake(out Frame frame));
        Assert.Equal(Error.None, device.TryGiveToFill(ref frame, 2048, out DeviceFrame given));
        machine.Reach(given.Address, 2060).Fill(1);
        frame = device.TakeFilled(ref given, 2048, 2048);
        Assert.Contains($"by {nameof(Parts_and_frames_are_watched_too)}:", machine.Expect(DmaFault.DeviceWroteOutside));
        frame.Free();
    }

    private static CpuBuffer<ToDevice> Turn(ref CpuBuffer<ToDevice> buffer)
    {
        DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
        return given.TakeBack();
    }
}
