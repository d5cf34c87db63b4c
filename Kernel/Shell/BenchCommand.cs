using System;
using Sluice.Bench;
using Sluice.Console;

namespace Sluice.Shell;

/// <summary>Runs measurements.</summary>
internal static class BenchCommand
{
    public static bool Run(CommandWords words)
    {
        bool understood = words.TryOnlyPattern(out ReadOnlySpan<byte> glob);
        if (understood)
            RunAll(glob);
        return understood;
    }

    /// <summary>Measures what fits; false if nothing did.</summary>
    public static bool RunAll(ReadOnlySpan<byte> glob)
    {
        int count = Measurements.RunAll(glob);
        if (count == 0)
            Terminal.WriteLine($"no measurement fits {glob}");
        return count > 0;
    }
}
