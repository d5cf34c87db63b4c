using System;
using Sluice.SelfTest;

namespace Sluice.Shell;

/// <summary>Runs self-tests.</summary>
internal static class TestCommand
{
    public static bool Run(CommandWords words)
    {
        ReadOnlySpan<byte> glob = words.TryNext(out ReadOnlySpan<byte> word) ? word : "*"u8;
        if (words.TryNext(out _))
            return false;
        RunAll(glob);
        return true;
    }

    /// <summary>Runs what fits and shows the summary; false if something failed or nothing fitted.</summary>
    public static bool RunAll(ReadOnlySpan<byte> glob)
    {
        TestTotals totals = SelfTests.RunAll(glob);
        TestSummary.Show(in totals, glob);
        return totals.Failed == 0 && totals.Passed + totals.Skipped > 0;
    }
}
