using System;
using System.Collections.Generic;
using System.Linq;
using FsCheck.Fluent;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Arch;

public sealed class TimerQueueTests
{
    [Fact]
    public void Any_sequence_behaves_as_a_sorted_list()
    {
        var step = Gen.Choose(0, 9).Zip(Gen.Choose(0, 15)).Zip(Gen.Choose(0, 40));
        Properties.ForAll(step.ListOf(200).ToArbitrary(), steps =>
        {
            var world = new World();
            foreach (((int action, int timer), int amount) in steps)
                world.Step(action, timer, (ulong)amount);
        }, 60);
    }

    [Fact]
    public void Equal_deadlines_are_called_in_the_order_of_their_start()
    {
        var world = new World();
        int[] order = [3, 1, 4, 15, 9, 2, 6, 5];
        foreach (int timer in order)
            world.Timers[timer].StartAt(7);
        world.Queue.Expire(7);
        Assert.Equal(order, world.Called);
    }

    [Fact]
    public void A_handler_that_starts_its_timer_anew_in_the_past_does_not_hold_the_queue()
    {
        var queue = new TimerQueue(2);
        var handler = new Restarter();
        var timer = new Timer(handler, queue);
        timer.StartAt(5);
        queue.Expire(10);
        Assert.Equal(1, handler.Calls);
        Assert.True(timer.IsRunning);
        queue.Expire(10);
        Assert.Equal(2, handler.Calls);
    }

    [Fact]
    public void A_timer_more_than_the_queue_holds_is_a_bug()
    {
        var queue = new TimerQueue(1);
        _ = new Timer(new Restarter(), queue);
        Assert.Throws<BugException>(() => new Timer(new Restarter(), queue));
    }

    [Fact]
    public void A_timer_is_never_early()
    {
        using var clock = new SimulatedClock();
        Machine.Reset();
        var handler = new Stamper();
        var timer = new Timer(handler);
        for (ulong wait = 0; wait < 50; wait++)
        {
            ulong start = Cpu.Timestamp();
            timer.Start(wait);
            clock.Advance(wait + 5);
            Assert.True(handler.Timestamp - start >= wait * 1000, $"after {handler.Timestamp - start} ns instead of {wait} us");
            Assert.False(timer.IsRunning);
        }
    }

    private sealed class World : ITimerHandler
    {
        private readonly Alarm _alarm = new();
        private readonly List<(ulong Due, int Order, int Timer)> _model = [];
        private int _order;
        private ulong _now;

        public World()
        {
            Queue = new TimerQueue(16);
            Queue.Connect(_alarm);
            Timers = Enumerable.Range(0, 16).Select(_ => new Timer(this, Queue)).ToArray();
        }

        public TimerQueue Queue { get; }

        public Timer[] Timers { get; }

        public List<int> Called { get; } = [];

        public void OnTimer(Timer timer)
        {
            Assert.False(timer.IsRunning);
            Called.Add(Array.IndexOf(Timers, timer));
        }

        public void Step(int action, int timer, ulong amount)
        {
            if (action < 5)
            {
                _model.RemoveAll(entry => entry.Timer == timer);
                _model.Add((_now + amount, _order++, timer));
                Timers[timer].StartAt(_now + amount);
            }
            else if (action < 7)
            {
                Assert.Equal(_model.RemoveAll(entry => entry.Timer == timer) == 1, Timers[timer].Cancel());
            }
            else
            {
                _now += amount;
                _model.Sort();
                List<int> expected = _model.TakeWhile(entry => entry.Due <= _now).Select(entry => entry.Timer).ToList();
                _model.RemoveRange(0, expected.Count);
                Called.Clear();
                Queue.Expire(_now);
                Assert.Equal(expected, Called);
            }
            Assert.Equal(_model.Count, Queue.Count);
            Assert.All(Timers, (t, i) => Assert.Equal(_model.Exists(entry => entry.Timer == i), t.IsRunning));
            Assert.Equal(_model.Count == 0 ? ulong.MaxValue : _model.Min(entry => entry.Due), Queue.NextDue);
            Assert.Equal(Queue.NextDue, _alarm.Due);
        }
    }

    private sealed class Alarm : TimerAlarm
    {
        public ulong Due { get; private set; } = ulong.MaxValue;

        public override void Set(ulong due) => Due = due;

        public override void Clear() => Due = ulong.MaxValue;
    }

    private sealed class Restarter : ITimerHandler
    {
        public int Calls { get; private set; }

        public void OnTimer(Timer timer)
        {
            Calls++;
            timer.StartAt(timer.Due);
        }
    }

    private sealed class Stamper : ITimerHandler
    {
        public ulong Timestamp { get; private set; }

        public void OnTimer(Timer timer) => Timestamp = Cpu.Timestamp();
    }
}
