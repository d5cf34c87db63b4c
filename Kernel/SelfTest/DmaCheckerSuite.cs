using System;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.SelfTest;

/// <summary>The DMA checker on this machine's memory, with a device that the cases play; hosted tests commit every crime there is.</summary>
[OwnershipInternals("crimes")]
internal static unsafe class DmaCheckerSuite
{
    // Objects are never given back.
    private static DmaSystem? _system;
    private static DmaDevice? _device, _bounced;

    public static void Register(ref Suite suite)
    {
        suite.Case("CPU and device have bytes of their own between hand-overs"u8, &Apart);
        suite.Case("a write of the CPU to what the device has is found"u8, &CpuWrites);
        suite.Case("a device's writes beside, before and after its turn are found"u8, &DeviceWrites);
        suite.Case("bytes that a device did not write are found"u8, &NotWritten);
        suite.Case("free memory that is sent is found"u8, &Uninitialised);
        suite.Case("what is not released is told with its owner"u8, &Leaks);
        suite.Case("coherent memory and pools are guarded"u8, &SharedMemory);
        suite.Case("devices work at the top of what their mask reaches"u8, &Top);
        suite.Case("all memory comes back"u8, &Returned);
        suite.Case("nothing that ran on this machine is reported"u8, &Clean);
    }

    private static DmaChecker Start()
    {
        _system ??= new DmaSystem(Pages.Allocator, Slab.Heap, new PhysAddr(PhysicalMemory.DirectMapBytes - 1), check: true);
        if (_device == null)
        {
            _device = _system.NewDevice("checker test"u8);
            _device.Attach("self-test"u8);
            _bounced = _system.NewDevice("checker test, bounced"u8, forceBounce: true);
        }
        return _system.Checker!;
    }

    private static Span<byte> Reach(DmaAddr address, int offset, int bytes) => new(PhysicalMemory.At(new PhysAddr(address.Value + (ulong)offset)), bytes);

    // One more report, of that class.
    private static void Found(ref Ktap t, ulong before, DmaFault fault)
    {
        DmaChecker checker = Start();
        t.Equal(before + 1, checker.Reports, "reports"u8);
        bool any = checker.TryGet(before + 1, out DmaFault found, out _);
        t.Check(any && found == fault, fault.Text);
    }

    private static bool TryMap<TDirection>(ref Ktap t, DmaDevice device, uint bytes, out CpuBuffer<TDirection> buffer) where TDirection : struct, IDirection
    {
        buffer = default;
        if (!t.Check(Pages.TryTake(0, Zone.Dma32, out PageRun run), "a page is free"u8))
            return false;
        run.Memory.Fill(0x11);
        return t.Check(device.TryMap(ref run, bytes, out buffer) == Error.None, "it is mapped"u8);
    }

    private static void Apart(ref Ktap t)
    {
        ulong before = Start().Reports;
        for (int i = 0; i < 2; i++)
        {
            if (!TryMap(ref t, i == 0 ? _device! : _bounced!, 1500, out CpuBuffer<Both> buffer))
                return;
            Span<byte> cpu = buffer.Bytes;
            DeviceBuffer<Both> given = buffer.GiveToDevice();
            t.Check(cpu[0] == 0xDA && cpu[1499] == 0xDA, "the CPU reads a pattern"u8);
            Span<byte> device = Reach(given.Address, 0, 1500);
            t.Check(device[0] == 0x11 && device[1499] == 0x11, "the device reads the bytes"u8);
            device.Slice(0, 100).Fill(0x22);
            buffer = given.TakeBack(100);
            t.Check(cpu[99] == 0x22 && cpu[100] == 0x11, "both writes are seen"u8);
            buffer.Free();
        }
        t.Equal(before, Start().Reports, "reports"u8);
    }

    private static void CpuWrites(ref Ktap t)
    {
        ulong before = Start().Reports;
        if (!TryMap(ref t, _device!, 1500, out CpuBuffer<ToDevice> buffer))
            return;
        Span<byte> cpu = buffer.Bytes;
        DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
        cpu[700] = 1;
        buffer = given.TakeBack();
        Found(ref t, before, DmaFault.CpuWrite);
        buffer.Free();
    }

    private static void DeviceWrites(ref Ktap t)
    {
        DmaChecker checker = Start();
        for (int i = 0; i < 2; i++)
        {
            ulong before = checker.Reports;
            if (!TryMap(ref t, i == 0 ? _device! : _bounced!, 1500, out CpuBuffer<FromDevice> buffer))
                return;
            DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
            DmaAddr address = given.Address;
            Reach(address, 0, 1504).Fill(0x33);
            buffer = given.TakeBack(1500);
            Found(ref t, before, DmaFault.DeviceWroteOutside);
            // One byte could happen to be the pattern's.
            Reach(address, 5, 8).Fill(0x44);
            checker.Sweep();
            Found(ref t, before + 1, DmaFault.DeviceWroteEarly);
            buffer.Free();
            Reach(address, 6, 8).Fill(0x44);
            checker.Sweep();
            Found(ref t, before + 2, DmaFault.DeviceWroteLate);
        }
    }

    private static void NotWritten(ref Ktap t)
    {
        ulong before = Start().Reports;
        if (!TryMap(ref t, _device!, 2048, out CpuBuffer<FromDevice> buffer))
            return;
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        Reach(given.Address, 0, 64).Fill(0x55);
        buffer = given.TakeBack(64);
        t.Equal(before, Start().Reports, "reports"u8);
        given = buffer.GiveToDevice();
        Reach(given.Address, 0, 64).Fill(0x55);
        buffer = given.TakeBack(1514);
        Found(ref t, before, DmaFault.NotWritten);
        buffer.Free();
    }

    private static void Uninitialised(ref Ktap t)
    {
        ulong before = Start().Reports;
        if (!TryMap(ref t, _device!, 1500, out CpuBuffer<ToDevice> buffer))
            return;
        buffer.Bytes.Slice(1000).Fill(PageAllocator.PoisonByte);
        DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
        buffer = given.TakeBack();
        Found(ref t, before, DmaFault.Uninitialised);
        buffer.Free();
    }

    private static void Leaks(ref Ktap t)
    {
        DmaChecker checker = Start();
        ulong mark = checker.Mark(), before = checker.Reports;
        if (!TryMap(ref t, _device!, 77, out CpuBuffer<ToDevice> buffer))
            return;
        t.Equal(1, checker.ReportLeaks(mark), "leaks"u8);
        Found(ref t, before, DmaFault.Leak);
        checker.TryGet(before + 1, out _, out ReadOnlySpan<byte> text).Ignore("it was found just now"u8);
        t.Check(text.IndexOf("checker test: self-test: not released; mapped memory to device, 77 bytes at 0x"u8) >= 0, "device, driver and buffer"u8);
        t.Check(text.IndexOf(", by TryMap:"u8) >= 0, "method"u8);
        buffer.Free();
        t.Equal(0, checker.ReportLeaks(mark), "leaks"u8);
    }

    private static void SharedMemory(ref Ktap t)
    {
        ulong before = Start().Reports;
        if (!t.Check(_device!.TryAllocateCoherent(4096, out Coherent<byte> memory) == Error.None, "memory is free"u8))
            return;
        Reach(memory.Address, 0, 4104).Fill(1);
        DmaDevice.Free(ref memory);
        Found(ref t, before, DmaFault.DeviceWroteOutside);
    }

    private static void Top(ref Ktap t)
    {
        Start();
        if (Pages.Allocator.Report(Zone.Dma32).Managed * PhysAddr.PageSize < 0x2000_0000)
        {
            t.Skip("less than 512 MiB"u8);
            return;
        }
        if (!TryMap(ref t, _device!, 2048, out CpuBuffer<FromDevice> buffer))
            return;
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        t.Check(given.Address.Value > 0xFFF_FFFF, "out of reach of 28 bits"u8);
        buffer = given.TakeBack(0);
        buffer.Free();
    }

    private static void Returned(ref Ktap t)
    {
        DmaChecker checker = Start();
        checker.Drain();
        t.Equal(0, checker.Live, "mappings"u8);
        t.Equal(0, checker.Refused, "refused"u8);
        ulong before = Used();
        for (int i = 0; i < 50; i++)
        {
            if (!TryMap(ref t, _device!, 1500, out CpuBuffer<ToDevice> buffer))
                return;
            DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
            buffer = given.TakeBack();
            buffer.Free();
        }
        checker.Drain();
        t.Check(Used() <= before + 8, "pages, but for records"u8);
    }

    // With dma=check, of all suites before this one, and of the drivers.
    private static void Clean(ref Ktap t)
    {
        if (Boot.DmaStart.System.Checker is not { } checker)
        {
            t.Skip("not started with dma=check"u8);
            return;
        }
        checker.Sweep();
        // QEMU's e1000e (11.1) puts a checksum that it inserts into the buffer itself, not only on the wire.
        ulong known = 0;
        for (ulong number = 1; number <= checker.Reports; number++)
        {
            if (checker.TryGet(number, out DmaFault fault, out ReadOnlySpan<byte> text) && fault == DmaFault.DeviceWroteInput && text.IndexOf(" e1000e: "u8) >= 0)
                known++;
        }
        t.Equal(known, checker.Reports, "reports"u8);
        t.Equal(0, checker.Refused, "refused"u8);
    }

    private static ulong Used()
    {
        ulong used = 0;
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
            used += Pages.Allocator.Report(zone).Used;
        return used;
    }
}
