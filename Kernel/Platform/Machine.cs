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
    /// Sleeps until an interrupt, at most until the limit; returns at once if there is marked work or an interrupt came since the last
    /// time. Without a hardware alarm it looks at the timers and returns.
    /// </summary>
    public static void Rest(Deadline limit)
    {
        CpuState cpu = Current;
        if (!limit.IsNever)
            cpu.WakeBy(limit.Microseconds);
        Cpu.DisableInterrupts();
        if (!cpu.Work.TryRest())
        {
            Cpu.EnableInterrupts();
        }
        else if (_alarmRings)
        {
            cpu.AsleepSince = Cpu.Timestamp();
            Cpu.WaitForInterrupt();
            // What came was no interrupt of the tables, which ends it itself.
            if (cpu.AsleepSince != 0)
                cpu.EndRest();
        }
        else
        {
            cpu.Timers.Expire(Clock.Microseconds);
            Cpu.EnableInterrupts();
            Cpu.Pause();
        }
    }

    /// <summary>Ticks of the time stamp counter in which this CPU slept: what passed otherwise, it worked.</summary>
    public static ulong IdleTicks => Current.IdleTicks;

    /// <summary>First thing in an interrupt, whose handler is work: the CPU is awake, and does not sleep again before somebody has looked.</summary>
    [InterruptPath]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void BeginInterrupt()
    {
        CpuState cpu = Current;
        if (cpu.AsleepSince != 0)
            cpu.EndRest();
        cpu.Work.NoteInterrupt();
    }

    private sealed class CpuState
    {
        public readonly TimerQueue Timers = new(TimersPerCpu);
        public readonly WorkQueue Work = new();

        // When its sleep began; 0 while it is awake.
        public ulong AsleepSince, IdleTicks;

        public Timer? WakeUp;

        // One that still runs from before wakes too early at most.
        public void WakeBy(ulong due)
        {
            if (!WakeUp!.IsRunning || due < WakeUp.Due)
                WakeUp.StartAt(due);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void EndRest()
        {
            IdleTicks = IdleTicks + (Cpu.Timestamp() - AsleepSince);
            AsleepSince = 0;
        }
    }

    private sealed class Nobody : ITimerHandler
    {
        public void OnTimer(Timer timer)
        {
        }
    }
}
