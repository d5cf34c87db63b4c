using System;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire.Second;

/// <summary>What happens at the worst moment, before any access to a register, and nodes that are busy or moody, on the second model.</summary>
public sealed unsafe class SecondMomentTests
{
    private const ulong At = MemoryNode.DefaultBase, Ours = Pair.Ours;

    public static TheoryData<int> Seeds => SecondModelTests.Seeds;

    /// <summary>A bus reset begins while the driver starts, and while it resets the controller.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void A_reset_may_begin_while_the_controller_is_set_up(int seed) => SecondModel.Use(seed, () =>
    {
        var random = new Random(seed);
        for (int turn = 0; turn < 3; turn++)
        {
            using var bus = new Pair(seed, accessesUntil: 1 + random.Next(150));
            bus.MustWork();
            for (int restart = 0; restart < 3; restart++)
            {
                bus.Controller.AccessesUntil = 1 + random.Next(100);
                bus.Driver.Fail();
                bus.Machine.Pass(1_000_000, 1_000);
                bus.Controller.AccessesUntil = 0;
                bus.MustWork();
            }
            OhciCounters c = bus.Driver.Counters;
            Assert.Equal((3ul, 0ul), (c.Restarts, c.BadSelfIds + c.DeadContexts + c.Hangs));
            bus.End();
        }
    });

    /// <summary>A context dies before any access, also while it is stopped, flushed or renewed.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Contexts_may_die_before_any_access(int seed) => SecondModel.Use(seed, () =>
    {
        var random = new Random(seed);
        using var bus = new Pair(seed);
        bus.Machine.Dma.ExpectReports();
        (OhciMachine machine, Ohci driver, MemoryNode peer, SecondController controller) = (bus.Machine, bus.Driver, bus.Peer, bus.Controller);
        Transaction[] all = [.. Enumerable.Range(0, 12).Select(_ => new Transaction(machine))];
        controller.Happening = () =>
        {
            if (controller.TryKill(random.Next(4)) && random.Next(3) == 0)
                controller.AccessesUntil = 1 + random.Next(12);
        };
        int asked = 0, answered = 0;
        for (int turn = 1; turn <= 60; turn++)
        {
            for (int i = 0; i < all.Length; i++)
            {
                if (!all[i].IsUnderWay)
                    driver.Bus.Submit(i % 2 == 0 ? all[i].WriteBlock(peer.Phy.PhysicalId, driver.Bus.Generation, At, machine.Memory, 100) : all[i].ReadBlock(peer.Phy.PhysicalId, driver.Bus.Generation, At, machine.Memory + 1024 * i, 200));
            }
            asked += peer.TryWrite(driver.Bus.NodeId, Ours, new byte[100], (_, _) => answered++) ? 1 : 0;
            controller.AccessesUntil = 1 + random.Next(30);
            if (turn % 5 == 0)
                machine.Phy.InitiateReset(isLong: turn % 10 == 0);
            machine.Pass((ulong)random.Next(30_000), 500);
        }
        controller.AccessesUntil = 0;
        machine.Pass(3_000_000, 1_000);
        Assert.Equal((0, asked), (all.Count(one => one.IsUnderWay), answered));
        Assert.InRange(driver.Counters.DeadContexts, 1ul, 200ul);
        Assert.Equal(0ul, driver.Counters.Restarts);
        bus.MustWork();
        bus.End();
    });

    /// <summary>A node that is busy in all ways, also for long, acknowledges wrongly, or not at all: each transaction ends as what it says.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Moody_nodes_cost_only_their_own_transactions(int seed) => SecondModel.Use(seed, () =>
    {
        var random = new Random(seed);
        using var machine = new OhciMachine(SecondModelTests.KindOf(seed));
        Moody moody = new(random, 0x1111);
        Moody calm = new(random, 0x2222);
        machine.Add(moody);
        machine.Add(calm);
        Ohci driver = machine.Probe();
        Assert.Equal(Error.None, driver.Bus.Addresses.Add(new Offer(Ours, 4096)));
        Transaction[] all = [.. Enumerable.Range(0, 20).Select(_ => new Transaction(machine))];
        byte[][] written = new byte[all.Length][];
        int complete = 0, calmly = 0, asked = 0, answered = 0;
        for (int turn = 0; turn < 40; turn++)
        {
            moody.IsMoody = true;
            for (int i = 0; i < all.Length; i++)
            {
                Moody to = i % 2 == 0 ? moody : calm;
                byte* memory = machine.Memory + 1024 * i;
                written[i] = new byte[1 + random.Next(500)];
                random.NextBytes(written[i]);
                written[i].CopyTo(new Span<byte>(memory, 512));
                driver.Bus.Submit(all[i].WriteBlock(to.Phy.PhysicalId, driver.Bus.Generation, At + (ulong)(1024 * i), memory, written[i].Length));
            }
            asked += moody.TryRead(driver.Bus.NodeId, Ours, 64, (_, _) => answered++) ? 1 : 0;
            machine.Pass(10_000, 500);
            moody.IsMoody = random.Next(2) == 0;
            machine.Pass(500_000, 5_000);
            for (int i = 0; i < all.Length; i++)
            {
                Assert.False(all[i].IsUnderWay);
                bool isComplete = all[i].Result == TransactionResult.Complete;
                complete += isComplete ? 1 : 0;
                calmly += isComplete && i % 2 != 0 ? 1 : 0;
                if (isComplete)
                    Assert.Equal(written[i], (i % 2 == 0 ? moody : calm).Memory.AsSpan(1024 * i, written[i].Length).ToArray());
            }
        }
        Assert.Equal((40 * all.Length / 2, asked), (calmly, answered));
        Assert.InRange(complete - calmly, 10, 40 * all.Length / 2 - 10);
        OhciCounters c = driver.Counters;
        Assert.Equal(0ul, c.BadPackets + c.BadDescriptors + c.DeadContexts + c.Hangs + c.Restarts);
        machine.CheckNothingLeaks(driver);
    });

    /// <summary>Header and options of the ROM cannot be read with a reset: the controller does not show it any more (5.5.6, 5.7), and has to be begun anew.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void A_ROM_that_could_not_be_read_is_shown_again(int seed) => SecondModel.Use(seed, () =>
    {
        using var machine = new OhciMachine(SecondModelTests.KindOf(seed));
        var peer = new MemoryNode(new BusInformation(0x1234));
        machine.Add(peer);
        SecondController controller = ((SecondFunction)machine.Function).Controller;
        Ohci driver = machine.Probe();
        controller.FailsRom = true;
        Assert.Equal(Error.None, driver.Bus.AddUnit(new Unit()));
        machine.Pass(6_000_000, 1_000);
        Assert.False(controller.FailsRom);
        Outcome outcome = Outcome.NoAck;
        Assert.True(peer.TryRead(driver.Bus.NodeId, Rom.Address + 20, 4, (result, _) => outcome = result));
        machine.Pass(20_000, 1_000);
        Assert.Equal((Outcome.Complete, 1ul), (outcome, driver.Counters.Restarts));
        machine.CheckNothingLeaks(driver);
    });

    /// <summary>postedWriteErr: a write into memory was acknowledged, and there was no memory (13.2.8.1). It is counted, each time.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Writes_that_went_nowhere_are_counted(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        bus.Driver.OpenNodes = 1ul << bus.Peer.Phy.PhysicalId;
        bus.Controller.FailsWrites = true;
        for (ulong i = 1; i <= 5; i++)
        {
            Outcome outcome = Outcome.NoAck;
            Assert.True(bus.Peer.TryWrite(bus.Driver.Bus.NodeId, 0x10_0000, new byte[64], (result, _) => outcome = result));
            bus.Machine.Pass(20_000, 1_000);
            Assert.Equal((Outcome.Complete, i), (outcome, bus.Driver.Counters.PostedWriteErrors));
        }
        bus.MustWork();
        bus.End();
    });

    private sealed class Unit : IRomUnit
    {
        public int Entries => 1;

        public void Write(ref RomWriter writer, ref Sluice.FireWire.Core.RomDirectory directory) => writer.Value(ref directory, RomKey.Version, 1);
    }

    // Memory that is given reluctantly.
    private sealed class Moody(Random random, ulong guid) : Node(new BusInformation(guid, MaxRecord: 10), new Sluice.FireWire.Nodes.RomDirectory().Value(0x03, 1))
    {
        private int _busy;

        public byte[] Memory { get; } = new byte[65536];

        public bool IsMoody { get; set; }

        public override Model.Ack Receive(Model.Packet packet)
        {
            if (!IsMoody)
                return base.Receive(packet);
            if (_busy == 0 && random.Next(6) == 0)
                _busy = 1 + random.Next(60);
            if (_busy > 0)
            {
                _busy--;
                return (Model.Ack)(4 + random.Next(3));
            }
            return random.Next(30) switch
            {
                0 => Model.Ack.Missing,
                1 => Model.Ack.DataError,
                2 => Model.Ack.TypeError,
                3 => Model.Ack.ConflictError,
                4 => Model.Ack.Tardy,
                _ => base.Receive(packet),
            };
        }

        protected override Model.Rcode Read(ushort source, ulong offset, Span<byte> data)
        {
            Memory.AsSpan((int)(offset - At), data.Length).CopyTo(data);
            return Model.Rcode.Complete;
        }

        protected override Model.Rcode Write(ushort source, ulong offset, ReadOnlySpan<byte> data, Model.Speed speed)
        {
            data.CopyTo(Memory.AsSpan((int)(offset - At)));
            return Model.Rcode.Complete;
        }
    }
}
