using System;
using System.Collections.Generic;
using System.Linq;
using FsCheck.Fluent;
using Sluice.Acpi;
using Xunit;
using static Sluice.Tests.Acpi.SimulatedFirmware;

namespace Sluice.Tests.Acpi;

public sealed class TableDirectoryTests
{
    private const ulong List = 0xE_0000, First = 0x7FE_0000, Second = 0x7FE_2000;

    [Fact]
    public void Root_pointers_of_both_kinds_are_read()
    {
        Assert.True(Rsdp.TryParse(RootPointer(0x1000, 0, revision: 0), out Rsdp old));
        Assert.Equal((0x1000ul, 0ul), (old.Rsdt.Value, old.Xsdt.Value));
        Assert.True(Rsdp.TryParse(RootPointer(0x1000, 0x1_2345_0000), out Rsdp current));
        Assert.Equal((0x1000ul, 0x1_2345_0000ul), (current.Rsdt.Value, current.Xsdt.Value));
    }

    [Fact]
    public void A_root_pointer_with_a_damaged_extension_is_one_of_ACPI_1()
    {
        byte[] bytes = RootPointer(0x1000, 0x1_2345_0000);
        bytes[30] ^= 1;
        Assert.True(Rsdp.TryParse(bytes, out Rsdp rsdp));
        Assert.Equal((0x1000ul, 0ul), (rsdp.Rsdt.Value, rsdp.Xsdt.Value));
        bytes[16] ^= 1;
        Assert.False(Rsdp.TryParse(bytes, out _));
    }

    [Fact]
    public void Root_pointers_of_any_length_and_content_are_safe() =>
        Properties.ForAll(AnyBytes(64), bytes => Rsdp.TryParse(bytes, out _), times: 2000);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Both_kinds_of_list_are_followed(bool wide)
    {
        var firmware = new SimulatedFirmware();
        firmware.PutList(List, wide, First, Second);
        firmware.Put(First, QemuTables.Madt);
        firmware.Put(Second, QemuTables.Mcfg);
        TableDirectory directory = Read(firmware, wide ? Root(0, List) : Root((uint)List, 0));
        Assert.Equal(["APIC", "MCFG"], Names(directory));
        Assert.Equal(0, directory.Skipped);
        Assert.True(directory.TryFind(TableSignature.Mcfg, 0, out ReadOnlySpan<byte> mcfg));
        Assert.Equal(QemuTables.Mcfg, mcfg.ToArray());
        Assert.False(directory.TryFind(TableSignature.Mcfg, 1, out _));
        Assert.False(directory.TryFind(TableSignature.Srat, 0, out _));
    }

    [Fact]
    public void The_DSDT_is_found_through_the_FADT()
    {
        var firmware = new SimulatedFirmware();
        firmware.PutList(List, true, First);
        firmware.Put(First, QemuTables.Fadt);
        firmware.Put(0x0FFE_0040, Table("DSDT", 1, 2, 3));
        TableDirectory directory = Read(firmware, Root(0, List));
        Assert.Equal(["FACP", "DSDT"], Names(directory));
    }

    [Fact]
    public void A_damaged_64_bit_list_gives_way_to_the_32_bit_one()
    {
        var firmware = new SimulatedFirmware();
        firmware.PutList(List, true, First);
        firmware.PutList(List + 0x1000, false, First);
        firmware.Put(First, QemuTables.Madt);
        byte[] damaged = Table("XSDT", BitConverter.GetBytes(First));
        damaged[40] ^= 0x80;
        firmware.Put(List, damaged);
        TableDirectory directory = Read(firmware, Root((uint)List + 0x1000, List));
        Assert.Equal(["APIC"], Names(directory));
        Assert.Equal(1, directory.Skipped);
    }

    public static TheoryData<string, byte[]> Damaged => new()
    {
        { "length 0", Length(0) },
        { "shorter than a header", Length(35) },
        { "absurdly long", Length(0xFFFF_FFF0) },
        { "longer than the memory", Length(4000) },
        { "wrong checksum", [.. QemuTables.Madt[..^1], 0xEE] },
        { "a list in a list", Table("XSDT", BitConverter.GetBytes(List)) },
        { "cut off in its header", QemuTables.Madt[..20] },
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public void A_damaged_table_is_left_out_and_the_others_are_not(string what, byte[] table)
    {
        var firmware = new SimulatedFirmware();
        firmware.PutList(List, true, First, Second);
        firmware.Put(First, table);
        firmware.Put(Second, QemuTables.Mcfg);
        TableDirectory directory = Read(firmware, Root(0, List));
        Assert.True(Names(directory) is ["MCFG"], what);
        Assert.Equal(1, directory.Skipped);
    }

    [Fact]
    public void Loops_repetitions_and_holes_in_the_list_add_nothing()
    {
        var firmware = new SimulatedFirmware();
        firmware.PutList(List, true, List, 0, First, First, 0x55_5555_5555, ulong.MaxValue, ulong.MaxValue - 16, Second);
        firmware.Put(First, QemuTables.Madt);
        firmware.Put(Second, QemuTables.Mcfg);
        Assert.Equal(["APIC", "MCFG"], Names(Read(firmware, Root(0, List))));
    }

    [Fact]
    public void A_table_that_overlaps_another_is_left_out()
    {
        var firmware = new SimulatedFirmware();
        byte[] inner = Table("SSDT", 7), outer = Table("SSDT", [.. inner, 1, 2, 3]);
        firmware.PutList(List, true, First, First + 36);
        firmware.Put(First, outer);
        TableDirectory directory = Read(firmware, Root(0, List));
        Assert.Equal(["SSDT"], Names(directory));
        Assert.Equal(1, directory.Skipped);
    }

    [Fact]
    public void A_FADT_that_names_itself_or_the_list_as_DSDT_is_no_loop()
    {
        foreach (ulong target in new[] { First, List })
        {
            byte[] fadt = QemuTables.Fadt;
            BitConverter.GetBytes(target).CopyTo(fadt, 140);
            var firmware = new SimulatedFirmware();
            firmware.PutList(List, true, First, First);
            firmware.Put(First, Seal(fadt));
            Assert.Equal(["FACP"], Names(Read(firmware, Root(0, List))));
        }
    }

    [Fact]
    public void A_list_of_thousands_of_tables_is_cut_off()
    {
        var firmware = new SimulatedFirmware();
        ulong[] addresses = Enumerable.Range(0, 5000).Select(i => First + (ulong)i * 64).ToArray();
        firmware.PutList(List, true, addresses);
        foreach (ulong address in addresses)
            firmware.Put(address, Table("SSDT", 1));
        TableDirectory directory = Read(firmware, Root(0, List));
        Assert.Equal(128, directory.Tables.Length);
        Assert.True(directory.Skipped > 0);
    }

    [Fact]
    public void Mutated_tables_never_lead_outside_and_cost_a_bounded_time() =>
        Properties.ForAll(Gen.Choose(int.MinValue, int.MaxValue), seed =>
        {
            var random = new Random(seed);
            var firmware = new SimulatedFirmware();
            byte[] list = Table("XSDT", new[] { First, Second, First + 16, List, 0x0FFE_0040ul }.SelectMany(BitConverter.GetBytes).ToArray());
            firmware.Put(List, Mutate(random, list));
            firmware.Put(First, Mutate(random, random.Next(2) == 0 ? QemuTables.Fadt : QemuTables.OldFadt));
            firmware.Put(Second, Mutate(random, QemuTables.Srat));
            firmware.Put(0x0FFE_0040, Mutate(random, Table("DSDT", AmlTests.SoftOff)));
            TableDirectory directory = Read(firmware, Root(0, List), mustSucceed: false);
            foreach (TableEntry entry in directory.Tables)
            {
                Assert.True(firmware.TryRead(entry.Start, entry.Bytes, out ReadOnlySpan<byte> table));
                Assert.Equal(0, TableBytes.Sum(table));
            }
            Assert.True(firmware.BytesAsked < 64 << 20);
        }, times: 1000);

    // Some changed bytes; half of the time the checksum is made to fit, or nothing behind it would ever be tried.
    internal static byte[] Mutate(Random random, byte[] table)
    {
        for (int changes = random.Next(4); changes > 0; changes--)
            table[random.Next(table.Length)] = random.Next(3) switch { 0 => 0, 1 => 0xFF, _ => (byte)random.Next(256) };
        return random.Next(2) == 0 ? table : Seal(table);
    }

    internal static FsCheck.Gen<byte[]> AnyBytes(int most) =>
        from length in Gen.Choose(0, most)
        from bytes in Gen.Choose(0, 255).Select(i => (byte)i).ArrayOf(length)
        select bytes;

    private static TableDirectory Read(SimulatedFirmware firmware, Rsdp rsdp, bool mustSucceed = true)
    {
        var directory = new TableDirectory(firmware);
        bool read = directory.TryRead(rsdp);
        Assert.True(read || !mustSucceed);
        return directory;
    }

    private static List<string> Names(TableDirectory directory)
    {
        List<string> names = [];
        foreach (TableEntry entry in directory.Tables)
            names.Add(System.Text.Encoding.ASCII.GetString(BitConverter.GetBytes(entry.Signature.Value)));
        return names;
    }

    private static byte[] Length(uint length)
    {
        byte[] table = QemuTables.Madt;
        BitConverter.GetBytes(length).CopyTo(table, 4);
        return Seal(table);
    }
}
