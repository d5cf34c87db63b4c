using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>An I/O APIC that firmware, or convention, speaks of.</summary>
internal struct IoApicDescription
{
    public PhysAddr Address;
    public uint FirstInterrupt;
    public byte Id;
}

/// <summary>Where an ISA line leads.</summary>
internal struct IsaRoute
{
    public uint Interrupt;
    public LineTrigger Trigger;

    /// <summary>Whether firmware gave it an override.</summary>
    public bool IsOverridden;
}

/// <summary>An input that reports what cannot wait.</summary>
internal struct NonMaskableInput
{
    /// <summary>Pin of the local APIC (0, 1), or global system interrupt.</summary>
    public uint Number;
    public LineTrigger Trigger;
}

/// <summary>
/// How interrupts are wired on this machine: filled from ACPI's MADT, or with what PCs have always had if there is none. A plain
/// value, so that routing is tested without a machine.
/// </summary>
internal struct InterruptTopology
{
    /// <summary>Most I/O APICs that are used.</summary>
    public const int MaxIoApics = 16;

    /// <summary>Most inputs for non-maskable interrupts that are set up.</summary>
    public const int MaxNonMaskable = 8;

    private const int IsaLines = 16;

    private IoApics _ioApics;
    private IsaRoutes _isa;
    private NonMaskableInputs _local, _global;

    /// <summary>Wiring without any firmware's word: no I/O APIC, each ISA line leads to the global interrupt of its number.</summary>
    public InterruptTopology()
    {
        for (byte line = 0; line < IsaLines; line++)
            _isa[line] = new IsaRoute { Interrupt = line, Trigger = LineTrigger.EdgeHigh };
    }

    /// <summary>
    /// For machines without ACPI: one I/O APIC at the usual place, the timer on its pin 2, NMI on LINT1.
    /// Source: MultiProcessor Specification 1.4, section 5.
    /// </summary>
    public static InterruptTopology Conventional
    {
        get
        {
            InterruptTopology topology = new() { LocalApic = new PhysAddr(0xFEE0_0000) };
            topology.AddIoApic(new IoApicDescription { Address = new PhysAddr(0xFEC0_0000) });
            topology.Override(0, 2, LineTrigger.EdgeHigh);
            topology.AddLocalNonMaskable(new NonMaskableInput { Number = 1 });
            return topology;
        }
    }

    /// <summary>Registers of the local APICs, for xAPIC mode.</summary>
    public PhysAddr LocalApic;

    /// <summary>Firmware says that MSI does not work.</summary>
    public bool ForbidsMessages;

    public int IoApicCount { get; private set; }

    public int LocalNonMaskableCount { get; private set; }

    public int GlobalNonMaskableCount { get; private set; }

    /// <summary>Entries that firmware had and that were left out: too many, doubled, or out of range.</summary>
    public int Ignored { get; private set; }

    public readonly IoApicDescription IoApic(int index) => _ioApics[index];

    public readonly NonMaskableInput LocalNonMaskable(int index) => _local[index];

    public readonly NonMaskableInput GlobalNonMaskable(int index) => _global[index];

    public void AddIoApic(IoApicDescription ioApic)
    {
        bool known = IoApicCount == MaxIoApics;
        for (int i = 0; i < IoApicCount && !known; i++)
            known = _ioApics[i].Address == ioApic.Address || _ioApics[i].FirstInterrupt == ioApic.FirstInterrupt;
        if (known)
            Ignored++;
        else
            _ioApics[IoApicCount++] = ioApic;
    }

    /// <summary>An interrupt source override: where an ISA line really leads, and how it signals.</summary>
    public void Override(byte line, uint interrupt, LineTrigger trigger)
    {
        if (line >= IsaLines)
        {
            Ignored++;
            return;
        }
        // A line that another one is moved to has that input no longer: IRQ 0 on input 2 takes it from the cascade.
        for (byte other = 0; other < IsaLines; other++)
        {
            if (other != line && !_isa[other].IsOverridden && _isa[other].Interrupt == interrupt)
                _isa[other].Interrupt = uint.MaxValue;
        }
        _isa[line] = new IsaRoute { Interrupt = interrupt, Trigger = trigger, IsOverridden = true };
    }

    /// <summary>A pin of this CPU's local APIC that takes non-maskable interrupts.</summary>
    public void AddLocalNonMaskable(NonMaskableInput input)
    {
        if (input.Number > 1 || LocalNonMaskableCount == MaxNonMaskable)
            Ignored++;
        else
            _local[LocalNonMaskableCount++] = input;
    }

    /// <summary>A global system interrupt that is to be delivered as non-maskable.</summary>
    public void AddGlobalNonMaskable(NonMaskableInput input)
    {
        if (GlobalNonMaskableCount == MaxNonMaskable)
            Ignored++;
        else
            _global[GlobalNonMaskableCount++] = input;
    }

    /// <summary>
    /// Finds where a line leads and how it signals. False where nobody knows: an ISA line that is none or that lost its input, a PCI
    /// function without a line.
    /// </summary>
    public readonly bool TryResolve(InterruptLine line, out uint interrupt, out LineTrigger trigger)
    {
        interrupt = line.Number;
        trigger = line.Trigger;
        if (line.Named == InterruptLine.Kind.Global)
            return true;
        // 0 is the timer's and 2 the cascade: no PCI function was ever given these. From 16 on the register's meaning is reserved.
        bool isPci = line.Named == InterruptLine.Kind.PciRegister;
        if (line.Number >= IsaLines || isPci && line.Number is 0 or 2)
            return false;
        IsaRoute route = _isa[(int)line.Number];
        interrupt = route.Interrupt;
        // An override that says "level" knows the polarity as well: QEMU's and old chipsets' PCI lines arrive inverted, active high.
        if (!isPci || route.IsOverridden && route.Trigger >= LineTrigger.LevelHigh)
            trigger = route.Trigger;
        return interrupt != uint.MaxValue;
    }

    [InlineArray(MaxIoApics)]
    private struct IoApics
    {
        private IoApicDescription _first;
    }

    [InlineArray(IsaLines)]
    private struct IsaRoutes
    {
        private IsaRoute _first;
    }

    [InlineArray(MaxNonMaskable)]
    private struct NonMaskableInputs
    {
        private NonMaskableInput _first;
    }
}
