using Sluice.Console;
using Sluice.Platform;

namespace Sluice.Shell;

/// <summary>The CPU and the time.</summary>
internal static class CpuCommand
{
    public static bool Run(CommandWords words)
    {
        if (words.TryNext(out _))
            return false;
        ulong up = Clock.Microseconds;
        Terminal.WriteLine($"  up       {up / 3_600_000_000}:{up / 60_000_000 % 60:d2}:{up / 1_000_000 % 60:d2}.{up % 1_000_000:d6}");
        if (Clock.TicksPerSecond == 0)
            Terminal.WriteLine($"  clock    not calibrated; counted as 1 GHz");
        else
            Terminal.WriteLine($"  clock    {Clock.TicksPerSecond / 1_000_000}.{Clock.TicksPerSecond / 1000 % 1000:d3} MHz");
        return true;
    }
}
