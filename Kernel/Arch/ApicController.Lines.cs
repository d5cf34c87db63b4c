using System;
using Sluice.Platform;

namespace Sluice.Arch;

// Lines: from the name of one to a pin, shared by all who take it.
internal sealed partial class ApicController
{
    private readonly IoApic?[] _ioApics;
    private SharedLine? _lines;

    public override bool TryTakeLine(InterruptLine line, IInterruptHandler handler, ReadOnlySpan<byte> name, out InterruptToken token)
    {
        token = default;
        if (!TryFindLineSlot(out InterruptSlot? slot))
            return false;
        SharedLine? shared = null;
        if (_topology.TryResolve(line, out uint interrupt, out LineTrigger trigger)
            && TryFindPin(interrupt, out IoApic? ioApic, out int pin))
        {
            shared = FindLine(interrupt) ?? (_lines = new SharedLine(ioApic!, pin, interrupt) { Next = _lines });
            // A PCI function whose line is a guess anyway is polled instead; who named the line exactly should know.
            if (!TryOpen(shared, trigger))
                shared = null;
            if (shared == null && line.Named != InterruptLine.Kind.PciRegister)
                return false;
        }
        bool interrupts = Cpu.DisableInterrupts();
        if (shared == null)
            TakeWithoutLine(slot!, handler, name, line.Number);
        else
            Take(slot!, handler, name, shared, isGuess: line.Named == InterruptLine.Kind.PciRegister);
        Cpu.RestoreInterrupts(interrupts);
        token = new InterruptToken(slot!.Token);
        return true;
    }

    private static void TakeWithoutLine(InterruptSlot slot, IInterruptHandler handler, ReadOnlySpan<byte> name, uint number)
    {
        slot.TakeLine(handler, InterruptName.From(name), InterruptRoute.Polled, line: null);
        LinePolling.Start(slot, InterruptRoute.Polled, LinePolling.FastInterval);
        Log.Warn($"interrupts: line {number} of {name} cannot be used, polling each {LinePolling.FastInterval} us");
    }

    private static void Take(InterruptSlot slot, IInterruptHandler handler, ReadOnlySpan<byte> name, SharedLine line, bool isGuess)
    {
        ReadOnlySpan<byte> trigger = line.Trigger switch
        {
            LineTrigger.EdgeHigh => "rising edge"u8,
            LineTrigger.EdgeLow => "falling edge"u8,
            LineTrigger.LevelHigh => "high level"u8,
            _ => "low level"u8,
        };
        slot.TakeLine(handler, InterruptName.From(name), isGuess ? InterruptRoute.GuessedLine : InterruptRoute.Line, line);
        if (isGuess)
        {
            LinePolling.Start(slot, InterruptRoute.GuessedLine, LinePolling.SlowInterval);
            Log.Info($"interrupts: {name} on line {line.Interrupt} ({trigger}), vector {line.Vector}; polled until it has proved itself");
        }
        else
        {
            Log.Info($"interrupts: {name} on line {line.Interrupt} ({trigger}), vector {line.Vector}");
        }
        line.Add(slot);
    }

    private void RouteNonMaskable()
    {
        for (int i = 0; i < _topology.GlobalNonMaskableCount; i++)
        {
            NonMaskableInput input = _topology.GlobalNonMaskable(i);
            if (TryFindPin(input.Number, out IoApic? ioApic, out int pin))
                ioApic!.RouteNonMaskable(pin, LocalApic.Id, input.Trigger);
        }
    }

    private bool TryFindPin(uint interrupt, out IoApic? ioApic, out int pin)
    {
        for (int i = 0; i < _ioApics.Length && _canRoute; i++)
        {
            ioApic = _ioApics[i];
            if (ioApic == null || interrupt < ioApic.FirstInterrupt || interrupt - ioApic.FirstInterrupt >= (uint)ioApic.Pins)
                continue;
            pin = (int)(interrupt - ioApic.FirstInterrupt);
            return true;
        }
        ioApic = null;
        pin = 0;
        return false;
    }

    private SharedLine? FindLine(uint interrupt)
    {
        SharedLine? line = _lines;
        while (line != null && line.Interrupt != interrupt)
            line = line.Next;
        return line;
    }

    // Edges cannot be shared, nor can levels of different polarity.
    private bool TryOpen(SharedLine line, LineTrigger trigger)
    {
        if (!line.IsFree)
            return line.IsLevel && line.Trigger == trigger;
        if (!_vectors.TryTake(1, out byte vector))
            return false;
        DeviceInterrupts.SetTarget(vector, line);
        line.Open(vector, trigger);
        return true;
    }

    private void ReleaseLine(InterruptSlot slot)
    {
        SharedLine? line = slot.Line;
        if (line != null && line.Remove(slot))
        {
            DeviceInterrupts.SetTarget(line.Vector, null);
            _vectors.Give(line.Vector, 1);
        }
        slot.Release();
    }

    private bool TryFindLineSlot(out InterruptSlot? slot)
    {
        for (int i = 0; i < LineSlots; i++)
        {
            slot = _lineSlots[i] ??= new InterruptSlot(FirstLineSlot + i);
            if (!slot.IsTaken)
                return true;
        }
        slot = null;
        return false;
    }
}
