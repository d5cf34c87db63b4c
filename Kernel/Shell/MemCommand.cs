using System;
using Sluice.Console;
using Sluice.Mm;
using Sluice.Runtime;

namespace Sluice.Shell;

/// <summary>Memory: physical by zone, order and owner, virtual in figures, or all of it as a picture.</summary>
internal static class MemCommand
{
    public static bool Run(CommandWords words)
    {
        if (!words.TryNext(out ReadOnlySpan<byte> what))
        {
            WriteZones();
            WriteOrders();
            WriteOwners();
            WriteVirtual();
            return true;
        }
        if (words.TryNext(out _))
            return false;
        if (what.SequenceEqual("map"u8))
            MemoryPicture.Draw();
        else if (what.SequenceEqual("slab"u8))
            WriteSlabs();
        else
            return false;
        return true;
    }

    private static void WriteZones()
    {
        Terminal.WriteLine($"  \e[90mzone        size      free    in use  CPU lists     unused   reserve      most  failed\e[0m");
        for (Zone zone = 0; zone <= Zone.Normal; zone++)
        {
            ZoneReport report = Pages.Allocator.Report(zone);
            if (report.Managed == 0)
                continue;
            Terminal.Write($"  \e[1m{NameOf(zone),-6}\e[0m {Size(report.Managed),9} {Size(report.Free),9} {Size(report.Used),9} ");
            Terminal.WriteLine($"{Size(report.Cached),10} {Size(report.Untouched),10} {Size(report.Reserve),9} {Size(report.HighWater),9} {report.Failures,7}");
        }
        Terminal.WriteLine($"  \e[90mCPU lists: free, at hand; unused: free, never handed out; reserve: kept for those who can use\e[0m");
        Terminal.WriteLine($"  \e[90mno other zone; most: in use or at hand at once; failed: requests\e[0m");
    }

    private static void WriteOrders()
    {
        Terminal.Write("\n  \e[90mfree blocks of 2^n pages, n\e[0m"u8);
        for (int order = 0; order <= PageAllocator.MaxOrder; order++)
            Terminal.Write($"\e[90m{order,4}\e[0m");
        Terminal.Write("\n"u8);
        for (Zone zone = 0; zone <= Zone.Normal; zone++)
        {
            ZoneReport report = Pages.Allocator.Report(zone);
            if (report.Managed == 0)
                continue;
            Terminal.Write($"  \e[1m{NameOf(zone),-27}\e[0m");
            for (int order = 0; order <= PageAllocator.MaxOrder; order++)
                Terminal.Write($"{report.Blocks[order],4}");
            Terminal.Write("\n"u8);
        }
    }

    private static void WriteOwners()
    {
        Span<OwnerReport> owners = stackalloc OwnerReport[OwnerTag.MaxCount];
        Pages.Allocator.CountOwners(owners);
        bool any = false;
        for (int id = 0; id < OwnerTag.Count; id++)
        {
            if (owners[id].Runs == 0)
                continue;
            if (!any)
                Terminal.WriteLine($"\n  \e[90mowner                        runs     pages       size\e[0m");
            any = true;
            Terminal.WriteLine($"  {OwnerTag.FromId(id).Name,-24} {owners[id].Runs,8} {owners[id].Pages,9} {Size(owners[id].Pages),10}");
        }
    }

    private static void WriteVirtual() => Terminal.WriteLine(
        $"\n  virtual: {new ByteSize(VirtualMemory.WindowBytes)} of devices mapped, page tables {Size(VirtualMemory.TablePages)}; objects {new ByteSize(ObjectHeap.Used)} in use, {new ByteSize(ObjectHeap.Free)} left");

    private static void WriteSlabs()
    {
        Terminal.WriteLine($"  \e[90m size   in use     room   slabs    pages    taken  failed\e[0m");
        for (int i = 0; i < SlabHeap.ClassCount; i++)
        {
            SlabCache cache = Slab.Heap.Cache(i);
            SlabReport report = cache.Report();
            Terminal.WriteLine($"  \e[1m{cache.Bytes,5}\e[0m {report.Used,8} {report.Capacity,8} {report.Slabs,7} {report.Pages,8} {report.Taken,8} {report.Failures,7}");
        }
    }

    private static ByteSize Size(ulong pages) => new(pages * PhysAddr.PageSize);

    private static ReadOnlySpan<byte> NameOf(Zone zone) => zone switch { Zone.Dma => "Dma"u8, Zone.Dma32 => "Dma32"u8, _ => "Normal"u8 };
}
