namespace Sluice.FireWire.Simulation;

/// <summary>
/// Simulated time in ticks of BASE_RATE, 98.304 MHz: one bit at S100, a quarter of a step of the cycle timer. All gaps of the bus are
/// whole ticks. Source: IEEE 1394-1995, section 4.3.5 (table 4-33).
/// </summary>
public static class BusTime
{
    public const long TicksPerSecond = 98_304_000;

    /// <summary>8,000 cycles are a second.</summary>
    public const int TicksPerCycle = 12_288;

    /// <summary>3,072 steps of the cycle timer's offset are a cycle.</summary>
    public const int TicksPerOffset = 4;

    /// <summary>Ticks of some microseconds, rounded up.</summary>
    public static long Microseconds(double microseconds) => (long)System.Math.Ceiling(microseconds * (TicksPerSecond / 1e6));

    /// <summary>Microseconds of some ticks.</summary>
    public static double ToMicroseconds(long ticks) => ticks * (1e6 / TicksPerSecond);
}
