using System;
using System.Collections.Concurrent;
using System.Linq;
using System.Threading;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Mm;

/// <summary>Several CPUs, each a thread: runs are taken on one and given back on another.</summary>
public sealed unsafe class PageConcurrencyTests
{
    private const int Cpus = 4, Rounds = 20_000;

    [Fact]
    public void Runs_that_travel_between_cpus_are_never_two_peoples()
    {
        using var machine = new Machine(MachineMaps.Pc(6 * Machine.GiB));
        for (int cpu = 1; cpu < Cpus; cpu++)
            Assert.True(machine.Pages.TryAddCpu(cpu));
        ulong before = Used(machine);

        var travelling = new ConcurrentQueue<(PageRun Run, ulong Stamp)>();
        Exception? failure = null;
        Thread[] threads = [.. Enumerable.Range(0, Cpus).Select(cpu => new Thread(() =>
        {
            Cpu.Id = cpu;
            machine.Memory.Use();
            try
            {
                Work(machine.Pages, travelling, new Random(cpu));
            }
            catch (Exception e)
            {
                failure = e;
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Assert.Null(failure);

        while (travelling.TryDequeue(out (PageRun Run, ulong Stamp) item))
            machine.Pages.Give(ref item.Run);
        for (int cpu = 0; cpu < Cpus; cpu++)
        {
            Cpu.Id = cpu;
            machine.Pages.Drain();
        }
        Cpu.Id = 0;
        Assert.Equal(before, Used(machine));
        Assert.Equal(0u, machine.Pages.Report(Zone.Normal).Cached + machine.Pages.Report(Zone.Dma32).Cached);
        new PageModel(machine).AssertMerged();
    }

    [Fact]
    public void A_cpu_that_was_added_has_lists_of_its_own()
    {
        using var machine = new Machine(MachineMaps.Pc(512 * Machine.MiB));
        PageRun first = machine.Take(0);
        Assert.True(machine.Pages.TryAddCpu(7));
        Assert.Throws<BugException>(() => machine.Pages.TryAddCpu(7));
        Assert.Throws<BugException>(() => machine.Pages.TryAddCpu(Cpu.MaxCount));
        machine.Pages.Drain();
        Cpu.Id = 7;
        try
        {
            PageRun second = machine.Take(0);
            machine.Pages.Give(ref first);
            machine.Pages.Give(ref second);
            Assert.InRange(machine.Pages.Report(Zone.Dma32).Cached, 2u, 128u);
            machine.Pages.Drain();
            Assert.Equal(0u, machine.Pages.Report(Zone.Dma32).Cached);
        }
        finally
        {
            Cpu.Id = 0;
        }
    }

    private static void Work(PageAllocator pages, ConcurrentQueue<(PageRun Run, ulong Stamp)> travelling, Random random)
    {
        for (int i = 0; i < Rounds; i++)
        {
            if (random.Next(2) == 0 && travelling.Count < 2000)
            {
                int order = random.Next(8) == 0 ? random.Next(10) : random.Next(3);
                if (!pages.TryTake(order, (Zone)random.Next(1, 3), OwnerTag.None, out PageRun run))
                    continue;
                var stamp = (ulong)random.NextInt64();
                *(ulong*)run.Address = stamp;
                *(ulong*)(run.Address + run.Bytes - 8) = ~stamp;
                travelling.Enqueue((run, stamp));
            }
            else if (travelling.TryDequeue(out (PageRun Run, ulong Stamp) item))
            {
                if (*(ulong*)item.Run.Address != item.Stamp || *(ulong*)(item.Run.Address + item.Run.Bytes - 8) != ~item.Stamp)
                    throw new InvalidOperationException($"the run at {item.Run.Start.Value:x} was somebody else's, too");
                pages.Give(ref item.Run);
            }
        }
    }

    private static ulong Used(Machine machine) =>
        Enumerable.Range(0, 3).Aggregate(0ul, (sum, zone) => sum + machine.Pages.Report((Zone)zone).Used);
}
