using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.Block;
using Sluice.Drivers.Sbp2;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Sbp2;
using Xunit;
using Model = Sluice.FireWire.Bus;
using ModelDisk = Sluice.FireWire.Sbp2.Sbp2Disk;

namespace Sluice.Tests.FireWire;

/// <summary>Disks of 2^32 blocks and more, whose blocks hold their numbers: what they say of themselves, and what is beyond the reach of 32 bits.</summary>
public sealed class Sbp2LargeTests
{
    private const ulong Status = Sbp2Initiator.Windows + 0x80, Reach = 1UL << 32, Many = 1UL << 33;

    public static TheoryData<string> Kinds => Sbp2Machine.Kinds;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Blocks_on_both_sides_of_2_TiB_come_and_go(string kind)
    {
        using Sbp2Machine machine = Make(Many, kind: kind).Ready();
        IBlockDevice disk = machine.Ours;
        Assert.Equal((Many, 512u, 1024u), (disk.Blocks, disk.BlockBytes, disk.MostBlocks));
        ulong[] places = [0, 9, Reach - 40, Reach - 17, Reach - 1, Reach, Reach + 9, Many - 18, Many - 17];
        foreach (ulong first in places)
        {
            BlockRequest read = machine.Read(first, 17, 1);
            Assert.Equal(BlockResult.Complete, machine.Run(read));
            byte[] bytes = Sbp2Machine.Take(read);
            for (int i = 0; i < 17; i++)
                Assert.Equal(first + (ulong)i, BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(i * 512 + 504)));
        }
        foreach (ulong first in (ulong[])[Reach - 9, Many - 17])
        {
            BlockRequest write = machine.Write(first, 17, 5);
            Assert.Equal(BlockResult.Complete, machine.Run(write));
            Assert.Equal(Sbp2Machine.Content(17 * 512, 5), machine.OnDisk(first, 17));
            Sbp2Machine.Take(write);
        }
        // What has the same lower 32 bits is as it was.
        Assert.Equal(0ul, BinaryPrimitives.ReadUInt64BigEndian(machine.OnDisk(0, 1)));
        Assert.Equal(Reach - 17, BinaryPrimitives.ReadUInt64BigEndian(machine.OnDisk(Reach - 17, 1)));
        BlockRequest flush = machine.New().Flush();
        machine.Ours.Submit(flush);
        Assert.Equal(BlockResult.Complete, machine.Run(flush));
        Assert.Equal(0, machine.Disk.FailedCommands);
        Assert.Equal(BlockResult.OutOfRange, machine.Run(machine.Read(Many, 1, 1)));
        Assert.Equal(BlockResult.OutOfRange, machine.Run(machine.Read(Many - 1, 2, 1)));
        Assert.Equal(BlockResult.OutOfRange, machine.Run(machine.Read(ulong.MaxValue, 2, 1)));
        machine.CheckNoFaults();
        machine.CheckNothingLeaks();
    }

    [Theory]
    [InlineData(Reach - 1, 36, Reach - 1)]
    [InlineData(Reach, 36, Reach)]
    [InlineData(Reach + 1, 36, Reach + 1)]
    // Its ORBs are too short for commands of 16 bytes: what 10 bytes reach is used.
    [InlineData(Many, 32, Reach)]
    public void As_many_blocks_are_used_as_can_be_reached(ulong blocks, int orbBytes, ulong used)
    {
        using Sbp2Machine machine = Make(blocks, orbBytes).Ready();
        Assert.Equal(used, machine.Ours.Blocks);
        BlockRequest read = machine.Read(used - 3, 3, 1);
        Assert.Equal(BlockResult.Complete, machine.Run(read));
        Assert.Equal(used - 3, BinaryPrimitives.ReadUInt64BigEndian(Sbp2Machine.Take(read)));
        Assert.Equal(0, machine.Disk.FailedCommands);
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_disk_that_does_not_know_the_long_command_has_what_it_said_before()
    {
        using Sbp2Machine machine = Make(Many);
        int statuses = 0;
        machine.Node.Swallows = packet =>
        {
            // After those of the login, INQUIRY, TEST UNIT READY and READ CAPACITY(10): invalid operation.
            if (packet.Offset == Status && packet.Code == Model.Tcode.WriteBlock && ++statuses == 5)
            {
                byte[] block = [.. packet.Data[..8], 2, 5, 0x20, 0];
                block[0] = (byte)((block[0] & 0xF8) | 2);
                packet.SetData(block);
            }
            return false;
        };
        machine.Ready();
        Assert.Equal((Reach, 512u), (machine.Ours.Blocks, machine.Ours.BlockBytes));
        Assert.Equal(BlockResult.Complete, machine.Run(machine.Read(Reach - 1, 1, 1)));
        Assert.Equal(BlockResult.OutOfRange, machine.Run(machine.Read(Reach, 1, 1)));
        machine.CheckNothingLeaks();
    }

    [Theory]
    [InlineData(8, 0x0000_0000)]
    [InlineData(8, 0x0000_0201)]
    [InlineData(8, 0x0000_2000)]
    [InlineData(8, 0x8000_0200)]
    [InlineData(0, 0xFFFF_FFFF)]
    [InlineData(0, 0x0080_0000)]
    public void A_capacity_that_lies_ends_in_a_logout(int at, uint lie)
    {
        using Sbp2Machine machine = Make(Reach + 1);
        int lies = 0;
        machine.Node.Swallows = packet =>
        {
            if (packet.Code == Model.Tcode.WriteBlock && packet.DataBytes == 32 && packet.Offset >> 32 == 0)
            {
                lies++;
                BinaryPrimitives.WriteUInt32BigEndian(packet.Data[at..], lie);
                if (lie == uint.MaxValue)
                    BinaryPrimitives.WriteUInt32BigEndian(packet.Data[4..], lie);
            }
            return false;
        };
        machine.Until(() => machine.Ours.State == DiskState.Absent && machine.Ours.Counters.Logins == 1);
        Assert.Equal((1, 1ul, 0ul, 0), (lies, machine.Ours.Counters.Failed, machine.Node.OpenNodes, machine.Disk.LoginCount));
        Assert.Equal((false, 0ul, 0), (machine.Ours.IsReady, machine.Ours.Blocks, machine.Mappings));
        machine.Node.Swallows = null;
        machine.Reset();
        machine.Ready();
        Assert.Equal(Reach + 1, machine.Ours.Blocks);
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_request_beyond_2_TiB_waits_while_the_disk_is_asked_anew_how_large_it_is()
    {
        using Sbp2Machine machine = Make(Many).Ready();
        machine.Pull();
        machine.Until(() => machine.Ours.State == DiskState.Absent);
        // The disk forgets the login.
        machine.Pass(5000);
        machine.Bus.Bus.Connect(machine.Disk.Phy, machine.Node.Phy);
        machine.Until(() => machine.Ours.State == DiskState.Waiting);
        machine.Bus.Clock.Advance(200_000);
        machine.Approach(() => machine.Ours.State == DiskState.Starting);
        var requests = new List<BlockRequest>();
        while (machine.Ours.State == DiskState.Starting)
        {
            requests.Add(machine.Read(Many - 1, 1, 1));
            machine.Step(1);
        }
        machine.Until(() => requests.TrueForAll(request => !request.IsUnderWay));
        Assert.True(requests.Count > 20);
        Assert.All(requests, request => Assert.Equal(BlockResult.Complete, request.Result));
        machine.CheckNothingLeaks();
    }

    private static Sbp2Machine Make(ulong blocks, int orbBytes = 36, string kind = "coherent")
    {
        RomDirectory unit = new RomDirectory().Value(0x12, 0x00_609E).Value(0x13, 0x01_0483).Value(0x54, 0x4000).Value(0x3A, 0x0A00 | ((uint)orbBytes / 4)).Value(0x14, 0);
        RomDirectory root = new RomDirectory().Value(0x03, 5).Directory(0xD1, unit);
        return new Sbp2Machine(kind, disk: new ModelDisk(new BusInformation(0xD15C, MaxRecord: 10), [new DiskImage((long)blocks * 512, 0)], root));
    }
}
