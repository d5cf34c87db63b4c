using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Other nodes' ROMs, read over the bus: as they are, remembered, not ready, slow, or meant to deceive.</summary>
public sealed class RemoteNodesTests : IDisposable, INodeClient
{
    private readonly CoreMachine _machine = new();
    private readonly CoreNode _node = new(1);
    private readonly RemoteNodes _nodes;
    private readonly List<int> _known = [];

    public RemoteNodesTests()
    {
        _nodes = new RemoteNodes(_node.Core);
        Assert.Equal(Error.None, _nodes.AddClient(this));
    }

    public void Dispose() => _machine.Dispose();

    void INodeClient.NodeKnown(int node) => _known.Add(node);

    [Fact]
    public void All_roms_are_read_once_and_remembered_over_resets()
    {
        MemoryNode[] peers = [.. Enumerable.Range(2, 20).Select(i => new MemoryNode(new BusInformation((ulong)i)))];
        Plug(peers);
        _machine.Pass(20_000);
        Check(peers);
        Assert.Equal((20ul, 0ul, 20), (_nodes.Counters.Read, _nodes.Counters.Remembered, _known.Count));
        long served = peers.Sum(peer => peer.Served);
        _known.Clear();
        _node.Phy.InitiateReset(isLong: false);
        _machine.Pass(20_000);
        Check(peers);
        Assert.Equal((20ul, 20ul, 20), (_nodes.Counters.Read, _nodes.Counters.Remembered, _known.Count));
        Assert.Equal(served + 20 * 5, peers.Sum(peer => peer.Served));
        // One changes, and says so by its generation.
        peers[3].Rom = new MemoryNode(new BusInformation(5, Generation: 2)).Rom;
        peers[3].Phy.InitiateReset(isLong: false);
        _machine.Pass(20_000);
        Check(peers);
        Assert.Equal((21ul, 39ul), (_nodes.Counters.Read, _nodes.Counters.Remembered));
    }

    [Fact]
    public void A_reset_at_any_time_begins_anew()
    {
        MemoryNode[] peers = [.. Enumerable.Range(2, 4).Select(i => new MemoryNode(new BusInformation((ulong)i)))];
        Plug(peers);
        for (int step = 1; step < 200; step++)
        {
            for (int i = 0; i < step && !_machine.Simulator.RunActivity(1); i++)
                Sluice.Platform.Machine.Work.Run(64);
            peers[step % 4].Phy.InitiateReset(isLong: step % 3 == 0);
            _machine.Pass(500);
        }
        _machine.Pass(20_000);
        Check(peers);
        Assert.Equal(0ul, _nodes.Counters.Failed);
        Assert.Equal(0, _node.Core.UnderWay);
    }

    [Fact]
    public void A_node_that_is_not_ready_is_asked_again_but_not_for_ever()
    {
        var late = new MemoryNode(new BusInformation(2));
        var never = new MemoryNode(new BusInformation(3)) { Rom = new uint[1] };
        uint[] rom = late.Rom.ToArray();
        late.Rom = new uint[1];
        Plug(late, never);
        _machine.Pass(20_000);
        Assert.Equal((NodeState.Pending, NodeState.Pending, 2ul), (StateOf(late), StateOf(never), _nodes.Counters.NotReady));
        // A disk that answers once it turns.
        _machine.Pass(25_000_000, 10_000);
        late.Rom = rom;
        _machine.Pass(1_100_000, 10_000);
        Assert.Equal((NodeState.Known, NodeState.Pending), (StateOf(late), StateOf(never)));
        _machine.Pass(5_000_000, 10_000);
        Assert.Equal((NodeState.Unreadable, 1ul), (StateOf(never), _nodes.Counters.Unreadable));
        Assert.InRange(_nodes.Counters.NotReady, 50ul, 60ul);
        Check(late);
    }

    [Fact]
    public void Whose_guid_is_anothers_is_left_alone()
    {
        MemoryNode first = new(new BusInformation(2)), second = new(new BusInformation(2)), us = new(new BusInformation(CoreNode.GuidBase + 1));
        Plug(first, second, us);
        _machine.Pass(20_000);
        Assert.Equal(2ul, _nodes.Counters.Duplicates);
        Assert.Equal(NodeState.Duplicate, StateOf(us));
        Assert.Equal([NodeState.Known, NodeState.Duplicate], new[] { StateOf(first), StateOf(second) }.Order());
        Assert.Single(_known);
    }

    [Theory]
    [InlineData(Model.Speed.S100)]
    [InlineData(Model.Speed.S200)]
    public void A_node_that_answers_slow_packets_alone_is_read_slowly(Model.Speed most)
    {
        var speeds = new HashSet<Model.Speed>();
        ScriptNode peer = Slow(most, speeds);
        _machine.Add(_node);
        _machine.Add(peer);
        _machine.Pass(20_000);
        Assert.Equal((NodeState.Known, (ulong)(Model.Speed.S400 - most)), (_nodes.StateOf(peer.Phy.PhysicalId), _nodes.Counters.Slowed));
        Assert.Contains(Model.Speed.S100, speeds);
        Assert.Contains(most, speeds);
    }

    /// <summary>Its PHY says S400, its link cannot hear that: neither whoever speaks to it, nor after a reset, when its ROM is not read again.</summary>
    [Theory]
    [InlineData(Model.Speed.S100)]
    [InlineData(Model.Speed.S200)]
    public void Whose_link_is_slower_than_its_PHY_is_spoken_to_as_slowly(Model.Speed most)
    {
        ScriptNode peer = Slow(most, []);
        _machine.Add(_node);
        _machine.Add(peer);
        var transaction = new Transaction(_machine);
        for (int turn = 0; turn < 3; turn++)
        {
            _machine.Pass(20_000);
            Assert.Equal((NodeState.Known, (BusSpeed)most), (_nodes.StateOf(peer.Phy.PhysicalId), _node.Core.SpeedTo(peer.Phy.PhysicalId)));
            _node.Core.Submit(transaction.ReadQuadlet(peer.Phy.PhysicalId, _node.Core.Generation, Rom.Address));
            _machine.Pass(5_000);
            Assert.Equal(TransactionResult.Complete, transaction.Result);
            _node.Phy.InitiateReset(isLong: false);
        }
        Assert.Equal(1ul, _nodes.Counters.Read);
    }

    /// <summary>A ROM that says a slower link than there is, as those of 1394-1995 and some others do, slows nobody.</summary>
    [Fact]
    public void What_a_rom_says_of_its_link_is_tried()
    {
        var peer = new MemoryNode(new BusInformation(2, Speed: Model.Speed.S100));
        Plug(peer);
        _machine.Pass(20_000);
        Check(peer);
        Assert.Equal((BusSpeed.S400, 0ul), (_node.Core.SpeedTo(peer.Phy.PhysicalId), _nodes.Counters.Slowed));
    }

    [Fact]
    public void Nothing_is_sent_faster_than_our_link_can()
    {
        _node.Options = new BusOptions(0xF064_9001);
        var peer = new MemoryNode(new BusInformation(2));
        Plug(peer);
        Assert.Equal((BusSpeed.S400, BusSpeed.S200), (_node.Core.Topology[_node.Phy.PhysicalId].Self.Speed, _node.Core.SpeedTo(peer.Phy.PhysicalId)));
    }

    // A node that does not hear packets that are faster.
    private static ScriptNode Slow(Model.Speed most, HashSet<Model.Speed> speeds)
    {
        uint[] rom = new MemoryNode(new BusInformation(2)).Rom.ToArray();
        ScriptNode? peer = null;
        return peer = new ScriptNode(request =>
        {
            if (request.Speed > most)
                return Model.Ack.Missing;
            speeds.Add(request.Speed);
            int index = (int)(request.Offset - Rom.Address) / 4;
            (int label, ushort source, ushort destination) = (request.Label, request.Source, request.Destination);
            peer!.Send(packet =>
            {
                packet.Response(Model.Tcode.ReadQuadletResponse, label, source, destination, index < rom.Length ? Model.Rcode.Complete : Model.Rcode.AddressError);
                packet.Q3 = index < rom.Length ? rom[index] : 0;
            });
            return Model.Ack.Pending;
        });
    }

    [Fact]
    public void One_read_that_was_lost_makes_nobody_slow()
    {
        MemoryNode peer = new(new BusInformation(2));
        for (int i = 0; i < 12; i++)
            _node.Acks.Enqueue(i is 7 or 11 ? AckCode.Missing : AckCode.Pending);
        Plug(peer);
        _machine.Pass(20_000);
        Check(peer);
        Assert.Empty(_node.Acks);
        Assert.Equal((0ul, 0ul, BusSpeed.S400), (_nodes.Counters.Slowed, _nodes.Counters.Failed, _node.Core.SpeedTo(peer.Phy.PhysicalId)));
    }

    [Fact]
    public void Who_answers_slowly_comes_after_all_others()
    {
        uint[] rom = new MemoryNode(new BusInformation(9)).Rom.ToArray();
        (int Label, ushort Source, ushort Destination, int Index)? asked = null;
        var slow = new ScriptNode(request =>
        {
            asked = (request.Label, request.Source, request.Destination, (int)(request.Offset - Rom.Address) / 4);
            return Model.Ack.Pending;
        });
        MemoryNode[] peers = [.. Enumerable.Range(2, 4).Select(i => new MemoryNode(new BusInformation((ulong)i)))];
        _machine.Add(_node);
        foreach (MemoryNode peer in peers)
            _machine.Add(peer);
        _machine.Add(slow);
        Assert.True(rom.Length > 10);
        for (int passed = 0; passed < 3 * rom.Length; passed++)
        {
            _machine.Pass(30_000);
            // Some 40 ms each: seven reads take longer than everybody has at first.
            if (passed == 12)
                Check(peers);
            Assert.True(passed >= 12 || _nodes.StateOf(slow.Phy.PhysicalId) == NodeState.Pending);
            if (asked is not { } question)
                continue;
            asked = null;
            slow.Send(packet =>
            {
                packet.Response(Model.Tcode.ReadQuadletResponse, question.Label, question.Source, question.Destination, Model.Rcode.Complete);
                packet.Q3 = question.Index < rom.Length ? rom[question.Index] : 0;
            });
        }
        Assert.Contains(peers, peer => peer.Phy.PhysicalId > slow.Phy.PhysicalId);
        Check(slow.Phy.PhysicalId, rom);
        Assert.Equal(0ul, _nodes.Counters.Failed);
    }

    [Fact]
    public void A_node_that_nobody_is_behind_is_given_up()
    {
        var silent = new ScriptNode(_ => Model.Ack.Missing);
        _machine.Add(_node);
        _machine.Add(silent);
        _machine.Pass(32_000_000, 10_000);
        Assert.Equal((NodeState.Unreadable, (ulong)RemoteNodes.MostTries), (_nodes.StateOf(silent.Phy.PhysicalId), _nodes.Counters.Failed));
        ulong submitted = _node.Core.Counters.Submitted;
        _machine.Pass(5_000_000);
        Assert.Equal(submitted, _node.Core.Counters.Submitted);
    }

    private NodeState StateOf(Node node) => _nodes.StateOf(node.Phy.PhysicalId);

    private void Plug(params Node[] peers)
    {
        _machine.Add(_node);
        foreach (Node peer in peers)
            _machine.Add(peer);
        _machine.Pass(500);
    }

    // Each image is the ROM of its node.
    private void Check(params Node[] peers)
    {
        foreach (Node peer in peers)
            Check(peer.Phy.PhysicalId, peer.Rom.ToArray());
    }

    private void Check(int node, uint[] rom)
    {
        Assert.Equal(NodeState.Known, _nodes.StateOf(node));
        RomImage image = _nodes.ImageOf(node)!;
        Assert.Equal(rom, Enumerable.Range(0, rom.Length).Select(i => image[i]));
        Assert.Equal(node, _nodes.NodeOf(image.Guid));
    }
}
