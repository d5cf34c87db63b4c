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

    /// <summary>The number that this thread goes by.</summary>
    public static int Id
    {
        get => t_id;
        set => t_id = value;
    }

    public static void Pause() => Thread.Yield();

    public static ulong Timestamp() => (ulong)Stopwatch.GetTimestamp();

    public static bool DisableInterrupts()
    {
        bool enabled = !t_interruptsOff;
        t_interruptsOff = true;
        return enabled;
    }

    public static void RestoreInterrupts(bool enabled) => t_interruptsOff = !enabled;

    public static void EnableInterrupts() => t_interruptsOff = false;
}
