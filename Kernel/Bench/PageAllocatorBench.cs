using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Bench;

/// <summary>What pages and small objects cost. Names as in tests/Bench/linux-peer, where Linux does the same.</summary>
internal static unsafe class PageAllocatorBench
{
    private const int Rounds = 2_000, InARow = 4096;

    // Giving back what was not there stops the machine, so no check of our own is among what is measured.
    private static System.ReadOnlySpan<byte> Checked => "giving it back checks it"u8;

    public static void Measure(ref Run run)
    {
        run.Measure("page-alloc-free-order-0"u8, Rounds, &Order0);
        run.Measure("page-alloc-free-order-3"u8, Rounds, &Order3);
        run.Measure("page-alloc-free-order-6"u8, Rounds, &Order6);
        run.Measure("page-alloc-free-order-9"u8, Rounds, &Order9);
        if (run.Wants("page-alloc-4096-in-a-row"u8) || run.Wants("page-free-4096-in-a-row"u8))
            MeasureRow(ref run);
        run.Measure("slab-alloc-free-64"u8, Rounds, &Slab64);
        run.Measure("slab-alloc-free-1024"u8, Rounds, &Slab1024);
    }

    private static void Order0(int rounds) => TakeAndGive(0, rounds);

    private static void Order3(int rounds) => TakeAndGive(3, rounds);

    private static void Order6(int rounds) => TakeAndGive(6, rounds);

    private static void Order9(int rounds) => TakeAndGive(9, rounds);

    // In place, as the order is a constant for those who ask.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TakeAndGive(int order, int rounds)
    {
        for (int i = 0; i < rounds; i++)
        {
            Pages.TryTake(order, Zone.Any, out PageRun run).Ignore(Checked);
            Pages.Give(ref run);
        }
    }

    // From free lists that are as they come: what this CPU keeps at hand goes back first.
    private static void MeasureRow(ref Run run)
    {
        if (!Pages.TryTake(3, Zone.Any, out PageRun table))
            return;
        var held = (PageRun*)table.Address;
        Pages.Allocator.Drain();
        bool interrupts = Cpu.DisableInterrupts();
        int taken = 0;
        ulong start = Cpu.Timestamp();
        for (int i = 0; i < InARow; i++)
        {
            if (Pages.TryTake(0, Zone.Any, out held[i]))
                taken++;
        }
        ulong taking = Cpu.Timestamp() - start;
        start = Cpu.Timestamp();
        for (int i = 0; i < taken; i++)
            Pages.Give(ref held[i]);
        ulong giving = Cpu.Timestamp() - start;
        Cpu.RestoreInterrupts(interrupts);
        Pages.Give(ref table);
        if (taken != InARow)
        {
            Log.Warn($"bench: only {taken} of {InARow} pages were to be had");
            return;
        }
        if (run.Wants("page-alloc-4096-in-a-row"u8))
            run.Report("page-alloc-4096-in-a-row"u8, taking, InARow);
        if (run.Wants("page-free-4096-in-a-row"u8))
            run.Report("page-free-4096-in-a-row"u8, giving, InARow);
    }

    private static void Slab64(int rounds)
    {
        for (int i = 0; i < rounds; i++)
        {
            Slab.TryTake(64, out SlabBlock block).Ignore(Checked);
            Slab.Give(ref block);
        }
    }

    private static void Slab1024(int rounds)
    {
        for (int i = 0; i < rounds; i++)
        {
            Slab.TryTake(1024, out SlabBlock block).Ignore(Checked);
            Slab.Give(ref block);
        }
    }
}
