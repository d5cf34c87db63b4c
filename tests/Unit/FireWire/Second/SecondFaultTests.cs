using System;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;
using Xunit;

namespace Sluice.Tests.FireWire.Second;

/// <summary>What goes wrong, or may at any moment, without anybody breaking a rule, on the second model.</summary>
public sealed unsafe class SecondFaultTests
{
    private const ulong At = MemoryNode.DefaultBase, Ours = Pair.Ours;

    public static TheoryData<int> Seeds => SecondModelTests.Seeds;

    /// <summary>A bus reset begins just before any access to a register while another is dealt with.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void A_reset_may_begin_at_any_access(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        for (int access = 1; access <= 60; access++)
        {
            if (access % 2 == 0)
                bus.Machine.Phy.InitiateReset(isLong: access % 4 == 0);
            else
                bus.Driver.Reset(isLong: access % 4 == 1).Ignore("the reset that is begun within takes its place"u8);
            bus.Controller.AccessesUntil = access;
            bus.Machine.Pass(30_000);
            bus.Controller.AccessesUntil = 0;
            bus.Machine.Pass(30_000);
            bus.MustWork();
        }
        OhciCounters c = bus.Driver.Counters;
        Assert.Equal((0ul, 0ul, 0ul), (c.BadSelfIds, c.BadPackets + c.BadDescriptors + c.DeadContexts, c.Hangs + c.Restarts + c.PhyTimeouts + c.RegisterFailures));
        bus.End();
    });

    /// <summary>selfIDError: what is in the buffer is undefined (11.2), and there is none with the next reset.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Self_ids_with_an_error_are_asked_for_again(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        for (int errors = 1; errors <= 4; errors++)
        {
            bus.Controller.SelfIdErrors = errors;
            bus.Machine.Phy.InitiateReset(isLong: errors % 2 == 0);
            bus.Machine.Pass(1_000_000);
            Assert.Equal(0, bus.Controller.SelfIdErrors);
            bus.MustWork();
        }
        Assert.Equal(10ul, bus.Driver.Counters.BadSelfIds);
        bus.End();
    });

    /// <summary>They are asked for again for ever, but less and less often.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Self_ids_with_errors_for_long_are_asked_for_again_later(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        bus.Controller.SelfIdErrors = 8;
        bus.Machine.Phy.InitiateReset(isLong: false);
        bus.Machine.Pass(1_000_000, 1_000);
        Assert.Equal((2, false), (bus.Controller.SelfIdErrors, bus.Driver.Bus.IsUp));
        bus.Machine.Pass(80_000_000, 20_000);
        bus.MustWork();
        Assert.Equal((0, 32ul, 0ul), (bus.Controller.SelfIdErrors, bus.Driver.Counters.BadSelfIds, bus.Driver.Counters.Restarts));
        bus.End();
    });

    /// <summary>evt_underrun: a packet went out broken. Who asked is told, or hears nothing in time; others do not suffer.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Packets_whose_data_came_too_late_end_and_others_do_not_suffer(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        bus.Controller.Underruns = 4;
        int complete = 0, asked = 0, answered = 0;
        var random = new Random(seed);
        Transaction[] all = [.. Enumerable.Range(0, 8).Select(_ => new Transaction(bus.Machine))];
        byte*[] memory = new byte*[all.Length];
        for (int turn = 0; turn < 40; turn++)
        {
            byte[][] written = new byte[all.Length][];
            for (int i = 0; i < all.Length; i++)
            {
                memory[i] = bus.Machine.Memory + 1024 * i;
                written[i] = new byte[100];
                random.NextBytes(written[i]);
                written[i].CopyTo(new Span<byte>(memory[i], 100));
                bus.Driver.Bus.Submit(all[i].WriteBlock(bus.Peer.Phy.PhysicalId, bus.Driver.Bus.Generation, At + (ulong)(1024 * i), memory[i], 100));
            }
            asked += bus.Peer.TryRead(bus.Driver.Bus.NodeId, Ours, 64, (_, _) => answered++) ? 1 : 0;
            bus.Machine.Pass(20_000, 500);
            bus.Machine.Pass(300_000, 10_000);
            for (int i = 0; i < all.Length; i++)
            {
                Assert.False(all[i].IsUnderWay);
                bool isComplete = all[i].Result == TransactionResult.Complete;
                complete += isComplete ? 1 : 0;
                if (isComplete)
                    Assert.Equal(written[i], bus.Peer.Memory.Slice(1024 * i, 100).ToArray());
            }
        }
        Assert.InRange(bus.Controller.Underrun, 10, 1_000);
        Assert.InRange(complete, 40 * all.Length / 2, 40 * all.Length - 10);
        Assert.Equal(asked, answered);
        bus.Controller.Underruns = 0;
        bus.MustWork();
        Assert.Equal(0ul, bus.Driver.Counters.DeadContexts + bus.Driver.Counters.Restarts + bus.Driver.Counters.Hangs);
        bus.End();
    });

    /// <summary>A context dies of what it could not read or write (3.1.1.3, 13.2), at any moment and with whatever it had.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Contexts_that_die_are_begun_anew(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        bus.Machine.Dma.ExpectReports();
        var random = new Random(seed);
        Transaction[] all = [.. Enumerable.Range(0, 16).Select(_ => new Transaction(bus.Machine))];
        ulong killed = 0;
        int asked = 0, answered = 0;
        for (int turn = 0; turn < 40; turn++)
        {
            for (int i = 0; i < all.Length; i++)
            {
                if (all[i].IsUnderWay)
                    continue;
                byte generation = bus.Driver.Bus.Generation;
                int bytes = 1 + random.Next(500);
                bus.Driver.Bus.Submit(i % 2 == 0 ? all[i].WriteBlock(bus.Peer.Phy.PhysicalId, generation, At, bus.Machine.Memory, bytes) : all[i].ReadBlock(bus.Peer.Phy.PhysicalId, generation, At, bus.Machine.Memory + 1024 * i, bytes));
            }
            for (int i = 0; i < 4; i++)
                asked += bus.Peer.TryWrite(bus.Driver.Bus.NodeId, Ours, new byte[1 + random.Next(500)], (_, _) => answered++) ? 1 : 0;
            bus.Machine.Simulator.RunActivity(random.Next(60));
            if (turn % 8 == 7)
                bus.Machine.Phy.InitiateReset(isLong: false);
            killed += bus.Controller.TryKill(random.Next(4)) ? 1u : 0;
            bus.Machine.Pass((ulong)random.Next(2_000), 100);
        }
        bus.Machine.Pass(3_000_000, 1_000);
        Assert.Equal((0, asked), (all.Count(one => one.IsUnderWay), answered));
        // Of one that was stopped for a reset just then nobody hears that it had died.
        Assert.InRange(bus.Driver.Counters.DeadContexts, killed / 2, killed);
        Assert.Equal(0ul, bus.Driver.Counters.Restarts + bus.Driver.Counters.Hangs);
        bus.MustWork();
        bus.End();
    });

    /// <summary>All nodes ask at once while the CPU is away: what has no room is busy, what is for all is lost, and the rest is answered (8.4, 8.5).</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void More_requests_than_there_is_room_for_are_asked_again(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        MemoryNode[] peers = bus.AddPeers();
        for (int round = 0; round < 6; round++)
        {
            int answered = 0, complete = 0;
            bus.Flood(peers, (outcome, _) => (answered, complete) = (answered + 1, complete + (outcome == Outcome.Complete ? 1 : 0)));
            bus.Machine.Pass(1_000_000, 10_000);
            Assert.Equal(Pair.FloodWrites, answered);
            Assert.InRange(complete, 30, Pair.FloodWrites);
            bus.MustWork();
        }
        OhciCounters c = bus.Driver.Counters;
        Assert.Equal(0ul, c.BadPackets + c.BadDescriptors + c.DeadContexts + c.Hangs + c.Restarts);
        bus.End();
    });
}
