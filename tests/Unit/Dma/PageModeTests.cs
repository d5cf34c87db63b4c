using System;
using System.Linq;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>Memory that the CPU does not see, or caches in another way.</summary>
public sealed unsafe class PageModeTests : IDisposable
{
    private readonly DmaMachine _machine = new((0x10_0000, 15 * Sluice.Tests.Mm.Machine.MiB), (0x1_0000_0000, 32 * Sluice.Tests.Mm.Machine.MiB));

    public PageModeTests()
    {
        DirectMap.ChangesLeft = null;
        DirectMap.Hidden.Clear();
        DirectMap.Modes.Clear();
    }

    public void Dispose()
    {
        DirectMap.ChangesLeft = null;
        _machine.Dispose();
    }

    [Theory]
    [InlineData(24, 1u)]
    [InlineData(28, 4097u)]
    [InlineData(32, 100_000u)]
    [InlineData(64, 4096u)]
    public void Hidden_pages_are_reachable_zero_and_out_of_the_direct_map_while_held(int bits, uint bytes)
    {
        DmaDevice device = _machine.Device(bits);
        // What was there before must not be seen by the device, what the device left not by anybody.
        Dirty(bits);
        Assert.Equal(Error.None, device.TryAllocateHidden(bytes, out HiddenPages pages));
        ulong address = pages.Address.Value, last = (address + bytes - 1) & ~4095ul;
        Assert.Equal(bytes, pages.Length);
        Assert.InRange(last + 4095, 0ul, device.CoherentMask);
        Assert.True(DirectMap.Hidden.Contains(address) && DirectMap.Hidden.Contains(last));
        // A device sees it all the same.
        DirectMap.Show(new PhysAddr(address), PhysAddr.PageSize);
        Assert.True(_machine.DeviceReads(pages.Address, Math.Min(bytes, 4096)).All(b => b == 0));
        _machine.DeviceWrites(pages.Address, Enumerable.Repeat((byte)0xEE, (int)Math.Min(bytes, 4096)).ToArray());
        Assert.True(DirectMap.TryHide(new PhysAddr(address), PhysAddr.PageSize));
        HiddenPages copy = pages;
        DmaDevice.Free(ref pages);
        Assert.True(pages.IsEmpty);
        Assert.Empty(DirectMap.Hidden);
        // The checker has a pattern there, to find late writes.
        Assert.True(_machine.Kind.Checked || new Span<byte>(PhysicalMemory.At(new PhysAddr(address)), (int)Math.Min(bytes, 4096)).ToArray().All(b => b == 0));
        _machine.ExpectReports();
        Assert.Throws<BugException>(() => DmaDevice.Free(ref copy));
    }

    [Fact]
    public void Without_memory_for_page_tables_nothing_is_taken()
    {
        DmaDevice device = _machine.Device();
        Assert.Equal(Error.None, device.TryAllocateHidden(1, out HiddenPages warm));
        DmaDevice.Free(ref warm);
        ulong before = _machine.PagesUsed;
        DirectMap.ChangesLeft = 0;
        Assert.Equal(Error.NoResources, device.TryAllocateHidden(8192, out HiddenPages pages));
        Assert.Equal(Error.NoResources, device.TryAllocateCoherent(8192, out Coherent<byte> memory, CacheMode.WriteCombining));
        Assert.True(pages.IsEmpty && memory.IsEmpty);
        Assert.Equal(before, _machine.PagesUsed);
        Assert.Empty(DirectMap.Hidden);
        Assert.Empty(DirectMap.Modes);
        Assert.Equal(Error.TooLarge, device.TryAllocateHidden(0, out _));
        Assert.Equal(Error.TooLarge, device.TryAllocateHidden((16 << 20) + 1, out _));
    }

    [Theory]
    [InlineData(CacheMode.WriteCombining)]
    [InlineData(CacheMode.Uncached)]
    public void Coherent_memory_has_the_cache_mode_asked_for_as_long_as_it_lives(CacheMode cache)
    {
        DmaDevice device = _machine.Device();
        Assert.Equal(Error.None, device.TryAllocateCoherent(5000, out Coherent<byte> memory, cache));
        ulong start = memory.Address.Value;
        Assert.Equal([start, start + 4096], DirectMap.Modes.Keys.Order());
        Assert.True(DirectMap.Modes.Values.All(mode => mode == cache));
        DmaDevice.Free(ref memory);
        Assert.Empty(DirectMap.Modes);
        Assert.Equal(Error.None, device.TryAllocateCoherent(5000, out memory));
        Assert.Empty(DirectMap.Modes);
        DmaDevice.Free(ref memory);
    }

    private void Dirty(int bits)
    {
        DmaDevice device = _machine.Device(bits);
        Assert.Equal(Error.None, device.TryAllocatePages(100_000, out CpuBuffer<ToDevice> buffer));
        buffer.Bytes.Fill(0xAA);
        buffer.Free();
    }
}
