using System;
using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>
/// Measures the time stamp counter and the local APIC's timer against the machine's reference counters, and believes the CPU's own
/// word for its rate only if it fits. Takes 2 ms where all is well, some 35 ms where not.
/// </summary>
internal static class TscCalibration
{
    // Each end of a window is good to a read of a port, about 1 us: 0.05 % of 2 ms.
    private const uint ShortWindow = 2_000, LongWindow = 10_000;
    private const int Attempts = 4;

    // A machine that has no counter that works, nor a word for its rate. Nothing will be on time; but it will be tried.
    private const ulong Guess = 2_000_000_000;

    private static ulong _exact;
    private static ReferenceCounter _power, _interval;
    private static bool _hasPower, _hasInterval;

    /// <summary>How the local APIC's timer counts in the divided mode; 0 if it could not be measured.</summary>
    public static ulong ApicCountsPerSecond { get; private set; }

    /// <summary>What the rate was taken from.</summary>
    public static TscSource Source { get; private set; }

    /// <summary>Finds the rates and sets <see cref="Clock"/>. Once, interrupts off, when the local APIC is enabled.</summary>
    /// <param name="powerManagementTimer">The port of ACPI's timer; 0 if there is none.</param>
    public static void Run(ushort powerManagementTimer)
    {
        if (!CpuFeatures.InvariantTsc)
            Log.Warn($"clock: this CPU does not promise that its time stamp counter runs at one rate");
        _exact = Exact();
        _power = ReferenceCounter.PowerManagement(powerManagementTimer);
        _hasPower = powerManagementTimer != 0 && _power.TrySample(out _);
        _interval = ReferenceCounter.StartIntervalTimer();
        _hasInterval = _interval.TrySample(out _);
        if (LocalApic.IsEnabled)
            LocalApic.SetTimer(byDeadline: false, interrupts: false);
        ulong rate = Measure();
        if (LocalApic.IsEnabled)
            LocalApic.SetTimerCount(0);
        ReferenceCounter.StopIntervalTimer();
        Clock.SetRate(rate);
        Log.Info($"clock: {rate / 1_000_000}.{rate / 1000 % 1000:d3} MHz by {Name(Source)}, APIC timer {ApicCountsPerSecond / 1000} kHz");
    }

    /// <summary>
    /// Measures again, without consequences; false if there is nothing to measure with, or the machine was disturbed. Interrupts off.
    /// </summary>
    public static bool TryMeasureAgain(out ulong ticksPerSecond)
    {
        ticksPerSecond = 0;
        if (_hasInterval)
            _interval = ReferenceCounter.StartIntervalTimer();
        bool isSure = (_hasPower || _hasInterval) && TryMeasure(LongWindow, out ticksPerSecond, out _, out bool sure) && sure;
        ReferenceCounter.StopIntervalTimer();
        return isSure;
    }

    private static ulong Measure()
    {
        ulong rate = 0;
        for (int attempt = 0; attempt < Attempts && (_hasPower || _hasInterval); attempt++)
        {
            if (LocalApic.IsEnabled)
                LocalApic.SetTimerCount(uint.MaxValue);
            if (!TryMeasure(attempt == 0 ? ShortWindow : LongWindow, out rate, out ulong apicRate, out bool isSure))
            {
                // The better counter stopped meanwhile; the other one may still run.
                rate = 0;
                _hasInterval &= _hasPower;
                _hasPower = false;
                continue;
            }
            ApicCountsPerSecond = apicRate;
            if (isSure)
                return Choose(rate);
        }
        if (rate != 0)
        {
            Log.Warn($"clock: the reference counters do not agree, time may be wrong by more than 1 %");
            return Choose(rate);
        }
        ulong claimed = _exact != 0 ? _exact : Base();
        Log.Warn($"clock: nothing to measure the time stamp counter with");
        Source = claimed != 0 ? TscSource.Cpuid : TscSource.Guess;
        ApicCountsPerSecond = 0;
        return claimed != 0 ? claimed : Guess;
    }

    private static ulong Choose(ulong measured)
    {
        Source = _hasPower ? TscSource.PowerManagementTimer : TscSource.IntervalTimer;
        if (_exact == 0)
            return measured;
        if (!TimeScale.Agree(measured, _exact))
        {
            Log.Warn($"clock: the CPU claims {_exact / 1_000_000} MHz, measured {measured / 1_000_000}");
            return measured;
        }
        Source = TscSource.Cpuid;
        return _exact;
    }

    // Two halves of a window that must agree; and where there are two counters, the other one is asked about the whole of it.
    private static bool TryMeasure(uint microseconds, out ulong rate, out ulong apicRate, out bool isSure)
    {
        ReferenceCounter counter = _hasPower ? _power : _interval;
        rate = apicRate = 0;
        isSure = false;
        uint half = (uint)((ulong)counter.TicksPerSecond * microseconds / 2_000_000);
        if (!counter.TrySample(out CounterSample start))
            return false;
        uint firstOther = _interval.Value;
        if (!TryWait(counter, start.Reference, half, out CounterSample middle)
            || !TryWait(counter, middle.Reference, half, out CounterSample end))
            return false;
        uint other = _interval.Between(firstOther, _interval.Value);

        uint ticks = counter.Between(start.Reference, end.Reference);
        rate = TimeScale.Rate(end.Timestamp - start.Timestamp, ticks, counter.TicksPerSecond);
        apicRate = TimeScale.Rate(start.ApicTimer - end.ApicTimer, ticks, counter.TicksPerSecond);
        ulong firstHalf = Rate(counter, start, middle), secondHalf = Rate(counter, middle, end);
        ulong byOther = _hasPower && _hasInterval ? TimeScale.Rate(end.Timestamp - start.Timestamp, other, _interval.TicksPerSecond) : rate;
        isSure = TimeScale.Agree(firstHalf, secondHalf) && TimeScale.Agree(byOther, rate);
        return TimeScale.IsPlausible(rate);
    }

    private static bool TryWait(ReferenceCounter counter, uint start, uint ticks, out CounterSample sample)
    {
        do
        {
            if (!counter.TrySample(out sample))
                return false;
        }
        while (counter.Between(start, sample.Reference) < ticks);
        return true;
    }

    private static ulong Rate(ReferenceCounter counter, CounterSample start, CounterSample end) =>
        TimeScale.Rate(end.Timestamp - start.Timestamp, counter.Between(start.Reference, end.Reference), counter.TicksPerSecond);

    // Crystal's frequency in Hz, times EBX over EAX; 0 where the CPU does not know its crystal.
    // Source: Intel SDM volume 2, CPUID leaf 0x15.
    private static ulong Exact()
    {
        if (CpuRegisters.Identify(0).Eax < 0x15)
            return 0;
        CpuidResult leaf = CpuRegisters.Identify(0x15);
        ulong rate = leaf.Eax == 0 ? 0 : (ulong)leaf.Ecx * leaf.Ebx / leaf.Eax;
        return TimeScale.IsPlausible(rate) ? rate : 0;
    }

    // The base frequency as it is advertised, in MHz: near, not exact. Source: Intel SDM volume 2, CPUID leaf 0x16.
    private static ulong Base()
    {
        ulong rate = CpuRegisters.Identify(0).Eax < 0x16 ? 0 : (CpuRegisters.Identify(0x16).Eax & 0xFFFF) * 1_000_000UL;
        return TimeScale.IsPlausible(rate) ? rate : 0;
    }

    private static ReadOnlySpan<byte> Name(TscSource source) => source switch
    {
        TscSource.Cpuid => "CPUID"u8,
        TscSource.PowerManagementTimer => "the ACPI timer"u8,
        TscSource.IntervalTimer => "the interval timer"u8,
        _ => "guess"u8,
    };
}

/// <summary>What the rate of the time stamp counter was taken from.</summary>
internal enum TscSource : byte
{
    Guess,
    Cpuid,
    PowerManagementTimer,
    IntervalTimer,
}
