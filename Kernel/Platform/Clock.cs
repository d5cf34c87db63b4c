namespace Sluice.Platform;

/// <summary>Time since the kernel's entry, from the time stamp counter.</summary>
public static class Clock
{
    // Until calibration a tick counts as a nanosecond, which it is where instructions are counted.
    private const ulong AssumedTicksPerSecond = 1_000_000_000;

    private static TickLine _line = new(0, AssumedTicksPerSecond);

    /// <summary>Ticks of the time stamp counter in a second; 0 until calibrated.</summary>
    public static ulong TicksPerSecond { get; private set; }

    /// <summary>Microseconds since entry; never goes back. Until calibration they may be too long or too short. Any context.</summary>
    public static ulong Microseconds => _line.MicrosecondsAt(Cpu.Timestamp());

    /// <summary>Time stamp at the kernel's entry.</summary>
    public static ulong Start { get; private set; }

    /// <summary>Called once, first thing.</summary>
    public static void SetStart(ulong timestamp)
    {
        Start = timestamp;
        _line = new TickLine(timestamp, AssumedTicksPerSecond);
    }

    /// <summary>Called once, when the rate is known: microseconds go on from where they are, at the right pace.</summary>
    public static void SetRate(ulong ticksPerSecond)
    {
        TicksPerSecond = ticksPerSecond;
        _line = _line.ChangedAt(Cpu.Timestamp(), ticksPerSecond);
    }

    /// <summary>What <see cref="Microseconds"/> was or will be at a time stamp since calibration.</summary>
    public static ulong MicrosecondsAt(ulong timestamp) => _line.MicrosecondsAt(timestamp);

    /// <summary>The time stamp at or after which <see cref="Microseconds"/> is at least so many.</summary>
    public static ulong ToTimestamp(ulong microseconds) => _line.TimestampOf(microseconds);

    /// <summary>The length of so many ticks, rounded down.</summary>
    public static ulong ToMicroseconds(ulong ticks) => _line.Scale.ToMicroseconds(ticks);

    /// <summary>The ticks of so many microseconds, rounded up.</summary>
    public static ulong ToTicks(ulong microseconds) => _line.Scale.ToTicks(microseconds);

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

    /// <summary>Whether it is never over.</summary>
    public bool IsNever => _timestamp == ulong.MaxValue;

    /// <summary>Whether it is over.</summary>
    public bool Passed => _timestamp != ulong.MaxValue && Cpu.Timestamp() >= _timestamp;

    /// <summary>The first of <see cref="Clock.Microseconds"/> by which it is over.</summary>
    public ulong Microseconds => _timestamp == ulong.MaxValue ? ulong.MaxValue : Clock.MicrosecondsAt(_timestamp) + 1;

    /// <summary>That many microseconds from now.</summary>
    public static Deadline In(ulong microseconds)
    {
        ulong now = Cpu.Timestamp(), ticks = Clock.ToTicks(microseconds);
        return new Deadline(ticks < ulong.MaxValue - now ? now + ticks : ulong.MaxValue);
    }
}
