namespace Sluice.Platform;

/// <summary>Whom a timer calls.</summary>
public interface ITimerHandler
{
    /// <summary>
    /// The time is over; <paramref name="timer"/> may be started again here. Runs with interrupts off: no allocation, lock or
    /// wait; work goes to a <see cref="WorkItem"/>.
    /// </summary>
    [InterruptPath]
    void OnTimer(Timer timer);
}

/// <summary>
/// One deadline at a time. Made while starting (it reserves its place in the queue for good), then started and cancelled at will
/// without allocation. It belongs to the CPU that made it.
/// </summary>
public sealed class Timer
{
    private readonly TimerQueue _queue;

    /// <summary>A timer of this CPU. Panics when the machine has more timers than <see cref="TimerQueue.Capacity"/>.</summary>
    public Timer(ITimerHandler handler) : this(handler, Machine.Timers)
    {
    }

    /// <summary>A timer in a queue.</summary>
    public Timer(ITimerHandler handler, TimerQueue queue)
    {
        Handler = handler;
        _queue = queue;
        queue.Reserve();
    }

    /// <summary>Whether it runs.</summary>
    public bool IsRunning => Position >= 0;

    /// <summary>When it ends or ended, in <see cref="Clock.Microseconds"/>.</summary>
    public ulong Due { get; internal set; }

    internal ITimerHandler Handler { get; }

    // Place in the queue's heap; -1 outside.
    internal int Position { get; set; } = -1;

    // Among equal deadlines the one started first comes first.
    internal ulong Order { get; set; }

    /// <summary>
    /// Calls the handler once, not before so many microseconds from now; a running timer starts anew. Any context of its CPU.
    /// </summary>
    public void Start(ulong microseconds)
    {
        // The present microsecond has begun already, so it does not count.
        ulong next = Clock.Microseconds + 1;
        _queue.Start(this, microseconds < ulong.MaxValue - next ? next + microseconds : ulong.MaxValue);
    }

    /// <summary>Calls the handler once, at a time or right after it.</summary>
    public void StartAt(ulong due) => _queue.Start(this, due);

    /// <summary>Stops it; false if it was not running. After this the handler is not called. Any context of its CPU.</summary>
    public bool Cancel() => _queue.Cancel(this);
}

/// <summary>What wakes the CPU for its next timer.</summary>
public abstract class TimerAlarm
{
    /// <summary>Asks for a call of <see cref="TimerQueue.Expire"/> at a time of <see cref="Clock"/>; earlier does no harm.</summary>
    public abstract void Set(ulong due);

    /// <summary>No timer runs.</summary>
    public abstract void Clear();
}

/// <summary>A CPU's timers: a binary heap by deadline, of fixed size. Interrupts are kept off while it changes.</summary>
public sealed class TimerQueue(int capacity)
{
    private readonly Timer?[] _heap = new Timer?[capacity];
    private int _count, _reserved;
    private ulong _order;
    private TimerAlarm? _alarm;

    /// <summary>Timers that may exist.</summary>
    public int Capacity => _heap.Length;

    /// <summary>Timers that run.</summary>
    public int Count => _count;

    /// <summary>Handlers called so far.</summary>
    public ulong Expired { get; private set; }

    /// <summary>When the next one is due; the far end of time if none runs.</summary>
    public ulong NextDue => _count == 0 ? ulong.MaxValue : _heap[0]!.Due;

    /// <summary>Connects the hardware; once. Without it somebody has to call <see cref="Expire"/> often.</summary>
    public void Connect(TimerAlarm alarm)
    {
        bool interrupts = Cpu.DisableInterrupts();
        _alarm = alarm;
        SetAlarm();
        Cpu.RestoreInterrupts(interrupts);
    }

    /// <summary>
    /// Calls the handlers of all timers that are due, in order of deadlines. Interrupts off. A handler that starts timers which are
    /// due at once is not served for ever: what comes new waits for the next call.
    /// </summary>
    [InterruptPath]
    public void Expire(ulong now)
    {
        ulong last = _order;
        while (_count != 0 && _heap[0]!.Due <= now && _heap[0]!.Order < last)
        {
            Timer timer = _heap[0]!;
            RemoveAt(0);
            Expired++;
            timer.Handler.OnTimer(timer);
        }
        SetAlarm();
    }

    internal void Reserve()
    {
        Bug.If(_reserved == _heap.Length, "more timers than the queue has room for"u8);
        _reserved++;
    }

    internal void Start(Timer timer, ulong due)
    {
        bool interrupts = Cpu.DisableInterrupts();
        ulong next = NextDue;
        if (timer.Position >= 0)
            RemoveAt(timer.Position);
        timer.Due = due;
        timer.Order = _order++;
        SiftUp(_count++, timer);
        if (NextDue != next)
            SetAlarm();
        Cpu.RestoreInterrupts(interrupts);
    }

    internal bool Cancel(Timer timer)
    {
        bool interrupts = Cpu.DisableInterrupts();
        bool running = timer.Position >= 0;
        if (running)
        {
            bool first = timer.Position == 0;
            RemoveAt(timer.Position);
            if (first)
                SetAlarm();
        }
        Cpu.RestoreInterrupts(interrupts);
        return running;
    }

    private static bool IsBefore(Timer left, Timer right) =>
        left.Due < right.Due || left.Due == right.Due && left.Order < right.Order;

    private void SetAlarm()
    {
        if (_alarm == null)
            return;
        if (_count == 0)
            _alarm.Clear();
        else
            _alarm.Set(_heap[0]!.Due);
    }

    private void RemoveAt(int position)
    {
        _heap[position]!.Position = -1;
        Timer last = _heap[--_count]!;
        _heap[_count] = null;
        if (position == _count)
            return;
        if (position > 0 && IsBefore(last, _heap[(position - 1) / 2]!))
            SiftUp(position, last);
        else
            SiftDown(position, last);
    }

    private void SiftUp(int position, Timer timer)
    {
        while (position > 0)
        {
            int parent = (position - 1) / 2;
            if (!IsBefore(timer, _heap[parent]!))
                break;
            Put(position, _heap[parent]!);
            position = parent;
        }
        Put(position, timer);
    }

    private void SiftDown(int position, Timer timer)
    {
        while (true)
        {
            int child = 2 * position + 1;
            if (child >= _count)
                break;
            if (child + 1 < _count && IsBefore(_heap[child + 1]!, _heap[child]!))
                child++;
            if (!IsBefore(_heap[child]!, timer))
                break;
            Put(position, _heap[child]!);
            position = child;
        }
        Put(position, timer);
    }

    private void Put(int position, Timer timer)
    {
        _heap[position] = timer;
        timer.Position = position;
    }
}
