namespace Sluice.Platform;

/// <summary>Time since the kernel's entry, from the time stamp counter.</summary>
public static class Clock
{
    private static ulong _start;

    // Until calibration a tick counts as a nanosecond, which it is where instructions are counted.
    private static TickScale _scale = TickScale.PerSecond(1_000_000_000);

    /// <summary>Ticks of the time stamp counter in a second; 0 until calibrated.</summary>
    public static ulong TicksPerSecond { get; private set; }

    /// <summary>Microseconds since entry. Never goes back once calibrated. Any context.</summary>
    public static ulong Microseconds => _scale.ToMicroseconds(Cpu.Timestamp() - _start);

    /// <summary>Time stamp at the kernel's entry.</summary>
    public static ulong Start => _start;

    /// <summary>Called once, first thing.</summary>
    public static void SetStart(ulong timestamp) => _start = timestamp;

    /// <summary>Called once, when the rate is known: the count of microseconds jumps, deadlines stay where they are.</summary>
    public static void SetRate(ulong ticksPerSecond)
    {
        TicksPerSecond = ticksPerSecond;
        _scale = TickScale.PerSecond(ticksPerSecond);
    }

    /// <summary>Ticks to microseconds, rounded down.</summary>
    public static ulong ToMicroseconds(ulong ticks) => _scale.ToMicroseconds(ticks);

    /// <summary>Microseconds to ticks, rounded up.</summary>
    public static ulong ToTicks(ulong microseconds) => _scale.ToTicks(microseconds);

    /// <summary>The time stamp at or after which <see cref="Microseconds"/> is at least so many.</summary>
    public static ulong ToTimestamp(ulong microseconds)
    {
        ulong ticks = _scale.ToTicks(microseconds);
        return ticks < ulong.MaxValue - _start ? _start + ticks : ulong.MaxValue;
    }

    /// <summary>Waits busily; for devices that demand a pause.</summary>
    public static void Delay(ulong microseconds)
    {
        Deadline end = Deadline.In(microseconds);
        while (!end.Passed)
            Cpu.Pause();
    }
}

/// <summary>A point in time that bounds a wait; to the tick, so no wait is shorter than asked for.</summary>
public readonly struct Deadline
{
    private readonly ulong _timestamp;

    private Deadline(ulong timestamp) => _timestamp = timestamp;

    /// <summary>Never over.</summary>
    public static Deadline Never => new(ulong.MaxValue);

    /// <summary>Whether it is over.</summary>
    public bool Passed => Cpu.Timestamp() >= _timestamp;

    /// <summary>The first of <see cref="Clock.Microseconds"/> by which it is over.</summary>
    public ulong Microseconds => _timestamp == ulong.MaxValue ? ulong.MaxValue : Clock.ToMicroseconds(_timestamp - Clock.Start) + 1;

    /// <summary>That many microseconds from now.</summary>
    public static Deadline In(ulong microseconds)
    {
        ulong now = Cpu.Timestamp(), ticks = Clock.ToTicks(microseconds);
        return new Deadline(ticks < ulong.MaxValue - now ? now + ticks : ulong.MaxValue);
    }
}
