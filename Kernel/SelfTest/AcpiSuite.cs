using System;
using Sluice.Acpi;
using Sluice.Arch;
using Sluice.Boot;
using Sluice.Mm;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.SelfTest;

/// <summary>What firmware says, held against the machine; hosted tests cover what firmware gets wrong.</summary>
internal static unsafe class AcpiSuite
{
    public static void Register(ref Suite suite)
    {
        suite.Case("tables are whole and in memory that is not ours"u8, &Tables);
        suite.Case("MADT lists this CPU and an I/O APIC"u8, &Processors);
        suite.Case("the power management timer runs at its rate"u8, &Timer);
        suite.Case("MCFG's configuration spaces are in use"u8, &ConfigurationSpaces);
        suite.Case("the machine can be switched off and reset"u8, &PowerControl);
    }

    private static bool HasTables(ref Ktap t)
    {
        if (Firmware.Tables.IsEmpty)
            t.Skip("this machine has no ACPI"u8);
        return !Firmware.Tables.IsEmpty;
    }

    private static void Tables(ref Ktap t)
    {
        if (!HasTables(ref t))
            return;
        foreach (TableEntry entry in Firmware.Tables)
        {
            t.Check(entry.Bytes >= TableDirectory.HeaderBytes, "as long as its header"u8);
            foreach (MemoryRange range in BootInformation.MemoryMap)
            {
                bool apart = entry.Start + entry.Bytes <= range.Start || entry.Start >= range.Start + range.Bytes;
                t.Check(range.Kind != MemoryKind.Usable || apart, "not in memory that we hand out"u8);
            }
        }
        t.Check(!Firmware.Find(TableSignature.Fadt).IsEmpty, "FADT"u8);
        t.Equal(0, TableBytes.Sum(Firmware.Find(TableSignature.Dsdt)), "sum of the DSDT"u8);
    }

    private static void Processors(ref Ktap t)
    {
        Madt madt = Firmware.Madt;
        if (!madt.IsPresent)
        {
            t.Skip("this machine has no MADT"u8);
            return;
        }
        uint id = CpuRegisters.Identify(1).Ebx >> 24;
        int position = 0, processors = 0, ioApics = 0;
        bool found = false;
        while (madt.TryNext(ref position, out MadtEntry entry))
        {
            ioApics += entry.Kind == MadtKind.IoApic ? 1 : 0;
            if (entry.Kind is not (MadtKind.LocalApic or MadtKind.LocalX2Apic) || !entry.IsEnabled)
                continue;
            processors++;
            found |= entry.Id == id;
        }
        t.Check(found, "this CPU's APIC is listed"u8);
        t.Check(processors > 0 && ioApics > 0, "a processor and an I/O APIC"u8);
        t.Check(madt.LocalApicAddress.Value != 0, "the local APIC has an address"u8);
    }

    private static void Timer(ref Ktap t)
    {
        ushort port = Firmware.TimerPort;
        if (port == 0)
        {
            t.Skip("this machine has no such timer"u8);
            return;
        }
        // 24 bits are there for sure; they wrap after 4.7 seconds. Between any two steps this machine may have stood still.
        const uint mask = 0xFF_FFFF, ticksPerSecond = 3_579_545;
        ulong before = Clock.Microseconds;
        uint start = PortIo.In32(port);
        ulong begun = Clock.Microseconds;
        Clock.Delay(20_000);
        ulong done = Clock.Microseconds;
        ulong passed = ((PortIo.In32(port) - start) & mask) * 1_000_000ul / ticksPerSecond;
        ulong after = Clock.Microseconds;
        t.Check(passed >= (done - begun) * 19 / 20 && passed <= (after - before) * 21 / 20, "as much time passed as by our clock"u8);
    }

    private static void ConfigurationSpaces(ref Ktap t)
    {
        Mcfg mcfg = Firmware.Mcfg;
        if (mcfg.Count == 0)
        {
            t.Skip("this machine has no MCFG"u8);
            return;
        }
        t.Check(mcfg.TryGet(0, out EcamRegion region), "the first entry makes sense"u8);
        t.Equal((ulong)mcfg.Count, (ulong)PciBus.Ecam.Length, "regions in use"u8);
        t.Equal(region.Start.Value, PciBus.Ecam[0].Region.Start.Value, "start of the first"u8);
        foreach (PciFunction function in PciBus.Functions)
            t.Equal(ConfigurationAccess.ExtendedBytes, function.ConfigurationBytes, "bytes of configuration space"u8);
    }

    private static void PowerControl(ref Ktap t)
    {
        if (!HasTables(ref t))
            return;
        t.Check(Power.CanPowerOff, "ACPI says how to switch off"u8);
        t.Check(Power.CanReset == Firmware.Fadt.CanReset, "the reset register can be reached if there is one"u8);
    }
}
