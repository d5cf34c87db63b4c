using System;
using System.Diagnostics;
using System.Threading;

namespace Sluice.FireWire.Simulation;

/// <summary>
/// Keeps simulated time from falling behind real time, for guests. Packets under way run ahead of it; then real time counts on from
/// where they led, so nothing stands still afterwards. Where this process had no processor for a while its guest had none either: the bus has
/// waited, and does not send it in an instant what it could not have taken.
/// </summary>
public sealed class Pump : IDisposable
{
    // A guest's access does so much itself before it is answered; the pump's thread does the rest.
    private const int MostEventsOfAnAccess = 2000;
    // Cycles come 8 at a time: no thread wakes 8,000 times a second.
    private const int ShortestSleep = 1, LongestSleep = 50;
    // Milliseconds that it makes up for.
    private const int LongestLag = LongestSleep + 20;

    private readonly Simulator _simulator;
    private readonly double _ticksPerStamp;
    private readonly long _mostBehind;
    private readonly AutoResetEvent _wake = new(false);
    private readonly Thread _thread;
    private long _anchorStamp, _anchorTime, _waitsFor;
    private volatile bool _isDisposed;

    /// <summary>Begins.</summary>
    /// <param name="simulator">Shared from now on: hold its lock.</param>
    /// <param name="speed">Seconds of the bus in a real one; less than 1 for slow guests.</param>
    public Pump(Simulator simulator, double speed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(speed);
        _simulator = simulator;
        _ticksPerStamp = speed * BusTime.TicksPerSecond / Stopwatch.Frequency;
        _mostBehind = (long)(_ticksPerStamp * Stopwatch.Frequency / 1000 * LongestLag);
        _anchorStamp = Stopwatch.GetTimestamp();
        _anchorTime = simulator.Now;
        _thread = new Thread(Run) { IsBackground = true, Name = "FireWire bus" };
        _thread.Start();
    }

    /// <summary>Begins an access from outside: takes the bus and brings it to the time it is. <see cref="Leave"/> ends it.</summary>
    public void Enter()
    {
        _simulator.Lock.Enter();
        CatchUp();
    }

    /// <summary>Ends an access: what it set off happens now.</summary>
    public void Leave()
    {
        bool rests = _simulator.RunActivity(MostEventsOfAnAccess);
        bool isSoon = !rests || _simulator.Next < _waitsFor;
        _simulator.Lock.Exit();
        if (isSoon)
            _wake.Set();
    }

    public void Dispose()
    {
        _isDisposed = true;
        _wake.Set();
        _thread.Join();
        _wake.Dispose();
    }

    private void Run()
    {
        while (!_isDisposed)
        {
            long ahead;
            bool rests;
            lock (_simulator.Lock)
            {
                CatchUp();
                rests = _simulator.RunActivity(MostEventsOfAnAccess);
                _waitsFor = _simulator.Next;
                ahead = _waitsFor - _simulator.Now;
            }
            if (!rests)
            {
                // Guests want their turn as well.
                Thread.Sleep(0);
                continue;
            }
            double milliseconds = ahead / (_ticksPerStamp * Stopwatch.Frequency) * 1000;
            // Slept, not waited, first: else each access would wake this thread again.
            Thread.Sleep(ShortestSleep);
            if (milliseconds > ShortestSleep)
                _wake.WaitOne((int)Math.Min(milliseconds, LongestSleep));
        }
    }

    private void CatchUp()
    {
        long stamp = Stopwatch.GetTimestamp();
        long target = _anchorTime + (long)((stamp - _anchorStamp) * _ticksPerStamp);
        long now = _simulator.Now;
        if (now <= target && target <= now + _mostBehind)
        {
            _simulator.RunTo(target);
            return;
        }
        if (now < target)
            _simulator.RunTo(now + _mostBehind);
        _anchorStamp = stamp;
        _anchorTime = _simulator.Now;
    }
}
