using System;
using System.Threading;

namespace Sluice.FireWire.Simulation;

/// <summary>Something that happens at a time.</summary>
public interface ITimed
{
    /// <summary>The time has come.</summary>
    /// <param name="what">What was asked for. Nothing is ever cancelled: who changes its mind looks here, and does nothing.</param>
    void Due(int what);
}

/// <summary>Whether something waits for real time when the bus has guests.</summary>
public enum Pace
{
    /// <summary>Packets under way: at once, and simulated time runs ahead.</summary>
    Activity,

    /// <summary>Cycles, time-outs, resets: not before real time has come as far.</summary>
    RealTime,
}

/// <summary>
/// Simulated time and what is to happen in it, in order; at the same instant, in the order of asking. The same calls give the same run.
/// One thread at a time: whoever shares it holds <see cref="Lock"/>.
/// </summary>
public sealed class Simulator
{
    private Event[] _heap = new Event[64];
    private int _count, _activities;
    private ulong _sequence;

    /// <summary>The one lock of the whole bus.</summary>
    public Lock Lock { get; } = new();

    /// <summary>Ticks since the start (<see cref="BusTime"/>).</summary>
    public long Now { get; private set; }

    /// <summary>Events that happened.</summary>
    public long Executed { get; private set; }

    /// <summary>When the next thing happens; the end of time if nothing does.</summary>
    public long Next => _count == 0 ? long.MaxValue : _heap[0].Time;

    /// <summary>Whether packets are under way.</summary>
    public bool IsActive => _activities != 0;

    /// <summary>Calls <see cref="ITimed.Due"/> at a time; at once, after all else of now, if that has passed.</summary>
    public void At(long time, ITimed target, int what, Pace pace)
    {
        if (_count == _heap.Length)
            Array.Resize(ref _heap, _count * 2);
        if (pace == Pace.Activity)
            _activities++;
        var added = new Event(Math.Max(time, Now), _sequence++, target, what, pace);
        int place = _count++;
        while (place > 0 && added.IsBefore(_heap[(place - 1) / 2]))
        {
            _heap[place] = _heap[(place - 1) / 2];
            place = (place - 1) / 2;
        }
        _heap[place] = added;
    }

    /// <summary>Calls it some ticks from now.</summary>
    public void After(long ticks, ITimed target, int what, Pace pace) => At(Now + ticks, target, what, pace);

    /// <summary>Lets everything up to a time happen, and makes it that time. A time that has passed changes nothing.</summary>
    public void RunTo(long time)
    {
        while (Next <= time)
            Step();
        Now = Math.Max(Now, time);
    }

    /// <summary>Lets some time pass.</summary>
    public void RunFor(long ticks) => RunTo(Now + ticks);

    /// <summary>Goes on while packets are under way, and lets happen what is due before them.</summary>
    /// <param name="most">At most so many events.</param>
    /// <returns>Whether all has come to rest.</returns>
    public bool RunActivity(int most = int.MaxValue)
    {
        for (; _activities != 0 && most > 0; most--)
            Step();
        return _activities == 0;
    }

    private void Step()
    {
        Event first = _heap[0];
        Event last = _heap[--_count];
        _heap[_count] = default;
        if (_count > 0)
            Sink(last);
        if (first.Pace == Pace.Activity)
            _activities--;
        Now = first.Time;
        Executed++;
        first.Target.Due(first.What);
    }

    // Puts what was last where the first was.
    private void Sink(in Event moved)
    {
        int place = 0;
        while (true)
        {
            int child = (place * 2) + 1;
            if (child >= _count)
                break;
            if (child + 1 < _count && _heap[child + 1].IsBefore(_heap[child]))
                child++;
            if (!_heap[child].IsBefore(moved))
                break;
            _heap[place] = _heap[child];
            place = child;
        }
        _heap[place] = moved;
    }

    private readonly record struct Event(long Time, ulong Sequence, ITimed Target, int What, Pace Pace)
    {
        public bool IsBefore(in Event other) => Time != other.Time ? Time < other.Time : Sequence < other.Sequence;
    }
}
