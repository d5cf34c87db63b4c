using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Sluice.FireWire.Simulation;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>The controller's driver with the model's controller and nodes, on every kind of machine.</summary>
public sealed unsafe class OhciTests
{
    private const ulong At = MemoryNode.DefaultBase, Ours = 0x1_0000_0000;

    public static TheoryData<string> Kinds => OhciMachine.Kinds;

    public static TheoryData<string> Cards => [.. OhciCard.All.Where(card => card.Name != "uninorth").Select(card => card.Name)];

    [Theory, MemberData(nameof(Kinds))]
    public void Transactions_of_all_lengths_are_what_they_say(string kind)
    {
        using var machine = new OhciMachine(kind);
        var peer = new MemoryNode(new BusInformation(0x1234, MaxRecord: 10));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        int node = peer.Phy.PhysicalId;
        byte generation = driver.Bus.Generation;
        var t = new Transaction(machine);
        Assert.Equal(TransactionResult.Complete, machine.Run(driver, t.WriteQuadlet(node, generation, At, 0xDEAD_BEEF)));
        Assert.Equal([0xDE, 0xAD, 0xBE, 0xEF], peer.Memory[..4].ToArray());
        Assert.Equal(TransactionResult.Complete, machine.Run(driver, t.ReadQuadlet(node, generation, At)));
        Assert.Equal(0xDEAD_BEEF, t.Quadlet);
        Assert.Equal(TransactionResult.Complete, machine.Run(driver, t.Lock(node, generation, At, LockOperation.CompareSwap, 0xDEAD_BEEF, 7u)));
        Assert.Equal(0xDEAD_BEEF, t.Quadlet);
        Assert.Equal(TransactionResult.Complete, machine.Run(driver, t.Lock(node, generation, At, LockOperation.CompareSwap, 0x7_0000_0000ul, 9ul)));
        Assert.Equal(0x7_0000_0000ul, t.Octlet);
        Assert.Equal(TransactionResult.AddressError, machine.Run(driver, t.ReadQuadlet(node, generation, 0x1000)));
        var random = new Random(1);
        var from = new Span<byte>(machine.Memory, 2048);
        var into = new Span<byte>(machine.Memory + 4096, 2049);
        for (int bytes = 1; bytes <= 2048; bytes += bytes < 40 ? 1 : 127)
        {
            random.NextBytes(from);
            Assert.Equal(TransactionResult.Complete, machine.Run(driver, t.WriteBlock(node, generation, At + 16, machine.Memory, bytes)));
            Assert.Equal(from[..bytes], peer.Memory.Slice(16, bytes));
            into.Fill(0xEE);
            Assert.Equal(TransactionResult.Complete, machine.Run(driver, t.ReadBlock(node, generation, At + 16, machine.Memory + 4096, bytes)));
            Assert.Equal(from[..bytes], into[..bytes]);
            Assert.Equal(0xEE, into[bytes]);
        }
        Assert.Equal(0ul, Wrong(driver));
        machine.CheckNothingLeaks(driver);
    }

    /// <summary>As many nodes as a bus has: all are known by their ROMs, and each is spoken to.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Sixty_three_nodes_are_found_asked_and_used(string kind)
    {
        using var machine = new OhciMachine(kind);
        var peers = new MemoryNode[62];
        for (int i = 0; i < peers.Length; i++)
            machine.Add(peers[i] = new MemoryNode(new BusInformation(0x1234_0000ul + (ulong)i, MaxRecord: 10)));
        Ohci driver = machine.Probe();
        var nodes = new RemoteNodes(driver.Bus);
        Assert.Equal(Error.None, driver.Reset(isLong: true));
        machine.Pass(3_000_000);
        Assert.Equal(63, driver.Bus.Topology.Count);
        var t = new Transaction(machine);
        foreach (MemoryNode peer in peers)
        {
            int node = peer.Phy.PhysicalId;
            Assert.Equal(NodeState.Known, nodes.StateOf(node));
            Assert.Equal(node, nodes.NodeOf(nodes.ImageOf(node)!.Guid));
            Assert.Equal(TransactionResult.Complete, machine.Run(driver, t.WriteQuadlet(node, driver.Bus.Generation, At, (uint)node)));
            Assert.Equal(node, peer.Memory[3]);
        }
        Assert.Equal(62, peers.Select(peer => nodes.ImageOf(peer.Phy.PhysicalId)!.Guid).Distinct().Count());
        // All at once, and a bus reset in the middle.
        Transaction[] all = [.. peers.Select(_ => new Transaction(machine))];
        machine.Done.Clear();
        for (int i = 0; i < all.Length; i++)
            driver.Bus.Submit(all[i].ReadQuadlet(peers[i].Phy.PhysicalId, driver.Bus.Generation, At));
        machine.Pass(20_000);
        Assert.Equal(62, machine.Done.Count);
        Assert.All(all, one => Assert.Equal(TransactionResult.Complete, one.Result));
        Assert.Equal(all.Select((_, i) => (uint)peers[i].Phy.PhysicalId), all.Select(one => one.Quadlet));
        Assert.Equal(0ul, Wrong(driver));
        machine.CheckNothingLeaks(driver);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Others_read_write_and_lock_what_is_offered_for_longer_than_the_ring(string kind)
    {
        using var machine = new OhciMachine(kind);
        var peer = new MemoryNode(new BusInformation(0x1234, MaxRecord: 10));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        var memory = new Offer(Ours, 4096);
        Assert.Equal(Error.None, driver.Bus.Addresses.Add(memory));
        var random = new Random(2);
        byte[] data = new byte[2048], seen = new byte[2048];
        Outcome outcome = Outcome.NoAck;
        // Three times round the pages at least, so packets lie across their end at all kinds of places.
        int written = 0;
        for (int turn = 0; written < 3 * AsyncReceive.Pages * 4096; turn++)
        {
            int bytes = 1 + random.Next(2048);
            random.NextBytes(data);
            outcome = Outcome.NoAck;
            Assert.True(peer.TryWrite(driver.Bus.NodeId, Ours + 1024, data.AsSpan(0, bytes), (result, _) => outcome = result));
            machine.Settle();
            Assert.Equal(Outcome.Complete, outcome);
            Assert.Equal(data.AsSpan(0, bytes), memory.Memory.AsSpan(1024, bytes));
            written += bytes;
            int length = 0;
            Assert.True(peer.TryRead(driver.Bus.NodeId, Ours + 1024, bytes, (result, read) =>
            {
                outcome = result;
                length = read.Length;
                read.CopyTo(seen);
            }));
            machine.Settle();
            Assert.Equal((Outcome.Complete, bytes), (outcome, length));
            Assert.Equal(data.AsSpan(0, bytes), seen.AsSpan(0, bytes));
        }
        Assert.True(peer.TryLock(driver.Bus.NodeId, Ours, Model.LockOperation.CompareSwap, [0, 0, 0, 0, 1, 2, 3, 4], (result, _) => outcome = result));
        machine.Settle();
        Assert.Equal([1, 2, 3, 4], memory.Memory[..4]);
        Assert.Equal(0ul, Wrong(driver));
        machine.CheckNothingLeaks(driver);
    }

    /// <summary>A stranger asks for the computer's memory, which nobody opened.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Memory_that_nobody_opened_is_closed_also_after_resets(string kind)
    {
        using var machine = new OhciMachine(kind);
        var peer = new MemoryNode(new BusInformation(0x1234));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        for (int turn = 0; turn < 4; turn++)
        {
            foreach (ulong address in (ulong[])[0, 0x10_0000, 0x20_0000, 0xFFFF_FFFC])
            {
                Outcome read = Outcome.Complete, write = Outcome.Complete;
                byte[] got = [1];
                new Span<byte>(machine.Dma.Memory.Memory.Base + 0x10_0000, 4096).Fill(0xEE);
                foreach (int bytes in (int[])[4, 8, 512])
                {
                    Assert.True(peer.TryRead(driver.Bus.NodeId, address, bytes, (result, data) => (read, got) = (result, data.ToArray())));
                    Assert.True(peer.TryWrite(driver.Bus.NodeId, address, new byte[bytes], (result, _) => write = result));
                    machine.Settle();
                    // The answer to a read of a quadlet has one, whatever it says: zero.
                    Assert.Equal((Outcome.AddressError, Outcome.AddressError, 0), (read, write, got.Sum(one => one)));
                }
                Assert.True(new Span<byte>(machine.Dma.Memory.Memory.Base + 0x10_0000, 4096).IndexOfAnyExcept((byte)0xEE) < 0);
            }
            if (turn == 1)
            {
                // Opened for one, it is open for that one, until the next reset.
                driver.OpenNodes = 1ul << peer.Phy.PhysicalId;
                Outcome outcome = Outcome.NoAck;
                Assert.True(peer.TryRead(driver.Bus.NodeId, 0x10_0000, 4, (result, _) => outcome = result));
                machine.Settle();
                Assert.Equal((Outcome.Complete, 1L), (outcome, machine.Function.PhysicalRequests));
            }
            machine.Phy.InitiateReset(isLong: turn % 2 == 0);
            machine.Pass(10_000);
            Assert.True(driver.Bus.IsUp);
            Assert.Equal(0ul, driver.OpenNodes);
        }
        Assert.Equal(1L, machine.Function.PhysicalRequests);
    }

    [Theory, MemberData(nameof(Cards))]
    public void Cards_with_quirks_work(string card)
    {
        using var machine = new OhciMachine("coherent", card);
        var peer = new MemoryNode(new BusInformation(0x1234));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        var memory = new Offer(Ours, 4096);
        Assert.Equal(Error.None, driver.Bus.Addresses.Add(memory));
        var t = new Transaction(machine);
        for (int turn = 0; turn < 5; turn++)
        {
            Assert.Equal(TransactionResult.Complete, machine.Run(driver, t.WriteQuadlet(peer.Phy.PhysicalId, driver.Bus.Generation, At, (uint)turn)));
            Outcome outcome = Outcome.NoAck;
            Assert.True(peer.TryWrite(driver.Bus.NodeId, Ours, [1, 2, 3, 4], (result, _) => outcome = result));
            machine.Settle();
            Assert.Equal(Outcome.Complete, outcome);
            uint before = driver.CycleTime;
            machine.Pass(1_000);
            Assert.InRange(Cycles(driver.CycleTime) - Cycles(before), 7u, 13u);
            machine.Phy.InitiateReset(isLong: turn % 2 == 0);
            machine.Pass(10_000);
            Assert.True(driver.Bus.IsUp);
        }
        Assert.Equal(0ul, Wrong(driver));
    }

    /// <summary>The computer is slow: the bus was reset, and others ask already, before it knows.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Requests_that_come_before_a_reset_was_seen_are_carried_out(string kind)
    {
        using var machine = new OhciMachine(kind);
        var peer = new MemoryNode(new BusInformation(0x1234));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        var memory = new Offer(Ours, 4096);
        Assert.Equal(Error.None, driver.Bus.Addresses.Add(memory));
        for (byte turn = 1; turn < 9; turn++)
        {
            Outcome written = Outcome.NoAck, read = Outcome.NoAck;
            machine.Phy.InitiateReset(isLong: turn % 2 == 0);
            machine.Simulator.RunFor(BusTime.Microseconds(2_000));
            Assert.True(peer.TryWrite((ushort)(0xFFC0 | machine.Phy.PhysicalId), Ours, [turn, turn, turn], (outcome, _) => written = outcome));
            Assert.True(peer.TryRead((ushort)(0xFFC0 | machine.Phy.PhysicalId), Ours, 3, (outcome, _) => read = outcome));
            machine.Simulator.RunFor(BusTime.Microseconds(2_000));
            machine.Pass(50_000);
            Assert.Equal((Outcome.Complete, Outcome.Complete, turn), (written, read, memory.Memory[2]));
        }
        Assert.Equal(0ul, driver.Bus.Counters.OldRequests);
        machine.CheckNothingLeaks(driver);
    }

    [Fact]
    public void More_at_once_than_there_is_room_for_ends_in_order_and_whole()
    {
        using var machine = new OhciMachine();
        MemoryNode[] peers = [.. Enumerable.Range(0, 4).Select(i => new MemoryNode(new BusInformation(0x1234 + (ulong)i)))];
        foreach (MemoryNode peer in peers)
            machine.Add(peer);
        Ohci driver = machine.Probe();
        Transaction[] all = [.. Enumerable.Range(0, 200).Select(_ => new Transaction(machine))];
        for (int i = 0; i < all.Length; i++)
            driver.Bus.Submit(all[i].WriteQuadlet(peers[i % 4].Phy.PhysicalId, driver.Bus.Generation, At + (ulong)(4 * i), (uint)i));
        machine.Pass(10_000);
        Assert.Equal(all.Length, machine.Done.Count);
        Assert.All(all, t => Assert.Equal(TransactionResult.Complete, t.Result));
        for (int i = 0; i < all.Length; i++)
            Assert.Equal((byte)i, peers[i % 4].Memory[4 * i + 3]);
        machine.CheckNothingLeaks(driver);
    }

    [Fact]
    public void Bus_resets_at_every_step_lose_what_was_under_way_and_nothing_else()
    {
        int steps = 1;
        var seen = new HashSet<TransactionResult>();
        for (int run = 0; run / 2 < steps; run++)
        {
            int step = run / 2;
            using var machine = new OhciMachine(run % 3 == 0 ? "coherent, bounced" : "coherent");
            var peer = new MemoryNode(new BusInformation(0x1234)) { AnswersWritesAtOnce = false };
            machine.Add(peer);
            Ohci driver = machine.Probe();
            var memory = new Offer(Ours, 4096);
            Assert.Equal(Error.None, driver.Bus.Addresses.Add(memory));
            Transaction[] all = [.. Enumerable.Range(0, 8).Select(_ => new Transaction(machine))];
            byte generation = driver.Bus.Generation;
            int answered = 0;
            for (int i = 0; i < all.Length; i++)
            {
                driver.Bus.Submit(i % 2 == 0 ? all[i].WriteBlock(peer.Phy.PhysicalId, generation, At, machine.Memory, 64) : all[i].ReadBlock(peer.Phy.PhysicalId, generation, At, machine.Memory + 4096, 100));
                Assert.True(peer.TryRead(driver.Bus.NodeId, Ours, 64, (_, _) => answered++));
            }
            for (int done = 0; done < step && !machine.Simulator.RunActivity(1); done++)
                Sluice.Platform.Machine.Work.Run(64);
            if (!machine.Simulator.RunActivity(0))
                steps = step + 2;
            machine.Phy.InitiateReset(isLong: run % 2 == 0);
            machine.Pass(10_000);
            Assert.Equal((all.Length, 0), (machine.Done.Count, driver.Bus.UnderWay));
            Assert.All(all, t => Assert.True(t.Result is TransactionResult.Complete or TransactionResult.BusReset, $"{step}: {t.Result}"));
            seen.UnionWith(all.Select(t => t.Result));
            Assert.True(driver.Bus.IsUp);
            for (int i = 0; i < 70; i++)
                Assert.Equal(TransactionResult.Complete, machine.Run(driver, all[0].ReadQuadlet(peer.Phy.PhysicalId, driver.Bus.Generation, At)));
            Assert.Equal(0ul, Wrong(driver));
            machine.CheckNothingLeaks(driver);
        }
        Assert.Equal([TransactionResult.Complete, TransactionResult.BusReset], seen.Order());
        Assert.InRange(steps, 20, 1000);
    }

    private static uint Cycles(uint time) => (time >> 12 & 0x1FFF) + 8000 * (time >> 25);

    private static ulong Wrong(Ohci driver)
    {
        OhciCounters c = driver.Counters;
        return c.BadPackets + c.BadDescriptors + c.BadSelfIds + c.DeadContexts + c.Hangs + c.Restarts + c.PhyTimeouts + c.RegisterFailures;
    }
}
