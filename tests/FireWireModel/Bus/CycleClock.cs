using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Bus;

/// <summary>
/// A cycle timer, as an offset to simulated time: all crystals here are alike. Seconds wrap at 128.
/// Source: IEEE 1394-1995, section 8.3.2.3.1.
/// </summary>
public sealed class CycleClock
{
    private const int CyclesPerSecond = 8000, OffsetsPerCycle = 3072;
    private const long Wrap = 128 * BusTime.TicksPerSecond;

    private long _ahead;

    /// <summary>Ticks since it was 0, below 128 seconds.</summary>
    public long Ticks(long now) => (now + _ahead) % Wrap;

    public uint Read(long now) => Encode(Ticks(now));

    /// <summary>Sets it; an offset or a cycle above the greatest counts as the greatest.</summary>
    public void Write(uint value, long now)
    {
        uint cycles = System.Math.Min((value >> 12) & 0x1FFF, CyclesPerSecond - 1), offset = System.Math.Min(value & 0xFFF, OffsetsPerCycle - 1);
        Set(((value >> 25) * BusTime.TicksPerSecond) + (cycles * (long)BusTime.TicksPerCycle) + (offset * BusTime.TicksPerOffset), now);
    }

    /// <summary>Makes it what another is.</summary>
    public void Follow(CycleClock other) => _ahead = other._ahead;

    /// <summary>When the next cycle begins, in simulated time; later than now.</summary>
    public long NextCycle(long now) => now + BusTime.TicksPerCycle - (Ticks(now) % BusTime.TicksPerCycle);

    /// <summary>When the seconds next become a multiple of 64.</summary>
    public long NextHalfWrap(long now) => now + (Wrap / 2) - (Ticks(now) % (Wrap / 2));

    /// <summary>A time as the timer shows it.</summary>
    public static uint Encode(long ticks)
    {
        long cycles = ticks / BusTime.TicksPerCycle;
        uint offset = (uint)(ticks % BusTime.TicksPerCycle) / BusTime.TicksPerOffset;
        return ((uint)(cycles / CyclesPerSecond % 128) << 25) | ((uint)(cycles % CyclesPerSecond) << 12) | offset;
    }

    private void Set(long ticks, long now) => _ahead = (((ticks - now) % Wrap) + Wrap) % Wrap;
}
