using Sluice.Arch;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.SelfTest;

/// <summary>Clock, alarm, timers and the work loop on this machine; hosted tests cover the queues and the arithmetic.</summary>
internal static unsafe class TimerSuite
{
    private const int Timers = 100;

    // A machine that is emulated, and shared with others, may be late by that; nothing may be early.
    private const ulong LateBound = 1_000_000;

    private static Recorder? _recorder;

    // Made at the first run and kept: timers are never given back.
    private static Recorder Shared => _recorder ??= new Recorder();

    public static void Register(ref Suite suite)
    {
        suite.Case("the clock never goes back"u8, &Monotonic);
        suite.Case("the clock agrees with the reference counters"u8, &Rate);
        suite.Case("a delay is not too short"u8, &Delays);
        suite.Case("a timer is not early, nor very late"u8, &OneShot);
        suite.Case("timers come in the order of their deadlines"u8, &Order);
        suite.Case("a cancelled timer does not come"u8, &Cancel);
        suite.Case("none comes while interrupts are off"u8, &Off);
        suite.Case("the alarm keeps time"u8, &Alarm);
        suite.Case("sleep ends at its limit"u8, &Sleep);
        suite.Case("work noted by a timer is done by the loop"u8, &Work);
        suite.Case("timers and work allocate nothing"u8, &Allocation);
    }

    private static void Monotonic(ref Ktap t)
    {
        ulong last = Clock.Microseconds, first = last;
        bool back = false;
        for (int i = 0; i < 20_000; i++)
        {
            ulong now = Clock.Microseconds;
            back |= now < last;
            last = now;
        }
        t.Check(!back, "each reading is at least the one before"u8);
        t.Check(last > first, "it moves"u8);
    }

    private static void Rate(ref Ktap t)
    {
        // A machine that is shared may be disturbed in any one window.
        for (int attempt = 0; attempt < 10; attempt++)
        {
            bool interrupts = Cpu.DisableInterrupts();
            bool measured = TscCalibration.TryMeasureAgain(out ulong ticksPerSecond);
            Cpu.RestoreInterrupts(interrupts);
            if (!measured)
                continue;
            Ktap.Note($"clock {Clock.TicksPerSecond} Hz, measured again {ticksPerSecond} Hz");
            t.Check(TimeScale.Agree(Clock.TicksPerSecond, ticksPerSecond), "within 1 %"u8);
            return;
        }
        t.Skip("no reference counter that runs evenly"u8);
    }

    private static void Delays(ref Ktap t)
    {
        foreach (ulong wait in (System.ReadOnlySpan<ulong>)[0, 1, 10, 100, 2_000])
        {
            ulong start = Cpu.Timestamp();
            Clock.Delay(wait);
            ulong ticks = Cpu.Timestamp() - start;
            t.Check(ticks >= wait * Clock.TicksPerSecond / 1_000_000, "long enough"u8);
            t.Check(Clock.ToMicroseconds(ticks) <= wait + LateBound, "not for ever"u8);
        }
    }

    private static void OneShot(ref Ktap t)
    {
        Recorder recorder = Shared;
        foreach (ulong wait in (System.ReadOnlySpan<ulong>)[0, 1, 10, 100, 1_000, 10_000])
        {
            recorder.Reset();
            ulong start = Cpu.Timestamp();
            recorder[0].Start(wait);
            recorder.Await(1);
            t.Equal(1, (ulong)recorder.Count, "calls"u8);
            ulong passed = recorder.Timestamp(0) - start;
            t.Check(passed >= wait * Clock.TicksPerSecond / 1_000_000, "not early"u8);
            t.Check(Clock.ToMicroseconds(passed) <= wait + LateBound, "not very late"u8);
            t.Check(!recorder[0].IsRunning, "once"u8);
        }
    }

    private static void Order(ref Ktap t)
    {
        Recorder recorder = Shared;
        recorder.Reset();
        ulong seed = Cpu.Timestamp() | 1;
        Ktap.Note($"seed {seed}");
        // Off until all are started: on a slow machine the first would come before the last, whatever their deadlines.
        bool interrupts = Cpu.DisableInterrupts();
        ulong start = Clock.Microseconds + 1_000;
        for (int i = 0; i < Timers; i++)
        {
            seed = seed * 6364136223846793005 + 1442695040888963407;
            recorder[i].StartAt(start + (seed >> 33) % 20_000);
        }
        Cpu.RestoreInterrupts(interrupts);
        recorder.Await(Timers);
        t.Equal(Timers, (ulong)recorder.Count, "timers that came"u8);
        for (int i = 0; i < recorder.Count; i++)
        {
            Timer timer = recorder.Called(i);
            t.Check(Clock.MicrosecondsAt(recorder.Timestamp(i)) >= timer.Due, "not early"u8);
            // Equal deadlines: in the order of their start, which is that of their place here.
            t.Check(i == 0 || IsBefore(recorder.Called(i - 1), timer, recorder), "in order"u8);
        }
    }

    private static bool IsBefore(Timer first, Timer second, Recorder recorder) =>
        first.Due < second.Due || first.Due == second.Due && recorder.IndexOf(first) < recorder.IndexOf(second);

    private static void Cancel(ref Ktap t)
    {
        Recorder recorder = Shared;
        recorder.Reset();
        bool interrupts = Cpu.DisableInterrupts();
        recorder[0].Start(2_000);
        recorder[1].Start(3_000);
        recorder[2].Start(4_000);
        t.Check(recorder[1].Cancel(), "it ran"u8);
        t.Check(!recorder[1].Cancel(), "it runs no more"u8);
        Cpu.RestoreInterrupts(interrupts);
        recorder.Await(2);
        Clock.Delay(2_000);
        t.Equal(2, (ulong)recorder.Count, "calls"u8);
        t.Check(recorder.Count == 2 && recorder.Called(0) == recorder[0] && recorder.Called(1) == recorder[2], "the others came"u8);
    }

    private static void Off(ref Ktap t)
    {
        Recorder recorder = Shared;
        recorder.Reset();
        bool interrupts = Cpu.DisableInterrupts();
        recorder[0].Start(100);
        Clock.Delay(1_000);
        t.Equal(0, (ulong)recorder.Count, "calls while off"u8);
        Cpu.RestoreInterrupts(interrupts);
        recorder.Await(1);
        t.Equal(1, (ulong)recorder.Count, "calls afterwards"u8);
    }

    // An alarm that rings early is set again and again; then there are more interrupts than timers.
    private static void Alarm(ref Ktap t)
    {
        if (!FindTimer(out InterruptUse before))
        {
            t.Skip("timers are polled"u8);
            return;
        }
        Recorder recorder = Shared;
        for (int i = 0; i < 20; i++)
        {
            recorder.Reset();
            recorder[0].Start(1_000);
            recorder.Await(1);
        }
        FindTimer(out InterruptUse after);
        ulong interrupts = after.Claimed - before.Claimed;
        t.Check(interrupts >= 20, "an interrupt for each timer"u8);
        t.Check(interrupts <= 100, "few more interrupts than timers"u8);
    }

    private static void Sleep(ref Ktap t)
    {
        ulong start = Cpu.Timestamp();
        Deadline limit = Deadline.In(5_000);
        int turns = 0;
        while (!limit.Passed)
        {
            WorkLoop.Turn(limit);
            turns++;
        }
        ulong passed = Cpu.Timestamp() - start;
        t.Check(passed >= 5_000 * Clock.TicksPerSecond / 1_000_000, "not too short"u8);
        t.Check(Clock.ToMicroseconds(passed) <= 5_000 + LateBound, "not for ever"u8);
        if (FindTimer(out _))
            t.Check(turns <= 100, "it slept rather than turned"u8);
    }

    private static void Work(ref Ktap t)
    {
        Recorder recorder = Shared;
        recorder.Reset();
        recorder.WorkLeft = 150;
        recorder[0].Start(500);
        Deadline limit = Deadline.In(LateBound);
        while (recorder.WorkLeft != 0 && !limit.Passed)
            WorkLoop.Turn(limit);
        t.Equal(0, (ulong)recorder.WorkLeft, "units left"u8);
        t.Equal(3, (ulong)recorder.WorkCalls, "calls, as 150 units are more than two budgets"u8);
        t.Check(recorder.WorkHadInterrupts, "interrupts are on in work"u8);
    }

    // Who else works meanwhile may call through an interface for the first time, which makes a table for good: then once more.
    private static void Allocation(ref Ktap t)
    {
        Recorder recorder = Shared;
        ulong made = ulong.MaxValue;
        for (int attempt = 0; attempt < 5 && made != 0; attempt++)
        {
            ulong used = ObjectHeap.Used;
            recorder.Reset();
            for (int i = 0; i < 20; i++)
                recorder[i].Start((ulong)i * 10);
            recorder.Await(20);
            t.Equal(20, (ulong)recorder.Count, "calls"u8);
            made = ObjectHeap.Used - used;
        }
        t.Equal(0, made, "bytes of objects made"u8);
    }

    private static bool FindTimer(out InterruptUse use)
    {
        int position = 0;
        while (Machine.Interrupts.TryNext(ref position, out use))
        {
            if (use.Vector == LocalApic.TimerVector)
                return true;
        }
        return false;
    }

    private sealed class Recorder : ITimerHandler, IWork
    {
        private readonly Timer[] _timers = new Timer[Timers];
        private readonly Timer[] _called = new Timer[Timers];
        private readonly ulong[] _timestamps = new ulong[Timers];
        private readonly WorkItem _work;
        private int _count;

        public Recorder()
        {
            for (int i = 0; i < Timers; i++)
                _timers[i] = new Timer(this);
            _work = new WorkItem(this);
        }

        public int Count => System.Threading.Volatile.Read(ref _count);

        public int WorkLeft { get; set; }

        public int WorkCalls { get; private set; }

        public bool WorkHadInterrupts { get; private set; }

        public Timer this[int index] => _timers[index];

        public Timer Called(int index) => _called[index];

        public ulong Timestamp(int index) => _timestamps[index];

        public int IndexOf(Timer timer)
        {
            int index = 0;
            while (_timers[index] != timer)
                index++;
            return index;
        }

        public void Reset()
        {
            foreach (Timer timer in _timers)
                timer.Cancel();
            _count = 0;
            WorkLeft = WorkCalls = 0;
            WorkHadInterrupts = false;
        }

        public void Await(int count)
        {
            Deadline limit = Deadline.In(2 * LateBound);
            while (Count < count && !limit.Passed)
                WorkLoop.Turn(limit);
        }

        public void OnTimer(Timer timer)
        {
            if (_count < Timers)
            {
                _timestamps[_count] = Cpu.Timestamp();
                _called[_count] = timer;
                System.Threading.Volatile.Write(ref _count, _count + 1);
            }
            if (WorkLeft != 0)
                _work.Mark();
        }

        bool IWork.Work(int budget)
        {
            WorkCalls++;
            bool interrupts = Cpu.DisableInterrupts();
            WorkHadInterrupts |= interrupts;
            Cpu.RestoreInterrupts(interrupts);
            WorkLeft -= budget < WorkLeft ? budget : WorkLeft;
            return WorkLeft != 0;
        }
    }
}
