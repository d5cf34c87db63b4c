using System;
using System.Diagnostics;
using System.Threading;

namespace Sluice.Platform;

/// <summary>The hosted twin: a thread is a CPU, number 0 unless it says otherwise.</summary>
public static class Cpu
{
    public const int MaxCount = 64;

    [ThreadStatic] private static int _id;
    [ThreadStatic] private static bool _interruptsOff;
    [ThreadStatic] private static Action? _onInterruptsEnabled;

    /// <summary>The number that this thread goes by.</summary>
    public static int Id
    {
        get => _id;
        set => _id = value;
    }

    /// <summary>Called when the code under test lets interrupts in: simulated devices' pending ones come now.</summary>
    public static Action? OnInterruptsEnabled
    {
        get => _onInterruptsEnabled;
        set => _onInterruptsEnabled = value;
    }

    /// <summary>Whether interrupts come through on this thread.</summary>
    public static bool InterruptsEnabled => !_interruptsOff;

    public static void Pause()
    {
        if (SimulatedClock.Current is { } clock)
            clock.Pause();
        else
            Thread.Yield();
    }

    public static ulong Timestamp() => SimulatedClock.Current?.Look() ?? (ulong)Stopwatch.GetTimestamp();

    public static bool DisableInterrupts()
    {
        bool enabled = !_interruptsOff;
        _interruptsOff = true;
        return enabled;
    }

    public static void RestoreInterrupts(bool enabled)
    {
        if (enabled)
            EnableInterrupts();
    }

    public static void FenceStores() => Interlocked.MemoryBarrier();

    public static void EnableInterrupts()
    {
        _interruptsOff = false;
        _onInterruptsEnabled?.Invoke();
    }
}
