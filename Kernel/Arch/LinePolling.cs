using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>
/// The timer behind handlers without a line that is known to work. A guessed line is polled slowly as well until it has delivered an
/// interrupt that the handler claims; when polls find interrupts time and again and the line stays silent, it is polled alone.
/// </summary>
internal sealed class LinePolling : ITimerHandler
{
    /// <summary>Microseconds between polls of what has no other way, and of what probably has one.</summary>
    public const ulong FastInterval = 1_000, SlowInterval = 10_000;

    /// <summary>The shortest interval that may be asked for.</summary>
    public const ulong ShortestInterval = 100;

    // Polls in a row that find an interrupt before the line has delivered any, until the line counts as dead.
    private const int SilenceBound = 4;

    private static LinePolling? _instance;
    private readonly InterruptSlot?[] _slots;
    private readonly Timer _timer;

    private LinePolling(InterruptSlot?[] slots)
    {
        _slots = slots;
        _timer = new Timer(this);
    }

    /// <summary>Once, with the slots of lines and of what is polled.</summary>
    public static void Initialize(InterruptSlot?[] slots) => _instance = new LinePolling(slots);

    /// <summary>Has a handler polled from now on.</summary>
    public static void Start(InterruptSlot slot, InterruptRoute route, ulong interval)
    {
        slot.Route = route;
        slot.PollInterval = interval;
        slot.NextPoll = Clock.Microseconds + interval;
        LinePolling polling = _instance!;
        if (!polling._timer.IsRunning || polling._timer.Due > slot.NextPoll)
            polling._timer.StartAt(slot.NextPoll);
    }

    /// <summary>The line has delivered an interrupt that this handler claims: no more polling.</summary>
    public static void Confirm(InterruptSlot slot)
    {
        slot.Route = InterruptRoute.Line;
        slot.PollInterval = 0;
        Log.Info($"interrupts: {slot.Name.Text} has interrupted on line {slot.Line!.Interrupt}, no more polling");
    }

    public void OnTimer(Timer timer)
    {
        ulong next = ulong.MaxValue;
        foreach (InterruptSlot? slot in new System.ReadOnlySpan<InterruptSlot?>(_slots))
        {
            if (slot == null || slot.PollInterval == 0)
                continue;
            ulong now = Clock.Microseconds;
            if (slot.NextPoll <= now)
            {
                Poll(slot);
                slot.NextPoll = now + slot.PollInterval;
            }
            if (slot.PollInterval != 0 && slot.NextPoll < next)
                next = slot.NextPoll;
        }
        if (next != ulong.MaxValue)
            timer.StartAt(next);
    }

    private static void Poll(InterruptSlot slot)
    {
        // Interrupts are off: one that the line has delivered since then waits at the CPU, and is no proof of silence.
        bool waits = slot.Line is { } line && line.IsRequested;
        if (slot.Masks != 0 || !slot.TryCall())
            return;
        if (slot.Route != InterruptRoute.GuessedLine || waits || ++slot.SilentClaims < SilenceBound)
            return;
        Log.Warn($"interrupts: line {slot.Line!.Interrupt} says nothing of {slot.Name.Text}, which does interrupt: polling");
        slot.Route = InterruptRoute.Polled;
        slot.PollInterval = FastInterval;
    }
}
