using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Sluice.Block;
using Sluice.Drivers.Sbp2;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Sbp2;
using Sluice.Mm;
using Xunit;
using DiskDriver = Sluice.Drivers.Sbp2.Sbp2Disk;
using Model = Sluice.FireWire.Bus;
using ModelDisk = Sluice.FireWire.Sbp2.Sbp2Disk;

namespace Sluice.Tests.FireWire;

/// <summary>What sense does, each rung of the ladder when a command has no answer, logins that are forgotten, and memory that is not there.</summary>
public sealed class Sbp2RecoveryTests
{
    private const ulong Status = Sbp2Initiator.Windows + 0x80;

    /// <summary>What a status says: format and SCSI's status, sense key, code; what becomes of the command, and after how many seconds at least.</summary>
    public static TheoryData<int, int, int, BlockResult, int> Senses => new()
    {
        { 0x02, 0x0, 0x0000, BlockResult.Complete, 0 },
        { 0x02, 0x1, 0x1701, BlockResult.Complete, 0 },
        { 0x02, 0x6, 0x2900, BlockResult.Complete, 0 },
        { 0x02, 0xB, 0x4700, BlockResult.Complete, 0 },
        { 0x42, 0x3, 0x0C00, BlockResult.Complete, 0 },
        { 0x02, 0x2, 0x0401, BlockResult.Complete, 500 },
        { 0x08, 0x0, 0x0000, BlockResult.Complete, 500 },
        { 0x18, 0x0, 0x0000, BlockResult.Complete, 500 },
        { 0x28, 0x0, 0x0000, BlockResult.Complete, 500 },
        { 0x02, 0x2, 0x3A00, BlockResult.Failed, 0 },
        { 0x02, 0x3, 0x1100, BlockResult.MediumError, 0 },
        { 0x02, 0x8, 0x0000, BlockResult.MediumError, 0 },
        { 0x02, 0x4, 0x4400, BlockResult.Failed, 0 },
        { 0x02, 0x5, 0x2100, BlockResult.OutOfRange, 0 },
        { 0x02, 0x5, 0x2400, BlockResult.Failed, 0 },
        { 0x02, 0x7, 0x2700, BlockResult.ReadOnly, 0 },
        { 0x82, 0x6, 0x2900, BlockResult.Failed, 0 },
        { 0xC2, 0x6, 0x2900, BlockResult.Failed, 0 },
        { 0x30, 0x0, 0x0000, BlockResult.Failed, 0 },
    };

    [Theory]
    [MemberData(nameof(Senses))]
    public void Sense_says_what_becomes_of_a_command(int scsi, int key, int code, BlockResult result, int milliseconds)
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        int left = 1;
        machine.Node.Swallows = packet =>
        {
            if (IsStatus(packet) && left-- == 1)
                Say(packet, (uint)scsi << 24 | (uint)key << 16 | (uint)code);
            return false;
        };
        BlockRequest request = machine.Read(3, 5, 1);
        machine.Pass((ulong)Math.Max(0, milliseconds - 2));
        Assert.Equal(milliseconds > 0, request.IsUnderWay);
        Assert.Equal(result, machine.Run(request));
        Assert.Equal(result == BlockResult.Complete ? new byte[5 * 512] : null, result == BlockResult.Complete ? Sbp2Machine.Take(request) : null);
        Assert.Equal(result == BlockResult.Complete ? 0ul : 1, machine.Ours.Counters.Failed);
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_command_that_never_gets_on_is_tried_six_times_or_for_a_minute()
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        uint sense = 0x0206_2900;
        machine.Node.Swallows = packet =>
        {
            if (IsStatus(packet))
                Say(packet, sense);
            return false;
        };
        Assert.Equal(BlockResult.TimedOut, machine.Run(machine.Read(3, 5, 1)));
        Assert.Equal(6ul, machine.Ours.Counters.UnitAttentions);
        sense = 0x0800_0000;
        Assert.Equal(BlockResult.TimedOut, machine.Run(machine.Read(3, 5, 1), 61_000));
        Assert.InRange(machine.Ours.Counters.Retries, 100ul, 140ul);
        machine.Node.Swallows = null;
        Assert.Equal(BlockResult.Complete, machine.Run(machine.Read(3, 5, 1)));
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void An_abort_that_works_touches_no_other_command()
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        byte[] lost = [];
        machine.Node.Swallows = packet =>
        {
            if (!IsStatus(packet))
                return false;
            if (lost.Length == 0)
            {
                lost = packet.Data.ToArray();
                return true;
            }
            // The target says that the abort is done, and then that the task was aborted.
            if (packet.Data[1] == 9)
                packet.Data[1] = 0;
            return false;
        };
        BlockRequest[] requests = [.. Enumerable.Range(0, 5).Select(i => machine.Write((ulong)i * 8, 8, i))];
        machine.Until(() => machine.Ours.State == DiskState.Recovering, 21_000);
        machine.Pass(500);
        Assert.True(machine.IsOpen);
        lost[1] = 12;
        Assert.True(machine.Disk.TryWrite((ushort)(0xFFC0 | machine.Node.Phy.PhysicalId), Status, lost, (_, _) => { }));
        machine.Until(() => requests.All(request => !request.IsUnderWay));
        Assert.All(requests, request => Assert.Equal(BlockResult.Complete, request.Result));
        Assert.Equal((1ul, 0ul, 1ul), (machine.Ours.Counters.Aborts, machine.Ours.Counters.TaskSets, machine.Ours.Counters.Retries));
        machine.CheckNothingLeaks();
    }

    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(1, 1, 0)]
    [InlineData(2, 1, 1)]
    public void Each_rung_of_the_ladder_leads_to_the_next(int refused, int taskSets, int unitResets)
    {
        foreach (string kind in (string[])["coherent", "lines of 64 (seed 1)", "lines of 128 (seed 6), bounced", "coherent, checked"])
        {
            using Sbp2Machine machine = new Sbp2Machine(kind).Ready();
            int seen = 0;
            machine.Node.Swallows = packet =>
            {
                if (!IsStatus(packet) || seen++ == 0)
                    return IsStatus(packet);
                // Management's answers: with none refused, the abort too is said to be done, and the task's own status never comes.
                if (packet.Data[3] != 0)
                    packet.Data[1] = (byte)(refused-- > 0 ? 9 : 0);
                return false;
            };
            int refusedHere = refused;
            BlockRequest[] requests = [machine.Write(0, 9, 1), machine.Read(40, 8, 3), machine.Write(50, 3, 4)];
            machine.Until(() => requests.All(request => !request.IsUnderWay), 30_000);
            refused = refusedHere;
            Assert.All(requests, request => Assert.Equal(BlockResult.Complete, request.Result));
            Assert.Equal((1ul, (ulong)taskSets, (ulong)unitResets), (machine.Ours.Counters.Aborts, machine.Ours.Counters.TaskSets, machine.Ours.Counters.UnitResets));
            Assert.Equal(BlockResult.Complete, machine.Run(machine.Read(0, 9, 1)));
            machine.CheckNothingLeaks();
        }
    }

    /// <summary>Commands that are linked while another is under way get lost, as with some bridges; whether they can be aborted or not.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_disk_that_loses_what_is_linked_while_it_works_gets_one_command_after_the_other(bool aborts)
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        var lost = new List<byte[]>();
        machine.Node.Swallows = packet =>
        {
            if (!IsStatus(packet) || packet.Data[1] == 12)
                return false;
            if (packet.Data[3] == 0 && machine.Ours.UnderWay > 1)
                lost.Add(packet.Data.ToArray());
            else if (aborts && packet.Data[3] != 0)
                packet.Data[1] = 0;
            return packet.Data[3] == 0 && machine.Ours.UnderWay > 1;
        };
        BlockRequest[] requests = [.. Enumerable.Range(0, 15).Select(i => machine.Write((ulong)i * 8, 8, i))];
        machine.Until(() => machine.Ours.Counters.TimeOuts != 0, 21_000);
        // They are aborted in the order of their places.
        lost.Sort((one, other) => BinaryPrimitives.ReadUInt32BigEndian(one.AsSpan(4)).CompareTo(BinaryPrimitives.ReadUInt32BigEndian(other.AsSpan(4))));
        for (int i = 0; i < lost.Count && aborts; i++)
        {
            machine.Until(() => machine.Ours.Counters.Aborts == (ulong)i + 1);
            machine.Pass(2);
            lost[i][1] = 12;
            Assert.True(machine.Disk.TryWrite((ushort)(0xFFC0 | machine.Node.Phy.PhysicalId), Status, lost[i], (_, _) => { }));
        }
        machine.Until(() => requests.All(request => !request.IsUnderWay), 10_000);
        Assert.All(requests, request => Assert.Equal(BlockResult.Complete, request.Result));
        Assert.Equal(aborts ? (15ul, 0ul) : (1ul, 1ul), (machine.Ours.Counters.Aborts, machine.Ours.Counters.TaskSets));
        // A bus reset does not make it another disk; a login may.
        machine.Reset();
        machine.Ready();
        int most = 0;
        machine.Node.Swallows = packet =>
        {
            most = Math.Max(most, machine.Ours.UnderWay);
            return false;
        };
        requests = [.. Enumerable.Range(0, 40).Select(i => machine.Write((ulong)i * 8, 8, i))];
        machine.Until(() => requests.All(request => !request.IsUnderWay));
        Assert.Equal((1, 1ul), (most, machine.Ours.Counters.Reconnects));
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void An_agent_that_dies_again_and_again_is_given_up()
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        machine.Node.Swallows = packet =>
        {
            // Transport failures, the agent dead.
            if (IsStatus(packet) && packet.Data[3] == 0)
                packet.Data[0] |= 0x18;
            return false;
        };
        BlockRequest[] requests = [.. Enumerable.Range(0, 4).Select(i => machine.Write((ulong)i * 8, 8, i))];
        machine.Until(() => requests.All(request => !request.IsUnderWay), 30_000);
        Assert.All(requests, request => Assert.Equal(BlockResult.TimedOut, request.Result));
        Assert.Equal(0ul, machine.Ours.Counters.Commands);
        machine.Node.Swallows = null;
        machine.Reset();
        machine.Until(() => machine.Ours.State == DiskState.Ready, 30_000);
        Assert.Equal(BlockResult.Complete, machine.Run(machine.Read(0, 9, 1)));
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_login_that_the_disk_forgot_is_made_anew_and_requests_wait_for_it()
    {
        using Sbp2Machine machine = new Sbp2Machine();
        machine.Node.Swallows = packet =>
        {
            // The disk holds logins for 4 s, and is said to for 16.
            if (packet.Offset == Sbp2Initiator.Windows + 0x40 && packet.Code == Model.Tcode.WriteBlock)
                packet.Data[15] = 15;
            return false;
        };
        machine.Ready();
        BlockRequest request = machine.Write(5, 5, 1);
        machine.Reset();
        // Its ROM is out of reach for a while.
        machine.Node.Swallows = packet => packet.Code == Model.Tcode.ReadQuadletResponse;
        machine.Pass(6000);
        Assert.Equal((DiskState.Lost, true), (machine.Ours.State, request.IsUnderWay));
        machine.Node.Swallows = null;
        Assert.Equal(BlockResult.Complete, machine.Run(request, 10_000));
        Assert.Equal((2ul, 0ul, 3ul), (machine.Ours.Counters.Logins, machine.Ours.Counters.Reconnects, machine.Ours.Counters.ReconnectsFailed));
        machine.CheckNothingLeaks();
    }

    /// <summary>After a bus reset it has much to do: a login that it keeps for us is not thrown away for that.</summary>
    [Fact]
    public void A_disk_that_is_busy_with_a_bus_reset_is_waited_for()
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        machine.Reset();
        machine.Approach(() => machine.Ours.State == DiskState.Reconnecting);
        // As long as it is busy it asks nothing of us, either.
        machine.Node.Swallows = packet => machine.Node.Acks.Count != 0;
        for (int i = 0; i < 60; i++)
            machine.Node.Acks.Enqueue(Sluice.FireWire.Core.AckCode.BusyX);
        machine.Pass(300);
        Assert.Equal(DiskState.Reconnecting, machine.Ours.State);
        machine.Ready();
        Assert.Equal((1ul, 1ul, 0ul), (machine.Ours.Counters.Logins, machine.Ours.Counters.Reconnects, machine.Ours.Counters.ReconnectsFailed));
        Assert.Equal(BlockResult.Complete, machine.Run(machine.Read(0, 9, 1)));
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void Nine_disks_get_eight_places_and_work_beside_each_other()
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        ModelDisk[] others = [.. Enumerable.Range(1, 8).Select(i => new ModelDisk(new BusInformation(0xD15C + (ulong)i, MaxRecord: 10), new DiskImage(512 << i)))];
        foreach (ModelDisk other in others)
            machine.Bus.Add(other);
        machine.Until(() => machine.Initiator.Disks.ToArray().All(disk => disk.State == DiskState.Ready));
        machine.Pass(1000);
        Assert.Equal(8, System.Numerics.BitOperations.PopCount(machine.Node.OpenNodes));
        Assert.True(machine.Initiator.NoPlace > 0);
        var requests = new List<BlockRequest>();
        foreach (DiskDriver disk in machine.Initiator.Disks)
        {
            byte[] content = Sbp2Machine.Content(1024, (int)disk.Guid);
            ScatterListOf(machine, disk, content, requests);
        }
        machine.Until(() => requests.TrueForAll(request => !request.IsUnderWay));
        Assert.All(requests, request => Assert.Equal(BlockResult.Complete, request.Result));
        byte[] stored = new byte[1024];
        foreach (DiskDriver disk in machine.Initiator.Disks)
        {
            ModelDisk model = others.Append(machine.Disk).Single(other => other.Information.Guid == disk.Guid);
            Assert.True(model.Unit.Image.TryRead(0, stored));
            Assert.Equal(Sbp2Machine.Content(1024, (int)disk.Guid), stored);
        }
        foreach (ModelDisk other in others)
            machine.Bus.Bus.Disconnect(other.Phy);
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void Without_memory_there_is_no_login_until_there_is_some()
    {
        using var machine = new Sbp2Machine();
        machine.Until(() => machine.Ours.State == DiskState.Waiting);
        var taken = new List<PageRun>();
        foreach (Zone zone in (Zone[])[Zone.Any, Zone.Normal, Zone.Dma32, Zone.Dma])
        {
            while (machine.Dma.Memory.Pages.TryTake(0, zone, default, out PageRun run))
                taken.Add(run);
        }
        machine.Until(() => machine.Ours.Counters.NoMemory > 2);
        Assert.Equal((0ul, 0), (machine.Node.OpenNodes, machine.Mappings));
        foreach (PageRun run in taken)
        {
            PageRun given = run;
            machine.Dma.Memory.Pages.Give(ref given);
        }
        machine.Ready();
        machine.CheckNothingLeaks();
    }

    [Theory]
    [InlineData("coherent, bounced")]
    [InlineData("lines of 64 (seed 5), bounced")]
    public void Without_slots_a_request_ends_and_others_go_on(string kind)
    {
        using Sbp2Machine machine = new Sbp2Machine(kind).Ready();
        machine.Dma.System.BounceLimit = 1;
        BlockRequest[] requests = [.. Enumerable.Range(0, 20).Select(i => machine.Write((ulong)i * 60, 400, i))];
        machine.Until(() => requests.All(request => !request.IsUnderWay));
        int refused = requests.Count(request => request.Result == BlockResult.NoResources);
        Assert.InRange(refused, 1, 19);
        Assert.Equal((ulong)refused, machine.Ours.Counters.NoMemory);
        Assert.All(requests, request => Assert.True(request.Result is BlockResult.Complete or BlockResult.NoResources));
        machine.Dma.System.BounceLimit = 64 << 20;
        Assert.Equal(BlockResult.Complete, machine.Run(machine.Write(0, 60, 1)));
        machine.CheckNothingLeaks();
    }

    private static void ScatterListOf(Sbp2Machine machine, DiskDriver disk, byte[] content, List<BlockRequest> requests)
    {
        Sluice.Dma.ScatterList list = machine.List(content.Length, new Random(1), content);
        requests.Add(machine.New().Write(0, (uint)content.Length / 512, ref list));
        disk.Submit(requests[^1]);
    }

    // SCSI's status and sense behind the ORB's address, as if the target had said so.
    private static void Say(Model.Packet packet, uint scsi)
    {
        Span<byte> block = stackalloc byte[16];
        block.Clear();
        packet.Data[..8].CopyTo(block);
        block[0] = (byte)((block[0] & 0xF8) | 3);
        BinaryPrimitives.WriteUInt32BigEndian(block[8..], scsi);
        packet.SetData(block);
    }

    private static bool IsStatus(Model.Packet packet) => packet.Offset == Status && packet.Code == Model.Tcode.WriteBlock;
}
