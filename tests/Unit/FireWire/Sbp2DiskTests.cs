using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Sluice.Block;
using Sluice.Dma;
using Sluice.Drivers.Sbp2;
using Sluice.FireWire.Core;
using Sluice.Mm;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>A disk of the model, on every kind of machine: found, read, written, and let go.</summary>
public sealed class Sbp2DiskTests
{
    public static TheoryData<string> Kinds => Sbp2Machine.Kinds;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_disk_is_logged_in_to_and_says_what_it_is(string kind)
    {
        using var machine = new Sbp2Machine(kind);
        Assert.Equal(0ul, machine.Node.OpenNodes);
        machine.Until(() => machine.Ours.State == DiskState.Waiting);
        Assert.Equal((0ul, 0), (machine.Node.OpenNodes, machine.Mappings));
        machine.Ready();
        IBlockDevice disk = machine.Ours;
        Assert.Equal((true, 2048ul, 512u, false, 1024u), (disk.IsReady, disk.Blocks, disk.BlockBytes, disk.IsReadOnly, disk.MostBlocks));
        Assert.Equal((1, 1ul << machine.Disk.Phy.PhysicalId), (machine.Disk.LoginCount, machine.Node.OpenNodes));
        Assert.Equal((1ul, 0xD15Cul), (machine.Ours.Counters.Logins, machine.Ours.Guid));
        machine.CheckNoFaults();
        machine.CheckNothingLeaks();
        Assert.Equal(1ul, machine.Ours.Counters.Logins);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Blocks_of_every_count_come_and_go_in_pieces_at_odd_places(string kind)
    {
        using Sbp2Machine machine = new Sbp2Machine(kind).Ready();
        IEnumerable<int> counts = kind == "coherent" ? Enumerable.Range(1, 600) : [1, 2, 3, 15, 16, 17, 127, 128, 129, 255, 257, 600];
        foreach (int count in counts)
        {
            uint blocks = (uint)count;
            ulong first = (ulong)(count * 7 % 1400);
            BlockRequest write = machine.Write(first, blocks, count);
            Assert.Equal(BlockResult.Complete, machine.Run(write));
            byte[] content = Sbp2Machine.Content(count * 512, count);
            Assert.Equal(content, machine.OnDisk(first, blocks));
            Assert.Equal(content, Sbp2Machine.Take(write));
            BlockRequest read = machine.Read(first, blocks, count + 1000);
            Assert.Equal(BlockResult.Complete, machine.Run(read));
            Assert.Equal(content, Sbp2Machine.Take(read));
            machine.Done.Clear();
        }
        machine.CheckNoFaults();
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void One_piece_needs_no_table_and_a_long_one_is_cut()
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        foreach (uint blocks in (uint[])[1, 127, 128, 129, 1024])
        {
            int bytes = (int)blocks * 512;
            Assert.Equal(Error.None, machine.Device.TryMakeScatterList(1, 16, out ScatterList list));
            PageRun run = machine.Dma.Memory.Take(8);
            Sbp2Machine.Content(bytes, bytes).CopyTo(run.Memory);
            Assert.Equal(Error.None, list.TryAdd(ref run, 0, (uint)bytes));
            BlockRequest request = machine.New().Write(5, blocks, ref list);
            machine.Ours.Submit(request);
            Assert.Equal(BlockResult.Complete, machine.Run(request));
            Assert.Equal(Sbp2Machine.Take(request), machine.OnDisk(5, blocks));
        }
        machine.CheckNoFaults();
        machine.CheckNothingLeaks();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Many_commands_are_under_way_at_once_and_the_list_goes_on(string kind)
    {
        using Sbp2Machine machine = new Sbp2Machine(kind).Ready();
        ulong before = machine.Ours.Counters.Commands;
        for (int round = 0; round < 4; round++)
        {
            int most = 0;
            var requests = new List<BlockRequest>();
            for (int i = 0; i < 40; i++)
            {
                requests.Add(machine.Write((ulong)(i * 12), (uint)(1 + i % 12), round * 100 + i));
                machine.Step(i % 7 * 3);
                most = Math.Max(most, machine.Ours.UnderWay);
            }
            machine.Until(() => requests.TrueForAll(request => !request.IsUnderWay));
            Assert.InRange(most, 2, Sbp2Disk.Orbs);
            for (int i = 0; i < 40; i++)
            {
                Assert.Equal(BlockResult.Complete, requests[i].Result);
                Assert.Equal(Sbp2Machine.Content((1 + i % 12) * 512, round * 100 + i), machine.OnDisk((ulong)(i * 12), (uint)(1 + i % 12)));
                Sbp2Machine.Take(requests[i]);
            }
            requests = [.. Enumerable.Range(0, 40).Select(i => machine.Read((ulong)(i * 12), (uint)(1 + i % 12), i))];
            machine.Until(() => requests.TrueForAll(request => !request.IsUnderWay));
            for (int i = 0; i < 40; i++)
                Assert.Equal(Sbp2Machine.Content((1 + i % 12) * 512, round * 100 + i), Sbp2Machine.Take(requests[i]));
        }
        Assert.Equal(before + 320, machine.Ours.Counters.Commands);
        Assert.Equal(320, machine.Done.Distinct().Count());
        machine.CheckNoFaults();
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void What_cannot_be_done_says_why_and_nothing_is_sent()
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        long commands = machine.Disk.Commands;
        Assert.Equal(BlockResult.OutOfRange, machine.Run(machine.Read(2048, 1, 1)));
        Assert.Equal(BlockResult.OutOfRange, machine.Run(machine.Read(2047, 2, 1)));
        Assert.Equal(BlockResult.OutOfRange, machine.Run(machine.Read(ulong.MaxValue, 2, 1)));
        Assert.Equal(BlockResult.TooLarge, machine.Run(machine.Read(0, 1025, 1)));
        ScatterList list = machine.List(512, new Random(1));
        BlockRequest request = machine.New().Read(0, 2, ref list);
        machine.Ours.Submit(request);
        Assert.Equal(BlockResult.BadLength, machine.Run(request));
        list = machine.List(300 * 512, new Random(1), longest: 512);
        request = machine.New().Read(0, 300, ref list);
        machine.Ours.Submit(request);
        Assert.Equal(BlockResult.TooLarge, machine.Run(request));
        Assert.Equal(BlockResult.Complete, machine.Run(machine.Read(2047, 1, 1)));
        Assert.Equal(commands + 1, machine.Disk.Commands);
        machine.CheckNoFaults();
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_request_is_refused_where_no_disk_ever_was()
    {
        using var machine = new Sbp2Machine(isPlugged: false);
        machine.Pass(1000);
        BlockRequest request = machine.New().Flush();
        machine.Ours.Submit(request);
        Assert.Empty(machine.Done);
        Assert.Equal(BlockResult.Removed, machine.Run(request));
        machine.Plug();
        machine.Ready();
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void Only_a_disk_with_a_cache_is_told_to_empty_it()
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        long commands = machine.Disk.Commands;
        BlockRequest flush = machine.New().Flush();
        machine.Ours.Submit(flush);
        Assert.Equal(BlockResult.Complete, machine.Run(flush));
        Assert.Equal(commands, machine.Disk.Commands);
    }

    /// <summary>SYNCHRONIZE CACHE is optional: a disk that does not know it has nothing to be emptied, and is not told again.</summary>
    [Fact]
    public void A_disk_that_cannot_empty_a_cache_needs_not()
    {
        using Sbp2Machine machine = new Sbp2Machine(asked: Workarounds.NoCachingPage);
        bool isRefusing = false;
        machine.Node.Swallows = packet =>
        {
            if (packet.Code == Model.Tcode.WriteBlock && packet.DataBytes == 24 && packet.Offset >> 32 == 0)
                packet.Data[6] |= 4;
            else if (isRefusing && packet.Code == Model.Tcode.WriteBlock && packet.Offset == Sbp2Initiator.Windows + 0x80)
                Refuse(packet);
            return false;
        };
        machine.Ready();
        isRefusing = true;
        long commands = machine.Disk.Commands;
        for (int i = 0; i < 2; i++)
        {
            BlockRequest flush = machine.New().Flush();
            machine.Ours.Submit(flush);
            Assert.Equal(BlockResult.Complete, machine.Run(flush));
        }
        Assert.Equal(commands + 1, machine.Disk.Commands);
        machine.CheckNothingLeaks();

        // A status of 16 bytes: CHECK CONDITION, ILLEGAL REQUEST, INVALID COMMAND OPERATION CODE.
        static void Refuse(Model.Packet packet)
        {
            packet.DataBytes = 16;
            packet.Q3 = 16 << 16;
            packet.Data[0] = 3;
            packet.Data[8..].Clear();
            (packet.Data[8], packet.Data[9], packet.Data[10]) = (2, 5, 0x20);
        }
    }

    /// <summary>Of a block write that is longer than max_rec a controller need not take anything (1394 OHCI 1.1, 5.5.4).</summary>
    [Theory]
    [InlineData(0xF064_0002, 512)]
    [InlineData(0xF064_8002, 512)]
    [InlineData(0xF064_9002, 1024)]
    [InlineData(0xF064_B002, 2048)]
    public void A_disk_writes_no_more_at_once_than_our_controller_takes(uint options, int most)
    {
        using var machine = new Sbp2Machine();
        machine.Node.Options = new BusOptions(options);
        machine.Ready();
        int longest = 0;
        machine.Node.Swallows = packet =>
        {
            longest = packet.Code == Model.Tcode.WriteBlock ? Math.Max(longest, packet.DataBytes) : longest;
            return false;
        };
        Assert.Equal(BlockResult.Complete, machine.Run(machine.Read(0, 64, 1)));
        Assert.Equal(most, longest);
        machine.CheckNoFaults();
        machine.CheckNothingLeaks();
    }

    [Theory]
    [InlineData(Workarounds.None)]
    [InlineData(Workarounds.NoCachingPage)]
    public void A_cache_is_emptied(Workarounds asked)
    {
        using var machine = new Sbp2Machine(asked: asked);
        machine.Node.Swallows = packet =>
        {
            // The mode page with the bit for a cache of what is written.
            if (packet.Code == Model.Tcode.WriteBlock && packet.DataBytes == 24 && packet.Offset >> 32 == 0)
                packet.Data[6] |= 4;
            return false;
        };
        machine.Ready();
        long commands = machine.Disk.Commands;
        BlockRequest flush = machine.New().Flush();
        machine.Ours.Submit(flush);
        Assert.Equal(BlockResult.Complete, machine.Run(flush));
        Assert.Equal(commands + 1, machine.Disk.Commands);
        machine.CheckNoFaults();
        machine.CheckNothingLeaks();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_answer_that_never_came_is_not_the_one_before(string kind)
    {
        // The capacity's third byte is where a mode page would say "protected".
        using var machine = new Sbp2Machine(kind, blocks: 0x8100);
        machine.Node.Swallows = packet => packet.Code == Model.Tcode.WriteBlock && packet.DataBytes == 24 && packet.Offset >> 32 == 0;
        machine.Ready();
        Assert.Equal((0x8100ul, false), (machine.Ours.Blocks, machine.Ours.IsReadOnly));
        machine.CheckNoFaults();
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_disk_that_may_not_be_written_is_not()
    {
        string path = Path.GetTempFileName();
        File.WriteAllBytes(path, Sbp2Machine.Content(64 * 512, 4));
        try
        {
            using Sbp2Machine machine = new Sbp2Machine(image: path).Ready();
            Assert.True(machine.Ours.IsReadOnly);
            Assert.Equal(BlockResult.ReadOnly, machine.Run(machine.Write(0, 1, 1)));
            BlockRequest read = machine.Read(0, 64, 1);
            Assert.Equal(BlockResult.Complete, machine.Run(read));
            Assert.Equal(Sbp2Machine.Content(64 * 512, 4), Sbp2Machine.Take(read));
            machine.CheckNothingLeaks();
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_disk_that_does_not_turn_is_started()
    {
        using var machine = new Sbp2Machine(asked: Workarounds.PowerCondition);
        machine.Disk.Unit.Execute([0x1B, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], default, default, out _);
        machine.Ready();
        Assert.Equal(1ul, machine.Ours.Counters.NotReady);
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_quirk_is_heeded()
    {
        using (Sbp2Machine machine = new Sbp2Machine(asked: Workarounds.FixCapacity | Workarounds.Most128K).Ready())
            Assert.Equal((2047ul, 256u), (machine.Ours.Blocks, machine.Ours.MostBlocks));
        using (var machine = new Sbp2Machine(asked: Workarounds.DelayInquiry))
        {
            machine.Pass(12_100);
            Assert.Equal((DiskState.Starting, 0L), (machine.Ours.State, machine.Disk.Commands));
            machine.Pass(200);
            Assert.Equal(DiskState.Ready, machine.Ours.State);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_disk_that_is_let_go_is_logged_out_of(string kind)
    {
        using Sbp2Machine machine = new Sbp2Machine(kind).Ready();
        BlockRequest[] requests = [.. Enumerable.Range(0, 20).Select(i => machine.Write((ulong)i, 1, i))];
        machine.Step(60);
        machine.Ours.Eject();
        Assert.False(machine.IsOpen);
        machine.Until(() => requests.All(request => !request.IsUnderWay));
        Assert.Contains(requests, request => request.Result == BlockResult.Removed);
        Assert.All(requests, request => Assert.True(request.Result is BlockResult.Removed or BlockResult.Complete));
        machine.Until(() => machine.Ours.State == DiskState.Absent);
        Assert.Equal(0, machine.Disk.LoginCount);
        Assert.Equal(BlockResult.Removed, machine.Run(machine.Read(0, 1, 1)));
        machine.Reset();
        machine.Ready();
        machine.CheckNothingLeaks();
    }
}
