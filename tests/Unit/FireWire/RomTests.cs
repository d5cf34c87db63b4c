using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Sluice.FireWire.Core;
using Sluice.FireWire.Simulation;
using Xunit;
using Model = Sluice.FireWire.Nodes;

namespace Sluice.Tests.FireWire;

/// <summary>Our ROM as others read it, others' as we do, and ROMs that were made to hurt.</summary>
public sealed class RomTests
{
    private const ulong Guid = 0x0052_5401_2345_6789;

    private readonly RomImage _image = new();
    private readonly RomScan _scan = new();

    [Fact]
    public void The_check_is_that_of_the_standard()
    {
        // The polynomial itself: a last bit leaves x^12 + x^5 + 1.
        Assert.Equal(0, Rom.Crc([]));
        Assert.Equal(0x1021, Rom.Crc([1]));
        var random = new SeededRandom(1);
        for (int i = 0; i < 100; i++)
        {
            uint[] quadlets = [.. Enumerable.Range(0, i).Select(_ => (uint)random.Next())];
            Assert.Equal(Sluice.FireWire.Bus.Crc.Rom(quadlets), Rom.Crc(quadlets));
        }
    }

    [Fact]
    public void Options_are_bit_for_bit_those_of_the_standard()
    {
        var options = new BusOptions(0xE064_A252);
        Assert.True(options is { CanManageResources: true, CanBeCycleMaster: true, IsIsochronous: true, CanManageBus: false, MostBytes: 2048, Generation: 5, Speed: BusSpeed.S400 });
        Assert.Equal(0xE064_A2F2u, options.WithGeneration(15).Quadlet);
        Assert.True(new BusOptions(0x1000_0007) is { CanManageBus: true, CanManageResources: false, MostBytes: 2, Speed: BusSpeed.S800 });
    }

    [Fact]
    public void Our_rom_is_what_others_can_read()
    {
        var rom = new OwnRom(Guid, new BusOptions(0xF064_A002));
        Assert.Equal(Error.None, rom.Add(new Unit(0x00_5E, 1)));
        rom.Swap();
        Assert.Equal(RomResult.Done, Read([.. rom.Current]));
        Assert.Equal(RomFaults.None, _image.Faults);
        Assert.Equal((Guid, 0xF064_A032u), (_image.Guid, _image.Options.Quadlet));
        Assert.Equal("Sluice", TextOf(_image.Root, RomKey.Vendor));
        Assert.Equal("Sluice kernel", TextOf(_image.Root, RomKey.Model));
        Assert.True(_image.TryFind(_image.Root, RomKey.Vendor, out uint vendor));
        Assert.Equal(0x00_5254u, vendor);
        RomEntries entries = _image.Entries(_image.Root);
        Assert.True(_image.TryFindUnit(ref entries, 0x00_5E, 1, out int unit));
        Assert.Equal("unit", TextOf(unit, RomKey.Version));
        Assert.False(_image.TryFindUnit(ref entries, 0x00_5E, 1, out _));
        // Word for word: length, names, check.
        Assert.Equal(0x0404_0000u | Rom.Crc(rom.Current[1..5]), rom.Current[0]);
        Assert.Equal(0x3133_3934u, rom.Current[1]);
    }

    [Fact]
    public void A_change_is_seen_at_the_next_reset_with_another_generation()
    {
        var rom = new OwnRom(Guid, new BusOptions(0xF064_A002));
        Assert.Equal(2u, rom.Current[2] >> 4 & 0xF);
        Assert.False(rom.IsChanged);
        Unit unit = new(1, 2), other = new(3, 4);
        for (uint generation = 3; generation < 40; generation++)
        {
            uint[] before = [.. rom.Current];
            Assert.Equal(Error.None, rom.Add(unit));
            Assert.Equal(Error.None, rom.Add(other));
            Assert.True(rom.TryRemove(unit));
            Assert.False(rom.TryRemove(unit));
            Assert.True(rom.IsChanged);
            Assert.Equal(before, rom.Current);
            uint[] next = [.. rom.Next];
            rom.Swap();
            Assert.Equal(next, rom.Current);
            // 2 to 15, then 2 again; one step for all changes together, and one to take the other away.
            Assert.Equal((2 * (generation - 3) + 1) % 14 + 2, rom.Current[2] >> 4 & 0xF);
            Assert.Equal(RomResult.Done, Read(next));
            RomEntries entries = _image.Entries(_image.Root);
            Assert.False(_image.TryFindUnit(ref entries, 1, 2, out _));
            entries = _image.Entries(_image.Root);
            Assert.True(_image.TryFindUnit(ref entries, 3, 4, out _));
            Assert.True(rom.TryRemove(other));
            rom.Swap();
            rom.Swap();
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused_and_changes_nothing()
    {
        var rom = new OwnRom(Guid, new BusOptions(0));
        Assert.Equal(Error.NoResources, rom.Add(new Unit(1, 1) { Text = new string('x', 910) }));
        for (int i = 0; i < OwnRom.MostUnits; i++)
            Assert.Equal(Error.None, rom.Add(new Unit(1, (uint)i)));
        Assert.Equal(Error.NoResources, rom.Add(new Unit(1, 9)));
        rom.Swap();
        Assert.Equal(RomResult.Done, Read([.. rom.Current]));
        RomEntries entries = _image.Entries(_image.Root);
        for (int i = 0; i < OwnRom.MostUnits; i++)
            Assert.True(_image.TryFindUnit(ref entries, 1, (uint)i, out _));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void What_the_model_makes_is_read(ulong seed)
    {
        var random = new SeededRandom(seed);
        for (int round = 0; round < 100; round++)
        {
            var units = new List<(uint, uint, string)>();
            Model.RomDirectory root = new Model.RomDirectory().Value(0x03, 0x123456).Text("Vendor").Value(0x17, 7).Text("A model");
            for (int i = random.Below(5); i > 0; i--)
            {
                units.Add(((uint)random.Below(1 << 24), (uint)random.Below(1 << 24), new string('a', 1 + random.Below(20))));
                root.Directory(0xD1, new Model.RomDirectory().Value(0x12, units[^1].Item1).Value(0x13, units[^1].Item2).Text(units[^1].Item3));
            }
            uint[] rom = Model.ConfigurationRom.Build(new Model.BusInformation(Guid + seed), root);
            var reads = new HashSet<int>();
            Assert.Equal(RomResult.Done, Read(rom, reads));
            Assert.Equal((RomFaults.None, rom.Length), (_image.Faults, reads.Count));
            Assert.Equal(("Vendor", "A model"), (TextOf(_image.Root, 0x03), TextOf(_image.Root, 0x17)));
            RomEntries entries = _image.Entries(_image.Root);
            foreach ((uint specifier, uint version, string text) in units)
            {
                Assert.True(_image.TryFindUnit(ref entries, specifier, version, out int unit));
                Assert.Equal(text, TextOf(unit, 0x13));
            }
        }
    }

    public static TheoryData<uint[], RomResult, RomFaults> Hostile => new()
    {
        { [0], RomResult.NotReady, 0 },
        { [0x0100_1234], RomResult.Minimal, 0 },
        { [0x0304_0000, 0x3133_3934, 0, 1, 2], RomResult.NotThisBus, 0 },
        { [0x0404_0000, 0x3133_3935, 0, 1, 2], RomResult.NotThisBus, 0 },
        { [0x0400_0000, 0x3133_3934, 0, 0, 0], RomResult.NoGuid, 0 },
        { [0x0400_0000, 0x3133_3934, 0, uint.MaxValue, uint.MaxValue], RomResult.NoGuid, 0 },
        { [0x0404_0000, 0x3133_3934, 0, 1, 2, 0], RomResult.Done, RomFaults.BadCrc },
        { [0x0400_0000, 0x3133_3934, 0, 1, 2, 0x0001_FFFF, 0x0312_3456], RomResult.Done, RomFaults.BadCrc },
        { [0x0400_0000, 0x3133_3934, 0, 1, 2, 0xFFFF_0000], RomResult.Done, RomFaults.TooLong },
        { [0xFF00_0000, 0x3133_3934, 0, 1, 2], RomResult.Done, RomFaults.OutOfRange },
        // Offsets only go on: 0 is the only way for a directory to be its own child.
        { Block(1, 0xD100_0000), RomResult.Done, RomFaults.Loop },
        { Block(1, 0xD1FF_FFFF), RomResult.Done, RomFaults.OutOfRange },
        { Block(1, 0x81FF_FFFE), RomResult.Done, RomFaults.OutOfRange },
        { Block(1, 0x8100_00FA), RomResult.Done, RomFaults.OutOfRange },
        // Two entries that refer to the same leaf, an entry that refers into its own directory, and a leaf that goes over another.
        { Block(2, 0x8100_0002, 0x8100_0001, 0x0000_0000), RomResult.Done, RomFaults.Loop },
        { Block(2, 0xD100_0001, 0x0000_0000), RomResult.Done, RomFaults.Loop },
        { Block(2, 0x8100_0002, 0x8100_0002, 0x0002_0000, 0x0001_0000, 0), RomResult.Done, RomFaults.Loop },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Hostile_roms_have_names_and_an_end(uint[] rom, RomResult result, RomFaults faults)
    {
        Assert.Equal(result, Read(rom));
        Assert.Equal(faults, _image.Faults & ~(faults == RomFaults.BadCrc ? 0 : RomFaults.BadCrc));
    }

    [Fact]
    public void A_directory_full_of_directories_is_bounded()
    {
        uint[] rom = [0x0400_0000, 0x3133_3934, 0, 1, 2, 0x0064_0000, .. Enumerable.Range(0, 100).Select(i => 0xD100_0000u | (uint)(120 - i))];
        Assert.Equal(RomResult.Done, Read(rom));
        Assert.True(_image.Faults.HasFlag(RomFaults.TooMany));
    }

    [Fact]
    public void Any_noise_costs_256_reads_at_most_and_is_read_within_the_rom()
    {
        var random = new SeededRandom(99);
        var rom = new uint[Rom.Quadlets];
        Span<byte> text = stackalloc byte[40];
        RomFaults seen = 0;
        for (int round = 0; round < 3000; round++)
        {
            for (int i = 0; i < rom.Length; i++)
            {
                uint noise = (uint)random.Next();
                rom[i] = random.Below(4) switch { 0 => noise, 1 => 0xD100_0000 | noise & 0xFF, 2 => 0x8100_0000 | noise & 0x3F, _ => noise & 0x001F_FFFF };
            }
            (rom[0], rom[1], rom[3], rom[5]) = (0x0404_0000, Rom.BusName, 1, rom[5] & 0xFF_FFFF);
            var reads = new HashSet<int>();
            Assert.Equal(RomResult.Done, Read(rom, reads));
            seen |= _image.Faults;
            for (int i = -2; i < Rom.Quadlets + 2; i++)
            {
                int entries = 0;
                RomEntries all = _image.Entries(i);
                while (all.TryNext(out RomEntry entry))
                {
                    entries++;
                    Assert.InRange(entry.Target, 0, Rom.Quadlets - 1);
                }
                Assert.InRange(entries, 0, Rom.Quadlets);
                Assert.DoesNotContain(text[.._image.Text(i, text)].ToArray(), character => character is < 0x20 or >= 0x7F);
            }
        }
        Assert.Equal(RomFaults.BadCrc | RomFaults.TooLong | RomFaults.OutOfRange | RomFaults.Loop | RomFaults.TooMany, seen);
    }

    // A bus information block and a root directory with these entries and whatever is behind them.
    private static uint[] Block(uint length, params uint[] entries) => [0x0400_0000, 0x3133_3934, 0, 1, 2, length << 16, .. entries];

    // Reads as a node answers; what it does not have is 0. No quadlet is asked for twice.
    private RomResult Read(uint[] rom, HashSet<int>? reads = null)
    {
        reads ??= [];
        _scan.Begin(_image);
        while (true)
        {
            Assert.True(reads.Add(_scan.Next), "a quadlet is read once");
            Assert.InRange(_scan.Next, 0, Rom.Quadlets - 1);
            RomResult result = _scan.Take(_scan.Next < rom.Length ? rom[_scan.Next] : 0);
            if (result == RomResult.Identified)
                result = _scan.ReadRest();
            if (result != RomResult.More)
                return result;
        }
    }

    private string TextOf(int directory, byte key)
    {
        Span<byte> text = stackalloc byte[64];
        return Encoding.ASCII.GetString(text[.._image.TextOf(directory, key, text)]);
    }

    private sealed class Unit(uint specifier, uint version) : IRomUnit
    {
        public string Text { get; init; } = "unit";

        public int Entries => 3;

        public void Write(ref RomWriter writer, ref RomDirectory directory)
        {
            writer.Value(ref directory, RomKey.Specifier, specifier);
            writer.Value(ref directory, RomKey.Version, version);
            writer.Text(ref directory, Encoding.ASCII.GetBytes(Text));
        }
    }
}
