using System;
using Sluice.Arch;
using Sluice.Boot;
using Sluice.Mm;
using Sluice.Pci;

namespace Sluice.Acpi;

/// <summary>What ACPI says about this machine; everything is empty where there is no ACPI.</summary>
internal static class Firmware
{
    // Each I/O APIC has a page, and the local APICs share one.
    private const int MostPlatformRanges = 17, MostEcamRegions = 16;

    private static TableDirectory? _directory;
    private static Fadt _fadt;

    /// <summary>All tables that passed the checks.</summary>
    public static ReadOnlySpan<TableEntry> Tables => _directory == null ? default : _directory.Tables;

    /// <summary>Interrupt controllers and CPUs.</summary>
    public static Madt Madt => new(Find(TableSignature.Madt));

    /// <summary>Nodes of memory.</summary>
    public static Srat Srat => new(Find(TableSignature.Srat));

    /// <summary>Where configuration spaces are.</summary>
    public static Mcfg Mcfg => new(Find(TableSignature.Mcfg));

    /// <summary>The fixed hardware.</summary>
    public static ref readonly Fadt Fadt => ref _fadt;

    /// <summary>How interrupts are wired.</summary>
    public static InterruptTopology InterruptTopology => InterruptWiring.Read(Madt, _fadt);

    /// <summary>Port of the timer that counts 3,579,545 times a second; 0 if there is none.</summary>
    public static ushort TimerPort => _fadt.PowerManagementTimer.IsPort ? (ushort)_fadt.PowerManagementTimer.Address : (ushort)0;

    /// <summary>Reads and checks all tables. Once, after memory.</summary>
    public static void Initialize()
    {
        if (!Rsdp.TryParse(BootInformation.Rsdp, out Rsdp rsdp))
        {
            Log.Warn($"acpi: the boot loader gave no sound root pointer; going on without ACPI");
            return;
        }
        TableDirectory directory = new(new MappedFirmware());
        if (!directory.TryRead(rsdp))
            Log.Warn($"acpi: no sound list of tables");
        _directory = directory;
        _fadt = Fadt.Parse(Find(TableSignature.Fadt));
        Report(rsdp);
    }

    /// <summary>Finds the PCI functions with what ACPI says. Once, after <see cref="Initialize"/>.</summary>
    public static void FindPciDevices()
    {
        var regions = new EcamRegion[MostEcamRegions];
        int count = 0;
        Mcfg mcfg = Mcfg;
        for (int i = 0; i < mcfg.Count; i++)
        {
            if (count < MostEcamRegions && mcfg.TryGet(i, out regions[count]))
                count++;
            else
                Log.Warn($"acpi: entry {i} of MCFG makes no sense, or is one too many; skipped");
        }
        var platform = new MemoryRange[MostPlatformRanges];
        int platformCount = FindInterruptControllers(platform);
        PciBus.AllowMessages = !_fadt.ForbidsMessageInterrupts;
        PciBus.Initialize(new ReadOnlySpan<EcamRegion>(regions, 0, count), BootInformation.MemoryMap,
            new ReadOnlySpan<MemoryRange>(platform, 0, platformCount));
        Power.Initialize(new PowerControl(_fadt, TryFindSoftOff(out SleepType softOff), softOff, PciBus.Legacy));
    }

    /// <summary>Finds a table, the first of its kind; empty if there is none.</summary>
    public static ReadOnlySpan<byte> Find(TableSignature signature, int number = 0) =>
        _directory != null && _directory.TryFind(signature, number, out ReadOnlySpan<byte> table) ? table : default;

    private static int FindInterruptControllers(Span<MemoryRange> ranges)
    {
        int count = 0, position = 0;
        Madt madt = Madt;
        if (madt.IsPresent)
            ranges[count++] = new MemoryRange(madt.LocalApicAddress, PhysAddr.PageSize, MemoryKind.Reserved);
        while (count < ranges.Length && madt.TryNext(ref position, out MadtEntry entry))
        {
            // Chipsets pack I/O APICs closer than a page; their registers take 32 bytes (82093AA datasheet, section 3.0).
            if (entry.Kind == MadtKind.IoApic)
                ranges[count++] = new MemoryRange(entry.Address, 32, MemoryKind.Reserved);
        }
        return count;
    }

    // The DSDT has it on all machines seen; a few have it in an SSDT.
    private static bool TryFindSoftOff(out SleepType type)
    {
        if (SleepType.TryFindSoftOff(Find(TableSignature.Dsdt), out type))
            return true;
        for (int i = 0; ; i++)
        {
            ReadOnlySpan<byte> table = Find(TableSignature.Ssdt, i);
            if (table.IsEmpty)
                return false;
            if (SleepType.TryFindSoftOff(table, out type))
                return true;
        }
    }

    private static void Report(Rsdp rsdp)
    {
        Span<byte> room = stackalloc byte[160];
        Utf8Writer names = new(room);
        foreach (TableEntry table in Tables)
        {
            names.Append((byte)' ');
            table.Signature.Format(ref names, default);
        }
        Log.Info($"acpi: revision {rsdp.Revision},{names.Written}");
    }
}
