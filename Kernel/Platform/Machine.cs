using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>What belongs to the machine or to the CPU that asks: interrupts, timers, work.</summary>
public static class Machine
{
    private const int TimersPerCpu = 256;

    // No static field has a value to begin with: those that have are asked whether it is there at every use.
    private static CpuState?[]? _cpus;
    private static InterruptController? _interrupts;
    private static bool _alarmRings;

    /// <summary>Where drivers get their interrupts.</summary>
    public static InterruptController Interrupts => _interrupts!;

    /// <summary>This CPU's timers.</summary>
    public static TimerQueue Timers => Current.Timers;

    /// <summary>This CPU's marked work.</summary>
    public static WorkQueue Work => Current.Work;

    private static CpuState Current => _cpus![Cpu.Id]!;

    /// <summary>Makes this CPU's queues. Once for each CPU, before any timer or work item is made.</summary>
    public static void StartCpu()
    {
        _cpus ??= new CpuState?[Cpu.MaxCount];
        _cpus[Cpu.Id] = new CpuState();
        Current.WakeUp = new Timer(new Nobody());
    }

    /// <summary>Connects the interrupt controller, and says whether a hardware alarm ends sleep when a timer is due. Once.</summary>
    public static void Connect(InterruptController interrupts, bool alarmRings)
    {
        _interrupts = interrupts;
        _alarmRings = alarmRings;
    }

    /// <summary>
    /// Sleeps until an interrupt, which is handled then, at most until the limit; not at all if there is marked work or an interrupt came since the
    /// last time. Without a hardware alarm it looks at the timers and returns. Interrupts are off afterwards.
    /// </summary>
    /// <returns>This CPU's marked work.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WorkQueue Rest(Deadline limit)
    {
        CpuState cpu = Current;
        bool mayRest = limit.IsNever || cpu.TryWakeBy(limit);
        Cpu.DisableInterrupts();
        if (mayRest && cpu.Work.TryRest())
            cpu.Rest();
        return cpu.Work;
    }

    /// <summary>Ticks of the time stamp counter in which this CPU slept: what passed otherwise, it worked.</summary>
    public static ulong IdleTicks => Current.IdleTicks;

    /// <summary>In an interrupt that came while the CPU was awake: it does not sleep before somebody has looked.</summary>
    [InterruptPath]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void NoteInterrupt() => Current.Work.NoteInterrupt();

    private sealed class CpuState
    {
        public readonly TimerQueue Timers = new(TimersPerCpu);
        public readonly WorkQueue Work = new();

        public ulong IdleTicks;
        public Timer? WakeUp;

        // Sets the timer for a limit, unless there is no time to rest. One that still runs from before wakes too early at most.
        [MethodImpl(MethodImplOptions.NoInlining)]
        public bool TryWakeBy(Deadline limit)
        {
            if (!Work.IsEmpty || limit.Passed)
                return false;
            ulong due = limit.Microseconds;
            if (!WakeUp!.IsRunning || due < WakeUp.Due)
                WakeUp.StartAt(due);
            return true;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Rest()
        {
            if (!_alarmRings)
            {
                Timers.Expire(Clock.Microseconds);
                Cpu.EnableInterrupts();
                Cpu.Pause();
                Cpu.DisableInterrupts();
                return;
            }
            ulong start = Cpu.Timestamp();
            uint vector = Cpu.WaitForInterrupt();
            IdleTicks = IdleTicks + (Cpu.Timestamp() - start);
            if (vector != 0)
                _interrupts!.Deliver((byte)vector);
        }
    }

    private sealed class Nobody : ITimerHandler
    {
        public void OnTimer(Timer timer)
        {
        }
    }
}
