using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>
/// This CPU's alarm: the local APIC's timer, one shot at a time, by time stamp where the CPU can, else by its own count, measured
/// against the time stamp counter. Source: Intel SDM volume 3, "APIC Timer".
/// </summary>
internal sealed class ApicTimer : TimerAlarm, IInterruptHandler
{
    private const uint TscDeadlineMsr = 0x6E0;

    // Longer sleeps end early and go on: 2^32 counts last 17 s at 250 MHz.
    private const ulong LongestCount = 1_000_000;

    private readonly TickScale _scale;
    private readonly bool _byDeadline;

    /// <summary>Starts the timer, silent. <paramref name="countsPerSecond"/> is not used where the CPU takes time stamps.</summary>
    public ApicTimer(ulong countsPerSecond)
    {
        _byDeadline = CpuFeatures.TscDeadline;
        if (!_byDeadline)
            _scale = TickScale.PerSecond(countsPerSecond);
        LocalApic.SetTimer(_byDeadline, interrupts: true);
    }

    /// <summary>Interrupts that the timer has sent.</summary>
    public ulong Interrupts { get; private set; }

    public override void Set(ulong due)
    {
        if (_byDeadline)
        {
            // A time in the past interrupts at once; 0 would never.
            CpuRegisters.WriteMsr(TscDeadlineMsr, Clock.ToTimestamp(due));
            return;
        }
        ulong now = Clock.Microseconds;
        ulong wait = due > now ? due - now : 0;
        // A fraction of a microsecond has passed already: rounded down the timer may be early, and is then set again.
        ulong counts = _scale.ToTicks(wait < LongestCount ? wait : LongestCount);
        LocalApic.SetTimerCount((uint)counts);
    }

    public override void Clear()
    {
        if (_byDeadline)
            CpuRegisters.WriteMsr(TscDeadlineMsr, 0);
        else
            LocalApic.SetTimerCount(0);
    }

    public bool OnInterrupt()
    {
        Interrupts++;
        Machine.Timers.Expire(Clock.Microseconds);
        return true;
    }
}
