using System;
using Sluice.Console;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Bench;

/// <summary>
/// Measurements in ticks of the time stamp counter for each operation; under QEMU's <c>-icount shift=0</c> a tick is an instruction.
/// Each figure goes to the results channel as <c>BENCH sluice NAME VALUE</c> and to the console.
/// </summary>
internal static unsafe class Measurements
{
    /// <summary>Runs what fits a pattern and returns how many did.</summary>
    public static int RunAll(ReadOnlySpan<byte> glob)
    {
        Run run = new(glob);
        Each(ref run);
        return run.Count;
    }

    /// <summary>One line a group; the order is the order of the run.</summary>
    private static void Each(ref Run run)
    {
        BootCost.Measure(ref run);
        EmptyLoop.Measure(ref run);
        PageAllocatorBench.Measure(ref run);
        DmaBench.Measure(ref run);
        NetworkBench.Measure(ref run);
        NetBench.Measure(ref run);
        FireWireBench.Measure(ref run);
        FireWireServeBench.Measure(ref run);
        FireWireDiskBench.Measure(ref run);
        Ip1394Bench.Measure(ref run);
        FireWireIsoBench.Measure(ref run);
        CoreLibraryCosts.Measure(ref run);
        InterruptCosts.Measure(ref run);
    }
}

/// <summary>The measurements while they run: chooses, measures and prints.</summary>
internal unsafe ref struct Run(ReadOnlySpan<byte> glob)
{
    private readonly ReadOnlySpan<byte> _glob = glob;

    /// <summary>Figures so far.</summary>
    public int Count { get; private set; }

    /// <summary>Whether a measurement is wanted.</summary>
    public readonly bool Wants(scoped ReadOnlySpan<byte> name) => Glob.Matches(_glob, name);

    /// <summary>
    /// Measures an operation that <paramref name="body"/> does as often as it is told. It runs once before, to warm up; interrupts
    /// are off while it is timed.
    /// </summary>
    public void Measure(scoped ReadOnlySpan<byte> name, int rounds, delegate*<int, void> body)
    {
        if (!Wants(name))
            return;
        body(rounds < 16 ? rounds : 16);
        bool interrupts = Cpu.DisableInterrupts();
        ulong start = Cpu.Timestamp();
        body(rounds);
        ulong ticks = Cpu.Timestamp() - start;
        Cpu.RestoreInterrupts(interrupts);
        Report(name, ticks, rounds);
    }

    /// <summary>Prints a figure that was measured elsewhere: ticks for so many operations.</summary>
    public void Report(scoped ReadOnlySpan<byte> name, ulong ticks, int rounds)
    {
        Count++;
        ulong count = (ulong)rounds, hundredths = (ticks % count * 100 + count / 2) / count, whole = ticks / count;
        if (hundredths == 100)
        {
            whole++;
            hundredths = 0;
        }
        Results.WriteLine($"BENCH sluice {name} {whole}.{hundredths:d2}");
        Terminal.WriteLine($"  {name,-40} \e[1m{whole,9}.{hundredths:d2}\e[0m  ticks");
    }
}

/// <summary>What the measuring itself costs, a turn.</summary>
internal static unsafe class EmptyLoop
{
    private static int _turns;

    public static void Measure(ref Run run) => run.Measure("empty-loop"u8, 10_000, &Turns);

    private static void Turns(int rounds)
    {
        for (int i = 0; i < rounds; i++)
            System.Threading.Volatile.Write(ref _turns, i);
    }
}

/// <summary>What starting the kernel costs: from its entry to where the shell's first prompt would be.</summary>
internal static class BootCost
{
    private static ulong _ticks;

    /// <summary>The kernel has started. Once.</summary>
    public static void Note() => _ticks = Cpu.Timestamp() - Clock.Start;

    public static void Measure(ref Run run)
    {
        if (run.Wants("boot-to-prompt"u8))
            run.Report("boot-to-prompt"u8, _ticks, 1);
    }
}
