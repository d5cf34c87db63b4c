using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>Memory allocated for a device: coherent arrays, pools, pages, noncoherent buffers.</summary>
public sealed unsafe class AllocationTests
{
    private struct Descriptor
    {
        public Shared<ulong> Address;
        public Shared<ushort> Length;
        public Shared<byte> Status;
        public Shared<uint> Flags;
    }

    [Theory]
    [InlineData(24)]
    [InlineData(28)]
    [InlineData(32)]
    [InlineData(64)]
    public void All_memory_is_below_the_mask_zero_and_comes_back(int bits)
    {
        using var machine = new DmaMachine((0x10_0000, 63 * Sluice.Tests.Mm.Machine.MiB), (0x1_0000_0000, 32 * Sluice.Tests.Mm.Machine.MiB));
        DmaDevice device = machine.Device(bits);
        // Dirty memory, and caches and tables that stay.
        for (int round = 0; round < 2; round++)
        {
            ulong before = machine.PagesUsed;
            foreach (uint bytes in (uint[])[1, 64, 65, 1024, 1025, 4096, 4097, 100_000])
            {
                Assert.Equal(Error.None, device.TryAllocatePages(bytes, out CpuBuffer<ToDevice> pages));
                Check(machine, device, ref pages, bytes);
                Assert.Equal(Error.None, device.TryAllocateNoncoherent(bytes, out CpuBuffer<ToDevice> buffer));
                Check(machine, device, ref buffer, bytes);
                Assert.Equal(Error.None, device.TryAllocateCoherent((int)bytes, out Coherent<byte> coherent));
                Assert.InRange(coherent.Address.Value + bytes - 1, 0ul, device.CoherentMask);
                for (int i = 0; i < bytes; i++)
                {
                    Assert.Equal(0, coherent[i]);
                    coherent[i] = 0xFF;
                }
                DmaDevice.Free(ref coherent);
            }
            if (round == 1)
                Assert.Equal(before, machine.PagesUsed);
        }
        Assert.Equal(0ul, device.LiveDirect);
    }

    private static void Check(DmaMachine machine, DmaDevice device, ref CpuBuffer<ToDevice> buffer, uint bytes)
    {
        Assert.Equal((int)bytes, buffer.Bytes.Length);
        Assert.True(buffer.Bytes.ToArray().All(b => b == 0));
        buffer.Bytes.Fill(0xA5);
        DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
        Assert.InRange(given.Address.Value + bytes - 1, 0ul, device.CoherentMask);
        Assert.Equal(0u, given.Address.Value % CacheLines.Bytes);
        Assert.True(machine.DeviceReads(given.Address, bytes).All(b => b == 0xA5));
        CpuBuffer<ToDevice> back = given.TakeBack();
        back.Free();
    }

    [Fact]
    public void Impossible_sizes_are_refused()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device();
        Assert.Equal(Error.TooLarge, device.TryAllocatePages<Both>(0, out _));
        Assert.Equal(Error.TooLarge, device.TryAllocatePages<Both>((16 << 20) + 1, out _));
        Assert.Equal(Error.TooLarge, device.TryAllocateNoncoherent<Both>(0, out _));
        Assert.Equal(Error.TooLarge, device.TryAllocateCoherent<ulong>(0, out _));
        Assert.Equal(Error.TooLarge, device.TryAllocateCoherent<ulong>(-1, out _));
        Assert.Equal(Error.TooLarge, device.TryAllocateCoherent<ulong>(int.MaxValue, out _));
    }

    [Fact]
    public void Exhausted_memory_is_an_error_and_counted()
    {
        using var machine = new DmaMachine((0x10_0000, 8 * Sluice.Tests.Mm.Machine.MiB));
        DmaDevice device = machine.Device();
        var live = new List<CpuBuffer<Both>>();
        while (device.TryAllocatePages(1 << 20, out CpuBuffer<Both> buffer) == Error.None)
            live.Add(buffer);
        // The checker keeps copies.
        Assert.InRange(live.Count, machine.Kind.Checked ? 1 : 5, 8);
        Assert.Equal(1ul, device.Statistics.NoMemory);
        Assert.Equal(Error.NoResources, device.TryAllocateCoherent<byte>(1 << 20, out _));
        CpuBuffer<Both> last = live[^1];
        last.Free();
        Assert.Equal(Error.None, device.TryAllocateCoherent(1 << 20, out Coherent<byte> coherent));
        DmaDevice.Free(ref coherent);
    }

    [Fact]
    public void Elements_of_coherent_memory_have_addresses_and_ends()
    {
        using var machine = new DmaMachine();
        machine.ExpectReports();
        DmaDevice device = machine.Device();
        Assert.Equal(Error.None, device.TryAllocateCoherent(100, out Coherent<Descriptor> ring));
        Assert.Equal(ring.Address.Value + 7 * (ulong)sizeof(Descriptor), ring.AddressOf(7).Value);
        ring[7].Address.Write(0x1234_5678_9ABC_DEF0);
        ring[7].Length.Write(1514);
        ring.Publish(ref ring[7].Status, (byte)0x80);
        byte[] seen = machine.DeviceReads(ring.AddressOf(7), (uint)sizeof(Descriptor));
        Assert.Equal(0x1234_5678_9ABC_DEF0ul, BitConverter.ToUInt64(seen, 0));
        Assert.Equal(1514, BitConverter.ToUInt16(seen, 8));
        Assert.Equal(0x80, seen[10]);
        Assert.Throws<BugException>(() => ring[100]);
        Assert.Throws<BugException>(() => ring.AddressOf(-1));
        Coherent<Descriptor> copy = ring;
        DmaDevice.Free(ref ring);
        Assert.True(ring.IsEmpty);
        Assert.Throws<BugException>(() => DmaDevice.Free(ref copy));
    }

    [Theory]
    [InlineData(1u, 0u)]
    [InlineData(64u, 0u)]
    [InlineData(256u, 1024u)]
    [InlineData(16u, 64u)]
    [InlineData(4096u, 4096u)]
    public void Blocks_of_a_pool_are_apart_aligned_and_within_boundaries(uint alignment, uint boundary)
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device();
        var pool = new DmaPool<Descriptor>(device, alignment, boundary);
        var random = new Random(5);
        var live = new List<PoolBlock<Descriptor>>();
        for (int step = 0; step < 3000; step++)
        {
            if (live.Count != 0 && random.Next(live.Count + 40) < live.Count)
            {
                int index = random.Next(live.Count);
                PoolBlock<Descriptor> given = live[index];
                live.RemoveAt(index);
                pool.Give(ref given);
                Assert.True(given.IsEmpty);
                continue;
            }
            Assert.Equal(Error.None, pool.TryTake(out PoolBlock<Descriptor> block));
            ulong address = block.Address.Value;
            Assert.Equal(0ul, address % Math.Max(alignment, CacheLines.Bytes));
            if (boundary != 0)
                Assert.Equal(address / boundary, (address + (uint)sizeof(Descriptor) - 1) / boundary);
            Assert.True(machine.DeviceReads(block.Address, (uint)sizeof(Descriptor)).All(b => b == 0));
            block.Value.Flags.Write(uint.MaxValue);
            live.Add(block);
            Assert.Equal((ulong)live.Count, pool.Used);
        }
        Assert.Equal(live.Count, live.Select(b => b.Address.Value).Distinct().Count());
        Assert.Throws<BugException>(() => { PoolBlock<Descriptor> none = default; pool.Give(ref none); });
    }

    [Fact]
    public void Options_of_the_boot_argument_are_told_apart()
    {
        var options = new DmaOptions("check,bounce:00:04.0,,nonsense"u8);
        Assert.True(options.Check && options.Bounces("00:04.0"u8));
        Assert.False(options.Bounces("00:04.1"u8));
        Assert.True(options.Unknown.SequenceEqual("nonsense"u8));
        Assert.True(new DmaOptions("bounce"u8).Bounces("01:00.0"u8));
        Assert.False(new DmaOptions(default).Check);
        Assert.True(new DmaOptions("bounce,pool:64K"u8).TryGetPoolBytes(out ulong bytes) && bytes == 65536);
        Assert.True(new DmaOptions("pool:9,pool:3M"u8).TryGetPoolBytes(out bytes) && bytes == 3 << 20);
        Assert.True(new DmaOptions("pool:0"u8).TryGetPoolBytes(out bytes) && bytes == 0);
        Assert.False(new DmaOptions("check"u8).TryGetPoolBytes(out _));
        Assert.True(new DmaOptions("pool:64K,bounce,check"u8).Unknown.IsEmpty);
        Assert.True(new DmaOptions("bounce,frames:any"u8).FramesAnywhere && new DmaOptions("frames:any"u8).Unknown.IsEmpty);
        Assert.False(new DmaOptions("frames:all,bounce"u8).FramesAnywhere || new DmaOptions("frames:all"u8).Unknown.IsEmpty);
        foreach (string wrong in (string[])["pool:", "pool:K", "pool:6x", "pool:-1", "pool:1234567890"])
            Assert.True(new DmaOptions(System.Text.Encoding.ASCII.GetBytes(wrong)).Unknown.Length == wrong.Length);
    }
}
