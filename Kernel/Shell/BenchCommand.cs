using System;
using Sluice.Bench;
using Sluice.Console;

namespace Sluice.Shell;

/// <summary>Runs measurements.</summary>
internal static class BenchCommand
{
    public static bool Run(CommandWords words)
    {
        ReadOnlySpan<byte> glob = words.TryNext(out ReadOnlySpan<byte> word) ? word : "*"u8;
        if (words.TryNext(out _))
            return false;
        RunAll(glob);
        return true;
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
