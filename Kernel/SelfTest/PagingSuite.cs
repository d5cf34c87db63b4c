using System;
using System.Runtime.CompilerServices;
using Sluice.Arch;
using Sluice.Boot;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.SelfTest;

/// <summary>The address space as it is, and as the CPU enforces it.</summary>
internal static unsafe class PagingSuite
{
    private const byte Return = 0xC3;

    public static void Register(ref Suite suite)
    {
        suite.Case("no page is writable and executable"u8, &WriteXorExecute);
        suite.Case("code cannot be written"u8, &CodeIsReadOnly);
        suite.Case("constants cannot be written"u8, &ConstantsAreReadOnly);
        suite.Case("data cannot be executed"u8, &DataIsNotExecutable);
        suite.Case("the direct map cannot be executed"u8, &DirectMapIsNotExecutable);
        suite.Case("guard pages below every stack fault"u8, &Guards);
        suite.Case("the identity mapping is gone"u8, &NoIdentityMapping);
        suite.Case("the direct map holds all RAM and nothing else"u8, &DirectMapIsRam);
        suite.Case("device memory is mapped, seen, and unmapped"u8, &DeviceMapping);
        suite.Case("mappings of nothing and beyond the bus are refused"u8, &RefusedMappings);
        suite.Case("no-execute and write protection are on"u8, &ControlBits);
    }

    private static void WriteXorExecute(ref Ktap t)
    {
        int pages = 0, both = 0, writable = 0;
        for (ulong address = 0; VirtualMemory.Table.TryFindMapped(ref address, out Translation page); address += page.PageBytes)
        {
            pages++;
            writable += page.Writable ? 1 : 0;
            both += page.Writable && page.Executable ? 1 : 0;
            if (address + page.PageBytes < address)
                break;
        }
        Ktap.Note($"{pages} mapped pages, {writable} writable");
        t.Check(pages > 10, "the walk found the kernel"u8);
        t.Equal(0, (ulong)both, "pages with both rights"u8);
    }

    private static void CodeIsReadOnly(ref Ktap t)
    {
        ulong code = ImageLayout.Current->TextStart;
        t.Check(Probe.TryRead(code), "it can be read"u8);
        t.Check(!Probe.TryWrite(code), "writing faults"u8);
        t.Check(!Probe.TryWrite(ImageLayout.Current->TextEnd - 1), "writing its last byte faults"u8);
    }

    private static void ConstantsAreReadOnly(ref Ktap t)
    {
        ulong constants = ImageLayout.Current->RodataStart;
        t.Check(Probe.TryRead(constants), "they can be read"u8);
        t.Check(!Probe.TryWrite(constants), "writing faults"u8);
        t.Check(!Probe.TryExecute(constants), "executing faults"u8);
    }

    private static void DataIsNotExecutable(ref Ktap t)
    {
        byte onStack = Return;
        t.Check(Probe.TryExecute((ulong)(delegate*<void>)&Nothing), "a method can be called through the probe"u8);
        t.Check(!Probe.TryExecute((ulong)&onStack), "the stack faults"u8);
    }

    private static void DirectMapIsNotExecutable(ref Ktap t)
    {
        if (!t.Check(Pages.TryTake(0, Zone.Any, out PageRun run), "a page is free"u8))
            return;
        run.Memory[0] = Return;
        t.Check(Probe.TryWrite((ulong)run.Address), "the page can be written"u8);
        t.Check(!Probe.TryExecute((ulong)run.Address), "executing it faults"u8);
        Pages.Give(ref run);
    }

    private static void Guards(ref Ktap t)
    {
        ImageLayout* layout = ImageLayout.Current;
        ReadOnlySpan<ulong> guards = [layout->BootGuard, layout->FaultGuard, layout->NmiGuard, layout->PanicGuard];
        foreach (ulong guard in guards)
        {
            t.Check(!Probe.TryRead(guard) && !Probe.TryRead(guard + 4095), "reading faults"u8);
            t.Check(!Probe.TryWrite(guard), "writing faults"u8);
            t.Check(Probe.TryWrite(guard + 4096), "the stack above can be written"u8);
        }
    }

    private static void NoIdentityMapping(ref Ktap t)
    {
        t.Check(!Probe.TryRead(0) && !Probe.TryRead(0x1000), "the first pages fault"u8);
        t.Check(!Probe.TryRead(ImageLayout.Current->TextStart - ImageLayout.KernelBase), "the image's physical address faults"u8);
        ulong address = 0;
        VirtualMemory.Table.TryFindMapped(ref address, out _);
        t.Check(address >= PhysicalMemory.DirectMap, "nothing is mapped below the direct map"u8);
    }

    private static void DirectMapIsRam(ref Ktap t)
    {
        ulong frames = 0;
        foreach (FrameRange range in SystemMemory.Map.Ram.Ranges)
        {
            frames += range.Count;
            t.Check(IsMapped(range.First) && IsMapped(range.End - 1), "both ends of RAM"u8);
            t.Check(range.First == 0 || SystemMemory.Map.Ram.Contains(range.First - 1) || !IsMapped(range.First - 1), "nothing before"u8);
            t.Check(!IsMapped(range.End), "nothing behind"u8);
        }
        ulong mapped = 0, address = PhysicalMemory.DirectMap;
        while (VirtualMemory.Table.TryFindMapped(ref address, out Translation page) && address < PhysicalMemory.DirectMap + PhysicalMemory.DirectMapBytes)
        {
            mapped += page.PageBytes;
            address += page.PageBytes;
        }
        // Pages that devices have for themselves are the only RAM that may be missing.
        t.Equal(frames * PhysAddr.PageSize, mapped + VirtualMemory.HiddenBytes, "bytes in the direct map, and those taken out of it"u8);
    }

    private static void DeviceMapping(ref Ktap t)
    {
        if (!t.Check(Pages.TryTake(0, Zone.Any, out PageRun run), "a page is free"u8))
            return;
        run.Memory[100] = 0x5A;
        ulong before = VirtualMemory.WindowBytes;
        if (t.Check(VirtualMemory.TryMapDevice(run.Start + 100, 8, CacheMode.WriteBack, out byte* alias), "mapped"u8))
        {
            t.Equal(0x5A, *alias, "byte through the alias"u8);
            *alias = 0xA5;
            t.Equal(0xA5, run.Memory[100], "byte written through the alias"u8);
            t.Check(!Probe.TryExecute((ulong)alias), "it cannot be executed"u8);
            t.Check(!Probe.TryRead(((ulong)alias & ~0xFFFUL) + 0x1000), "the page behind faults"u8);
            t.Equal(before + 4096, VirtualMemory.WindowBytes, "window bytes"u8);
            VirtualMemory.UnmapDevice(alias, 8);
            t.Check(!Probe.TryRead((ulong)alias), "unmapped, it faults"u8);
        }
        t.Equal(before, VirtualMemory.WindowBytes, "window bytes afterwards"u8);
        Pages.Give(ref run);
    }

    private static void RefusedMappings(ref Ktap t)
    {
        t.Check(!VirtualMemory.TryMapDevice(new PhysAddr(0x1000), 0, CacheMode.Uncached, out _), "no bytes"u8);
        t.Check(!VirtualMemory.TryMapDevice(new PhysAddr(ulong.MaxValue - 4095), 8192, CacheMode.Uncached, out _), "a range that wraps"u8);
        PhysAddr end = new(1UL << CpuFeatures.PhysicalAddressBits);
        t.Check(!VirtualMemory.TryMapDevice(end, 4096, CacheMode.Uncached, out _), "an address that the CPU does not have"u8);
        t.Check(!VirtualMemory.TryMapDevice(end - 4096, 8192, CacheMode.Uncached, out _), "a range that ends at one"u8);
        t.Check(!VirtualMemory.TryMapDevice(new PhysAddr(0), 1UL << 40, CacheMode.Uncached, out _), "more than the window"u8);
    }

    private static void ControlBits(ref Ktap t)
    {
        const ulong writeProtect = 1 << 16, noExecute = 1 << 11;
        t.Check((CpuRegisters.ReadCr0() & writeProtect) != 0, "CR0.WP"u8);
        t.Check((CpuRegisters.ReadMsr(CpuRegisters.Efer) & noExecute) != 0, "EFER.NXE"u8);
    }

    private static bool IsMapped(uint frame) =>
        VirtualMemory.Table.TryTranslate((ulong)PhysicalMemory.At(PhysAddr.FromFrame(frame)), out _);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Nothing()
    {
    }
}
