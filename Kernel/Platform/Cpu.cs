using System.Runtime;
using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>The CPU that runs this code.</summary>
public static class Cpu
{
    /// <summary>Most CPUs that per-CPU tables have room for.</summary>
    public const int MaxCount = 64;

    /// <summary>Number of this CPU, from 0; dense.</summary>
    public static int Id
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ReadId();
    }

    /// <summary>Tells the CPU that this is a waiting loop.</summary>
    [RuntimeImport("cpu_pause"), MethodImpl(MethodImplOptions.InternalCall)] public static extern void Pause();

    /// <summary>The time stamp counter.</summary>
    [RuntimeImport("cpu_timestamp"), MethodImpl(MethodImplOptions.InternalCall)] public static extern ulong Timestamp();

    /// <summary>Shuts interrupts out of this CPU and returns whether they were let in.</summary>
    [RuntimeImport("cpu_disable_interrupts"), MethodImpl(MethodImplOptions.InternalCall)] public static extern bool DisableInterrupts();

    /// <summary>Lets interrupts in again if <paramref name="enabled"/>: the counterpart of <see cref="DisableInterrupts"/>.</summary>
    public static void RestoreInterrupts(bool enabled)
    {
        if (enabled)
            EnableInterrupts();
    }

    /// <summary>Lets interrupts in.</summary>
    [RuntimeImport("cpu_enable_interrupts"), MethodImpl(MethodImplOptions.InternalCall)] public static extern void EnableInterrupts();

    /// <summary>All stores before it reach memory before any after it, also those to write-combining memory.</summary>
    [RuntimeImport("cpu_fence_stores"), MethodImpl(MethodImplOptions.InternalCall)] public static extern void FenceStores();

    /// <summary>
    /// Lets interrupts in and sleeps until one comes; none is lost in between. Its vector, which nobody has handled yet; interrupts are off. 0 if it
    /// was something else.
    /// </summary>
    [RuntimeImport("cpu_wait_for_interrupt"), MethodImpl(MethodImplOptions.InternalCall)] public static extern uint WaitForInterrupt();

    [RuntimeImport("cpu_id"), MethodImpl(MethodImplOptions.InternalCall)] private static extern int ReadId();
}
