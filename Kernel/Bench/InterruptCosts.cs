using Sluice.Arch;
using Sluice.Platform;

namespace Sluice.Bench;

/// <summary>What interrupts and timers cost.</summary>
internal sealed class InterruptCosts : IInterruptHandler, ITimerHandler
{
    private const int Rounds = 1_000;

    private static InterruptCosts? _instance;
    private readonly Timer _timer;
    private int _calls;

    private InterruptCosts() => _timer = new Timer(this);

    /// <summary>
    /// An interrupt from the CPU to itself, with the write that sends it, entry, dispatch, an empty handler, end and return; and a timer
    /// that is started and cancelled.
    /// </summary>
    public static unsafe void Measure(ref Run run)
    {
        // Timers are never given back.
        _instance ??= new InterruptCosts();
        if (run.Wants("interrupt-self-ipi"u8))
            _instance.MeasureInterrupt(ref run);
        run.Measure("timer-start-cancel"u8, Rounds, &StartAndCancel);
    }

    public bool OnInterrupt()
    {
        _calls++;
        return true;
    }

    public void OnTimer(Timer timer)
    {
    }

    private static void StartAndCancel(int rounds)
    {
        Timer timer = _instance!._timer;
        for (int i = 0; i < rounds; i++)
        {
            timer.Start(1_000_000);
            timer.Cancel();
        }
    }

    private void MeasureInterrupt(ref Run run)
    {
        if (!Machine.Interrupts.TryTakeMessage(this, "bench"u8, out InterruptToken token, out InterruptMessage message))
        {
            Log.Warn($"bench: this machine routes no messages");
            return;
        }
        LocalApic.InterruptSelf((byte)message.Data);
        _calls = 0;
        ulong start = Cpu.Timestamp();
        for (int i = 0; i < Rounds; i++)
            LocalApic.InterruptSelf((byte)message.Data);
        ulong ticks = Cpu.Timestamp() - start;
        // One that had not been delivered when the next was sent would have made the figure too good.
        if (System.Threading.Volatile.Read(ref _calls) == Rounds)
            run.Report("interrupt-self-ipi"u8, ticks, Rounds);
        else
            Log.Warn($"bench: {Rounds} interrupts were sent, {_calls} came");
        Machine.Interrupts.Release(ref token);
    }
}
