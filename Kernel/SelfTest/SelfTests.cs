using System;
using Sluice.Console;

namespace Sluice.SelfTest;

/// <summary>What a run of self-tests came to.</summary>
internal struct TestTotals
{
    public int Passed, Failed, Skipped;
}

/// <summary>All suites, and the run over them.</summary>
internal static unsafe class SelfTests
{
    /// <summary>One line a suite; the order is the order of the run.</summary>
    private static void Each(ref Run run)
    {
        run.Suite("text"u8, &TextSuite.Register);
        run.Suite("paging"u8, &PagingSuite.Register);
        run.Suite("core library"u8, &CoreLibrarySuite.Register);
        run.Suite("page allocator"u8, &PageAllocatorSuite.Register);
        run.Suite("dma memory"u8, &DmaMemorySuite.Register);
        run.Suite("interrupts"u8, &InterruptSuite.Register);
        run.Suite("timers"u8, &TimerSuite.Register);
        run.Suite("acpi"u8, &AcpiSuite.Register);
        run.Suite("pci"u8, &PciSuite.Register);
        run.Suite("dma"u8, &DmaSuite.Register);
        run.Suite("e1000e"u8, &E1000eSuite.Register);
        run.Suite("i8255x"u8, &I8255xSuite.Register);
        run.Suite("network cards"u8, &CardPairSuite.Register);
        run.Suite("firewire"u8, &FireWireSuite.Register);
        run.Suite("dma checker"u8, &DmaCheckerSuite.Register);
    }

    /// <summary>Runs what fits <paramref name="glob"/> (a suite's name, or suite/case); results go to the results channel as KTAP.</summary>
    public static TestTotals RunAll(ReadOnlySpan<byte> glob)
    {
        FailedCases.Clear();
        Run run = new(glob);
        Each(ref run);
        Results.WriteLine($"KTAP version 1");
        Results.WriteLine($"1..{run.Suites}");
        run.Start();
        Each(ref run);
        return run.Totals;
    }

    private ref struct Run(ReadOnlySpan<byte> glob)
    {
        private readonly ReadOnlySpan<byte> _glob = glob;
        private bool _running;
        private int _number;

        public TestTotals Totals;

        public int Suites { get; private set; }

        public void Start() => _running = true;

        public void Suite(ReadOnlySpan<byte> name, delegate*<ref Suite, void> register)
        {
            Suite suite = new(name, _glob);
            register(ref suite);
            if (suite.Count == 0)
                return;
            if (!_running)
            {
                Suites++;
                return;
            }
            Results.WriteLine($"  KTAP version 1");
            Results.WriteLine($"  # Subtest: {name}");
            Results.WriteLine($"  1..{suite.Count}");
            suite.Start();
            register(ref suite);
            Totals.Passed += suite.Passed;
            Totals.Failed += suite.Failed;
            Totals.Skipped += suite.Skipped;
            Results.WriteLine($"{(suite.Failed == 0 ? "ok"u8 : "not ok"u8)} {++_number} {name}");
            Log.Info($"test {name,-18} {suite.Passed} passed, {suite.Failed} failed, {suite.Skipped} skipped");
        }
    }
}
