namespace Sluice.Platform;

/// <summary>What belongs to the machine or to the CPU that asks: interrupts, timers, work.</summary>
public static class Machine
{
    private const int TimersPerCpu = 256;

    private static readonly TimerQueue?[] _timers = new TimerQueue?[Cpu.MaxCount];
    private static readonly WorkQueue?[] _work = new WorkQueue?[Cpu.MaxCount];
    private static readonly Timer?[] _wakeUp = new Timer?[Cpu.MaxCount];
    private static InterruptController? _interrupts;
    private static bool _alarmRings;

    /// <summary>Where drivers get their interrupts.</summary>
    public static InterruptController Interrupts => _interrupts!;

    /// <summary>This CPU's timers.</summary>
    public static TimerQueue Timers => _timers[Cpu.Id]!;

    /// <summary>This CPU's marked work.</summary>
    public static WorkQueue Work => _work[Cpu.Id]!;

    /// <summary>Makes this CPU's queues. Once for each CPU, before any timer or work item is made.</summary>
    public static void StartCpu()
    {
        _timers[Cpu.Id] = new TimerQueue(TimersPerCpu);
        _work[Cpu.Id] = new WorkQueue();
        _wakeUp[Cpu.Id] = new Timer(new Nobody());
    }

    /// <summary>Connects the interrupt controller, and says whether a hardware alarm ends sleep when a timer is due. Once.</summary>
    public static void Connect(InterruptController interrupts, bool alarmRings)
    {
        _interrupts = interrupts;
        _alarmRings = alarmRings;
    }

    private static ulong _asleepSince;

    /// <summary>
    /// Sleeps until an interrupt, at most until the limit; returns at once if there is marked work or an interrupt came since the last
    /// time. Without a hardware alarm it looks at the timers and returns.
    /// </summary>
    public static void Rest(Deadline limit)
    {
        // One that still runs from before wakes too early at most.
        Timer wakeUp = _wakeUp[Cpu.Id]!;
        if (limit.Microseconds < (wakeUp.IsRunning ? wakeUp.Due : ulong.MaxValue))
            wakeUp.StartAt(limit.Microseconds);
        Cpu.DisableInterrupts();
        if (!Work.TryRest())
        {
            Cpu.EnableInterrupts();
        }
        else if (_alarmRings)
        {
            _asleepSince = Cpu.Timestamp();
            Cpu.WaitForInterrupt();
            EndRest();
        }
        else
        {
            Timers.Expire(Clock.Microseconds);
            Cpu.EnableInterrupts();
            Cpu.Pause();
        }
    }

    /// <summary>Ticks of the time stamp counter in which the CPU slept: what passed otherwise, it worked.</summary>
    public static ulong IdleTicks { get; private set; }

    /// <summary>The CPU is awake; first thing in an interrupt, whose handler is work.</summary>
    [InterruptPath]
    public static void EndRest()
    {
        if (_asleepSince == 0)
            return;
        IdleTicks += Cpu.Timestamp() - _asleepSince;
        _asleepSince = 0;
    }

    private sealed class Nobody : ITimerHandler
    {
        public void OnTimer(Timer timer)
        {
        }
    }
}
