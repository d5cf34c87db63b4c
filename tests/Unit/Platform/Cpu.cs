using System;
using System.Diagnostics;
using System.Threading;

namespace Sluice.Platform;

/// <summary>The hosted twin: a thread is a CPU, number 0 unless it says otherwise.</summary>
public static class Cpu
{
    public const int MaxCount = 64;

    [ThreadStatic] private static int t_id;
    [ThreadStatic] private static bool t_interruptsOff;
    [ThreadStatic] private static Action? t_onInterruptsEnabled;

    /// <summary>The number that this thread goes by.</summary>
    public static int Id
    {
        get => t_id;
        set => t_id = value;
    }

    /// <summary>Called when the code under test lets interrupts in: simulated devices' pending ones come now.</summary>
    public static Action? OnInterruptsEnabled
    {
        get => t_onInterruptsEnabled;
        set => t_onInterruptsEnabled = value;
    }

    /// <summary>Whether interrupts come through on this thread.</summary>
    public static bool InterruptsEnabled => !t_interruptsOff;

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
        bool enabled = !t_interruptsOff;
        t_interruptsOff = true;
        return enabled;
    }

    public static void RestoreInterrupts(bool enabled)
    {
        if (enabled)
            EnableInterrupts();
    }

    public static void EnableInterrupts()
    {
        t_interruptsOff = false;
        t_onInterruptsEnabled?.Invoke();
    }
}
