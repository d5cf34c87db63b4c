using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Bench;

/// <summary>
/// The dearest of 100,000 operations, with 256 buffers alive that come and go in random order: what an average hides. The time stamps'
/// own cost is taken off.
/// </summary>
internal static unsafe class DmaTail
{
    private const int Operations = 100_000, Alive = 256;

    private static CpuBuffer<ToDevice>[]? _buffers;
    private static PageRun[]? _runs;

    public static void Measure(ref Run run, DmaDevice direct, DmaDevice bounced)
    {
        if (run.Wants("dma-map-unmap-1500-to-device-worst"u8))
            Mappings(ref run, "dma-map-unmap-1500-to-device-worst"u8, direct);
        if (run.Wants("dma-map-unmap-1500-to-device-bounced-worst"u8))
            Mappings(ref run, "dma-map-unmap-1500-to-device-bounced-worst"u8, bounced);
        if (run.Wants("dma-alloc-free-pages-4096-worst"u8))
            Allocations(ref run, "dma-alloc-free-pages-4096-worst"u8, direct);
    }

    private static void Mappings(ref Run run, System.ReadOnlySpan<byte> name, DmaDevice device)
    {
        CpuBuffer<ToDevice>[] buffers = _buffers ??= new CpuBuffer<ToDevice>[Alive];
        PageRun[] runs = _runs ??= new PageRun[Alive];
        for (int i = 0; i < Alive; i++)
            Pages.TryTake(0, Zone.Dma32, out runs[i]).Ignore("an empty run is not mapped"u8);
        ulong worst = 0, random = 1, overhead = Overhead();
        bool interrupts = Cpu.DisableInterrupts();
        for (int i = 0; i < Operations; i++)
        {
            int index = Next(ref random);
            if (runs[index].IsEmpty && buffers[index].IsEmpty)
                continue;
            ulong start = Cpu.Timestamp();
            if (!buffers[index].IsEmpty)
            {
                DeviceBuffer<ToDevice> given = buffers[index].GiveToDevice();
                buffers[index] = given.TakeBack();
                runs[index] = buffers[index].Unmap();
            }
            device.TryMap(ref runs[index], 1500, out buffers[index]).Ignore("then there is less to measure"u8);
            worst = System.Math.Max(worst, Cpu.Timestamp() - start - overhead);
        }
        Cpu.RestoreInterrupts(interrupts);
        for (int i = 0; i < Alive; i++)
        {
            if (!buffers[i].IsEmpty)
                runs[i] = buffers[i].Unmap();
            if (!runs[i].IsEmpty)
                Pages.Give(ref runs[i]);
        }
        run.Report(name, worst, 1);
    }

    private static void Allocations(ref Run run, System.ReadOnlySpan<byte> name, DmaDevice device)
    {
        CpuBuffer<ToDevice>[] buffers = _buffers ??= new CpuBuffer<ToDevice>[Alive];
        ulong worst = 0, random = 1, overhead = Overhead();
        bool interrupts = Cpu.DisableInterrupts();
        for (int i = 0; i < Operations; i++)
        {
            int index = Next(ref random);
            ulong start = Cpu.Timestamp();
            if (!buffers[index].IsEmpty)
                buffers[index].Free();
            device.TryAllocatePages(4096, out buffers[index]).Ignore("then there is less to measure"u8);
            worst = System.Math.Max(worst, Cpu.Timestamp() - start - overhead);
        }
        Cpu.RestoreInterrupts(interrupts);
        for (int i = 0; i < Alive; i++)
        {
            if (!buffers[i].IsEmpty)
                buffers[i].Free();
        }
        run.Report(name, worst, 1);
    }

    private static ulong Overhead()
    {
        ulong start = Cpu.Timestamp();
        return Cpu.Timestamp() - start;
    }

    // An index of 256, by a linear congruence.
    private static int Next(ref ulong random)
    {
        random = random * 6364136223846793005 + 1442695040888963407;
        return (int)(random >> 56);
    }
}
