using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Requests to nodes of the model and theirs to us, with everything that can come in between.</summary>
public sealed unsafe class TransactionTests : IDisposable
{
    private const ulong At = MemoryNode.DefaultBase, Ours = 0x1_0000_0000;

    private readonly CoreMachine _machine = new();
    private readonly CoreNode _node = new(1);
    private readonly MemoryNode _peer = new(new BusInformation(0x1234));

    private FireWireBus Core => _node.Core;

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Reads_writes_and_locks_do_what_they_say()
    {
        Plug();
        int peer = _peer.Phy.PhysicalId;
        Transaction t = New();
        Assert.Equal(TransactionResult.Complete, Run(t.WriteQuadlet(peer, Core.Generation, At, 0xDEAD_BEEF)));
        Assert.Equal([0xDE, 0xAD, 0xBE, 0xEF], _peer.Memory[..4].ToArray());
        Assert.Equal(TransactionResult.Complete, Run(t.ReadQuadlet(peer, Core.Generation, At)));
        Assert.Equal(0xDEAD_BEEF, t.Quadlet);
        new Random(1).NextBytes(_machine.Bytes(0, 2048));
        foreach (int bytes in (int[])[1, 3, 4, 5, 8, 9, 511, 512])
        {
            Assert.Equal(TransactionResult.Complete, Run(t.WriteBlock(peer, Core.Generation, At + 16, _machine.Memory, bytes)));
            Assert.Equal(_machine.Bytes(0, bytes), _peer.Memory.Slice(16, bytes));
            _machine.Bytes(4096, bytes + 1).Fill(0xEE);
            Assert.Equal(TransactionResult.Complete, Run(t.ReadBlock(peer, Core.Generation, At + 16, _machine.Memory + 4096, bytes)));
            Assert.Equal(_machine.Bytes(0, bytes), _machine.Bytes(4096, bytes));
            Assert.Equal(0xEE, _machine.Memory[4096 + bytes]);
        }
        Assert.Equal(TransactionResult.Complete, Run(t.Lock(peer, Core.Generation, At, LockOperation.CompareSwap, 0xDEAD_BEEF, 7u)));
        Assert.Equal(0xDEAD_BEEF, t.Quadlet);
        Assert.Equal(TransactionResult.Complete, Run(t.Lock(peer, Core.Generation, At, LockOperation.CompareSwap, 1, 8u)));
        Assert.Equal(7u, t.Quadlet);
        Assert.Equal(TransactionResult.Complete, Run(t.Lock(peer, Core.Generation, At, LockOperation.CompareSwap, 0x7_0000_0000ul, 9ul)));
        Assert.Equal(0x7_0000_0000ul, t.Octlet & 0xFFFF_FFFF_0000_0000);
        Assert.Equal(TransactionResult.AddressError, Run(t.ReadQuadlet(peer, Core.Generation, 0x1000)));
        Assert.Equal((0, Core.Counters.Submitted), (Core.UnderWay, Core.Counters.Finished));
    }

    [Fact]
    public void What_cannot_be_sent_says_why()
    {
        Plug();
        int peer = _peer.Phy.PhysicalId;
        Transaction t = New();
        Assert.Equal(TransactionResult.NoAck, Run(t.ReadQuadlet(9, Core.Generation, At)));
        Assert.Equal(TransactionResult.NoAck, Run(t.ReadQuadlet(63, Core.Generation, At)));
        Assert.Equal(TransactionResult.OldGeneration, Run(t.ReadQuadlet(peer, (byte)(Core.Generation - 1), At)));
        Assert.Equal(TransactionResult.BadLength, Run(t.ReadBlock(peer, Core.Generation, At, _machine.Memory, 0)));
        Assert.Equal(TransactionResult.BadLength, Run(t.ReadBlock(peer, Core.Generation, At, _machine.Memory, 2049)));
        t.Most = BusSpeed.S100;
        Assert.Equal(TransactionResult.BadLength, Run(t.ReadBlock(peer, Core.Generation, At, _machine.Memory, 513)));
        _node.Phy.InitiateReset(isLong: false);
        Assert.Equal(TransactionResult.BusReset, Run(t.ReadQuadlet(peer, Core.Generation, At)));
        Assert.Equal(0, Core.UnderWay);
    }

    [Fact]
    public void A_node_has_64_labels_and_a_controller_its_room()
    {
        Plug();
        _node.HoldsReports = true;
        Transaction[] all = [.. Enumerable.Range(0, 65).Select(_ => New())];
        foreach (Transaction t in all)
            Core.Submit(t.ReadQuadlet(_peer.Phy.PhysicalId, Core.Generation, At));
        _machine.Settle();
        Assert.Equal([all[64]], _machine.Done);
        Assert.Equal(TransactionResult.NoLabel, all[64].Result);
        _node.HoldsReports = false;
        _node.Phy.Segment.Request(_node.Phy);
        _machine.Settle();
        _machine.Pass(1000);
        Assert.Equal(65, _machine.Done.Count);
        Assert.All(all[..64], t => Assert.Equal(TransactionResult.Complete, t.Result));
    }

    [Theory]
    [InlineData(AckCode.Missing, TransactionResult.NoAck)]
    [InlineData(AckCode.Complete, TransactionResult.Malformed)]
    [InlineData(AckCode.ConflictError, TransactionResult.ConflictError)]
    [InlineData(AckCode.DataError, TransactionResult.DataError)]
    [InlineData(AckCode.TypeError, TransactionResult.TypeError)]
    [InlineData(AckCode.AddressError, TransactionResult.AddressError)]
    [InlineData(AckCode.NotSent, TransactionResult.NotSent)]
    [InlineData((AckCode)3, TransactionResult.Malformed)]
    public void Acknowledges_end_a_read(AckCode ack, TransactionResult result)
    {
        Script(_ => Model.Ack.Missing);
        _node.Acks.Enqueue(ack);
        Assert.Equal(result, Run(New().ReadQuadlet(_machine.Bus.Phys[1].PhysicalId, Core.Generation, At)));
    }

    [Theory]
    [InlineData(AckCode.BusyX)]
    [InlineData(AckCode.BusyA)]
    [InlineData(AckCode.BusyB)]
    [InlineData(AckCode.Tardy)]
    public void A_busy_node_is_tried_again_and_given_up(AckCode busy)
    {
        Plug();
        Transaction t = New();
        for (int i = 0; i < 8; i++)
            _node.Acks.Enqueue(busy);
        Core.Submit(t.WriteQuadlet(_peer.Phy.PhysicalId, Core.Generation, At, 5));
        _machine.Settle();
        Assert.Empty(_machine.Done);
        // The eighth pause ends after 250 us * 255.
        _machine.Pass(62_000);
        Assert.Empty(_machine.Done);
        _machine.Pass(10_000);
        Assert.Equal((TransactionResult.Complete, 8ul, 0ul), (t.Result, Core.Counters.Retries, Core.Counters.GivenUp));
        Assert.Single(_machine.Done);
        for (int i = 0; i < 9; i++)
            _node.Acks.Enqueue(busy);
        Core.Submit(t.WriteQuadlet(_peer.Phy.PhysicalId, Core.Generation, At, 5));
        _machine.Pass(80_000);
        Assert.Equal((TransactionResult.Busy, 1ul), (t.Result, Core.Counters.GivenUp));
    }

    [Fact]
    public void No_response_ends_after_the_split_time_out_and_a_late_one_meets_nobody()
    {
        Model.Packet? seen = null;
        ScriptNode peer = Script(packet =>
        {
            seen = Copy(packet);
            return Model.Ack.Pending;
        });
        Transaction t = New();
        Core.Submit(t.ReadQuadlet(peer.Phy.PhysicalId, Core.Generation, At));
        _machine.Pass(99_000);
        Assert.Empty(_machine.Done);
        _machine.Pass(2_000);
        Assert.Equal((TransactionResult.TimedOut, 1ul), (Assert.Single(_machine.Done).Result, Core.Counters.TimeOuts));
        Core.Submit(t.ReadQuadlet(peer.Phy.PhysicalId, Core.Generation, At));
        int label = seen!.Label;
        _machine.Settle();
        Assert.NotEqual(label, seen!.Label);
        Answer(peer, seen!, label, Model.Tcode.ReadQuadletResponse, 1);
        Answer(peer, seen!, seen!.Label, Model.Tcode.WriteResponse, 2);
        Answer(peer, seen!, (seen!.Label + 9) & 63, Model.Tcode.ReadQuadletResponse, 3);
        _machine.Settle();
        Assert.Equal((2ul, 1ul), (Core.Counters.UnexpectedResponses, Core.Counters.WrongResponses));
        Assert.Single(_machine.Done);
        Answer(peer, seen!, seen!.Label, Model.Tcode.ReadQuadletResponse, 4);
        _machine.Settle();
        Assert.Equal((TransactionResult.Complete, 4u, 2), (t.Result, t.Quadlet, _machine.Done.Count));
        Answer(peer, seen!, seen!.Label, Model.Tcode.ReadQuadletResponse, 5);
        _machine.Settle();
        Assert.Equal((3ul, 2), (Core.Counters.UnexpectedResponses, _machine.Done.Count));
        // A longer one, from the other side.
        Core.Submit(t.WriteQuadlet(_node.Phy.PhysicalId, Core.Generation, BusRegisters.Base + BusRegisters.SplitTimeoutHi, 1));
        _machine.Settle();
        Assert.Equal((8800u, 1_100_000u), (Core.Registers.SplitCycles, Core.Registers.SplitMicroseconds));
    }

    [Theory]
    [InlineData(7, 8, Model.Rcode.Complete)]
    [InlineData(8, 9, Model.Rcode.Complete)]
    [InlineData(16, 16, Model.Rcode.Complete)]
    [InlineData(0, 0, Model.Rcode.Complete)]
    [InlineData(8, 8, (Model.Rcode)9)]
    public void A_block_of_another_length_or_with_no_such_code_is_not_believed(int bytes, int said, Model.Rcode rcode)
    {
        ScriptNode? peer = null;
        peer = Script(request =>
        {
            Model.Packet copy = Copy(request);
            peer!.Send(packet =>
            {
                packet.Response(Model.Tcode.ReadBlockResponse, copy.Label, copy.Source, copy.Destination, rcode);
                packet.SetData(new byte[bytes]);
                packet.Q3 = (uint)said << 16;
            });
            return Model.Ack.Pending;
        });
        _machine.Bytes(0, 64).Fill(0xEE);
        Assert.Equal(TransactionResult.Malformed, Run(New().ReadBlock(peer.Phy.PhysicalId, Core.Generation, At, _machine.Memory, 8)));
        Assert.Equal(1ul, Core.Counters.MalformedAnswers);
        Assert.All(_machine.Bytes(0, 64).ToArray(), one => Assert.Equal(0xEE, one));
    }

    [Fact]
    public void An_answer_before_the_report_of_sending_waits_for_that()
    {
        Plug();
        Transaction t = New();
        _node.HoldsReports = true;
        Core.Submit(t.ReadQuadlet(_peer.Phy.PhysicalId, Core.Generation, At));
        var request = PacketHeader.ReadQuadlet((ushort)(0xFFC0 | t.Node), Core.NodeId, t.Header.Label, At);
        var answer = PacketHeader.Respond(request, TransactionCode.ReadQuadletResponse, request.Destination, ResponseCode.Complete, 99);
        Core.PacketReceived(answer, default, new Arrival(Core.Generation, BusSpeed.S400, false, 0));
        Assert.Empty(_machine.Done);
        Assert.True(t.IsUnderWay);
        _node.Report(AckCode.Pending);
        Assert.Equal((TransactionResult.Complete, 99u, false), (Assert.Single(_machine.Done).Result, t.Quadlet, t.IsUnderWay));
    }

    [Fact]
    public void Requests_that_cannot_be_are_counted_and_harm_nobody()
    {
        ScriptNode peer = Script(_ => Model.Ack.Complete);
        var memory = new Offer(Ours, 4096);
        Assert.Equal(Error.None, Core.Addresses.Add(memory));
        var now = new Arrival(Core.Generation, BusSpeed.S100, false, 0);
        ushort us = Core.NodeId, them = (ushort)(0xFFC0 | peer.Phy.PhysicalId);
        Core.PacketReceived(PacketHeader.WriteBlock(us, them, 0, Ours, 9), new byte[8], now);
        Core.PacketReceived(PacketHeader.ReadBlock(us, them, 1, Ours, 513), default, now);
        Core.PacketReceived(PacketHeader.ReadQuadlet(us, 0xFFFF, 2, Ours), default, now);
        Core.PacketReceived(PacketHeader.ReadQuadlet(0xFFFF, them, 3, Ours), default, now);
        Core.PacketReceived(PacketHeader.ReadQuadlet(us, them, 4, Ours), default, new Arrival((byte)(Core.Generation - 1), 0, false, 0));
        Core.PacketReceived(new PacketHeader(0xFFFF_0080, 0, 0, 0), default, now);
        Core.PacketReceived(new PacketHeader(0xFFFF_00F0, 0, 0, 0), default, now);
        _machine.Settle();
        BusCounters counters = Core.Counters;
        Assert.Equal((1ul, 1ul, 1ul, 1ul, 1ul, 2ul, 0ul), (counters.BadLengths, counters.TooLong, counters.BadSources, counters.BadBroadcasts, counters.OldRequests, counters.BadCodes, counters.Served));
        Core.PacketReceived(PacketHeader.WriteQuadlet(0xFFFF, them, 5, Ours, 0x0102_0304), default, now);
        Assert.Equal([1, 2, 3, 4], memory.Memory[..4]);
        // More requests at once than there are records for responses.
        _node.Room = 0;
        for (int i = 0; i < FireWireBus.Responses + 5; i++)
            Core.PacketReceived(PacketHeader.ReadQuadlet(us, them, i, Ours), default, now);
        Assert.Equal(5ul, Core.Counters.NoResponseRecord);
        _node.Phy.InitiateReset(isLong: false);
        Assert.Equal((ulong)FireWireBus.Responses, Core.Counters.ResponsesLost);
    }

    [Fact]
    public void A_reset_at_any_step_loses_what_was_under_way_and_nothing_else()
    {
        int steps = 1, resets = 0;
        var seen = new HashSet<TransactionResult>();
        // At each step by both ends, short and long.
        for (int run = 0; run / 4 < steps; run++)
        {
            int step = run / 4;
            using var machine = new CoreMachine();
            CoreNode one = new(1), other = new(2);
            var memory = new MemoryNode(new BusInformation(3)) { AnswersWritesAtOnce = false };
            machine.Add(one);
            machine.Add(memory);
            machine.Add(other);
            machine.Pass(1000);
            Assert.Equal(Error.None, other.Core.Addresses.Add(new Offer(Ours, 4096)));
            Transaction[] all = [.. Enumerable.Range(0, 12).Select(_ => new Transaction(machine))];
            for (int i = 0; i < all.Length; i++)
                Begin(all[i], i, one.Core.Generation, i % 2 == 0 ? memory.Phy.PhysicalId : other.Phy.PhysicalId, i % 2 == 0 ? At : Ours, machine, one.Core);
            for (int done = 0; done < step && !machine.Simulator.RunActivity(1); done++)
                Sluice.Platform.Machine.Work.Run(64);
            bool isOver = machine.Simulator.RunActivity(0);
            if (!isOver)
                steps = step + 2;
            (run % 2 == 0 ? one : other).Phy.InitiateReset((run & 2) != 0);
            resets++;
            machine.Pass(3000);
            Assert.Equal(all.Length, machine.Done.Count);
            Assert.All(all, t => Assert.False(t.IsUnderWay));
            Assert.All(all, t => Assert.True(t.Result is TransactionResult.Complete or TransactionResult.BusReset, $"{step}: {t.Result}"));
            seen.UnionWith(all.Select(t => t.Result));
            Assert.Equal((0, 0), (one.Core.UnderWay, other.Core.UnderWay));
            // And all goes on: more often than there are labels or records.
            for (int i = 0; i < 70; i++)
            {
                machine.Done.Clear();
                one.Core.Submit(all[0].ReadQuadlet(other.Phy.PhysicalId, one.Core.Generation, Ours));
                machine.Pass(250);
                Assert.Equal(TransactionResult.Complete, Assert.Single(machine.Done).Result);
            }
            Assert.Equal(0ul, one.Core.Counters.TimeOuts);
        }
        Assert.Equal([TransactionResult.Complete, TransactionResult.BusReset], seen.Order());
        Assert.InRange(resets, 80, 1000);
    }

    [Fact]
    public void Sixty_three_nodes_are_all_read()
    {
        _machine.Add(_node);
        for (int i = 1; i < 63; i++)
            _machine.Add(new MemoryNode(new BusInformation((ulong)i + 100)));
        _machine.Pass(1000);
        Assert.Equal(63, Core.Topology.Count);
        Transaction[] all = [.. Enumerable.Range(0, 63).Select(_ => New())];
        for (int i = 0; i < 63; i++)
            Core.Submit(all[i].ReadQuadlet(i, Core.Generation, Rom.Address + 16));
        _machine.Pass(2000);
        Assert.Equal(63, _machine.Done.Count);
        Assert.All(all, t => Assert.Equal(TransactionResult.Complete, t.Result));
        Assert.Equal(63, all.Select(t => t.Quadlet).Distinct().Count());
    }

    [Fact]
    public void Transactions_allocate_nothing()
    {
        ScriptNode peer = Script(_ => Model.Ack.Complete);
        Transaction t = New();
        _machine.Done.Capacity = 4096;
        var now = new Arrival(Core.Generation, BusSpeed.S100, false, 0);
        void Once()
        {
            Core.Submit(t.ReadQuadlet(peer.Phy.PhysicalId, Core.Generation, At));
            _node.Report(AckCode.Pending);
            Core.PacketReceived(PacketHeader.Respond(t.Header, t.Header.Code.Answer, t.Header.Destination, ResponseCode.Complete, 1), default, now);
            Core.PacketReceived(PacketHeader.ReadQuadlet(Core.NodeId, t.Header.Destination, 0, Rom.Address), default, now);
            _node.Report(AckCode.Complete);
        }

        _node.HoldsReports = true;
        for (int i = 0; i < 100; i++)
            Once();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            Once();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal((1100, 1100ul, 0), (_machine.Done.Count, Core.Counters.Served, Core.UnderWay));
    }

    [Fact]
    public void Time_stamps_wrap_after_eight_seconds()
    {
        Assert.Equal(800, CycleMath.Add(0, CycleMath.Of(800)));
        Assert.Equal(1 << 13 | 100, CycleMath.Add(7300, CycleMath.Of(800)));
        Assert.Equal(0, CycleMath.Add(7 << 13 | 7999, CycleMath.Of(1)));
        Assert.Equal(2 << 13 | 6999, CycleMath.Add(7 << 13 | 7000, CycleMath.Of(3 * 8000 - 1)));
        Assert.Equal(1 << 13 | 799, CycleMath.Add(0x1FFF, CycleMath.Of(800)));
    }

    private void Plug()
    {
        _machine.Add(_node);
        _machine.Add(_peer);
        _machine.Pass(1000);
        Assert.True(Core.IsUp);
    }

    private ScriptNode Script(Func<Model.Packet, Model.Ack> receive)
    {
        var peer = new ScriptNode(receive);
        _machine.Add(_node);
        _machine.Add(peer);
        _machine.Pass(1000);
        return peer;
    }

    private Transaction New() => new(_machine);

    private TransactionResult Run(Transaction transaction)
    {
        _machine.Done.Clear();
        Core.Submit(transaction);
        Assert.Empty(_machine.Done);
        _machine.Settle();
        Assert.Equal([transaction], _machine.Done);
        return transaction.Result;
    }

    private static void Begin(Transaction t, int kind, byte generation, int node, ulong at, CoreMachine machine, FireWireBus core) => core.Submit((kind % 6) switch
    {
        0 or 1 => t.ReadQuadlet(node, generation, at),
        2 => t.WriteBlock(node, generation, at + 64, machine.Memory, 100),
        3 => t.ReadBlock(node, generation, at + 64, machine.Memory + 4096, 100),
        4 => t.Lock(node, generation, at, LockOperation.CompareSwap, 1, 2u),
        _ => t.WriteQuadlet(node, generation, at, 3),
    });

    private static Model.Packet Copy(Model.Packet packet) => new() { Q0 = packet.Q0, Q1 = packet.Q1, Q2 = packet.Q2, Q3 = packet.Q3 };

    private static void Answer(ScriptNode peer, Model.Packet request, int label, Model.Tcode code, uint quadlet) => peer.Send(packet =>
    {
        packet.Response(code, label, request.Source, request.Destination, Model.Rcode.Complete);
        packet.Q3 = quadlet;
    });
}
