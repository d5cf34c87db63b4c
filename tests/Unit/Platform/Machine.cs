using System;

namespace Sluice.Platform;

/// <summary>The hosted twin: each thread is a machine with one CPU.</summary>
public static class Machine
{
    [ThreadStatic] private static InterruptController? _interrupts;
    [ThreadStatic] private static TimerQueue? _timers;
    [ThreadStatic] private static WorkQueue? _work;

    /// <summary>What the test plugged in, usually <see cref="SimulatedInterrupts"/>.</summary>
    public static InterruptController Interrupts
    {
        get => _interrupts ?? throw new InvalidOperationException("this thread has no interrupt controller");
        set => _interrupts = value;
    }

    public static TimerQueue Timers => _timers ??= new TimerQueue(256);

    public static WorkQueue Work => _work ??= new WorkQueue();

    /// <summary>New queues, for a test that starts from nothing.</summary>
    public static void Reset()
    {
        _interrupts = null;
        _timers = null;
        _work = null;
    }

    public static void NoteInterrupt() => Work.NoteInterrupt();

    /// <summary>Simulated time jumps to the next timer or the limit; real time passes a little.</summary>
    public static WorkQueue Rest(Deadline limit)
    {
        bool rests = Work.IsEmpty && !limit.Passed && Work.TryRest();
        if (rests)
            SimulatedClock.Current?.AdvanceTo(Math.Min(limit.Microseconds, Timers.NextDue));
        Cpu.DisableInterrupts();
        if (rests)
            Timers.Expire(Clock.Microseconds);
        return Work;
    }
}
