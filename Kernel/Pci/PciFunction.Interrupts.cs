using System;
using Sluice.Platform;

namespace Sluice.Pci;

/// <summary>How a function may interrupt.</summary>
[Flags]
public enum InterruptKinds : byte
{
    None = 0,

    /// <summary>By messages from a table in its registers.</summary>
    MsiX = 1 << 0,

    /// <summary>By messages described in configuration space.</summary>
    Msi = 1 << 1,

    /// <summary>By a pin, shared with others.</summary>
    Line = 1 << 2,

    All = MsiX | Msi | Line,
}

public sealed partial class PciFunction
{
    private InterruptToken _interrupt;
    private MsiX? _msiX;

    /// <summary>What the function interrupts by now.</summary>
    public InterruptKinds InterruptKind { get; private set; }

    /// <summary>What was taken from the interrupt controller; for its statistics, masking and route.</summary>
    public InterruptToken Interrupt => _interrupt;

    /// <summary>
    /// Connects the function's interrupt to a handler by the best way that works: MSI-X (vector 0), else MSI (one message), else its
    /// pin. False with <see cref="InterruptKinds.None"/>: there is none, the driver must poll. Messages need
    /// <see cref="EnableMemoryAndBusMaster"/>, before or after. The handler may run before this returns. Not in interrupt handlers.
    /// </summary>
    /// <param name="handler">Called at each interrupt; for a pin also at those of neighbours.</param>
    /// <param name="name">For people.</param>
    /// <param name="allowed">Ways that may be used.</param>
    /// <param name="chosen">The way that is used.</param>
    public bool TryEnableInterrupt(IInterruptHandler handler, ReadOnlySpan<byte> name, InterruptKinds allowed, out InterruptKinds chosen)
    {
        Bug.If(InterruptKind != InterruptKinds.None, "a function's interrupt was enabled twice"u8);
        if (!PciBus.AllowMessages)
            allowed &= InterruptKinds.Line;
        if ((allowed & InterruptKinds.MsiX) != 0 && TryEnableMsiX(handler, name))
            chosen = InterruptKinds.MsiX;
        else if ((allowed & InterruptKinds.Msi) != 0 && TryEnableMsi(handler, name))
            chosen = InterruptKinds.Msi;
        else if ((allowed & InterruptKinds.Line) != 0 && TryEnableLine(handler, name))
            chosen = InterruptKinds.Line;
        else
            chosen = InterruptKinds.None;
        InterruptKind = chosen;
        ReadOnlySpan<byte> how = chosen switch
        {
            InterruptKinds.MsiX => "MSI-X"u8,
            InterruptKinds.Msi => "MSI"u8,
            InterruptKinds.Line => "its pin"u8,
            _ => "nothing; it must be polled"u8,
        };
        Log.Info($"pci: {Address} {name} interrupts by {how}");
        return chosen != InterruptKinds.None;
    }

    /// <summary>Silences the function's interrupt and gives back what it took. Nothing to do if there is none.</summary>
    public void DisableInterrupt()
    {
        if (InterruptKind == InterruptKinds.None)
            return;
        // The pin first: a function without messages goes back to it.
        Command.Change(0, PciCommand.InterruptDisable);
        switch (InterruptKind)
        {
            case InterruptKinds.MsiX:
                _msiX!.Disable();
                break;
            case InterruptKinds.Msi when TryFind(CapabilityId.Msi, MsiRegisters.LeastBytes, out uint offset):
                new MsiRegisters(this, offset).Disable();
                break;
        }
        Machine.Interrupts.Release(ref _interrupt);
        InterruptKind = InterruptKinds.None;
    }

    /// <summary>
    /// Takes the pin from a function that nobody drives yet: firmware may have left it interrupting, and its neighbours on a shared line
    /// would lose that line as nobody claims. Bridges and functions without a pin are left as they are, and so is a function older than
    /// PCI 2.3, which does not have the bit. Firmware's own use of a function goes by SMI, not by the pin.
    /// Source: PCI Local Bus 3.0, section 6.2.2, bit 10.
    /// </summary>
    internal void SilencePin()
    {
        if (Kind == HeaderKind.Endpoint && InterruptPin != 0)
            Command.Change(0, PciCommand.InterruptDisable);
    }

    private bool TryEnableMsiX(IInterruptHandler handler, ReadOnlySpan<byte> name)
    {
        if (_msiX == null && !MsiX.TryCreate(this, out _msiX))
            return false;
        if (!Machine.Interrupts.TryTakeMessage(handler, name, out _interrupt, out InterruptMessage message))
            return false;
        Command.Change(0, PciCommand.InterruptDisable);
        if (_msiX.TryEnable(message))
            return true;
        Machine.Interrupts.Release(ref _interrupt);
        return false;
    }

    private bool TryEnableMsi(IInterruptHandler handler, ReadOnlySpan<byte> name)
    {
        if (!TryFind(CapabilityId.Msi, MsiRegisters.LeastBytes, out uint offset))
            return false;
        if (!Machine.Interrupts.TryTakeMessage(handler, name, out _interrupt, out InterruptMessage message))
            return false;
        Command.Change(0, PciCommand.InterruptDisable);
        if (new MsiRegisters(this, offset).TryEnable(message))
            return true;
        Machine.Interrupts.Release(ref _interrupt);
        return false;
    }

    private bool TryEnableLine(IInterruptHandler handler, ReadOnlySpan<byte> name)
    {
        if (InterruptPin is 0 or > 4)
            return false;
        if (!Machine.Interrupts.TryTakeLine(InterruptLine.Pci(InterruptLineRegister), handler, name, out _interrupt))
            return false;
        Command.Change(PciCommand.InterruptDisable, 0);
        return true;
    }
}
