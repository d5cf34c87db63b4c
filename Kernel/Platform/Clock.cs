namespace Sluice.Platform;

/// <summary>Time since the kernel's entry, from the time stamp counter.</summary>
public static class Clock
{
    private static ulong _start;

    // Microseconds = ticks * _scale / 2^32. Until calibration a tick counts as a nanosecond.
    private static ulong _scale = (1UL << 32) / 1000;

    /// <summary>Ticks of the time stamp counter in a second; 0 until calibrated.</summary>
    public static ulong TicksPerSecond { get; private set; }

    /// <summary>Microseconds since entry. Any context.</summary>
    public static ulong Microseconds => ToMicroseconds(Cpu.Timestamp() - _start);

    /// <summary>Time stamp at the kernel's entry.</summary>
    public static ulong Start => _start;

    /// <summary>Called once, first thing.</summary>
    public static void SetStart(ulong timestamp) => _start = timestamp;

    /// <summary>Called once, when the rate is known.</summary>
    public static void SetRate(ulong ticksPerSecond)
    {
        TicksPerSecond = ticksPerSecond;
        _scale = (1_000_000UL << 32) / ticksPerSecond;
    }

    /// <summary>Ticks to microseconds; does not overflow for centuries.</summary>
    public static ulong ToMicroseconds(ulong ticks) => (ticks >> 32) * _scale + ((ticks & 0xFFFF_FFFF) * _scale >> 32);

    /// <summary>Microseconds to ticks.</summary>
    public static ulong ToTicks(ulong microseconds) => microseconds * (TicksPerSecond / 1_000_000);

    /// <summary>Waits busily; for devices that demand a pause.</summary>
    public static void Delay(ulong microseconds)
    {
        Deadline end = Deadline.In(microseconds);
        while (!end.Passed)
            Cpu.Pause();
    }
}

/// <summary>A point in time that bounds a wait.</summary>
public readonly struct Deadline
{
    private readonly ulong _microseconds;

    private Deadline(ulong microseconds) => _microseconds = microseconds;

    /// <summary>That many microseconds from now.</summary>
    public static Deadline In(ulong microseconds) => new(Clock.Microseconds + microseconds);

    /// <summary>Whether it is over.</summary>
    public bool Passed => Clock.Microseconds >= _microseconds;
}
