using System;
using System.Runtime.CompilerServices;
using Sluice.Bench;
using Sluice.Boot;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.SelfTest;

/// <summary>
/// DMA on this machine's memory: without a device, where the CPU plays one by the device's addresses, and with QEMU's edu. Leaves all
/// memory as it was, but for what the layer keeps at hand.
/// </summary>
internal static unsafe partial class DmaSuite
{
    // The pool grows by no less, so a smaller limit (boot argument dma=pool:64K) leaves it empty.
    private const ulong SmallestPool = 128 << 10;
    private const uint Page = (uint)PhysAddr.PageSize;

    // Objects are never given back.
    private static DmaDevice? _plain, _bounced;
    private static DmaPool<DmaBench.Block64>? _pool;       // as measured: one instance of the code

    public static void Register(ref Suite suite)
    {
        suite.Case("masks of 24 to 64 bits, and no others"u8, &Masks);
        suite.Case("memory for a device is within reach, zero, and goes back"u8, &Allocations);
        suite.Case("blocks of a pool are apart and zero"u8, &Blocks);
        suite.Case("a bounced device sees what it was given, and no more"u8, &BounceOut);
        suite.Case("what a bounced device wrote arrives, and no more"u8, &BounceIn);
        suite.Case("a full pool is an error, and only while it is full"u8, &Full);
        RegisterEdu(ref suite);
    }

    private static DmaSystem Dma => DmaStart.System;

    private static DmaDevice Plain => _plain ??= Dma.NewDevice("self-test"u8);

    private static DmaDevice Bounced => _bounced ??= Dma.NewDevice("self-test"u8, forceBounce: true);

    private static bool HasPool(ref Ktap t)
    {
        if (Dma.BounceLimit < SmallestPool)
            t.Skip("the pool is kept empty"u8);
        return Dma.BounceLimit >= SmallestPool;
    }

    private static void Masks(ref Ktap t)
    {
        t.Check(Plain.TrySetMasks(23, 32) == Error.NotSupported && Plain.TrySetMasks(32, 65) == Error.NotSupported, "refused"u8);
        for (int bits = 24; bits <= 64; bits++)
        {
            t.Check(Plain.TrySetMasks(bits, bits) == Error.None, "accepted"u8);
            t.Equal(ulong.MaxValue >> (64 - bits), Plain.StreamingMask, "mask"u8);
            t.Check(Plain.MayBounce == (Plain.RequiredMask > Plain.StreamingMask), "less than the required mask means bouncing"u8);
        }
    }

    private static void Allocations(ref Ktap t)
    {
        DmaDevice device = Plain;
        ReadOnlySpan<byte> widths = [24, 28, 32, 64];
        foreach (byte bits in widths)
        {
            t.Check(device.TrySetMasks(bits, bits) == Error.None, "the mask is possible"u8);
            ulong used = 0;
            // Dirty memory in the second round, and caches and tables that are there already.
            for (int round = 0; round < 2; round++)
            {
                ulong before = UsedPages();
                if (t.Check(device.TryAllocateCoherent(2500, out Coherent<ushort> coherent) == Error.None, "coherent memory"u8))
                {
                    CheckMemory(ref t, device, coherent.Address, 5000);
                    DmaDevice.Free(ref coherent);
                }
                if (t.Check(device.TryAllocatePages(3 * Page, out CpuBuffer<Both> pages) == Error.None, "pages"u8))
                    CheckBuffer(ref t, device, ref pages);
                if (t.Check(device.TryAllocateNoncoherent(100, out CpuBuffer<Both> small) == Error.None, "a small buffer"u8))
                    CheckBuffer(ref t, device, ref small);
                used = UsedPages() - before;
            }
            t.Equal(0, used, "pages more in use"u8);
        }
        t.Equal(0, device.LiveDirect, "live mappings"u8);
    }

    // All zero in the CPU's eyes and below the mask in the device's; then dirty, and free.
    private static void CheckBuffer(ref Ktap t, DmaDevice device, ref CpuBuffer<Both> buffer)
    {
        DeviceBuffer<Both> given = buffer.GiveToDevice();
        CheckMemory(ref t, device, given.Address, given.Length);
        CpuBuffer<Both> back = given.TakeBack(given.Length);
        back.Free();
    }

    private static void CheckMemory(ref Ktap t, DmaDevice device, DmaAddr address, uint bytes)
    {
        t.Check(address.Value + bytes - 1 <= device.CoherentMask, "below the mask"u8);
        t.Check((address.Value & (CacheLines.Bytes - 1)) == 0, "lines of its own"u8);
        Span<byte> memory = SeenBy(address, bytes);
        t.Check(AllAre(memory, 0), "zero"u8);
        memory.Fill(0xA5);
    }

    private static void Blocks(ref Ktap t)
    {
        DmaPool<DmaBench.Block64> pool = _pool ??= new DmaPool<DmaBench.Block64>(Plain);
        if (!t.Check(pool.TryTake(out PoolBlock<DmaBench.Block64> first) == Error.None, "a block"u8))
            return;
        if (t.Check(pool.TryTake(out PoolBlock<DmaBench.Block64> second) == Error.None, "another"u8))
        {
            t.Check(Math.Max(first.Address.Value, second.Address.Value) - Math.Min(first.Address.Value, second.Address.Value) >= CacheLines.Bytes, "apart"u8);
            t.Check(first.Value[7] == 0 && second.Value[7] == 0, "zero"u8);
            second.Value[7] = ulong.MaxValue;
            t.Equal(ulong.MaxValue, *(ulong*)PhysicalMemory.At(new PhysAddr(second.Address.Value + 56)), "what the device sees"u8);
            pool.Give(ref second);
        }
        pool.Give(ref first);
        t.Equal(0, pool.Used, "blocks in use"u8);
    }

    private static void BounceOut(ref Ktap t)
    {
        if (!HasPool(ref t) || !t.Check(TryMapPage(Bounced, Zone.Any, out PhysAddr where, out CpuBuffer<ToDevice> buffer) == Error.None, "a page and slots"u8))
            return;
        Fill(buffer.Bytes, 1);
        DeviceBuffer<ToDevice> given = buffer.GiveToDevice(60);
        DmaAddr slot = given.Address;
        t.Check(slot.Value != where.Value, "elsewhere"u8);
        t.Check(Holds(SeenBy(slot, 60), 1), "what it was given"u8);
        t.Check(AllAre(SeenBy(slot, Page).Slice(60), 0), "nothing behind it"u8);
        buffer = given.TakeBack();
        buffer.Free();
        t.Check(AllAre(SeenBy(slot, Page), 0), "the slots are zero afterwards"u8);
    }

    private static void BounceIn(ref Ktap t)
    {
        if (!HasPool(ref t) || !t.Check(TryMapPage(Bounced, Zone.Any, out PhysAddr where, out CpuBuffer<FromDevice> buffer) == Error.None, "a page and slots"u8))
            return;
        var memory = new Span<byte>(PhysicalMemory.At(where), (int)Page);
        memory.Fill(0x55);
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        DmaAddr slot = given.Address;
        // The checker has a pattern there, to see what the device writes.
        t.Check(Dma.Checker != null || AllAre(SeenBy(slot, Page), 0), "nothing goes in"u8);
        Fill(SeenBy(slot, Page), 2);
        buffer = given.TakeBack(100);
        t.Check(buffer.Bytes.Length == 100 && Holds(buffer.Bytes, 2), "what it wrote"u8);
        t.Check(AllAre(memory.Slice(100), 0x55), "the rest is as it was"u8);
        buffer.Free();
        t.Check(AllAre(SeenBy(slot, Page), 0), "the slots are zero afterwards"u8);
    }

    // A page of its own, mapped; on an error nothing is taken.
    [MethodImpl(MethodImplOptions.NoInlining)]   // most of what it calls is made for speed, and large in place
    private static Error TryMapPage<TDirection>(DmaDevice device, Zone zone, out PhysAddr where, out CpuBuffer<TDirection> buffer)
        where TDirection : struct, IDirection
    {
        buffer = default;
        where = default;
        if (!Pages.TryTake(0, zone, out PageRun run))
            return Error.TooLarge;
        where = run.Start;
        Error error = device.TryMap(ref run, Page, out buffer);
        if (error != Error.None)
            Pages.Give(ref run);
        return error;
    }

    private static void Full(ref Ktap t)
    {
        if (!HasPool(ref t) || !t.Check(Bounced.TrySetMasks(32, 32) == Error.None, "a pool"u8))
            return;
        if (!t.Check(Pages.TryTake(4, Zone.Any, out PageRun handles), "memory for handles"u8))
            return;
        var held = (CpuBuffer<ToDevice>*)handles.Address;
        int most = (int)handles.Bytes / sizeof(CpuBuffer<ToDevice>), count = 0;
        ulong limit = Dma.BounceLimit, failed = Bounced.Statistics.BounceFull;
        Dma.BounceLimit = Dma.BounceReport.Bytes;
        Error error = Error.None;
        while (count < most && error == Error.None)
        {
            error = TryHold(ref held[count]);
            count += error == Error.None ? 1 : 0;
        }
        t.Check(error == Error.NoResources, "it is full"u8);
        t.Equal(failed + 1, Bounced.Statistics.BounceFull, "refusals counted"u8);
        if (t.Check(count != 0, "some fit"u8))
        {
            held[count - 1].Free();
            t.Check(TryHold(ref held[count - 1]) == Error.None, "one free, one fits"u8);
        }
        while (count != 0)
            held[--count].Free();
        Dma.BounceLimit = limit;
        Pages.Give(ref handles);
    }

    private static Error TryHold(ref CpuBuffer<ToDevice> place)
    {
        Error error = TryMapPage(Bounced, Zone.Any, out _, out CpuBuffer<ToDevice> buffer);
        if (error == Error.None)
            place = Own.Move(ref buffer);
        return error;
    }

    private static ulong UsedPages()
    {
        Dma.Checker?.Drain();
        ulong used = 0;
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
            used += Pages.Allocator.Report(zone).Used;
        return used;
    }

    // What a device that reads or writes there would reach.
    private static Span<byte> SeenBy(DmaAddr address, uint bytes) => new(PhysicalMemory.At(new PhysAddr(address.Value)), (int)bytes);

    private static bool AllAre(ReadOnlySpan<byte> memory, byte value)
    {
        foreach (byte found in memory)
        {
            if (found != value)
                return false;
        }
        return true;
    }

    private static void Fill(Span<byte> bytes, uint seed)
    {
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = Next(ref seed);
    }

    private static bool Holds(ReadOnlySpan<byte> bytes, uint seed)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] != Next(ref seed))
                return false;
        }
        return true;
    }

    private static byte Next(ref uint seed) => (byte)((seed = seed * 1664525 + 1013904223) >> 24);
}
