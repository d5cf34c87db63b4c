using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>
/// A line on a pin of an I/O APIC, with all handlers that share it. Each interrupt asks all of them, as a level says only that somebody
/// wants something. A line that nobody claims is shut off, or the machine would do nothing else; its handlers are polled then.
/// </summary>
internal sealed class SharedLine(IoApic ioApic, int pin, uint interrupt) : InterruptTarget
{
    /// <summary>Interrupts in a row that nobody claims until the line is shut off.</summary>
    public const int StormBound = 100;

    private InterruptSlot? _first;
    private int _masks, _unclaimedRun;

    /// <summary>The global system interrupt.</summary>
    public uint Interrupt { get; } = interrupt;

    /// <summary>0 while nobody uses the line.</summary>
    public byte Vector { get; private set; }

    public LineTrigger Trigger { get; private set; }

    /// <summary>Whether it was shut off because nobody claimed its interrupts.</summary>
    public bool IsShut { get; private set; }

    /// <summary>Whether nobody uses it.</summary>
    public bool IsFree => _first == null;

    public bool IsLevel => Trigger >= LineTrigger.LevelHigh;

    /// <summary>Whether an interrupt of it waits at the CPU.</summary>
    public bool IsRequested => LocalApic.IsRequested(Vector);

    /// <summary>Next of all lines ever used.</summary>
    public SharedLine? Next { get; init; }

    /// <summary>Leads the pin to a vector; still shut.</summary>
    public void Open(byte vector, LineTrigger trigger)
    {
        Vector = vector;
        Trigger = trigger;
        _masks = 0;
        ioApic.Route(pin, vector, LocalApic.Id, trigger);
    }

    /// <summary>A handler more. A line that was shut off has another chance.</summary>
    public void Add(InterruptSlot slot)
    {
        slot.NextOnLine = _first;
        _first = slot;
        Recover();
    }

    /// <summary>A handler less; the last one's pin is masked. True if nobody is left.</summary>
    public bool Remove(InterruptSlot slot)
    {
        if (_first == slot)
        {
            _first = slot.NextOnLine;
        }
        else
        {
            InterruptSlot before = _first!;
            while (before.NextOnLine != slot)
                before = before.NextOnLine!;
            before.NextOnLine = slot.NextOnLine;
        }
        if (_first == null)
        {
            ioApic.Mask(pin);
            return true;
        }
        if (IsLevel)
            _masks -= slot.Masks;
        Recover();
        return false;
    }

    /// <summary>One handler holds the line back: a level at the pin, an edge by being remembered, as the pin would lose it.</summary>
    public void Mask(InterruptSlot slot)
    {
        slot.Mask();
        if (IsLevel && _masks++ == 0)
            ioApic.Mask(pin);
    }

    /// <summary>Undoes one <see cref="Mask"/>.</summary>
    public void Unmask(InterruptSlot slot)
    {
        bool remembered = slot.Unmask();
        if (!IsLevel && remembered)
            LocalApic.InterruptSelf(Vector);
        if (IsLevel && --_masks == 0 && !IsShut)
            ioApic.Unmask(pin);
    }

    public override void Deliver()
    {
        bool claimed = false;
        for (InterruptSlot? slot = _first; slot != null; slot = slot.NextOnLine)
        {
            if (!slot.TryCall())
                continue;
            claimed = true;
            // One that is masked was not asked, only told: no proof that the interrupt is its own.
            if (slot.Route != InterruptRoute.Line && slot.Masks == 0)
                LinePolling.Confirm(slot);
        }
        if (claimed)
            _unclaimedRun = 0;
        else if (++_unclaimedRun >= StormBound)
            ShutOff();
    }

    private void ShutOff()
    {
        if (IsShut)
            return;
        IsShut = true;
        ioApic.Mask(pin);
        DeviceInterrupts.LinesShutOff++;
        for (InterruptSlot? slot = _first; slot != null; slot = slot.NextOnLine)
        {
            Log.Warn($"interrupts: line {Interrupt} shut off, {StormBound} interrupts that nobody claimed; polling {slot.Name.Text}");
            LinePolling.Start(slot, InterruptRoute.Polled, LinePolling.FastInterval);
        }
    }

    private void Recover()
    {
        _unclaimedRun = 0;
        IsShut = false;
        if (_masks == 0)
            ioApic.Unmask(pin);
    }
}
