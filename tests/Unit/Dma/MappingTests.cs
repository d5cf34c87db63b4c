using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>Mappings of runs and blocks, direct and bounced.</summary>
public sealed unsafe class MappingTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_the_CPU_wrote_is_what_the_device_reads(bool bounce)
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(32, bounce);
        PageRun run = machine.Memory.Take(2);
        foreach (uint bytes in (uint[])[1, 15, 16, 1500, 2048, 2049, 4096, 9000, 16384])
        {
            Assert.Equal(Error.None, device.TryMap(ref run, bytes, out CpuBuffer<ToDevice> buffer));
            Assert.True(run.IsEmpty);
            byte[] sent = Bytes(bytes, seed: (int)bytes);
            sent.CopyTo(buffer.Bytes);
            DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
            Assert.True(buffer.IsEmpty);
            Assert.Equal(sent, machine.DeviceReads(given.Address, given.Length));
            buffer = given.TakeBack();
            Assert.Equal(sent, buffer.Bytes.ToArray());
            run = buffer.Unmap();
        }
        machine.Memory.Pages.Give(ref run);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_the_device_wrote_is_what_the_CPU_reads_and_no_more(bool bounce)
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(32, bounce);
        PageRun run = machine.Memory.Take(0);
        run.Memory.Fill(0x55);
        Assert.Equal(Error.None, device.TryMap(ref run, 2048, out CpuBuffer<FromDevice> buffer));
        Assert.Equal(0, buffer.Bytes.Length);
        foreach (uint written in (uint[])[0, 1, 60, 1514, 2048])
        {
            byte[] received = Bytes(written, seed: (int)written);
            DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
            machine.DeviceWrites(given.Address, received);
            buffer = given.TakeBack(written);
            Assert.Equal(received, buffer.Bytes.ToArray());
        }
        run = buffer.Unmap();
        Assert.True(run.Memory.Slice(2048).ToArray().All(b => b == 0x55));
        machine.Memory.Pages.Give(ref run);
    }

    [Fact]
    public void A_short_write_leaves_the_rest_of_a_bounced_buffer_as_it_was()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(32, forceBounce: true);
        PageRun run = machine.Memory.Take(0);
        run.Memory.Fill(0x55);
        Assert.Equal(Error.None, device.TryMap(ref run, 1000, out CpuBuffer<FromDevice> buffer));
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        machine.DeviceWrites(given.Address, Bytes(1000, 1));
        buffer = given.TakeBack(10);
        run = buffer.Unmap();
        Assert.True(run.Memory.Slice(10).ToArray().All(b => b == 0x55));
    }

    [Fact]
    public void A_device_that_claims_more_than_it_was_given_is_not_believed()
    {
        using var machine = new DmaMachine();
        machine.ExpectReports();
        foreach (bool bounce in (bool[])[false, true])
        {
            DmaDevice device = machine.Device(32, bounce);
            PageRun run = machine.Memory.Take(1);
            Assert.Equal(Error.None, device.TryMap(ref run, 1500, out CpuBuffer<FromDevice> buffer));
            DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
            buffer = given.TakeBack(0xFFFF);
            Assert.Equal(1500, buffer.Bytes.Length);
            run = buffer.Unmap();
            Assert.Equal(device.IsForcedToBounce || !device.IsCoherent || machine.Kind.Checked ? 1u : 0, device.Statistics.Overlong);
        }
    }

    [Fact]
    public void Slots_are_zero_for_whoever_gets_them_next()
    {
        using var machine = new DmaMachine();
        DmaDevice first = machine.Device(32, true), second = machine.Device(32, true);
        PageRun run = machine.Memory.Take(2);
        foreach (uint bytes in (uint[])[1, 100, 1500, 2048, 5000, 16384])
        {
            Assert.Equal(Error.None, first.TryMap(ref run, bytes, out CpuBuffer<ToDevice> secret));
            secret.Bytes.Fill(0xAA);
            DeviceBuffer<ToDevice> given = secret.GiveToDevice();
            DmaAddr where = given.Address;
            secret = given.TakeBack();
            run = secret.Unmap();
            Assert.True(machine.DeviceReads(where, bytes).All(b => b == 0), "a device that was late reads nothing");

            Assert.Equal(Error.None, second.TryMap(ref run, bytes, out CpuBuffer<FromDevice> next));
            DeviceBuffer<FromDevice> open = next.GiveToDevice();
            Assert.True(where == open.Address, "the same slots are taken again");
            byte[] seen = machine.DeviceReads(open.Address, (bytes + 2047) & ~2047u);
            // The checker has a pattern there that the device is to overwrite.
            Assert.True(machine.Kind.Checked ? seen.AsSpan().IndexOf(new byte[] { 0xAA, 0xAA, 0xAA }) < 0 : seen.All(b => b == 0), $"{bytes} bytes");
            next = open.TakeBack(0);
            run = next.Unmap();
        }
    }

    [Fact]
    public void The_front_of_a_buffer_is_all_that_a_bounced_device_sees()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(32, true);
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 2048, out CpuBuffer<ToDevice> buffer));
        buffer.Bytes.Fill(0x77);
        DeviceBuffer<ToDevice> given = buffer.GiveToDevice(60);
        Assert.Equal(60u, given.Length);
        byte[] seen = machine.DeviceReads(given.Address, 2048);
        Assert.True(seen.AsSpan(0, 60).ToArray().All(b => b == 0x77) && seen.AsSpan(60).ToArray().All(b => b == 0));
        buffer = given.TakeBack();
        run = buffer.Unmap();
    }

    [Theory]
    [InlineData(24)]
    [InlineData(25)]
    [InlineData(28)]
    [InlineData(32)]
    [InlineData(40)]
    [InlineData(64)]
    public void Addresses_are_below_the_mask_and_bouncing_starts_where_it_ends(int bits)
    {
        using var machine = new DmaMachine((0x10_0000, 15 * Sluice.Tests.Mm.Machine.MiB), (0x1_0000_0000, 64 * Sluice.Tests.Mm.Machine.MiB));
        DmaDevice device = machine.Device(bits);
        foreach (Zone zone in (Zone[])[Zone.Dma, Zone.Normal])
        {
            PageRun run = machine.Memory.Take(0, zone);
            ulong last = run.Start.Value + 4095;
            ulong before = device.Statistics.Bounced;
            Assert.Equal(Error.None, device.TryMap(ref run, 4096, out CpuBuffer<Both> buffer));
            DeviceBuffer<Both> given = buffer.GiveToDevice();
            Assert.InRange(given.Address.Value, 0ul, device.StreamingMask - 4095);
            Assert.Equal(last > device.StreamingMask || device.IsForcedToBounce ? before + 1 : before, device.Statistics.Bounced);
            buffer = given.TakeBack(4096);
            run = buffer.Unmap();
            machine.Memory.Pages.Give(ref run);
        }
    }

    [Theory]
    [InlineData(23)]
    [InlineData(65)]
    [InlineData(0)]
    [InlineData(-1)]
    public void An_impossible_mask_is_refused(int bits)
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(30);
        Assert.Equal(Error.NotSupported, device.TrySetMasks(bits, 32));
        Assert.Equal(Error.NotSupported, device.TrySetMasks(32, bits));
        Assert.Equal((1ul << 30) - 1, device.StreamingMask);
    }

    [Fact]
    public void A_mask_below_all_memory_is_refused()
    {
        using var machine = new DmaMachine((0x1_0000_0000, 64 * Sluice.Tests.Mm.Machine.MiB));
        Assert.Equal(Error.NotSupported, machine.System.NewDevice("00:05.0"u8).TrySetMasks(32, 32));
        Assert.Equal(0x1_FFFF_FFFFul, machine.Device(64).RequiredMask);
    }

    [Fact]
    public void A_full_pool_is_an_error_and_everything_is_as_before()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(32, true);
        machine.System.BounceLimit = 1 << 20;
        var live = new List<CpuBuffer<ToDevice>>();
        PageRun run;
        while (true)
        {
            run = machine.Memory.Take(0);
            PageRun kept = run;
            Error error = device.TryMap(ref run, 2048, out CpuBuffer<ToDevice> buffer);
            if (error != Error.None)
            {
                Assert.Equal(Error.NoResources, error);
                Assert.True(buffer.IsEmpty);
                Assert.Equal(kept.Start, run.Start);
                break;
            }
            live.Add(buffer);
        }
        Assert.Equal(512, live.Count);
        Assert.Equal(512, live.Select(b => AddressOf(b).Value).Distinct().Count());
        Assert.Equal(1u, device.Statistics.BounceFull);
        CpuBuffer<ToDevice> one = live[^1];
        PageRun back = one.Unmap();
        Assert.Equal(Error.None, device.TryMap(ref run, 2048, out one));
        for (int i = 0; i < live.Count - 1; i++)
        {
            CpuBuffer<ToDevice> buffer = live[i];
            buffer.Free();
        }
        one.Free();
    }

    [Fact]
    public void A_mapping_is_as_long_as_run_and_device_allow()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device();
        PageRun run = machine.Memory.Take(2);
        Assert.Equal(Error.TooLarge, device.TryMap(ref run, 16385, out CpuBuffer<Both> buffer));
        Assert.False(run.IsEmpty);
        Assert.Equal(Error.TooLarge, device.TryMap(ref run, 0, out buffer));
        device.MaxSegmentBytes = 8192;
        Assert.Equal(Error.TooLarge, device.TryMap(ref run, 8193, out buffer));
        Assert.Equal(Error.None, device.TryMap(ref run, 8192, out buffer));
        buffer.Free();
    }

    [Fact]
    public void Slots_at_hand_do_not_keep_longer_rows_from_others()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(32, forceBounce: true);
        machine.System.BounceLimit = 1 << 20;
        device.MaxSegmentBytes = 256 << 10;
        // All of the pool in single slots, back at hand.
        var live = new CpuBuffer<ToDevice>[512];
        for (int i = 0; i < live.Length; i++)
        {
            PageRun run = machine.Memory.Take(0);
            Assert.Equal(Error.None, device.TryMap(ref run, 2048, out live[i]));
        }
        for (int i = 0; i < live.Length; i++)
            live[i].Free();
        PageRun large = machine.Memory.Take(6);
        Assert.Equal(Error.None, device.TryMap(ref large, 256 << 10, out CpuBuffer<Both> buffer));
        buffer.Free();
        Assert.Equal(0ul, device.Statistics.BounceFull);
    }

    [Fact]
    public void A_stale_copy_of_a_bounced_handle_stops_the_machine()
    {
        using var machine = new DmaMachine();
        machine.ExpectReports();
        DmaDevice device = machine.Device(32, true);
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 100, out CpuBuffer<Both> buffer));
        CpuBuffer<Both> copy = buffer;
        DeviceBuffer<Both> given = buffer.GiveToDevice();
        Assert.Throws<BugException>(() => Give(copy));
        Assert.Throws<BugException>(() => { CpuBuffer<Both> stale = copy; stale.Unmap(); });
        buffer = given.TakeBack(0);
        buffer.Free();
    }

    [Fact]
    public void Slots_in_memory_that_others_used_before_are_zero_at_first_too()
    {
        using var machine = new DmaMachine();
        var used = new List<PageRun>();
        while (machine.Memory.Pages.TryTake(6, Zone.Any, default, out PageRun run))
        {
            run.Memory.Fill(0xAA);
            used.Add(run);
        }
        foreach (PageRun run in used)
        {
            PageRun given = run;
            machine.Memory.Pages.Give(ref given);
        }
        DmaDevice device = machine.Device(32, true);
        PageRun page = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref page, 1, out CpuBuffer<FromDevice> buffer));
        DeviceBuffer<FromDevice> open = buffer.GiveToDevice();
        // The checker has a pattern in the byte that the device is to write.
        Assert.True(machine.DeviceReads(open.Address, 2048).Skip(machine.Kind.Checked ? 1 : 0).All(b => b == 0));
        buffer = open.TakeBack(0);
        buffer.Free();
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(4096u)]
    [InlineData(32768u)]
    public void An_alignment_holds_from_the_moment_it_is_asked_for(uint alignment)
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(32, true);
        // Slots at hand that need not be aligned so.
        PageRun run = machine.Memory.Take(0), other = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 100, out CpuBuffer<Both> first));
        Assert.Equal(Error.None, device.TryMap(ref other, 100, out CpuBuffer<Both> second));
        run = first.Unmap();
        other = second.Unmap();
        device.MinAlignment = alignment;
        Assert.Equal(Error.None, device.TryMap(ref run, 100, out first));
        Assert.Equal(Error.None, device.TryMap(ref other, 100, out second));
        foreach (CpuBuffer<Both> buffer in (CpuBuffer<Both>[])[first, second])
        {
            CpuBuffer<Both> own = buffer;
            ulong memory = PhysicalMemory.Of(System.Runtime.CompilerServices.Unsafe.AsPointer(ref own.Bytes[0])).Value;
            DeviceBuffer<Both> given = own.GiveToDevice();
            Assert.Equal(memory % alignment, given.Address.Value % alignment);
            own = given.TakeBack(0);
            own.Free();
        }
    }

    [Fact]
    public void Slots_at_hand_make_nothing_longer_than_its_run_and_bounce_nothing_that_is_reached()
    {
        using var machine = new DmaMachine();
        DmaDevice bounced = machine.Device(32, true), near = machine.Device();
        PageRun run = machine.Memory.Take(1), page = machine.Memory.Take(0);
        Assert.Equal(Error.None, bounced.TryMap(ref run, 5000, out CpuBuffer<Both> buffer));
        run = buffer.Unmap();
        Assert.Equal(Error.TooLarge, bounced.TryMap(ref page, 5000, out buffer));
        Assert.Equal(Error.TooLarge, near.TryMap(ref page, 5000, out buffer));
        Assert.True(buffer.IsEmpty && !page.IsEmpty);
        Assert.Equal(Error.None, bounced.TryMap(ref page, 100, out buffer));
        page = buffer.Unmap();
        near.SegmentBoundary = 1024;
        Assert.Equal(Error.None, near.TryMap(ref page, 100, out buffer));
        Assert.Equal(near.IsForcedToBounce ? 1ul : 0, near.Statistics.Bounced);
        buffer.Free();
    }

    [Fact]
    public void A_block_does_not_cross_the_devices_boundary()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device();
        device.SegmentBoundary = 64;
        var live = new List<CpuBuffer<ToDevice>>();
        for (int i = 0; i < 20; i++)
        {
            Assert.True(machine.Slabs.TryTake(48, out SlabBlock block));
            Assert.Equal(Error.None, device.TryMap(ref block, out CpuBuffer<ToDevice> buffer));
            live.Add(buffer);
        }
        Assert.True(live.All(buffer => AddressOf(buffer).Value % 64 <= 16));
        device.MinAlignment = 64;
        Error error = Error.None;
        for (int i = 0; i < 4 && error == Error.None; i++)
        {
            Assert.True(machine.Slabs.TryTake(48, out SlabBlock block));
            error = device.TryMap(ref block, out CpuBuffer<ToDevice> _);
            Assert.Equal(error != Error.None, !block.IsEmpty);
        }
        Assert.True(error == Error.TooLarge, "the low bits of the address and the boundary cannot both be kept");
    }

    [Fact]
    public void Small_blocks_are_mapped_and_come_back()
    {
        using var machine = new DmaMachine();
        foreach (bool bounce in (bool[])[false, true])
        {
            DmaDevice device = machine.Device(32, bounce);
            Assert.True(machine.Slabs.TryTake(64, out SlabBlock block));
            block.Memory.Fill(0x3C);
            Assert.Equal(Error.None, device.TryMap(ref block, out CpuBuffer<Both> buffer));
            DeviceBuffer<Both> given = buffer.GiveToDevice();
            Assert.True(machine.DeviceReads(given.Address, 64).All(b => b == 0x3C));
            machine.DeviceWrites(given.Address, Bytes(10, 3));
            buffer = given.TakeBack(10);
            Assert.Equal(10u, buffer.WrittenBytes);
            block = buffer.UnmapBlock();
            Assert.Equal(Bytes(10, 3), block.Memory[..10].ToArray());
            Assert.Equal(0x3C, block.Memory[10]);
            machine.Slabs.Give(ref block);
        }
    }

    private static void Give(CpuBuffer<Both> buffer) => buffer.GiveToDevice();

    private static DmaAddr AddressOf(CpuBuffer<ToDevice> buffer)
    {
        DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
        DmaAddr address = given.Address;
        given.TakeBack();
        return address;
    }

    private static byte[] Bytes(uint count, int seed)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
