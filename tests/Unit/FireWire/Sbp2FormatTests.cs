using System;
using System.Buffers.Binary;
using System.Linq;
using Sluice.Drivers.Sbp2;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Xunit;
using RomDirectory = Sluice.FireWire.Nodes.RomDirectory;

namespace Sluice.Tests.FireWire;

/// <summary>What disks say of themselves and what goes over the bus, bit for bit; and what cannot be true.</summary>
public sealed class Sbp2FormatTests
{
    private const ulong Agent = 0xFFFF_F001_0000;

    [Fact]
    public void A_disk_of_the_model_is_found()
    {
        using var disk = new Sluice.FireWire.Sbp2.Sbp2Disk(new BusInformation(0xD15C), new Sluice.FireWire.Sbp2.DiskImage(512));
        Assert.Equal(UnitFault.None, Read(disk.Rom.ToArray(), out Sbp2Unit unit));
        Assert.Equal((Agent, 0, 1u, 3u, 10_000_000ul), (unit.Agent, unit.LogicalUnit, unit.Firmware, unit.Model, unit.ManagementTime));
    }

    [Theory]
    [InlineData(0x54, 0x4000, 0x0E_0001, 0x3A, 0x00_0A08, UnitFault.None)]
    [InlineData(0x54, 0x0FF, 0, 0x3A, 0x00_0A08, UnitFault.NoAgent)]
    [InlineData(0x14, 0x4000, 0, 0x3A, 0x00_0A08, UnitFault.NoAgent)]
    [InlineData(0x54, 0x4000, 0x05_0000, 0x3A, 0x00_0A08, UnitFault.NoDisk)]
    [InlineData(0x54, 0x4000, 0x1F_0000, 0x3A, 0x00_0A08, UnitFault.NoDisk)]
    [InlineData(0x54, 0x4000, 0, 0x3A, 0x00_0A07, UnitFault.None)]
    [InlineData(0x54, 0x4000, 0, 0x3A, 0x00_0A00, UnitFault.None)]
    [InlineData(0x54, 0x4000, 0, 0x3A, 0x00_0A09, UnitFault.None)]
    [InlineData(0x54, 0x4000, 0, 0x3A, 0x00_0A10, UnitFault.None)]
    [InlineData(0x54, 0x4000, 0, 0x3A, 0x00_0A11, UnitFault.OrbSize)]
    [InlineData(0x54, 0x4000, 0, 0x3A, 0xFF_FFFF, UnitFault.OrbSize)]
    [InlineData(0x54, 0x4000, 0, 0x3B, 0x00_0000, UnitFault.None)]
    public void Directories_that_cannot_be_are_refused(int agentKey, int agent, int logical, int characteristicsKey, int characteristics, UnitFault fault)
    {
        RomDirectory unit = Unit().Value((byte)agentKey, (uint)agent).Value((byte)characteristicsKey, (uint)characteristics).Value(0x14, (uint)logical);
        Assert.Equal(fault, Read(Build(unit), out Sbp2Unit read));
        if (fault != UnitFault.None)
            return;
        Assert.Equal((ushort)logical, read.LogicalUnit);
        Assert.Equal((characteristics & 0xFF) >= 9, read.HasLongCommands);
        Assert.Equal(0xFFFF_F000_0000 + 4 * (ulong)agent, read.Agent);
    }

    [Theory]
    [InlineData(0x00, 5_000_000)]
    [InlineData(0x09, 5_000_000)]
    [InlineData(0x0B, 5_500_000)]
    [InlineData(0x50, 40_000_000)]
    [InlineData(0xFF, 40_000_000)]
    public void The_time_of_management_requests_has_bounds(int halfSeconds, int microseconds)
    {
        Assert.Equal(UnitFault.None, Read(Build(Unit().Value(0x54, 0x4000).Value(0x3A, (uint)halfSeconds << 8 | 8).Value(0x14, 0)), out Sbp2Unit unit));
        Assert.Equal((ulong)microseconds, unit.ManagementTime);
    }

    [Fact]
    public void The_first_logical_unit_that_is_a_disk_counts_also_in_a_directory_of_its_own()
    {
        RomDirectory tape = new RomDirectory().Value(0x14, 0x01_0007), disk = new RomDirectory().Value(0x14, 0x00_0009);
        RomDirectory unit = Unit().Value(0x54, 0x4000).Value(0x14, 0x05_0001).Directory(0xD4, tape).Directory(0xD4, disk).Value(0x14, 5);
        Assert.Equal(UnitFault.None, Read(Build(unit), out Sbp2Unit read));
        Assert.Equal(9, read.LogicalUnit);
    }

    [Theory]
    [InlineData(0x002812, 0x001010, Workarounds.Inquiry36 | Workarounds.NoCachingPage | Workarounds.PowerCondition)]
    [InlineData(0x002800, 0x000000, Workarounds.PowerCondition)]
    [InlineData(0x002800, 0x000001, Workarounds.None)]
    [InlineData(0x0002FF, 0x123456, Workarounds.Inquiry36)]
    [InlineData(0x012800, 0, Workarounds.PowerCondition)]
    [InlineData(0xA0B800, 7, Workarounds.Most128K)]
    [InlineData(0x002600, 0, Workarounds.Most128K)]
    [InlineData(0x0A2700, 0x000000, Workarounds.Most128K | Workarounds.FixCapacity)]
    [InlineData(0x0A2700, 0x000021, Workarounds.FixCapacity)]
    [InlineData(0x0A2700, 0x000022, Workarounds.FixCapacity)]
    [InlineData(0x0A2700, 0x000023, Workarounds.FixCapacity)]
    [InlineData(0x0A2700, 0x00007E, Workarounds.FixCapacity)]
    [InlineData(0x0A2700, 0x00007F, Workarounds.None)]
    [InlineData(0x000000, 0x000000, Workarounds.None)]
    public void Bridges_that_are_known_get_what_they_need(int firmware, int model, Workarounds needed)
    {
        var unit = new Sbp2Unit { Firmware = (uint)firmware, Model = (uint)model };
        Assert.Equal(needed, KnownBridges.Of(unit, Workarounds.None));
        Assert.Equal(needed | Workarounds.DelayInquiry, KnownBridges.Of(unit, Workarounds.DelayInquiry));
        Assert.Equal(Workarounds.Override | Workarounds.Inquiry36, KnownBridges.Of(unit, Workarounds.Override | Workarounds.Inquiry36));
    }

    /// <summary>Others than music players have this firmware and say no model: their capacity is right.</summary>
    [Fact]
    public void A_model_that_is_not_said_is_not_model_0()
    {
        RomDirectory unit = Unit().Value(0x54, 0x4000).Value(0x3C, 0x0A_2701).Value(0x14, 0);
        Assert.Equal(UnitFault.None, Read(Build(unit), out Sbp2Unit read));
        Assert.Equal(Workarounds.None, KnownBridges.Of(read, Workarounds.None));
        Assert.Equal(UnitFault.None, Read(Build(unit.Value(0x17, 0)), out read));
        Assert.Equal(Workarounds.Most128K | Workarounds.FixCapacity, KnownBridges.Of(read, Workarounds.None));
    }

    [Fact]
    public void Management_requests_are_what_targets_read()
    {
        byte[] bytes = new byte[32];
        Management.Write(bytes, ManagementFunction.Login, 5, 0, 0x1234_5678_9ABC, 0xFEDC_BA98_7654);
        Assert.Equal("0000000000000000000012345678 9ABC90200005000000100000FEDCBA987654".Replace(" ", "", StringComparison.Ordinal), Convert.ToHexString(bytes));
        var login = new Sluice.FireWire.Sbp2.ManagementOrb(bytes);
        Assert.True(login.IsExclusive);
        Assert.Equal((2, 5, 0x1234_5678_9ABCul, 16, 0xFEDC_BA98_7654ul), (login.ReconnectExponent, login.LoginOrUnit, login.ResponseOffset, login.ResponseBytes, login.StatusFifo));
        Management.Write(bytes, ManagementFunction.AbortTask, 7, 0x1000, 1, 2);
        Assert.Equal("0000000000001000" + "0000000000000000" + "800B0007" + "00000000" + "0000000000000002", Convert.ToHexString(bytes));
    }

    [Theory]
    [InlineData("001000050000FFFFF001010000000003", true, 5, 4)]
    [InlineData("00100005FFC1FFFFF00101000000000F", true, 5, 16)]
    [InlineData("000C0005FFC1FFFFF001010000000063", true, 5, 1)]
    [InlineData("000B0005FFC1FFFFF00101000000000F", false, 0, 0)]
    [InlineData("00000000000000000000000000000000", false, 0, 0)]
    [InlineData("00100005FFC1FFFFF00101010000000F", false, 0, 0)]
    [InlineData("00100005FFC1FFFFF00007FC0000000F", false, 0, 0)]
    [InlineData("00100005FFC1FFFFFFFFFFE40000000F", false, 0, 0)]
    [InlineData("00100005FFC1FFFFFFFFFFE00000000F", true, 5, 16)]
    public void Answers_to_logins_are_read_within_reason(string hex, bool isOk, int login, int hold)
    {
        Assert.Equal(isOk, Management.TryRead(Convert.FromHexString(hex), out ushort id, out ulong agent, out uint seconds));
        if (isOk)
            Assert.Equal((login, hold, true), ((int)id, (int)seconds, agent >= Agent));
    }

    [Fact]
    public void A_status_block_is_at_least_as_long_as_it_says()
    {
        for (int bytes = 0; bytes <= 64; bytes++)
        {
            for (int quadlets = 0; quadlets < 8; quadlets++)
            {
                byte[] data = new byte[bytes];
                if (bytes != 0)
                    data[0] = (byte)quadlets;
                Assert.Equal(bytes >= 4 + 4 * quadlets && quadlets >= 1 && bytes <= 32, StatusBlock.TryRead(data, out _));
            }
        }
        // What is behind it is not sense.
        Assert.True(StatusBlock.TryRead([1, 0, 0, 0, 0, 0, 0, 8, 2, 3, 0x11, 0], out StatusBlock longer));
        Assert.Equal((8ul, true, 0), (longer.Orb, longer.IsGood, longer.Scsi));
        // Source 3 is none.
        Assert.False(StatusBlock.TryRead([0xC1, 0, 0, 0, 0, 0, 0, 0], out _));
        Assert.True(StatusBlock.TryRead([0x81, 0, 0, 0, 0, 0, 0, 0], out StatusBlock unsolicited));
        Assert.True(unsolicited.IsUnsolicited);
    }

    [Fact]
    public void A_status_block_of_the_model_says_the_same_here()
    {
        byte[] block = new byte[32];
        int bytes = Sluice.FireWire.Sbp2.StatusBlock.Write(block, 0x1234_5678_9ABC, hasNext: true, Sluice.FireWire.Sbp2.Response.TransportFailure, isDead: true,
            Sluice.FireWire.Sbp2.SbpStatus.RequestAborted, Sluice.FireWire.Sbp2.Sense.WriteProtected);
        Assert.True(StatusBlock.TryRead(block.AsSpan(0, bytes), out StatusBlock status));
        Assert.Equal((0x1234_5678_9ABCul, TargetResponse.TransportFailure, true, StatusBlock.RequestAborted), (status.Orb, status.Response, status.IsDead, status.Status));
        Assert.Equal((2, SenseKey.DataProtect, 0x2700, 0), (status.Scsi, status.Key, status.Code, status.Format));
        bytes = Sluice.FireWire.Sbp2.StatusBlock.Write(block, 8, false, Sluice.FireWire.Sbp2.Response.RequestComplete, false, Sluice.FireWire.Sbp2.SbpStatus.None, default);
        Assert.True(StatusBlock.TryRead(block.AsSpan(0, bytes), out status));
        Assert.Equal((8ul, true, false, 0), (status.Orb, status.IsGood, status.IsDead, status.Scsi));
    }

    [Fact]
    public void Commands_are_byte_for_byte_those_of_the_standards()
    {
        Assert.Equal("00000000000000000000000000000000", Hex(ScsiCommand.TestUnitReady));
        Assert.Equal("12000000240000000000000000000000", Hex(ScsiCommand.Inquiry));
        Assert.Equal("25000000000000000000000000000000", Hex(ScsiCommand.ReadCapacity));
        Assert.Equal("9E100000000000000000000000200000", Hex(ScsiCommand.ReadLongCapacity));
        Assert.Equal("1A000800400000000000000000000000", Hex(ScsiCommand.ModeSense(8)));
        Assert.Equal("1B000000010000000000000000000000", Hex(ScsiCommand.Start(false)));
        Assert.Equal("1B000000110000000000000000000000", Hex(ScsiCommand.Start(true)));
        Assert.Equal("35000000000000000000000000000000", Hex(ScsiCommand.SynchronizeCache));
        Assert.Equal("28001234567800ABCD00000000000000", Hex(ScsiCommand.Read(0x1234_5678, 0xABCD)));
        // The last block that 10 bytes reach, and the first that takes 16.
        Assert.Equal("2A00FFFFFFFF00000100000000000000", Hex(ScsiCommand.Write(uint.MaxValue, 1)));
        Assert.Equal("8A0000000000FFFFFFFF000000020000", Hex(ScsiCommand.Write(uint.MaxValue, 2)));
        Assert.Equal("8800000000010000000000000FFF0000", Hex(ScsiCommand.Read(0x1_0000_0000, 0xFFF)));
        Assert.Equal("8A000123456789ABCDEF0000FEDC0000", Hex(ScsiCommand.Write(0x0123_4567_89AB_CDEF, 0xFEDC)));
    }

    [Theory]
    [InlineData("000003FF00000200", false, true, 0x400, 512)]
    [InlineData("0000040000000200", true, true, 0x400, 512)]
    [InlineData("FFFFFFFF00001000", false, true, 0x1_0000_0000, 4096)]
    [InlineData("0000000000000200", true, false, 0, 0)]
    [InlineData("000003FF00000000", false, false, 0, 0)]
    [InlineData("000003FF00000201", false, false, 0, 0)]
    [InlineData("000003FF80000000", false, false, 0, 0)]
    public void Capacities_are_believed_within_reason(string hex, bool isCount, bool isOk, long blocks, int bytes)
    {
        Assert.Equal(isOk, ScsiData.TryReadCapacity(Convert.FromHexString(hex), isCount, out ulong read, out uint size));
        if (isOk)
            Assert.Equal((blocks, bytes), ((long)read, (int)size));
    }

    [Theory]
    [InlineData("00000001FFFFFFFF00000200", true, 0x2_0000_0000, 512)]
    [InlineData("00000000000000FF00001000", true, 0x100, 4096)]
    [InlineData("000FFFFFFFFFFFFE00001000", true, 0xF_FFFF_FFFF_FFFF, 4096)]
    [InlineData("007FFFFFFFFFFFFE00000200", true, 0x7F_FFFF_FFFF_FFFF, 512)]
    [InlineData("000FFFFFFFFFFFFF00001000", false, 0, 0)]
    [InlineData("007FFFFFFFFFFFFF00000200", false, 0, 0)]
    [InlineData("FFFFFFFFFFFFFFFF00000200", false, 0, 0)]
    [InlineData("FFFFFFFFFFFFFFFE00000200", false, 0, 0)]
    [InlineData("00000001FFFFFFFF00000000", false, 0, 0)]
    [InlineData("00000001FFFFFFFF00000201", false, 0, 0)]
    [InlineData("00000001FFFFFFFF00010200", false, 0, 0)]
    [InlineData("00000001FFFFFFFF00002000", false, 0, 0)]
    public void Long_capacities_are_believed_within_reason(string hex, bool isOk, long blocks, int bytes)
    {
        Assert.Equal(isOk, ScsiData.TryReadLongCapacity(Convert.FromHexString(hex), out ulong read, out uint size));
        if (isOk)
            Assert.Equal((blocks, bytes), ((long)read, (int)size));
    }

    [Fact]
    public void Whatever_a_mode_page_is_it_is_read_within_it()
    {
        byte[] data = new byte[64];
        (data[0], data[4], data[5]) = (23, 8, 18);
        ScsiData.ReadMode(data, out bool isProtected, out bool hasCache);
        Assert.Equal((false, false), (isProtected, hasCache));
        (data[2], data[6]) = (0x80, 4);
        ScsiData.ReadMode(data, out isProtected, out hasCache);
        Assert.Equal((true, true), (isProtected, hasCache));
        var random = new Random(3);
        for (int i = 0; i < 100_000; i++)
        {
            random.NextBytes(data);
            ScsiData.ReadMode(data, out isProtected, out _);
            Assert.Equal(data[2] >= 0x80, isProtected);
        }
    }

    [Fact]
    public void Whatever_a_rom_says_is_read_within_it()
    {
        var random = new Random(1);
        byte[] keys = [0x12, 0x13, 0x14, 0x17, 0x3A, 0x3C, 0x54, 0xD4, 0xD1, 0x81];
        for (int i = 0; i < 3000; i++)
        {
            uint[] rom = Build(Unit().Value(0x54, 0x4000).Value(0x3A, 0x0A08).Value(0x14, 0).Directory(0xD4, new RomDirectory().Value(0x14, 2)));
            uint[] longer = [.. rom, .. Enumerable.Range(0, random.Next(200)).Select(_ => (uint)keys[random.Next(keys.Length)] << 24 | (uint)random.Next(1 << random.Next(1, 25)))];
            // The unit directory of whatever length, with entries that lead anywhere.
            longer[8] = (uint)random.Next(2, 300) << 16;
            for (int j = random.Next(4); j > 0; j--)
                longer[random.Next(11, longer.Length)] = (uint)keys[random.Next(keys.Length)] << 24 | (uint)random.Next(1 << random.Next(1, 25));
            if (Read(longer, out Sbp2Unit unit) == UnitFault.None)
                Assert.True(unit is { Agent: >= 0xFFFF_F000_0800, ManagementTime: >= 5_000_000 and <= 40_000_000 });
        }
    }

    private static string Hex(ScsiCommand command)
    {
        byte[] bytes = new byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, command.First);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), command.Second);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8), command.Third);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(12), command.Fourth);
        return Convert.ToHexString(bytes);
    }

    private static RomDirectory Unit() => new RomDirectory().Value(0x12, 0x00_609E).Value(0x13, 0x01_0483);

    private static uint[] Build(RomDirectory unit) => ConfigurationRom.Build(new BusInformation(0xD15C), new RomDirectory().Value(0x03, 5).Directory(0xD1, unit));

    private static UnitFault Read(uint[] rom, out Sbp2Unit unit)
    {
        var image = new RomImage();
        var scan = new RomScan();
        scan.Begin(image);
        RomResult result = RomResult.More;
        while (result is RomResult.More or RomResult.Identified)
            result = result == RomResult.Identified ? scan.ReadRest() : scan.Take(scan.Next < rom.Length ? rom[scan.Next] : 0);
        Assert.Equal(RomResult.Done, result);
        RomEntries entries = image.Entries(image.Root);
        Assert.True(image.TryFindUnit(ref entries, Sbp2Unit.Specifier, Sbp2Unit.Version, out int directory));
        return Sbp2Unit.Read(image, directory, out unit);
    }
}
