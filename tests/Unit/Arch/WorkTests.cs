using System.Collections.Generic;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Arch;

public sealed class WorkTests
{
    public WorkTests() => Machine.Reset();

    [Fact]
    public void Work_runs_once_however_often_it_was_marked()
    {
        var work = new Worker(1);
        work.Item.Mark();
        work.Item.Mark();
        Assert.True(Machine.Work.Run(64));
        Assert.False(Machine.Work.Run(64));
        Assert.Equal([1], work.Done);
    }

    [Fact]
    public void Who_has_more_to_do_waits_until_the_others_had_their_turn()
    {
        var log = new List<string>();
        var busy = new Worker(5) { Log = log, Name = "busy" };
        var quick = new Worker(1) { Log = log, Name = "quick" };
        busy.Item.Mark();
        quick.Item.Mark();
        while (Machine.Work.Run(2))
        {
        }
        Assert.Equal(["busy", "quick", "busy", "busy"], log);
        Assert.Equal([2, 2, 1], busy.Done);
    }

    [Fact]
    public void A_mark_during_the_work_is_not_lost()
    {
        var work = new Worker(1);
        work.During = () => { work.Left = 1; work.Item.Mark(); work.During = null; };
        work.Item.Mark();
        Assert.True(Machine.Work.Run(1));
        Assert.True(Machine.Work.Run(1));
        Assert.Equal(2, work.Done.Count);
    }

    [Fact]
    public void The_CPU_does_not_sleep_over_an_interrupt_that_came_since_the_condition_was_looked_at()
    {
        using var clock = new SimulatedClock();
        var interrupts = new SimulatedInterrupts();
        var handler = new Handler();
        Assert.True(interrupts.TryTakeMessage(handler, "device"u8, out _, out InterruptMessage message));
        WorkLoop.Turn(Deadline.In(1000));
        ulong before = clock.ElapsedMicroseconds;
        Assert.True(before >= 1000);
        interrupts.Send(message.Address, message.Data);
        WorkLoop.Turn(Deadline.In(1_000_000));
        Assert.True(clock.ElapsedMicroseconds - before < 10);
        Assert.Equal(1, handler.Calls);
    }

    [Fact]
    public void Simulated_interrupts_wait_while_they_are_off_or_masked()
    {
        var interrupts = new SimulatedInterrupts();
        var handler = new Handler();
        Assert.True(interrupts.TryTakeMessage(handler, "device"u8, out InterruptToken token, out InterruptMessage message));
        bool enabled = Cpu.DisableInterrupts();
        interrupts.Send(message.Address, message.Data);
        Assert.Equal(0, handler.Calls);
        Cpu.RestoreInterrupts(enabled);
        Assert.Equal(1, handler.Calls);
        interrupts.Mask(token);
        interrupts.Send(message.Address, message.Data);
        Assert.Equal(1, handler.Calls);
        interrupts.Unmask(token);
        Assert.Equal(2, handler.Calls);
        interrupts.Release(ref token);
        interrupts.Send(message.Address, message.Data);
        Assert.Equal(2, handler.Calls);
        Assert.Equal(1, interrupts.Stray);
    }

    [Fact]
    public void A_simulated_line_that_nobody_claims_is_shut_off_and_polled()
    {
        var interrupts = new SimulatedInterrupts();
        var handler = new Handler { Claims = false };
        Assert.True(interrupts.TryTakeLine(InterruptLine.Pci(11), handler, "device"u8, out InterruptToken token));
        Assert.Equal(InterruptRoute.GuessedLine, interrupts.RouteOf(token));
        interrupts.SetLine(11, true);
        Assert.Equal(SimulatedInterrupts.StormBound, handler.Calls);
        Assert.Equal(InterruptRoute.Polled, interrupts.RouteOf(token));
        interrupts.Poll();
        Assert.Equal(SimulatedInterrupts.StormBound + 1, handler.Calls);
    }

    private sealed class Handler : IInterruptHandler
    {
        public int Calls { get; private set; }

        public bool Claims { get; init; } = true;

        public bool OnInterrupt()
        {
            Calls++;
            return Claims;
        }
    }

    private sealed class Worker : IWork
    {
        public Worker(int left)
        {
            Left = left;
            Item = new WorkItem(this);
        }

        public WorkItem Item { get; }

        public int Left { get; set; }

        public List<int> Done { get; } = [];

        public System.Action? During { get; set; }

        public List<string>? Log { get; init; }

        public string Name { get; init; } = "";

        public bool Work(int budget)
        {
            int units = int.Min(budget, Left);
            Left -= units;
            Done.Add(units);
            Log?.Add(Name);
            During?.Invoke();
            return Left != 0;
        }
    }
}
