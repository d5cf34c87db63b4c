using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>A counter whose rate is known by specification, to measure others against.</summary>
internal readonly unsafe struct ReferenceCounter
{
    // A read of a port takes about a microsecond, so a counter that has not moved after this many stands still.
    private const int ReadsUntilMoved = 4096;

    // Any of them may be disturbed: by firmware (SMM), or by a hypervisor that gives the CPU to somebody else.
    private const int SampledTicks = 4;

    private const ushort PitControl = 0x43, PitChannel2 = 0x42, SystemControl = 0x61;

    private readonly ushort _port;
    private readonly delegate*<ushort, uint> _read;
    private readonly uint _mask;

    private ReferenceCounter(ushort port, delegate*<ushort, uint> read, uint mask, uint ticksPerSecond)
    {
        _port = port;
        _read = read;
        _mask = mask;
        TicksPerSecond = ticksPerSecond;
    }

    /// <summary>Its rate.</summary>
    public uint TicksPerSecond { get; }

    /// <summary>What it shows now.</summary>
    public uint Value => _read(_port) & _mask;

    /// <summary>
    /// ACPI's power management timer; a counter of 24 bits is all that is asked of it. Source: ACPI 6.5, section 4.8.3.3.
    /// </summary>
    public static ReferenceCounter PowerManagement(ushort port) => new(port, &PortIo.In32, 0xFF_FFFF, 3_579_545);

    /// <summary>
    /// Channel 2 of the interval timer, the loudspeaker's, counting down from 65,536 (55 ms) with the loudspeaker off. Started here.
    /// Source: Intel 8254 datasheet (231164), mode 0; the gate is bit 0 of port 0x61.
    /// </summary>
    public static ReferenceCounter StartIntervalTimer()
    {
        PortIo.Out8(SystemControl, (byte)(PortIo.In8(SystemControl) & ~2 | 1));
        PortIo.Out8(PitControl, 0xB0);      // channel 2, both bytes, mode 0
        PortIo.Out8(PitChannel2, 0xFF);
        PortIo.Out8(PitChannel2, 0xFF);
        return new ReferenceCounter(0, &ReadIntervalTimer, 0xFFFF, 1_193_182);
    }

    /// <summary>Stops channel 2.</summary>
    public static void StopIntervalTimer() => PortIo.Out8(SystemControl, (byte)(PortIo.In8(SystemControl) & ~3));

    /// <summary>Ticks from an earlier value to a later one; less than one turn of the counter.</summary>
    public uint Between(uint earlier, uint later) => later - earlier & _mask;

    /// <summary>
    /// Waits for a tick and says what the counter, the time stamp counter and the local APIC's timer showed then: of a few ticks the one
    /// where least time went by between the first and the last of these. False if the counter stands still.
    /// </summary>
    public bool TrySample(out CounterSample sample)
    {
        sample = default;
        ulong best = ulong.MaxValue;
        for (int i = 0; i < SampledTicks; i++)
        {
            if (!TryAwaitTick(out CounterSample candidate, out ulong uncertainty))
                return false;
            if (uncertainty >= best)
                continue;
            best = uncertainty;
            sample = candidate;
        }
        return true;
    }

    private bool TryAwaitTick(out CounterSample sample, out ulong uncertainty)
    {
        uint first = Value;
        ulong before = Cpu.Timestamp();
        for (int i = 0; i < ReadsUntilMoved; i++)
        {
            uint value = Value;
            ulong after = Cpu.Timestamp();
            if (value != first)
            {
                uint apic = LocalApic.IsEnabled ? LocalApic.TimerCount : 0;
                uncertainty = Cpu.Timestamp() - before;
                sample = new CounterSample(value, after, apic);
                return true;
            }
            before = after;
        }
        sample = default;
        uncertainty = 0;
        return false;
    }

    private static uint ReadIntervalTimer(ushort port)
    {
        PortIo.Out8(PitControl, 0x80);      // latch channel 2
        uint low = PortIo.In8(PitChannel2);
        // It counts down; the others count up.
        return ~(low | (uint)PortIo.In8(PitChannel2) << 8);
    }
}

/// <summary>What three counters showed at one moment.</summary>
internal readonly struct CounterSample(uint reference, ulong timestamp, uint apicTimer)
{
    public uint Reference { get; } = reference;
    public ulong Timestamp { get; } = timestamp;

    /// <summary>Counts down.</summary>
    public uint ApicTimer { get; } = apicTimer;
}
