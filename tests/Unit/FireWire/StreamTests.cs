using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.FireWire.Simulation;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Streams to all, packets between PHYs, and resets that we ask for.</summary>
public sealed unsafe class StreamTests : IDisposable, IStreamHandler
{
    private readonly CoreMachine _machine = new();
    private readonly CoreNode _node = new(1);
    private readonly Listener _listener = new();
    private readonly List<StreamPacket> _sent = [];

    private FireWireBus Core => _node.Core;

    public void Dispose() => _machine.Dispose();

    void IStreamHandler.OnSent(StreamPacket packet)
    {
        Assert.False(packet.IsUnderWay);
        _sent.Add(packet);
    }

    [Fact]
    public void A_stream_reaches_who_listens_as_it_was_filled()
    {
        Plug();
        new Random(1).NextBytes(_machine.Bytes(0, 512));
        var gasp = GaspHeader.Of(Core.NodeId, 0x00_005E, 1);
        var stream = new StreamPacket(this);
        foreach (int bytes in (int[])[1, 8, 17, 511, 512])
        {
            _sent.Clear();
            Core.Send(stream.Fill(Core.Generation, 31, GaspHeader.Tag, 5, BusSpeed.S100, _machine.Memory, bytes));
            Assert.True(stream.IsUnderWay);
            Assert.Empty(_sent);
            _machine.Settle();
            Assert.Equal(TransactionResult.Complete, Assert.Single(_sent).Result);
            (Model.Packet header, byte[] data) = _listener.Heard[^1];
            Assert.Equal((31, 3, 5, Model.Speed.S100, Model.Tcode.Stream), (header.Channel, header.Tag, header.Sync, header.Speed, header.Code));
            Assert.Equal(((uint)bytes << 16) | 0xDFA5, header.Q0);
            Assert.Equal(_machine.Bytes(0, bytes).ToArray(), data);
        }
        // A frame's data goes as it is, and the frame goes home; also if it cannot be sent, or another comes before it is.
        for (int i = 0; i < 3 * CoreMachine.MostFrames; i++)
        {
            Assert.True(CoreMachine.Frames.TryTake(out Frame frame));
            frame.SetLength(100);
            _machine.Bytes(i, 100).CopyTo(frame.Bytes);
            stream.Fill((byte)(Core.Generation + i % 2), 31, 0, 0, BusSpeed.S400, ref frame);
            if (i % 3 == 0)
                continue;
            Core.Send(stream);
            _machine.Settle();
            Assert.Equal(i % 2 == 0 ? TransactionResult.Complete : TransactionResult.OldGeneration, stream.Result);
            if (i % 2 == 0)
                Assert.Equal(_machine.Bytes(i, 100).ToArray(), _listener.Heard[^1].Data);
        }
        Assert.Equal((5ul + CoreMachine.MostFrames, (ulong)CoreMachine.MostFrames), (Core.Counters.StreamsSent, Core.Counters.StreamsLost));
        Assert.Equal((0xFFC0_0000u | (uint)Core.Topology.Local << 16, 0x5E00_0001u), (gasp.Q0, gasp.Q1));
    }

    [Theory]
    [InlineData(AckCode.Missing, TransactionResult.Complete)]
    [InlineData(AckCode.Complete, TransactionResult.Complete)]
    [InlineData(AckCode.Flushed, TransactionResult.BusReset)]
    [InlineData(AckCode.NotSent, TransactionResult.NotSent)]
    [InlineData(AckCode.BusyX, TransactionResult.NotSent)]
    public void A_stream_has_no_acknowledge(AckCode ack, TransactionResult result)
    {
        Plug();
        _node.Acks.Enqueue(ack);
        Core.Send(new StreamPacket(this).Fill(Core.Generation, 0, 0, 0, BusSpeed.S400, _machine.Memory, 4));
        _machine.Settle();
        Assert.Equal(result, Assert.Single(_sent).Result);
    }

    [Fact]
    public void What_cannot_be_sent_says_so_later()
    {
        Plug();
        (byte Generation, BusSpeed Speed, int Bytes, TransactionResult Result)[] all =
        [
            ((byte)(Core.Generation + 1), BusSpeed.S100, 4, TransactionResult.OldGeneration),
            (Core.Generation, BusSpeed.S100, 513, TransactionResult.BadLength),
            (Core.Generation, BusSpeed.S400, 2049, TransactionResult.BadLength),
            (Core.Generation, BusSpeed.S400, 0, TransactionResult.BadLength),
            (Core.Generation, BusSpeed.S400, -4, TransactionResult.BadLength),
            (Core.Generation, BusSpeed.S400, 2048, TransactionResult.Complete),
        ];
        foreach ((byte generation, BusSpeed speed, int bytes, TransactionResult result) in all)
        {
            _sent.Clear();
            Core.Send(new StreamPacket(this).Fill(generation, 1, 0, 0, speed, _machine.Memory, bytes));
            Assert.Empty(_sent);
            _machine.Settle();
            Assert.Equal(result, Assert.Single(_sent).Result);
        }
        _node.Phy.InitiateReset(isLong: false);
        _sent.Clear();
        Core.Send(new StreamPacket(this).Fill(Core.Generation, 1, 0, 0, BusSpeed.S100, _machine.Memory, 4));
        _machine.Settle();
        Assert.Equal(TransactionResult.BusReset, Assert.Single(_sent).Result);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void A_reset_gives_back_those_that_wait(int room)
    {
        Plug();
        _node.Room = room;
        _node.HoldsReports = true;
        StreamPacket[] all = [.. Enumerable.Range(0, 5).Select(_ => new StreamPacket(this))];
        foreach (StreamPacket one in all)
            Core.Send(one.Fill(Core.Generation, 1, 0, 0, BusSpeed.S100, _machine.Memory, 4));
        _machine.Settle();
        Assert.Empty(_sent);
        _node.Phy.InitiateReset(isLong: false);
        _machine.Pass(1000);
        Assert.Equal(all.ToHashSet(), _sent.ToHashSet());
        Assert.Equal((5, 5ul), (_sent.Count, Core.Counters.StreamsLost));
        Assert.All(all, one => Assert.Equal(TransactionResult.BusReset, one.Result));
        _node.Room = 4;
        _sent.Clear();
        foreach (StreamPacket one in all)
            Core.Send(one.Fill(Core.Generation, 1, 0, 0, BusSpeed.S100, _machine.Memory, 4));
        _machine.Settle();
        Assert.Equal(5, _sent.Count);
        Assert.All(all, one => Assert.Equal(TransactionResult.Complete, one.Result));
    }

    [Fact]
    public void What_all_hear_is_as_fast_as_the_slowest_link_allows()
    {
        _machine.Add(_node);
        _machine.Add(_listener, speed: Model.Speed.S200);
        _machine.Bus.Connect(_machine.Bus.Add("repeater", null, new Model.PhyTraits(1, Model.Speed.S100)), _listener.Phy);
        _machine.Pass(1000);
        Assert.Equal((3, BusSpeed.S200), (Core.Topology.Count, Core.SpeedToAll));
    }

    [Fact]
    public void Packets_between_phys_are_counted_by_kind()
    {
        Plug();
        foreach (uint quadlet in (uint[])[PhyPacket.Ping(3).Quadlet, PhyPacket.LinkOn(3).Quadlet, PhyPacket.Configuration(-1, 63).Quadlet, 0xC000_0000, 0x803F_0000])
            Core.PhyPacketReceived(new PhyPacket(quadlet));
        Assert.Equal((5ul, 1ul, 1ul), (Core.Counters.PhyPackets, Core.Counters.PhyConfigurations, Core.Counters.BadPhyPackets));
    }

    [Fact]
    public void New_units_are_seen_after_one_reset_two_seconds_after_the_last()
    {
        Plug();
        Unit first = new(1), second = new(2);
        uint[] before = Core.OwnRom.Current.ToArray();
        Assert.Equal(Error.None, Core.AddUnit(first));
        Assert.Equal(Core.OwnRom.Next.ToArray(), _node.NextRom);
        Assert.Equal(Error.None, Core.AddUnit(second));
        Assert.Equal(Core.OwnRom.Next.ToArray(), _node.NextRom);
        _machine.Pass(1_900_000);
        Assert.Empty(_node.Resets);
        Assert.Equal(before, Core.OwnRom.Current.ToArray());
        _machine.Pass(200_000);
        Assert.False(Assert.Single(_node.Resets).IsLong);
        Assert.Equal(_node.NextRom, Core.OwnRom.Current.ToArray());
        Assert.True(Core.OwnRom.Current.Length > before.Length);
        _machine.Pass(5_000_000);
        Assert.Single(_node.Resets);
        // Long after the last one: soon.
        Assert.True(Core.TryRemoveUnit(first));
        Assert.False(Core.TryRemoveUnit(first));
        _machine.Pass(50_000);
        Assert.Equal((2, 2ul), (_node.Resets.Count, Core.Counters.OwnResets));
    }

    [Fact]
    public void Anothers_reset_is_as_good_as_ours()
    {
        Plug();
        Assert.Equal(Error.None, Core.AddUnit(new Unit(1)));
        _machine.Pass(1_000_000);
        _listener.Phy.InitiateReset(isLong: false);
        _machine.Pass(5_000_000);
        Assert.Empty(_node.Resets);
        Assert.Equal(_node.NextRom, Core.OwnRom.Current.ToArray());
    }

    [Fact]
    public void A_unit_that_comes_in_a_reset_is_seen_after_the_next()
    {
        Plug();
        uint[] before = Core.OwnRom.Current.ToArray();
        _node.IsInReset = true;
        Assert.Equal(Error.None, Core.AddUnit(new Unit(1)));
        Assert.Equal(before, _node.NextRom);
        _listener.Phy.InitiateReset(isLong: false);
        _machine.Simulator.RunFor(BusTime.Microseconds(10));
        Assert.False(Core.IsUp);
        _node.IsInReset = false;
        _machine.Pass(100_000);
        Assert.Equal(before, Core.OwnRom.Current.ToArray());
        Assert.Equal(Core.OwnRom.Next.ToArray(), _node.NextRom);
        Assert.Empty(_node.Resets);
        _machine.Pass(3_000_000);
        Assert.Single(_node.Resets);
        Assert.Equal(_node.NextRom, Core.OwnRom.Current.ToArray());
        Assert.True(Core.OwnRom.Current.Length > before.Length);
    }

    /// <summary>Who has read the ROM with the first unit would take that with both for the same.</summary>
    [Fact]
    public void A_unit_that_comes_in_the_reset_that_shows_another_has_a_generation_of_its_own()
    {
        Plug();
        Assert.Equal(Error.None, Core.AddUnit(new Unit(1)));
        uint[] one = _node.NextRom;
        _node.IsInReset = true;
        Assert.Equal(Error.None, Core.AddUnit(new Unit(2)));
        _listener.Phy.InitiateReset(isLong: false);
        _machine.Simulator.RunFor(BusTime.Microseconds(10));
        Assert.Equal(one, _node.NextRom);
        _node.IsInReset = false;
        _machine.Pass(100_000);
        uint[] both = _node.NextRom;
        Assert.True(both.Length > one.Length);
        Assert.NotEqual(new BusOptions(one[2]).Generation, new BusOptions(both[2]).Generation);
        _machine.Pass(3_000_000);
        Assert.Single(_node.Resets);
        Assert.Equal(both, Core.OwnRom.Current.ToArray());
        Assert.False(Core.OwnRom.IsChanged);
    }

    [Fact]
    public void A_unit_that_does_not_fit_changes_nothing()
    {
        Plug();
        uint[] before = Core.OwnRom.Current.ToArray();
        Assert.Equal(Error.NoResources, Core.AddUnit(new Unit(1, 250)));
        Assert.False(Core.OwnRom.IsChanged);
        Assert.Equal(before, Core.OwnRom.Next.ToArray());
        _machine.Pass(3_000_000);
        Assert.Empty(_node.Resets);
        _node.Phy.InitiateReset(isLong: false);
        _machine.Pass(1000);
        Assert.Equal(before, Core.OwnRom.Current.ToArray());
    }

    [Fact]
    public void A_gap_count_outlasts_our_own_reset()
    {
        Plug();
        _listener.SendPhy(PhyPacket.Configuration(-1, 7));
        _machine.Settle();
        _listener.Phy.InitiateReset(isLong: false);
        _machine.Pass(3_000_000);
        Assert.Equal(7, Core.Topology.GapCount);
        Core.RequestReset();
        _machine.Pass(1_000_000);
        Assert.Equal((1, 7), (_node.Resets.Count, Core.Topology.GapCount));
    }

    [Fact]
    public void A_controller_that_cannot_reset_is_asked_five_times()
    {
        Plug();
        _node.PhyError = Error.Timeout;
        Core.RequestReset();
        _machine.Pass(30_000_000, 2000);
        Assert.Equal((5ul, 0ul), (Core.Counters.ResetsFailed, Core.Counters.OwnResets));
        _node.PhyError = Error.None;
        Core.RequestReset();
        _machine.Pass(50_000);
        Assert.Single(_node.Resets);
    }

    [Fact]
    public void Self_ids_that_are_no_tree_are_asked_for_again_five_times()
    {
        Plug();
        _listener.Forge = ids => ids[0] ^= 1 << 24;
        _listener.Phy.InitiateReset(isLong: false);
        _machine.Pass(1000);
        Assert.False(Core.IsUp);
        _machine.Pass(30_000_000, 2000);
        Assert.Equal((5, 6ul), (_node.Resets.Count, Core.Counters.BadTopologies));
        Assert.All(_node.Resets, reset => Assert.True(reset.IsLong));
        _listener.Forge = null;
        _listener.Phy.InitiateReset(isLong: false);
        _machine.Pass(1000);
        Assert.True(Core.IsUp);
        _listener.Forge = ids => ids[0] ^= 1 << 24;
        _listener.Phy.InitiateReset(isLong: false);
        _machine.Pass(1000);
        _listener.Forge = null;
        _machine.Pass(3_000_000);
        Assert.True(Core.IsUp);
        Assert.Equal(6, _node.Resets.Count);
    }

    private void Plug()
    {
        _machine.Add(_node);
        _machine.Add(_listener);
        _machine.Pass(1000);
        Assert.True(Core.IsUp);
    }

    private sealed class Unit(uint version, int entries = 2) : IRomUnit
    {
        public int Entries => entries;

        public void Write(ref RomWriter writer, ref RomDirectory directory)
        {
            for (int i = 0; i < entries; i++)
                writer.Value(ref directory, RomKey.Version, version);
        }
    }
}

/// <summary>A node that hears streams, sends packets between PHYs, and whose PHY may be broken.</summary>
internal sealed class Listener : Model.Link
{
    private readonly Queue<PhyPacket> _queue = new();
    private readonly Model.Packet _packet = new();

    public List<(Model.Packet Header, byte[] Data)> Heard { get; } = [];

    /// <summary>Changes the self-IDs of all.</summary>
    public Action<List<uint>>? Forge { get; set; }

    public void SendPhy(PhyPacket packet)
    {
        _queue.Enqueue(packet);
        Phy.Segment.Request(Phy);
    }

    public override void ResetStarted() => _queue.Clear();

    public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
    {
    }

    public override void ForgeSelfIds(List<uint> selfIds) => Forge?.Invoke(selfIds);

    public override Model.Ack Receive(Model.Packet packet) => Model.Ack.Missing;

    public override void ReceiveStream(Model.Packet packet) =>
        Heard.Add((new Model.Packet { Q0 = packet.Q0, Speed = packet.Speed }, packet.Data.ToArray()));

    public override Model.Packet? NextPacket()
    {
        if (!_queue.TryPeek(out PhyPacket packet))
            return null;
        _packet.Phy(packet.Quadlet);
        return _packet;
    }

    public override void Sent(Model.Packet packet, Model.Ack ack)
    {
        _queue.Dequeue();
        if (_queue.Count != 0)
            Phy.Segment.Request(Phy);
    }
}
