using System;
using System.Collections.Generic;
using System.Linq;
using FsCheck.Fluent;
using Sluice.Acpi;
using Sluice.Pci;
using Xunit;
using static Sluice.Tests.Acpi.SimulatedFirmware;

namespace Sluice.Tests.Acpi;

public sealed class ParserTests
{
    [Fact]
    public void QEMUs_MADT_is_understood()
    {
        List<MadtEntry> entries = Entries(QemuTables.Madt);
        Assert.Equal(0xFEE0_0000ul, new Madt(QemuTables.Madt).LocalApicAddress.Value);
        Assert.True(new Madt(QemuTables.Madt).HasLegacyControllers);
        Assert.Equal([(0u, true), (1u, true)], entries.Where(e => e.Kind == MadtKind.LocalApic).Select(e => (e.Id, e.IsEnabled)));
        MadtEntry ioApic = entries.Single(e => e.Kind == MadtKind.IoApic);
        Assert.Equal((0u, 0xFEC0_0000ul, 0u), (ioApic.Id, ioApic.Address.Value, ioApic.GlobalInterrupt));
        List<MadtEntry> overrides = entries.Where(e => e.Kind == MadtKind.InterruptOverride).ToList();
        Assert.Equal([(0, 2u), (5, 5u), (9, 9u), (10, 10u), (11, 11u)], overrides.Select(e => ((int)e.IsaInterrupt, e.GlobalInterrupt)));
        // The timer keeps the bus's ways (edge, high); the others are level-triggered, active high.
        Assert.False(overrides[0].Input.IsLevel(busDefault: false));
        Assert.True(overrides[0].Input.IsActiveLow(busDefault: true));
        Assert.True(overrides[1].Input.IsLevel(busDefault: false));
        Assert.False(overrides[1].Input.IsActiveLow(busDefault: true));
        MadtEntry nmi = entries.Single(e => e.Kind == MadtKind.LocalApicNonMaskable);
        Assert.Equal((MadtEntry.AllProcessors, 1), (nmi.Processor, (int)nmi.LocalPin));
    }

    [Fact]
    public void The_newer_kinds_of_MADT_entries_are_understood()
    {
        byte[] table = Table("APIC", [
            0, 0, 0xE0, 0xFE, 1, 0, 0, 0,
            9, 16, 0, 0, 0x00, 0x01, 0, 0, 2, 0, 0, 0, 0x07, 0, 0, 0,
            5, 12, 0, 0, 0, 0, 0, 0x10, 1, 0, 0, 0,
            3, 8, 0x0D, 0, 22, 0, 0, 0,
            10, 12, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0,
            0x7F, 3, 0xEE]);
        List<MadtEntry> entries = Entries(table);
        Assert.Equal([MadtKind.LocalX2Apic, MadtKind.LocalApicAddress, MadtKind.NonMaskableSource, MadtKind.LocalX2ApicNonMaskable],
            entries.Select(e => e.Kind));
        Assert.Equal((256u, 7u, false, true), (entries[0].Id, entries[0].Processor, entries[0].IsEnabled, entries[0].MayComeOnline));
        Assert.Equal(0x1_1000_0000ul, new Madt(table).LocalApicAddress.Value);
        Assert.Equal(22u, entries[2].GlobalInterrupt);
        Assert.Equal((MadtEntry.AllProcessors, 1), (entries[3].Processor, (int)entries[3].LocalPin));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(200)]
    public void A_MADT_entry_with_an_impossible_length_ends_the_walk(byte length)
    {
        byte[] table = QemuTables.Madt;
        table[44 + 8 + 1] = length;
        Assert.Single(Entries(table));
    }

    [Fact]
    public void QEMUs_MCFG_is_understood()
    {
        var mcfg = new Mcfg(QemuTables.Mcfg);
        Assert.Equal(1, mcfg.Count);
        Assert.True(mcfg.TryGet(0, out EcamRegion region));
        Assert.Equal((0xB000_0000ul, 256ul << 20, 0, 255), (region.Start.Value, region.Bytes, region.FirstBus, region.LastBus));
    }

    [Theory]
    [InlineData(0ul, 0, 255)]
    [InlineData(0xB000_1000ul, 0, 255)]
    [InlineData(0xB000_0000ul, 5, 4)]
    [InlineData(0xFFFF_FFFF_FFF0_0000ul, 0, 255)]
    public void MCFG_entries_that_make_no_sense_are_refused(ulong address, byte first, byte last)
    {
        byte[] table = QemuTables.Mcfg;
        BitConverter.GetBytes(address).CopyTo(table, 44);
        table[54] = first;
        table[55] = last;
        Assert.False(new Mcfg(table).TryGet(0, out _));
    }

    [Fact]
    public void QEMUs_FADTs_are_understood()
    {
        Fadt current = Fadt.Parse(QemuTables.Fadt);
        Assert.True(current.IsPresent && current.CanReset && !current.IsHardwareReduced && !current.ForbidsMessageInterrupts);
        Assert.Equal((RegisterSpace.Ports, 0xCF9ul, 0x0F), (current.ResetRegister.Space, current.ResetRegister.Address, (int)current.ResetValue));
        Assert.Equal((0x604ul, 0ul, 0x608ul), (current.Pm1aControl.Address, current.Pm1bControl.Address, current.PowerManagementTimer.Address));
        Assert.Equal((0xB2, 2), ((int)current.CommandPort, (int)current.EnableCommand));
        Assert.Equal(0x0FFE_0040ul, current.Dsdt.Value);
        Assert.Equal(9, current.SystemControlInterrupt);

        Fadt old = Fadt.Parse(QemuTables.OldFadt);
        Assert.True(old.IsPresent && !old.CanReset && old.MayHaveKeyboardController && !old.ForbidsMessageInterrupts);
        Assert.Equal((0x604ul, 0xF1), (old.Pm1aControl.Address, (int)old.EnableCommand));
        Assert.False(Fadt.Parse(default).Pm1aControl.IsPresent);
    }

    [Fact]
    public void Boot_flags_count_only_where_the_table_is_new_enough()
    {
        byte[] table = QemuTables.Fadt;
        BitConverter.GetBytes((ushort)PcBootFlags.NoMessageInterrupts).CopyTo(table, 109);
        Fadt fadt = Fadt.Parse(table);
        Assert.True(fadt.ForbidsMessageInterrupts);
        Assert.False(fadt.MayHaveKeyboardController);
        table[8] = 2;
        fadt = Fadt.Parse(table);
        Assert.False(fadt.ForbidsMessageInterrupts);
        Assert.True(fadt.MayHaveKeyboardController);
    }

    [Fact]
    public void QEMUs_SRAT_is_understood()
    {
        var srat = new Srat(QemuTables.Srat);
        List<Affinity> found = [];
        int position = 0;
        while (srat.TryNext(ref position, out Affinity affinity))
            found.Add(affinity);
        Assert.Equal([(0u, 0u), (1u, 1u)], found.Where(a => !a.IsMemory).Select(a => (a.ApicId, a.Node)));
        Assert.Equal([(0ul, 0xA_0000ul, 0u), (0x10_0000ul, 0x7F0_0000ul, 0u), (0x800_0000ul, 0x800_0000ul, 1u)],
            found.Where(a => a.IsMemory).Select(a => (a.Start.Value, a.Bytes, a.Node)));
    }

    /// <summary>The property behind all parsers: whatever the bytes, nothing outside is read (a span would throw) and the walk ends.</summary>
    [Fact]
    public void Parsers_survive_any_bytes() =>
        Properties.ForAll(Gen.Choose(int.MinValue, int.MaxValue), seed =>
        {
            var random = new Random(seed);
            byte[] table = random.Next(6) switch
            {
                0 => QemuTables.Madt,
                1 => QemuTables.Mcfg,
                2 => QemuTables.Fadt,
                3 => QemuTables.OldFadt,
                4 => QemuTables.Srat,
                _ => Noise(random),
            };
            table = TableDirectoryTests.Mutate(random, table);
            ReadOnlySpan<byte> bytes = table.AsSpan(0, random.Next(4) == 0 ? random.Next(table.Length + 1) : table.Length);
            int steps = 0, position = 0;
            var madt = new Madt(bytes);
            while (madt.TryNext(ref position, out _))
                Assert.True(++steps <= table.Length);
            _ = madt.LocalApicAddress;
            var srat = new Srat(bytes);
            position = steps = 0;
            while (srat.TryNext(ref position, out _))
                Assert.True(++steps <= table.Length);
            var mcfg = new Mcfg(bytes);
            for (int i = -1; i <= mcfg.Count; i++)
                mcfg.TryGet(i, out _);
            Fadt.Parse(bytes);
        }, times: 5000);

    private static byte[] Noise(Random random)
    {
        var bytes = new byte[10 + random.Next(300)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static List<MadtEntry> Entries(byte[] table)
    {
        List<MadtEntry> entries = [];
        var madt = new Madt(table);
        int position = 0;
        while (madt.TryNext(ref position, out MadtEntry entry))
            entries.Add(entry);
        return entries;
    }
}
