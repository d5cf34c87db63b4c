namespace Sluice.Arch;

/// <summary>The arithmetic of calibration.</summary>
internal static class TimeScale
{
    /// <summary>Ticks in a second, if so many passed while the reference moved on; 0 if the reference stood still.</summary>
    public static ulong Rate(ulong ticks, uint referenceTicks, uint referenceTicksPerSecond)
    {
        if (referenceTicks == 0 || ticks > ulong.MaxValue / referenceTicksPerSecond)
            return 0;
        return ticks * referenceTicksPerSecond / referenceTicks;
    }

    /// <summary>Whether two rates differ by less than 1 %.</summary>
    public static bool Agree(ulong left, ulong right) => (left > right ? left - right : right - left) < right / 100;

    /// <summary>Whether a time stamp counter may run at this rate.</summary>
    public static bool IsPlausible(ulong ticksPerSecond) => ticksPerSecond is > 100_000_000 and < 20_000_000_000;
}
