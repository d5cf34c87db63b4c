using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Block;
using Sluice.Drivers.Sbp2;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Sbp2;
using Xunit;
using DiskDriver = Sluice.Drivers.Sbp2.Sbp2Disk;
using Model = Sluice.FireWire.Bus;
using ModelDisk = Sluice.FireWire.Sbp2.Sbp2Disk;

namespace Sluice.Tests.FireWire;

/// <summary>A node with several logical units: each is a disk of its own, whatever the lists of units say and whatever becomes of the others.</summary>
public sealed class Sbp2UnitTests
{
    // Where statuses of the second disk go.
    private const ulong SecondStatus = Sbp2Initiator.Windows + 0x180;

    public static TheoryData<string> Kinds => Sbp2Machine.Kinds;

    public static TheoryData<string> SomeKinds => Sbp2FaultTests.SomeKinds;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Two_units_are_two_disks_and_work_beside_each_other(string kind)
    {
        using Sbp2Machine machine = Make(2, kind);
        int conflicts = 0;
        machine.Node.Swallows = packet =>
        {
            conflicts += packet.Code == Model.Tcode.WriteResponse && (packet.Q1 >> 12 & 0xF) == 4 ? 1 : 0;
            return false;
        };
        (DiskDriver one, DiskDriver two) = Both(machine);
        Assert.Equal((0xD15Cul, 0xD15Cul, 0, 1), (one.Guid, two.Guid, one.LogicalUnit, two.LogicalUnit));
        Assert.Equal((2048ul, 4096ul, 2), (one.Blocks, two.Blocks, machine.Disk.LoginCount));
        for (int round = 0; round < 3; round++)
        {
            List<BlockRequest> requests = [];
            for (int i = 0; i < 20; i++)
            {
                requests.Add(machine.Write((ulong)i * 30, 1 + (uint)i, round * 100 + i, one));
                requests.Add(machine.Write((ulong)i * 30, 1 + (uint)i, round * 100 + i + 50, two));
                machine.Step(i % 5 * 3);
            }
            if (round == 1)
                machine.Reset();
            machine.Until(() => requests.TrueForAll(request => !request.IsUnderWay));
            Assert.All(requests, request => Assert.Equal(BlockResult.Complete, request.Result));
            for (int i = 0; i < 20; i++)
            {
                Assert.Equal(Sbp2Machine.Content((1 + i) * 512, round * 100 + i), OnDisk(machine, 0, (ulong)i * 30, 1 + i));
                Assert.Equal(Sbp2Machine.Content((1 + i) * 512, round * 100 + i + 50), OnDisk(machine, 1, (ulong)i * 30, 1 + i));
            }
        }
        foreach (DiskDriver disk in (DiskDriver[])[one, two])
        {
            Assert.Equal((1ul, 1ul, 0ul), (disk.Counters.Logins, disk.Counters.Reconnects, disk.Counters.ShutOut));
            Assert.Equal((0ul, 0ul, 0ul), (disk.Counters.LoginsFailed, disk.Counters.LostWrites, disk.Counters.Strangers));
        }
        Assert.Equal((0, 1ul << machine.Disk.Phy.PhysicalId), (conflicts, machine.Node.OpenNodes));
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void Units_come_from_entries_and_directories_of_several_unit_directories_and_keep_their_places()
    {
        RomDirectory first = Directory().Directory(0xD4, new RomDirectory().Value(0x14, 2)).Value(0x14, 0x01_0003).Value(0x14, 0), second = Directory().Value(0x14, 1);
        using Sbp2Machine machine = Make(4, root: new RomDirectory().Value(0x03, 5).Directory(0xD1, first).Directory(0xD1, second));
        for (int round = 0; round < 3; round++)
        {
            machine.Until(() => Used(machine).Count == 3 && Used(machine).TrueForAll(disk => disk.State == DiskState.Ready));
            Assert.Equal([2, 0, 1], Used(machine).Select(disk => (int)disk.LogicalUnit));
            Assert.Equal([4096ul * 2, 2048, 4096], Used(machine).Select(disk => disk.Blocks));
            machine.Reset();
            machine.Pass(100);
        }
        Assert.Equal((0ul, 0ul), (machine.Initiator.NoPlace, machine.Initiator.UnitsRefused));
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_unit_that_is_listed_again_and_again_is_one_disk()
    {
        using Sbp2Machine machine = Make(2, root: Root([0, 0, 1, 0, 1, 1, 0]));
        Both(machine);
        machine.Pass(2000);
        Assert.Equal((2, 2, 0ul), (Used(machine).Count, machine.Disk.LoginCount, machine.Initiator.NoPlace));
        Assert.Equal((1ul, 1ul), (machine.Ours.Counters.Logins, machine.Initiator.Disks[1].Counters.Logins));
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_list_that_is_too_long_leaves_places_for_others()
    {
        using Sbp2Machine machine = Make(8, root: Root(Enumerable.Range(0, 100)));
        machine.Until(() => Used(machine).Count == 4 && Used(machine).TrueForAll(disk => disk.State == DiskState.Ready));
        Assert.Equal(96ul, machine.Initiator.NoPlace);
        using var other = new ModelDisk(new BusInformation(0xD15D, MaxRecord: 10), new DiskImage(512));
        machine.Bus.Add(other);
        machine.Until(() => Used(machine).Count == 5 && Used(machine).TrueForAll(disk => disk.State == DiskState.Ready));
        Assert.Equal([0, 1, 2, 3, 0], Used(machine).Select(disk => (int)disk.LogicalUnit));
        machine.Bus.Bus.Disconnect(other.Phy);
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void Of_too_many_unit_directories_the_first_are_looked_at()
    {
        RomDirectory root = new RomDirectory().Value(0x03, 5);
        for (uint i = 0; i < 12; i++)
            root.Directory(0xD1, Directory().Value(0x14, i == 7 ? 0 : 0x01_0000 | i));
        using Sbp2Machine machine = Make(1, root: root).Ready();
        Assert.Equal((7ul, UnitFault.NoDisk, 4ul), (machine.Initiator.UnitsRefused, machine.Initiator.LastFault, machine.Initiator.NoPlace));
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void Units_that_refuse_a_login_are_given_up_and_the_others_work_on()
    {
        // Two of three are not there.
        using Sbp2Machine machine = Make(1, root: Root([0, 1, 2])).Ready();
        for (int i = 0; i < 200; i++)
        {
            Assert.Equal(BlockResult.Complete, machine.Run(machine.Write((ulong)i, 3, i), 20));
            machine.Pass(100);
        }
        foreach (DiskDriver disk in Used(machine).Skip(1))
            Assert.Equal((DiskState.Failed, 20ul, 1ul), (disk.State, disk.Counters.LoginsFailed, disk.Counters.GivenUp));
        Assert.Equal((0ul, 0ul), (machine.Ours.Counters.Reconnects, machine.Ours.Counters.ShutOut));
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_unit_that_does_not_answer_a_login_delays_no_other_by_more_than_a_second()
    {
        using Sbp2Machine machine = Make(3);
        machine.Disk.Units[0].IsSilent = machine.Disk.Units[1].IsSilent = true;
        machine.Until(() => machine.Initiator.Disks[2].State == DiskState.Ready, 3000);
        Assert.Equal((DiskState.LoggingIn, DiskState.LoggingIn), (machine.Ours.State, machine.Initiator.Disks[1].State));
        for (int i = 0; i < 300; i++)
        {
            Assert.Equal(BlockResult.Complete, machine.Run(machine.Write((ulong)i, 3, i, machine.Initiator.Disks[2]), 20));
            machine.Pass(100);
        }
        Assert.True(machine.Ours.Counters.ManagementTimeOuts >= 2);
        machine.Disk.Units[0].IsSilent = machine.Disk.Units[1].IsSilent = false;
        machine.Until(() => Used(machine).TrueForAll(disk => disk.State == DiskState.Ready), 20_000);
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_unit_that_ends_no_command_delays_no_other()
    {
        using Sbp2Machine machine = Make(2);
        (DiskDriver one, DiskDriver two) = Both(machine);
        machine.Disk.Units[1].IsSilent = true;
        BlockRequest[] silent = [machine.Write(0, 9, 1, two), machine.Read(40, 8, 3, two)];
        int longest = 0;
        for (int i = 0; silent.Any(request => request.IsUnderWay); i++)
        {
            BlockRequest request = machine.Write((ulong)(i % 2000), 3, i);
            int took = 0;
            for (; request.IsUnderWay; took++)
                machine.Pass(1);
            Assert.Equal(BlockResult.Complete, request.Result);
            Sbp2Machine.Take(request);
            longest = Math.Max(longest, took);
            machine.Pass(50);
            Assert.True(machine.IsOpen && i < 4000);
        }
        Assert.InRange(longest, 0, 5);
        Assert.All(silent, request => Assert.Equal(BlockResult.TimedOut, request.Result));
        Assert.True(two.Counters.Aborts >= 3);
        Assert.Equal((0ul, 0ul, 0ul, 0ul), (one.Counters.ShutOut, one.Counters.TimeOuts, one.Counters.Retries, two.Counters.TaskSets));
        machine.Done.RemoveAll(request => !silent.Contains(request));
        machine.CheckNothingLeaks();
    }

    [Theory]
    [InlineData("coherent", 1)]
    [InlineData("lines of 64 (seed 1)", 1)]
    [InlineData("lines of 128 (seed 6), bounced", 2)]
    [InlineData("coherent, checked", 2)]
    public void When_memory_is_taken_back_from_one_the_other_begins_anew(string kind, int refused)
    {
        using Sbp2Machine machine = Make(2, kind);
        (DiskDriver one, DiskDriver two) = Both(machine);
        int seen = 0;
        machine.Node.Swallows = packet =>
        {
            // A status of the second never comes; then some of its management requests are refused.
            if (packet.Offset != SecondStatus || packet.Code != Model.Tcode.WriteBlock || seen++ == 0)
                return packet.Offset == SecondStatus && seen == 1;
            if (packet.Data[3] != 0 && refused-- > 0)
                packet.Data[1] = 9;
            return false;
        };
        int refusals = refused;
        BlockRequest lost = machine.Write(7, 9, 1, two);
        machine.Pass(19_990);
        machine.Approach(() => two.State == DiskState.Recovering);
        List<BlockRequest> requests = [];
        bool wasShut = false;
        for (int i = 0; lost.IsUnderWay; i++)
        {
            while (requests.Count(request => request.IsUnderWay) < 4)
                requests.Add(machine.Write((ulong)requests.Count, 3, requests.Count));
            for (int step = 0; step < 50; step++)
            {
                machine.Step(1);
                wasShut |= !machine.IsOpen;
                // Whoever has not ended what it had keeps the door shut.
                Assert.False(machine.IsOpen && (one.IsLoose || two.IsLoose));
            }
            machine.Pass(1);
            Assert.True(i < 100);
        }
        machine.Until(() => requests.TrueForAll(request => !request.IsUnderWay));
        Assert.All(requests.Append(lost), request => Assert.Equal(BlockResult.Complete, request.Result));
        Assert.Equal((true, 1ul, 0ul), (wasShut, two.Counters.TaskSets, one.Counters.TimeOuts));
        Assert.Equal(refusals == 2 ? 1ul : 0, two.Counters.UnitResets);
        Assert.True(one.Counters.ShutOut > 0 && one.Counters.GivenUp == 0);
        Assert.Equal(Sbp2Machine.Content(9 * 512, 1), OnDisk(machine, 1, 7, 9));
        machine.CheckNothingLeaks();
    }

    [Theory]
    [InlineData("coherent", false)]
    [InlineData("lines of 64 (seed 1)", true)]
    [InlineData("lines of 128 (seed 6), bounced", false)]
    [InlineData("coherent, checked", true)]
    public void A_unit_that_answers_nothing_any_more_costs_a_bus_reset_and_is_left_alone(string kind, bool refusesAbort)
    {
        using Sbp2Machine machine = Make(2, kind);
        (DiskDriver one, DiskDriver two) = Both(machine);
        machine.Node.Swallows = packet =>
        {
            bool isAnswer = refusesAbort && packet.Offset == SecondStatus && packet.Data[3] != 0;
            refusesAbort &= !isAnswer;
            return packet.Offset == SecondStatus && !isAnswer;
        };
        BlockRequest[] lost = [machine.Write(0, 9, 1, two), machine.Read(40, 8, 3, two)];
        machine.Until(() => !machine.IsOpen, 23_000);
        BlockRequest waiting = machine.Write(3, 4, 5);
        Assert.Equal(BlockResult.Complete, machine.Run(waiting, 5000));
        Assert.All(lost, request => Assert.Equal(BlockResult.TimedOut, request.Result));
        Assert.Equal((DiskState.Failed, 1ul, false), (two.State, one.Counters.Reconnects, two.IsLoose));
        machine.Pass(5000);
        Assert.Equal((DiskState.Failed, DiskState.Ready, 1ul), (two.State, one.State, one.Counters.Reconnects));
        // Somebody's bus reset is another chance.
        machine.Node.Swallows = null;
        machine.Reset();
        machine.Until(() => two.State == DiskState.Ready, 20_000);
        Assert.Equal(BlockResult.Complete, machine.Run(machine.Write(1, 2, 3, two)));
        machine.CheckNothingLeaks();
    }

    [Theory]
    [MemberData(nameof(SomeKinds))]
    public void One_is_let_go_at_any_step_and_the_other_works_on(string kind)
    {
        int step = 0;
        for (bool more = true; more; step++)
        {
            using Sbp2Machine machine = Make(2, kind);
            (DiskDriver one, DiskDriver two) = Both(machine);
            BlockRequest[] requests = [machine.Write(0, 9, 1), machine.Write(20, 1, 2)], others = [machine.Write(0, 9, 5, two), machine.Read(40, 8, 3, two)];
            more = machine.Step(step);
            two.Eject();
            Assert.False(machine.IsOpen && (one.IsLoose || two.IsLoose));
            machine.Until(() => requests.Concat(others).All(request => !request.IsUnderWay) && two.State == DiskState.Absent);
            Assert.All(requests, request => Assert.Equal(BlockResult.Complete, request.Result));
            Assert.All(others, request => Assert.True(request.Result is BlockResult.Complete or BlockResult.Removed));
            Assert.Equal((1, 0ul, 0ul), (machine.Disk.LoginCount, one.Counters.TimeOuts, one.Counters.Reconnects));
            Assert.Equal(Sbp2Machine.Content(9 * 512, 1), machine.OnDisk(0, 9));
            Assert.Equal(BlockResult.Complete, machine.Run(machine.Write(100, 20, 77)));
            machine.CheckNothingLeaks();
        }
        Assert.True(step > 30);
    }

    [Theory]
    [MemberData(nameof(SomeKinds))]
    public void A_bus_reset_at_any_step_only_delays_both(string kind)
    {
        int step = 0;
        for (bool more = true; more; step += 2)
        {
            using Sbp2Machine machine = Make(2, kind);
            (DiskDriver one, DiskDriver two) = Both(machine);
            BlockRequest[] requests = [machine.Write(0, 9, 1), machine.Write(20, 1, 2), machine.Write(0, 9, 5, two), machine.Read(40, 8, 3, two)];
            more = machine.Step(step);
            machine.Reset();
            machine.Until(() => requests.All(request => !request.IsUnderWay) && one.Counters.Reconnects + two.Counters.Reconnects == 2, 20_000);
            Assert.All(requests, request => Assert.Equal(BlockResult.Complete, request.Result));
            Assert.Equal((1ul, 1ul), (one.Counters.Logins, two.Counters.Logins));
            machine.CheckNothingLeaks();
        }
    }

    [Fact]
    public void A_management_agent_that_is_busy_is_told_again()
    {
        using var machine = Make(2);
        int lies = 3;
        machine.Node.Swallows = packet =>
        {
            // resp_conflict_error, instead of complete.
            if (packet.Code == Model.Tcode.WriteResponse && lies-- > 0)
                packet.Q1 |= 4 << 12;
            return false;
        };
        (DiskDriver one, DiskDriver two) = Both(machine);
        Assert.Equal((1ul, 1ul, 0ul, 0ul), (one.Counters.Logins, two.Counters.Logins, one.Counters.LoginsFailed, two.Counters.LoginsFailed));
        machine.CheckNothingLeaks();
    }

    private static List<DiskDriver> Used(Sbp2Machine machine) => [.. machine.Initiator.Disks.ToArray().Where(disk => disk.Guid != 0)];

    private static (DiskDriver One, DiskDriver Two) Both(Sbp2Machine machine)
    {
        (DiskDriver one, DiskDriver two) = (machine.Initiator.Disks[0], machine.Initiator.Disks[1]);
        machine.Until(() => one.State == DiskState.Ready && two.State == DiskState.Ready);
        return (one, two);
    }

    private static byte[] OnDisk(Sbp2Machine machine, int unit, ulong first, int count)
    {
        byte[] bytes = new byte[count * 512];
        Assert.True(machine.Disk.Units[unit].Image.TryRead(first, bytes));
        return bytes;
    }

    private static RomDirectory Directory() => new RomDirectory().Value(0x12, 0x00_609E).Value(0x13, 0x01_0483).Value(0x54, 0x4000).Value(0x3A, 0x0A09);

    private static RomDirectory Root(IEnumerable<int> units)
    {
        RomDirectory directory = Directory();
        foreach (int unit in units)
            directory.Value(0x14, (uint)unit);
        return new RomDirectory().Value(0x03, 5).Directory(0xD1, directory);
    }

    // Units of 2,048 blocks, 4,096, 8,192...
    private static Sbp2Machine Make(int units, string kind = "coherent", RomDirectory? root = null) =>
        new(kind, disk: new ModelDisk(new BusInformation(0xD15C, MaxRecord: 10), [.. Enumerable.Range(0, units).Select(i => new DiskImage(2048L * 512 << i))], root));
}
