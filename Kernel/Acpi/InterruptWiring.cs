using Sluice.Arch;
using Sluice.Platform;

namespace Sluice.Acpi;

/// <summary>From the MADT to what the interrupt code needs to know.</summary>
internal static class InterruptWiring
{
    /// <summary>How interrupts are wired on this machine; the way PCs always had them if the table is not there or names no I/O APIC.</summary>
    public static InterruptTopology Read(Madt madt, in Fadt fadt)
    {
        InterruptTopology topology = new() { LocalApic = madt.LocalApicAddress };
        // Firmware lists the processor that it boots first. Source: ACPI 6.5, section 5.2.12.1.
        uint bootProcessor = MadtEntry.AllProcessors;
        int position = 0;
        while (madt.TryNext(ref position, out MadtEntry entry))
        {
            if (bootProcessor == MadtEntry.AllProcessors && entry.Kind is MadtKind.LocalApic or MadtKind.LocalX2Apic && entry.IsEnabled)
                bootProcessor = entry.Processor;
            Add(ref topology, entry, bootProcessor);
        }
        if (!madt.IsPresent || topology.IoApicCount == 0)
            topology = InterruptTopology.Conventional;
        topology.ForbidsMessages = fadt.ForbidsMessageInterrupts;
        return topology;
    }

    private static void Add(ref InterruptTopology topology, in MadtEntry entry, uint bootProcessor)
    {
        switch (entry.Kind)
        {
            case MadtKind.IoApic:
                topology.AddIoApic(new IoApicDescription
                {
                    Address = entry.Address,
                    FirstInterrupt = entry.GlobalInterrupt,
                    Id = (byte)entry.Id,
                });
                break;
            case MadtKind.InterruptOverride:
                topology.Override(entry.IsaInterrupt, entry.GlobalInterrupt, TriggerOf(entry.Input));
                break;
            case MadtKind.NonMaskableSource:
                topology.AddGlobalNonMaskable(new NonMaskableInput { Number = entry.GlobalInterrupt, Trigger = TriggerOf(entry.Input) });
                break;
            case MadtKind.LocalApicNonMaskable or MadtKind.LocalX2ApicNonMaskable
                when entry.Processor == MadtEntry.AllProcessors || entry.Processor == bootProcessor:
                topology.AddLocalNonMaskable(new NonMaskableInput { Number = entry.LocalPin, Trigger = TriggerOf(entry.Input) });
                break;
        }
    }

    // What conforms to the bus is ISA's way: edge, high; but low where a level is asked for, as on EISA.
    private static LineTrigger TriggerOf(InputFlags input)
    {
        bool level = input.IsLevel(busDefault: false), low = input.IsActiveLow(busDefault: level);
        return level ? low ? LineTrigger.LevelLow : LineTrigger.LevelHigh : low ? LineTrigger.EdgeLow : LineTrigger.EdgeHigh;
    }
}
