using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Block;
using Sluice.Drivers.Sbp2;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Bus resets at every step, disks that fall silent, lie, or are pulled: each request ends once, and all memory comes back.</summary>
public sealed class Sbp2FaultTests
{
    private const ulong Status = Sbp2Initiator.Windows + 0x80;

    public static TheoryData<string> Kinds => Sbp2Machine.Kinds;

    // Those for sweeps: each way that memory goes.
    public static TheoryData<string> SomeKinds => ["coherent", "lines of 64 (seed 1)", "lines of 128 (seed 6), bounced", "coherent, checked"];

    [Fact]
    public void A_bus_reset_at_any_step_of_a_login_only_delays_it()
    {
        int step = 0;
        for (bool more = true; more; step++)
        {
            using var machine = new Sbp2Machine();
            machine.Until(() => machine.Ours.State == DiskState.Waiting);
            machine.Bus.Clock.Advance(200_000);
            machine.Approach(() => machine.Ours.State == DiskState.LoggingIn);
            more = machine.Step(step);
            if (!more)
                Assert.Equal(DiskState.Ready, machine.Ours.State);
            machine.Reset();
            machine.Until(() => machine.Ours.State == DiskState.Ready, 20_000);
            Assert.Equal(1, machine.Disk.LoginCount);
            CheckWorks(machine);
        }
        Assert.True(step > 30, $"a login takes {step} steps");
    }

    [Theory]
    [MemberData(nameof(SomeKinds))]
    public void A_bus_reset_at_any_step_of_commands_only_delays_them(string kind)
    {
        int step = 0;
        for (bool more = true; more; step++)
        {
            using Sbp2Machine machine = new Sbp2Machine(kind).Ready();
            BlockRequest[] requests = [machine.Write(0, 9, 1), machine.Write(20, 1, 2), machine.Read(40, 8, 3), machine.Write(50, 3, 4)];
            more = machine.Step(step);
            machine.Reset();
            Assert.Equal(0ul, machine.Node.OpenNodes);
            machine.Until(() => requests.All(request => !request.IsUnderWay) && machine.Ours.Counters.Reconnects == 1, 20_000);
            Assert.All(requests, request => Assert.Equal(BlockResult.Complete, request.Result));
            Assert.Equal(Sbp2Machine.Content(9 * 512, 1), machine.OnDisk(0, 9));
            Assert.Equal(Sbp2Machine.Content(3 * 512, 4), machine.OnDisk(50, 3));
            Assert.Equal((1ul, 1ul), (machine.Ours.Counters.Logins, machine.Ours.Counters.Reconnects));
            CheckWorks(machine);
        }
        Assert.True(step > 30, $"commands take {step} steps");
    }

    [Fact]
    public void A_bus_reset_at_any_step_of_a_reconnect_only_delays_it()
    {
        int step = 0;
        for (bool more = true; more; step++)
        {
            using Sbp2Machine machine = new Sbp2Machine().Ready();
            BlockRequest request = machine.Write(7, 5, 1);
            machine.Step(10);
            machine.Reset();
            machine.Approach(() => machine.Ours.State == DiskState.Reconnecting);
            more = machine.Step(step);
            machine.Reset();
            machine.Until(() => !request.IsUnderWay && machine.Ours.State == DiskState.Ready, 20_000);
            Assert.Equal(BlockResult.Complete, request.Result);
            Assert.Equal(1ul, machine.Ours.Counters.Logins);
            CheckWorks(machine);
        }
        Assert.True(step > 15, $"a reconnect takes {step} steps");
    }

    [Theory]
    [MemberData(nameof(SomeKinds))]
    public void A_storm_of_bus_resets_passes(string kind)
    {
        using Sbp2Machine machine = new Sbp2Machine(kind).Ready();
        var random = new Random(5);
        var requests = new List<BlockRequest>();
        for (int i = 0; i < 300; i++)
        {
            if (i % 10 == 0)
                requests.Add(machine.Write((ulong)i, 8, i));
            machine.Step(random.Next(1, 400));
            machine.Reset();
            Assert.Equal(0ul, machine.Node.OpenNodes);
            if (i % 20 == 0)
                machine.Pass((ulong)random.Next(1, 20));
        }
        machine.Until(() => requests.All(request => !request.IsUnderWay), 20_000);
        Assert.All(requests, request => Assert.Equal(BlockResult.Complete, request.Result));
        for (int i = 0; i < 300; i += 10)
            Assert.Equal(Sbp2Machine.Content(4096, i), machine.OnDisk((ulong)i, 8));
        CheckWorks(machine);
    }

    [Theory]
    [MemberData(nameof(SomeKinds))]
    public void A_disk_pulled_at_any_step_ends_its_requests_and_gives_all_back(string kind)
    {
        int step = 0;
        for (bool more = true; more; step++)
        {
            using Sbp2Machine machine = new Sbp2Machine(kind).Ready();
            BlockRequest[] requests = [machine.Write(0, 9, 1), machine.Read(40, 8, 3), machine.Write(50, 3, 4)];
            more = machine.Step(step);
            machine.Pull();
            machine.Until(() => requests.All(request => !request.IsUnderWay), 20_000);
            Assert.All(requests, request => Assert.True(request.Result is BlockResult.Complete or BlockResult.Removed));
            machine.CheckNothingLeaks();
        }
    }

    [Fact]
    public void A_disk_that_comes_back_is_logged_in_to_again()
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        for (int i = 0; i < 3; i++)
        {
            machine.Pull();
            machine.Until(() => machine.Ours.State == DiskState.Absent);
            Assert.False(machine.Ours.IsReady);
            machine.Bus.Bus.Connect(machine.Disk.Phy, machine.Node.Phy);
            machine.Until(() => machine.Ours.State == DiskState.Ready, 20_000);
        }
        CheckWorks(machine);
        Assert.Equal(0ul, machine.Initiator.Disks[1].Guid);
    }

    [Theory]
    [MemberData(nameof(SomeKinds))]
    public void A_status_that_is_lost_costs_a_time_out(string kind)
    {
        using Sbp2Machine machine = new Sbp2Machine(kind).Ready();
        int lost = 1;
        machine.Node.Swallows = packet => IsStatus(packet) && lost-- == 1;
        BlockRequest[] requests = [.. Enumerable.Range(0, 5).Select(i => machine.Write((ulong)i * 8, 8, i))];
        machine.Until(() => requests.All(request => !request.IsUnderWay), 30_000);
        Assert.All(requests, request => Assert.Equal(BlockResult.Complete, request.Result));
        Assert.Equal((1ul, 1ul, 1ul, 0ul), (machine.Ours.Counters.TimeOuts, machine.Ours.Counters.Aborts, machine.Ours.Counters.TaskSets, machine.Ours.Counters.UnitResets));
        CheckWorks(machine);
    }

    [Theory]
    [MemberData(nameof(SomeKinds))]
    public void A_disk_that_falls_silent_is_given_up_and_taken_again_after_a_reset(string kind)
    {
        using Sbp2Machine machine = new Sbp2Machine(kind).Ready();
        machine.Node.Swallows = packet => packet.Code is Model.Tcode.WriteBlock or Model.Tcode.WriteQuadlet or Model.Tcode.ReadBlock;
        BlockRequest[] requests = [machine.Write(0, 9, 1), machine.Read(40, 8, 3), machine.Write(50, 3, 4)];
        machine.Until(() => requests.All(request => !request.IsUnderWay), 200_000);
        Assert.All(requests, request => Assert.Equal(BlockResult.TimedOut, request.Result));
        Assert.Equal((DiskState.Failed, false, 1ul), (machine.Ours.State, machine.IsOpen, machine.Ours.Counters.GivenUp));
        Assert.Equal(BlockResult.Removed, machine.Run(machine.Read(0, 1, 1)));
        machine.Node.Swallows = null;
        machine.Reset();
        machine.Until(() => machine.Ours.State == DiskState.Ready, 30_000);
        CheckWorks(machine);
    }

    [Theory]
    [InlineData(0, 0x08)]
    [InlineData(7, 0x40)]
    [InlineData(7, 0x04)]
    [InlineData(5, 0x01)]
    [InlineData(0, 0x06)]
    [InlineData(0, 0xC0)]
    [InlineData(0, 0x10)]
    [InlineData(1, 0x0C)]
    public void A_status_that_lies_is_counted_and_survived(int at, int bits)
    {
        foreach (string kind in (string[])["coherent", "lines of 64 (seed 1)", "coherent, checked"])
        {
            using Sbp2Machine machine = new Sbp2Machine(kind).Ready();
            bool lies = true;
            machine.Node.Swallows = packet =>
            {
                if (IsStatus(packet) && lies)
                {
                    packet.Data[at] ^= (byte)bits;
                    lies = false;
                }
                return false;
            };
            BlockRequest[] requests = [.. Enumerable.Range(0, 5).Select(i => machine.Write((ulong)i * 8, 8, i))];
            machine.Until(() => requests.All(request => !request.IsUnderWay), 60_000);
            Assert.False(lies);
            Assert.All(requests, request => Assert.Equal(BlockResult.Complete, request.Result));
            Sbp2Counters c = machine.Ours.Counters;
            Assert.NotEqual(0ul, c.BadStatus + c.UnknownOrbs + c.DeadAgents + c.Retries + c.Unsolicited);
            CheckWorks(machine);
        }
    }

    [Fact]
    public void Whatever_a_disk_writes_as_status_is_counted_and_the_disk_works_on()
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        var random = new Random(9);
        byte[] block = new byte[40];
        int sent = 0;
        for (int i = 0; i < 3000; i++)
        {
            random.NextBytes(block);
            // Alive, of a low address, as the disk's own are.
            block[0] &= 0xF7;
            (block[2], block[3]) = (0, 0);
            if (i % 3 == 0)
                block[0] = (byte)((block[0] & 0xF8) | 1);
            sent += machine.Disk.TryWrite((ushort)(0xFFC0 | machine.Node.Phy.PhysicalId), Status, block.AsSpan(0, i % 3 == 0 ? 8 : random.Next(5, 40)), (_, _) => { }) ? 1 : 0;
            machine.Bus.Settle();
        }
        Sbp2Counters c = machine.Ours.Counters;
        Assert.Equal((ulong)sent, c.BadStatus + c.UnknownOrbs + c.Unsolicited);
        Assert.True(c.BadStatus > 500 && c.UnknownOrbs > 300 && c.Unsolicited > 100);
        CheckWorks(machine);
    }

    [Fact]
    public void Nobody_but_the_disk_reaches_what_is_its_own()
    {
        using var machine = new Sbp2Machine();
        var stranger = new MemoryNode(new BusInformation(0xBAD));
        machine.Bus.Add(stranger);
        machine.Ready();
        ushort us = (ushort)(0xFFC0 | machine.Node.Phy.PhysicalId);
        var outcomes = new List<Outcome>();
        byte[] status = [1, 0, 0, 0, 0, 0, 0, 0];
        long served = machine.Node.Served;
        Assert.True(stranger.TryWrite(us, Status, status, (outcome, _) => outcomes.Add(outcome)));
        Assert.True(stranger.TryRead(us, Sbp2Initiator.Windows, 32, (outcome, _) => outcomes.Add(outcome)));
        Assert.True(stranger.TryWrite(us, Sbp2Initiator.Windows + 0x40, status, (outcome, _) => outcomes.Add(outcome)));
        Assert.True(stranger.TryRead(us, 0x10_0000, 64, (outcome, _) => outcomes.Add(outcome)));
        // Nor does the disk itself, when it has nothing to do there.
        Assert.True(machine.Disk.TryWrite(us, Sbp2Initiator.Windows + 0x40, status, (outcome, _) => outcomes.Add(outcome)));
        Assert.True(machine.Disk.TryRead(us, Sbp2Initiator.Windows, 32, (outcome, _) => outcomes.Add(outcome)));
        Assert.True(machine.Disk.TryWrite(us, Sbp2Initiator.Windows + 0x100, status, (outcome, _) => outcomes.Add(outcome)));
        machine.Bus.Settle();
        Assert.Equal(Enumerable.Repeat(Outcome.AddressError, 7), outcomes);
        Assert.Equal((5ul, served, 1ul), (machine.Ours.Counters.Strangers, machine.Node.Served, machine.Initiator.Disks[1].Counters.Strangers));
        CheckWorks(machine);
    }

    [Fact]
    public void While_a_login_is_under_way_the_disk_reaches_its_window_and_nothing_beside_it()
    {
        using var machine = new Sbp2Machine();
        machine.Until(() => machine.Ours.State == DiskState.Waiting);
        ushort us = (ushort)(0xFFC0 | machine.Node.Phy.PhysicalId);
        // Its own read of the ORB never comes, so the login goes on.
        machine.Node.Swallows = packet => packet.Code == Model.Tcode.ReadBlock && packet.Q3 >> 16 == 32;
        machine.Until(() => machine.Ours.State == DiskState.LoggingIn);
        int orbs = 0, responses = 0, count = 0;
        byte[] data = new byte[64];
        data.AsSpan().Fill(0xEE);
        for (uint at = 0; at < 0x80; at += 4)
        {
            foreach (int bytes in (int[])[4, 8, 12, 16, 28, 36, 64])
            {
                count += machine.Disk.TryRead(us, Sbp2Initiator.Windows + at, bytes, (outcome, _) => orbs += outcome == Outcome.Complete ? 1 : 0) ? 1 : 0;
                machine.Bus.Settle();
                count += machine.Disk.TryWrite(us, Sbp2Initiator.Windows + at, data.AsSpan(0, bytes), (outcome, _) => responses += outcome == Outcome.Complete ? 1 : 0) ? 1 : 0;
                machine.Bus.Settle();
            }
        }
        Assert.Equal(DiskState.LoggingIn, machine.Ours.State);
        // Places at multiples of 4 that are within 32 bytes, and within 16.
        Assert.Equal((8 + 7 + 6 + 5 + 2, 4 + 3 + 2 + 1), (orbs, responses));
        Assert.Equal((2 * 32 * 7, (ulong)(count - orbs - responses)), (count, machine.Ours.Counters.Strangers));
        machine.Node.Swallows = null;
        machine.Until(() => machine.Ours.State == DiskState.Ready, 20_000);
        CheckWorks(machine);
    }

    /// <summary>A target that takes what is written to its registers, and answers after the split time-out: what it was told it does all the same.</summary>
    [Fact]
    public void A_disk_that_answers_too_late_has_heard_what_it_was_told()
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        byte[]? status = null;
        machine.Node.Swallows = packet =>
        {
            if (!IsStatus(packet) || status != null)
                return false;
            status = packet.Data.ToArray();
            return true;
        };
        // The ROM, and the management agent.
        for (int i = 0; i < 6; i++)
            machine.Node.Acks.Enqueue(AckCode.Pending);
        machine.Reset();
        machine.Until(() => status != null);
        machine.Pass(300);
        Assert.Equal((1ul, DiskState.Reconnecting), (machine.Node.Core.Counters.TimeOuts, machine.Ours.State));
        // That the fetch agent was reset must be known; its pointer, and then the doorbell.
        machine.Node.Acks.Enqueue(AckCode.Complete);
        machine.Ours.TakeStatus(status);
        for (int i = 0; i < 2; i++)
        {
            machine.Node.Acks.Enqueue(AckCode.Pending);
            Assert.Equal(BlockResult.Complete, machine.Run(machine.Read((ulong)i, 20, 78)));
            machine.Pass(200);
        }
        Sbp2Counters c = machine.Ours.Counters;
        Assert.Equal((3ul, 0), (machine.Node.Core.Counters.TimeOuts, machine.Node.Acks.Count));
        Assert.Equal((1ul, 1ul, 0ul, 0ul), (c.Logins, c.Reconnects, c.LostWrites, c.TaskSets));
        CheckWorks(machine);
    }

    /// <summary>Hubs and power supplies that are plugged in make nodes vanish for a moment.</summary>
    [Theory]
    [InlineData(1_500, true)]
    [InlineData(4_000, false)]
    public void A_disk_that_is_away_for_a_moment_goes_on_with_what_it_had(ulong milliseconds, bool goesOn)
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        BlockRequest[] requests = [.. Enumerable.Range(0, 8).Select(i => machine.Read((ulong)i * 30, 30, i))];
        machine.Step(40);
        machine.Pull();
        machine.Pass(milliseconds);
        machine.Bus.Bus.Connect(machine.Disk.Phy, machine.Node.Phy);
        machine.Until(() => requests.All(request => !request.IsUnderWay), 20_000);
        Assert.Equal(goesOn, requests.All(request => request.Result == BlockResult.Complete));
        machine.Until(() => machine.Ours.State == DiskState.Ready, 20_000);
        CheckWorks(machine);
    }

    [Theory]
    [InlineData(0, 0x00)]
    [InlineData(6, 0x00)]
    [InlineData(11, 0x02)]
    public void A_login_that_is_answered_with_nonsense_is_tried_again(int at, int value)
    {
        using var machine = new Sbp2Machine();
        int lies = 2;
        machine.Node.Swallows = packet =>
        {
            if (packet.Offset == Sbp2Initiator.Windows + 0x40 && packet.Code == Model.Tcode.WriteBlock && lies-- > 0)
                (packet.Data[0], packet.Data[1], packet.Data[at]) = (at == 0 ? (byte)0 : packet.Data[0], at == 0 ? (byte)4 : packet.Data[1], (byte)value);
            return false;
        };
        machine.Until(() => machine.Ours.Counters.LoginsFailed != 0, 20_000);
        Assert.Equal((1ul, 0ul), (machine.Ours.Counters.BadResponses, machine.Node.OpenNodes));
    }

    [Fact]
    public void A_disk_of_somebody_else_is_asked_for_a_while_and_given_up()
    {
        using var machine = new Sbp2Machine();
        machine.Node.Swallows = packet =>
        {
            // Every login is refused.
            if (IsStatus(packet))
                packet.Data[1] = 4;
            return false;
        };
        machine.Until(() => machine.Ours.State == DiskState.Failed, 60_000);
        Assert.Equal((20ul, 0ul, 0, 1ul), (machine.Ours.Counters.LoginsFailed, machine.Node.OpenNodes, machine.Mappings, machine.Ours.Counters.GivenUp));
    }

    private static bool IsStatus(Model.Packet packet) => packet.Offset == Status && packet.Code == Model.Tcode.WriteBlock;

    // Data goes to and fro as ever, and nothing is left over.
    private static void CheckWorks(Sbp2Machine machine)
    {
        Assert.Equal(BlockResult.Complete, machine.Run(machine.Write(100, 20, 77), 20_000));
        BlockRequest read = machine.Read(100, 20, 78);
        Assert.Equal(BlockResult.Complete, machine.Run(read));
        Assert.Equal(Sbp2Machine.Content(20 * 512, 77), Sbp2Machine.Take(read));
        machine.CheckNothingLeaks();
    }
}
