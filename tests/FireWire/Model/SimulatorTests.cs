using System.Collections.Generic;
using System.Threading;
using Sluice.FireWire.Simulation;
using Xunit;

namespace Sluice.Tests.FireWire.Model;

public sealed class SimulatorTests
{
    [Fact]
    public void Events_happen_in_the_order_of_their_times_and_of_asking()
    {
        var simulator = new Simulator();
        var seen = new List<(long, int)>();
        var target = new Callback(what => seen.Add((simulator.Now, what)));
        var random = new SeededRandom(7);
        var expected = new List<(long, int)>();
        for (int i = 0; i < 1000; i++)
        {
            int time = random.Below(100);
            expected.Add((time, i));
            simulator.At(time, target, i, Pace.RealTime);
        }
        simulator.RunTo(1000);
        expected.Sort();
        Assert.Equal(expected, seen);
        Assert.Equal(1000, simulator.Now);
    }

    [Fact]
    public void Activity_runs_ahead_and_takes_along_what_is_due_before_it()
    {
        var simulator = new Simulator();
        var seen = new List<int>();
        var target = new Callback(seen.Add);
        simulator.At(50, target, 1, Pace.RealTime);
        simulator.At(100, target, 2, Pace.Activity);
        simulator.At(101, target, 3, Pace.RealTime);
        Assert.True(simulator.RunActivity());
        Assert.Equal([1, 2], seen);
        Assert.Equal(100, simulator.Now);
    }

    [Fact]
    public void A_pump_follows_real_time_and_lets_activity_run_ahead()
    {
        var simulator = new Simulator();
        using var pump = new Pump(simulator, 0.5);
        using var done = new ManualResetEventSlim();
        var stamps = System.Diagnostics.Stopwatch.StartNew();
        pump.Enter();
        long start = simulator.Now;
        simulator.After(BusTime.Microseconds(20_000), new Callback(_ => done.Set()), 0, Pace.RealTime);
        simulator.After(BusTime.Microseconds(1_000), new Callback(_ => { }), 0, Pace.Activity);
        pump.Leave();
        pump.Enter();
        long ahead = simulator.Now - start;
        pump.Leave();
        Assert.True(ahead >= BusTime.Microseconds(1_000), "activity waited");
        Assert.True(done.Wait(10_000, TestContext.Current.CancellationToken), "nothing happened without an access");
        // 19 ms of the bus are 38 of ours.
        Assert.True(stamps.ElapsedMilliseconds >= 30, $"after {stamps.ElapsedMilliseconds} ms already");
    }

    private sealed class Callback(System.Action<int> call) : ITimed
    {
        public void Due(int what) => call(what);
    }
}
