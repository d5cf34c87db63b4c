using System;
using System.Buffers.Binary;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire.Second;

/// <summary>Cases that no other test of the driver has, on the second model.</summary>
public sealed class SecondCaseTests
{
    private const ulong Ours = Pair.Ours;
    private const uint EventSet = 0x080, CycleInconsistent = 1 << 23;

    public static TheoryData<int> Seeds => SecondModelTests.Seeds;

    /// <summary>Cycles were inconsistent when it was told its cycle, as after another node became cycle master (9.5.1).</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void A_stream_begins_with_its_cycle_whatever_cycles_were_before(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Talking(SecondModelTests.KindOf(seed));
        bus.Machine.Write(EventSet, CycleInconsistent);
        uint now = bus.Driver.CycleTime >> 12 & 0x7FFF, start = (now & 0x6000) + (now & 0x1FFF) + 20;
        Assert.InRange(now & 0x1FFF, 0u, 7900u);
        bus.Begin(buffers: 2, rounds: 4, startCycle: (int)start);
        bus.Machine.Pass(30_000);
        Assert.Equal(4, bus.Sent);
        Assert.Equal(start & 0x1FFF, bus.Times[0] & 0x1FFF);
        bus.End();
    });

    /// <summary>A bus reset begins between the last look at the self-IDs of another and the end of its event: packets for that bus must not go out.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void A_reset_that_is_cleared_with_the_one_before_is_not_missed(int seed) => SecondModel.Use(seed, () =>
    {
        using var machine = new OhciMachine(SecondModelTests.KindOf(seed));
        for (int i = 0; i < 3; i++)
            machine.Add(new MemoryNode(new BusInformation(0x1234 + (ulong)i)));
        Ohci driver = machine.Probe();
        var nodes = new RemoteNodes(driver.Bus);
        SecondController controller = ((SecondFunction)machine.Function).Controller;
        for (int turn = 0; turn < 4; turn++)
        {
            controller.ResetWhenCleared = true;
            machine.Phy.InitiateReset(isLong: turn % 2 == 0);
            machine.Pass(100_000);
            Assert.Equal((false, true), (controller.ResetWhenCleared, driver.Bus.IsUp));
        }
        machine.Pass(2_000_000);
        Assert.All(machine.Phy.Segment.Phys.Where(phy => phy != machine.Phy), phy => Assert.Equal(NodeState.Known, nodes.StateOf(phy.PhysicalId)));
        machine.CheckNothingLeaks(driver);
    });

    /// <summary>A new ROM is seen with the reset that brings it, before the computer knows of that; its header is right or 0, and never nonsense.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void A_new_ROM_has_no_header_before_the_reset_was_seen(int seed) => SecondModel.Use(seed, () =>
    {
        using var machine = new OhciMachine(SecondModelTests.KindOf(seed));
        var peer = new MemoryNode(new BusInformation(0x1234));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        Assert.Equal(Error.None, driver.Bus.AddUnit(new Unit()));
        uint header = driver.Bus.OwnRom.Next[0];
        machine.Phy.InitiateReset(isLong: false);
        machine.Simulator.RunFor(BusTime.Microseconds(1_000));
        Assert.Equal(0u, Header());
        machine.Pass(50_000);
        Assert.Equal(header, Header());
        machine.CheckNothingLeaks(driver);

        uint Header()
        {
            uint value = 1;
            Assert.True(peer.TryRead((ushort)(0xFFC0 | machine.Phy.PhysicalId), Rom.Address, 4, (outcome, data) =>
            {
                Assert.Equal(Outcome.Complete, outcome);
                value = BinaryPrimitives.ReadUInt32BigEndian(data);
            }));
            machine.Simulator.RunFor(BusTime.Microseconds(2_000));
            return value;
        }
    });

    /// <summary>A node begins a reset when it is written to, so nobody acknowledges that; the status says no more than that nobody did.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void What_a_reset_interrupts_ends_with_the_reset(int seed) => SecondModel.Use(seed, () =>
    {
        using var machine = new OhciMachine(SecondModelTests.KindOf(seed));
        var resetter = new Resetter();
        machine.Add(resetter);
        Ohci driver = machine.Probe();
        var t = new Transaction(machine);
        for (int turn = 0; turn < 20; turn++)
        {
            resetter.IsArmed = true;
            Assert.Equal(TransactionResult.BusReset, machine.Run(driver, t.WriteQuadlet(resetter.Phy.PhysicalId, driver.Bus.Generation, Ours, 0)));
            machine.Pass(20_000);
        }
        machine.CheckNothingLeaks(driver);
    });

    /// <summary>What tells of a bus reset among requests is lost with the context that had it: requests are answered all the same.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void A_context_that_dies_with_a_reset_serves_others_again(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        bus.Machine.Dma.ExpectReports();
        for (int turn = 0; turn < 4; turn++)
        {
            bus.Machine.Phy.InitiateReset(isLong: turn % 2 == 0);
            bus.Machine.Simulator.RunActivity(turn * 3);
            bus.Controller.KillRequests();
            bus.Machine.Pass(50_000);
            Outcome outcome = Outcome.NoAck;
            Assert.True(bus.Peer.TryRead(bus.Driver.Bus.NodeId, Ours, 64, (result, _) => outcome = result));
            bus.Machine.Pass(200_000);
            Assert.Equal(Outcome.Complete, outcome);
        }
        bus.End();
    });

    /// <summary>Packets of S800 are longer than a page, so a page may lie in the middle of one.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Packets_that_are_longer_than_a_page_are_received(int seed) => SecondModel.Use(seed, () =>
    {
        using var machine = new OhciMachine(SecondModelTests.KindOf(seed), speed: Model.Speed.S800);
        var peer = new MemoryNode(new BusInformation(0x1234, MaxRecord: 11));
        machine.Add(peer, Model.Speed.S800);
        Ohci driver = machine.Probe();
        var memory = new Offer(Ours, 4096);
        Assert.Equal(Error.None, driver.Bus.Addresses.Add(memory));
        var random = new Random(seed);
        byte[] data = new byte[4096], seen = new byte[4096];
        for (int turn = 0; turn < 80; turn++)
        {
            int bytes = turn % 3 == 0 ? 4096 : 1 + random.Next(4096), ended = 0;
            random.NextBytes(data);
            for (int i = 0; i < 3; i++)
                Assert.True(peer.TryWrite(driver.Bus.NodeId, Ours, data.AsSpan(0, bytes), (outcome, _) => ended += outcome == Outcome.Complete ? 1 : 0));
            Assert.True(peer.TryRead(driver.Bus.NodeId, Ours, bytes, (outcome, read) =>
            {
                ended += outcome == Outcome.Complete ? 1 : 0;
                read.CopyTo(seen);
            }));
            machine.Settle();
            for (int i = 0; i < 20 && ended < 4; i++)
                machine.Pass(1_000);
            Assert.Equal((4, true), (ended, data.AsSpan(0, bytes).SequenceEqual(seen.AsSpan(0, bytes))));
        }
        OhciCounters c = driver.Counters;
        Assert.Equal(0ul, c.BadPackets + c.BadDescriptors + c.DeadContexts + c.Restarts);
        machine.CheckNothingLeaks(driver);
    });

    private sealed class Unit : IRomUnit
    {
        public int Entries => 1;

        public void Write(ref RomWriter writer, ref Sluice.FireWire.Core.RomDirectory directory) => writer.Value(ref directory, RomKey.Version, 1);
    }

    // Resets the bus when it receives anything.
    private sealed class Resetter : Model.Link
    {
        public bool IsArmed { get; set; }

        public override Model.Ack Receive(Model.Packet packet)
        {
            if (IsArmed)
                Phy.InitiateReset(isLong: false);
            IsArmed = false;
            return Model.Ack.Complete;
        }

        public override void ResetStarted()
        {
        }

        public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
        {
        }

        public override Model.Packet? NextPacket() => null;

        public override void Sent(Model.Packet packet, Model.Ack ack)
        {
        }
    }
}
