using System;
using Sluice.SelfTest;

namespace Sluice.Shell;

/// <summary>Runs self-tests.</summary>
internal static class TestCommand
{
    public static bool Run(CommandWords words)
    {
        bool understood = words.TryOnlyPattern(out ReadOnlySpan<byte> glob);
        if (understood)
            RunAll(glob);
        return understood;
    }

    /// <summary>Runs what fits and shows the summary; false if something failed or nothing fitted.</summary>
    public static bool RunAll(ReadOnlySpan<byte> glob)
    {
        TestTotals totals = SelfTests.RunAll(glob);
        TestSummary.Show(in totals, glob);
        return totals.Failed == 0 && totals.Passed + totals.Skipped > 0;
    }
}
