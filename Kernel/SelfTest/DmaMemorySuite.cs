using Sluice.Arch;
using Sluice.Boot;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.SelfTest;

/// <summary>Memory for devices as the CPU enforces it: what must not be seen faults, and what is cached is what the tables say.</summary>
internal static unsafe class DmaMemorySuite
{
    private static DmaDevice? _device;

    public static void Register(ref Suite suite)
    {
        suite.Case("hidden pages fault while a device has them"u8, &HiddenPagesFault);
        suite.Case("write-combining memory is that in the direct map, and no more afterwards"u8, &WriteCombining);
        suite.Case("a buffer in pieces is one span, and the page behind it faults"u8, &OneSpan);
    }

    private static DmaDevice Device => _device ??= DmaStart.System.NewDevice("self-test"u8);

    // The checker keeps what was freed for a while, with a pattern in it.
    private static bool IsChecked => DmaStart.System.Checker != null;

    // What a byte of a hidden page is once it was freed: scrubbed, then poisoned if that was asked for at boot.
    private static ulong Freed => Pages.Allocator.Poison ? PageAllocator.PoisonByte : 0u;

    private static void HiddenPagesFault(ref Ktap t)
    {
        ulong tables = VirtualMemory.TablePages;
        if (!t.Check(Device.TryAllocateHidden(3 * 4096, out HiddenPages pages) == Error.None, "three pages"u8))
            return;
        // The device's address is the physical one here.
        // The checker has a guard in the fourth.
        uint hidden = IsChecked ? 3u * 4096 : 4 * 4096;
        ulong first = (ulong)PhysicalMemory.At(new PhysAddr(pages.Address.Value)), end = first + hidden;
        t.Equal(hidden, VirtualMemory.HiddenBytes, "bytes out of the direct map, rounded up to a power of two of pages"u8);
        for (ulong page = first; page < end; page += 4096)
        {
            t.Check(!Probe.TryRead(page) && !Probe.TryRead(page + 4095), "reading faults"u8);
            t.Check(!Probe.TryWrite(page), "writing faults"u8);
        }
        t.Check(Probe.TryRead(first - 1) || Probe.TryRead(end), "a neighbour is still there"u8);
        DmaDevice.Free(ref pages);
        t.Equal(0, VirtualMemory.HiddenBytes, "bytes out of the direct map afterwards"u8);
        for (ulong page = first; page < end; page += 4096)
        {
            t.Check(Probe.TryWrite(page), "it can be written again"u8);
            if (!IsChecked)
                t.Equal(Freed, *(byte*)(page + 8), "what the device left"u8);
        }
        Ktap.Note($"{VirtualMemory.TablePages - tables} tables more to split large pages");
    }

    private static void WriteCombining(ref Ktap t)
    {
        if (!t.Check(Device.TryAllocateCoherent(8192, out Coherent<byte> memory, CacheMode.WriteCombining) == Error.None, "two pages"u8))
            return;
        ulong first = (ulong)PhysicalMemory.At(new PhysAddr(memory.Address.Value));
        t.Check(IsCached(first, CacheMode.WriteCombining) && IsCached(first + 8191, CacheMode.WriteCombining), "write-combining"u8);
        t.Check(IsCached(first + 8192, CacheMode.WriteBack), "the page behind is write-back"u8);
        memory[8191] = 0x5A;
        t.Equal(0x5A, memory[8191], "byte written and read"u8);
        t.Equal(0, memory[0], "byte zeroed before the change"u8);
        t.Check(!Probe.TryExecute(first), "it cannot be executed"u8);
        DmaDevice.Free(ref memory);
        t.Check(IsCached(first, CacheMode.WriteBack) && IsCached(first + 8191, CacheMode.WriteBack), "write-back again"u8);
        if (!IsChecked)
            t.Equal(Freed != 0 ? Freed : 0x5A, *(byte*)(first + 8191), "byte seen through the caches"u8);
    }

    private static void OneSpan(ref Ktap t)
    {
        const uint bytes = 7 * 4096 - 100;
        ulong window = VirtualMemory.WindowBytes;
        if (!t.Check(Device.TryAllocateNoncontiguous(bytes, 16, out CpuNoncontiguous<Both> buffer) == Error.None, "seven pages"u8))
            return;
        ulong span;
        fixed (byte* first = buffer.Bytes)
            span = (ulong)first;
        for (int i = 0; i < (int)bytes; i += 4)
            *(int*)(span + (uint)i) = i;
        t.Check(Probe.TryRead(span + 7 * 4096 - 1) && !Probe.TryRead(span + 7 * 4096), "the page behind faults"u8);
        t.Check(!Probe.TryExecute(span), "it cannot be executed"u8);
        DeviceNoncontiguous<Both> given = buffer.GiveToDevice();
        int at = 0;
        bool same = true;
        foreach (DmaSegment segment in given.Segments)
        {
            byte* piece = PhysicalMemory.At(new PhysAddr(segment.Address.Value));
            for (uint i = 0; i < segment.Length; i += 4, at += 4)
                same &= *(int*)(piece + i) == at;
        }
        t.Equal(bytes, (ulong)at, "bytes in the segments"u8);
        t.Check(same, "the segments are the span"u8);
        Ktap.Note($"{given.Segments.Length} segments");
        buffer = given.TakeBack(0);
        buffer.Free();
        t.Check(!Probe.TryRead(span), "freed, the span faults"u8);
        t.Equal(window, VirtualMemory.WindowBytes, "window bytes afterwards"u8);
    }

    private static bool IsCached(ulong address, CacheMode cache) =>
        VirtualMemory.Table.TryTranslate(address, out Translation page) && page.Cache == cache && page.Writable;
}
