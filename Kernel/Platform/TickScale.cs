namespace Sluice.Platform;

/// <summary>
/// Between ticks of a counter and microseconds, without division in the frequent direction. Exact to 2^-31 of the value, and
/// without overflow for the first 2^63.8 ticks: a century at 5 GHz.
/// </summary>
public readonly struct TickScale
{
    private readonly ulong _ticksPerSecond;

    // Microseconds = ticks * _factor / 2^(32 + _shift), with 2^31 <= _factor < 2^32 for the most digits.
    private readonly ulong _factor;
    private readonly int _shift;

    private TickScale(ulong ticksPerSecond, ulong factor, int shift)
    {
        _ticksPerSecond = ticksPerSecond;
        _factor = factor;
        _shift = shift;
    }

    /// <summary>The scale of a counter of more than 1 MHz and less than 1 THz.</summary>
    public static TickScale PerSecond(ulong ticksPerSecond)
    {
        Bug.If(ticksPerSecond is <= 1_000_000 or >= 1_000_000_000_000, "implausible frequency"u8);
        // Long division of 10^6 * 2^32 by the frequency, bit by bit until the quotient has 32 bits.
        ulong factor = (1_000_000UL << 32) / ticksPerSecond;
        ulong rest = (1_000_000UL << 32) % ticksPerSecond;
        int shift = 0;
        while (factor < 1UL << 31)
        {
            rest <<= 1;
            factor <<= 1;
            if (rest >= ticksPerSecond)
            {
                rest -= ticksPerSecond;
                factor |= 1;
            }
            shift++;
        }
        return new TickScale(ticksPerSecond, factor, shift);
    }

    /// <summary>Rounded down; monotonic.</summary>
    public ulong ToMicroseconds(ulong ticks) => ((ticks >> 32) * _factor + ((ticks & 0xFFFF_FFFF) * _factor >> 32)) >> _shift;

    /// <summary>
    /// Rounded up, such that <see cref="ToMicroseconds"/> of the result is at least <paramref name="microseconds"/>; what lies
    /// beyond 2^63 ticks becomes the highest number.
    /// </summary>
    public ulong ToTicks(ulong microseconds)
    {
        ulong seconds = microseconds / 1_000_000, part = microseconds % 1_000_000;
        if (seconds >= (1UL << 63) / _ticksPerSecond)
            return ulong.MaxValue;
        ulong ticks = seconds * _ticksPerSecond + (part * _ticksPerSecond + 999_999) / 1_000_000;
        // The factor of the other direction is too small by up to 2^-31 of it.
        return ticks + (ticks >> 31) + 1;
    }
}

/// <summary>
/// Microseconds as they run with a counter: a straight line, which bends where a better rate becomes known, but never jumps.
/// </summary>
public readonly struct TickLine
{
    private readonly ulong _timestamp, _microseconds;

    /// <summary>A line that is 0 at a time stamp.</summary>
    public TickLine(ulong timestamp, ulong ticksPerSecond) : this(timestamp, 0, TickScale.PerSecond(ticksPerSecond))
    {
    }

    private TickLine(ulong timestamp, ulong microseconds, TickScale scale)
    {
        _timestamp = timestamp;
        _microseconds = microseconds;
        Scale = scale;
    }

    /// <summary>Its slope.</summary>
    public TickScale Scale { get; }

    /// <summary>Where it is at a time stamp; one before its start (or bend) counts as that.</summary>
    public ulong MicrosecondsAt(ulong timestamp) =>
        _microseconds + (timestamp > _timestamp ? Scale.ToMicroseconds(timestamp - _timestamp) : 0);

    /// <summary>A time stamp at which it has reached so many, hardly later than the first.</summary>
    public ulong TimestampOf(ulong microseconds)
    {
        if (microseconds <= _microseconds)
            return _timestamp;
        ulong ticks = Scale.ToTicks(microseconds - _microseconds);
        return ticks < ulong.MaxValue - _timestamp ? _timestamp + ticks : ulong.MaxValue;
    }

    /// <summary>The same line, with another slope from a time stamp on.</summary>
    public TickLine ChangedAt(ulong timestamp, ulong ticksPerSecond) =>
        new(timestamp, MicrosecondsAt(timestamp), TickScale.PerSecond(ticksPerSecond));
}
