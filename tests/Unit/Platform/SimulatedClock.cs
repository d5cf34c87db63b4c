using System;

namespace Sluice.Platform;

/// <summary>
/// Time that passes only where the code under test looks at it (10 ns), pauses (1 us) or rests; so waits of seconds take no time
/// and are the same on every run. Made by a test for its thread; without one, time is real.
/// </summary>
public sealed class SimulatedClock : IDisposable
{
    [ThreadStatic] private static SimulatedClock? _current;
    private readonly ulong _started;
    private ulong _nanoseconds;

    public SimulatedClock()
    {
        _nanoseconds = _started = Clock.Start + 1_000_000;
        _current = this;
    }

    /// <summary>This thread's, if it has one.</summary>
    public static SimulatedClock? Current => _current;

    /// <summary>How long a pause in a busy wait takes: longer ones make long waits cheaper to run.</summary>
    public ulong PauseMicroseconds { get; set; } = 1;

    /// <summary>Since it was made.</summary>
    public ulong ElapsedMicroseconds => (_nanoseconds - _started) / 1000;

    /// <summary>Lets time pass; timers that come due are called, each at its time.</summary>
    public void Advance(ulong microseconds)
    {
        ulong end = _nanoseconds + microseconds * 1000;
        while (Machine.Timers.NextDue <= Clock.MicrosecondsAt(end))
        {
            AdvanceTo(Machine.Timers.NextDue);
            bool enabled = Cpu.DisableInterrupts();
            Machine.Timers.Expire(Clock.MicrosecondsAt(_nanoseconds));
            Cpu.RestoreInterrupts(enabled);
        }
        _nanoseconds = Math.Max(_nanoseconds, end);
    }

    public void Dispose()
    {
        if (_current == this)
            _current = null;
    }

    internal ulong Look() => _nanoseconds += 10;

    internal void Pause() => _nanoseconds += PauseMicroseconds * 1000;

    internal void AdvanceTo(ulong microseconds)
    {
        if (microseconds != ulong.MaxValue)
            _nanoseconds = Math.Max(_nanoseconds, Clock.ToTimestamp(microseconds));
    }
}
