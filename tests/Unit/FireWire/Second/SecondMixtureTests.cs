using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.Platform;
using Xunit;
using RomDirectory = Sluice.FireWire.Core.RomDirectory;

namespace Sluice.Tests.FireWire.Second;

/// <summary>All at once on the second model: what we ask, what others ask, and bus resets, one or several in a row, at any moment.</summary>
public sealed unsafe class SecondMixtureTests
{
    private const ulong At = MemoryNode.DefaultBase, Ours = 0x1_0000_0000;
    private const int Parts = 24, PartBytes = 1024, Rounds = 300;

    public static TheoryData<int> Seeds => SecondModelTests.Seeds;

    [Theory, MemberData(nameof(Seeds))]
    public void Each_transaction_ends_once_and_is_what_it_says(int seed) => SecondModel.Use(seed, () => Mix(SecondModelTests.KindOf(seed), new Random(seed)));

    private static void Mix(string kind, Random random)
    {
        using var machine = new OhciMachine(kind);
        MemoryNode[] peers = [.. Enumerable.Range(0, 3).Select(i => new MemoryNode(new BusInformation(0x1234 + (ulong)i, MaxRecord: 10)) { AnswersWritesAtOnce = i == 1 })];
        foreach (MemoryNode peer in peers)
            machine.Add(peer);
        Ohci driver = machine.Probe();
        var memory = new Offer(Ours, 3 * PartBytes);
        Assert.Equal(Error.None, driver.Bus.Addresses.Add(memory));
        var parts = Enumerable.Range(0, Parts).Select(i => new Part(machine, i, peers[i % 3])).ToArray();
        var units = new Units(driver);
        Asker[] askers = [.. peers.Select((peer, number) => new Asker(peer, memory, units, number))];
        int submitted = 0;
        for (int round = 0; round < Rounds; round++)
        {
            Part part = parts[random.Next(Parts)];
            // A number that was ours on the bus before, as far as the driver has seen, would be answered by ourselves.
            if (!part.Transaction.IsUnderWay && !machine.Phy.Segment.IsResetting && part.Node != (driver.Bus.NodeId & 0x3F))
            {
                part.Check();
                part.Submit(driver, random);
                submitted++;
            }
            askers[random.Next(3)].Ask((ushort)(0xFFC0 | machine.Phy.PhysicalId), random);
            if (random.Next(60) == 0)
                units.Change();
            units.Note();
            for (int resets = random.Next(25) == 0 ? 1 + random.Next(3) : 0; resets > 0; resets--)
            {
                machine.Bus.Phys[random.Next(machine.Bus.Phys.Count)].InitiateReset(isLong: random.Next(2) == 0);
                if (random.Next(2) == 0)
                    machine.Pass((ulong)random.Next(400), 50);
            }
            // Some of what happens on the bus, some of the CPU's work; or all for a while.
            for (int turns = random.Next(6); turns > 0; turns--)
            {
                machine.Simulator.RunActivity(random.Next(40));
                Machine.Work.Run(1 + random.Next(4));
            }
            if (random.Next(3) == 0)
                machine.Pass((ulong)random.Next(2_000), 100);
        }
        machine.Pass(1_000_000);
        Assert.Equal((submitted, 0, true), (machine.Done.Count, driver.Bus.UnderWay, driver.Bus.IsUp));
        Assert.All(askers, asker => Assert.Equal(asker.Asked, asker.Answered));
        foreach (Part part in parts)
            part.Check();
        OhciCounters c = driver.Counters;
        Assert.Equal(0ul, c.BadPackets + c.BadDescriptors + c.BadSelfIds + c.DeadContexts + c.Hangs + c.Restarts + c.PhyTimeouts + c.RegisterFailures);
        machine.CheckNothingLeaks(driver);
    }

    // Another node, which has a part of ours for itself, and one request at a time. A write that was acknowledged may still wait; but it is
    // carried out before what is asked afterwards, if no reset came between.
    private sealed class Asker(MemoryNode peer, Offer memory, Units units, int number)
    {
        private byte[] _written = [];
        private int _generation = -1;

        public int Asked { get; private set; }

        public int Answered { get; private set; }

        public void Ask(ushort node, Random random)
        {
            int bytes = 1 + random.Next(PartBytes);
            ulong at = Ours + (ulong)(number * PartBytes);
            if (Asked != Answered)
                return;
            byte[] data = new byte[bytes];
            random.NextBytes(data);
            bool isRead = random.Next(2) == 0, isTaken = random.Next(3) == 0 ? peer.TryRead(node, Rom.Address, 4, ReadHeader) : isRead ? peer.TryRead(node, at, bytes, Read) : peer.TryWrite(node, at, data, (outcome, _) =>
            {
                End(outcome);
                _written = data;
                _generation = outcome == Outcome.Complete ? peer.Phy.Segment.Generation : -1;
            });
            Asked += isTaken ? 1 : 0;
        }

        private void Read(Outcome outcome, ReadOnlySpan<byte> data)
        {
            End(outcome);
            if (outcome != Outcome.Complete)
                return;
            Assert.Equal(memory.Memory.AsSpan(number * PartBytes, data.Length).ToArray(), data.ToArray());
            int both = Math.Min(data.Length, _written.Length);
            if (_generation == peer.Phy.Segment.Generation)
                Assert.Equal(_written[..both], data[..both].ToArray());
        }

        // Whoever sees no header asks again; a wrong one would be believed.
        private void ReadHeader(Outcome outcome, ReadOnlySpan<byte> data)
        {
            End(outcome);
            units.Note();
            if (outcome == Outcome.Complete)
                Assert.Contains(BinaryPrimitives.ReadUInt32BigEndian(data), units.Headers);
        }

        private void End(Outcome outcome)
        {
            Answered++;
            Assert.True(outcome is Outcome.Complete or Outcome.BusReset, $"{outcome}");
        }
    }

    // Units in our ROM that come and go, and all headers that it has had.
    private sealed class Units(Ohci driver) : IRomUnit
    {
        private bool _isThere;

        public HashSet<uint> Headers { get; } = [0, driver.Bus.OwnRom.Current[0]];

        public int Entries => 1;

        public void Write(ref RomWriter writer, ref RomDirectory directory) => writer.Value(ref directory, RomKey.Version, 1);

        /// <summary>A ROM that came during a reset is made anew, later.</summary>
        public void Note()
        {
            Headers.Add(driver.Bus.OwnRom.Current[0]);
            Headers.Add(driver.Bus.OwnRom.Next[0]);
        }

        public void Change()
        {
            if (_isThere)
                Assert.True(driver.Bus.TryRemoveUnit(this));
            else
                Assert.Equal(Error.None, driver.Bus.AddUnit(this));
            _isThere = !_isThere;
            Note();
        }
    }

    // A part of a peer's memory, and what it should have; null once nobody knows.
    private sealed class Part(OhciMachine machine, int index, MemoryNode peer)
    {
        private readonly byte* _memory = machine.Memory + index * 2 * PartBytes;
        private byte[]? _known;
        private byte[] _written = [];
        private int _bytes;
        private bool _isRead, _isLock, _isOver = true;

        public Transaction Transaction { get; } = new(machine);

        public int Node => peer.Phy.PhysicalId;

        private ulong Offset => (ulong)(index * PartBytes);

        public void Submit(Ohci driver, Random random)
        {
            byte generation = driver.Bus.Generation;
            int node = peer.Phy.PhysicalId;
            _isOver = false;
            _bytes = random.Next(3) == 0 ? 4 : 1 + random.Next(PartBytes);
            _isLock = random.Next(5) == 0 && _known is { Length: >= 4 };
            _isRead = !_isLock && _known != null && random.Next(2) == 0;
            _bytes = _isLock ? 4 : _isRead ? Math.Min(_bytes, _known!.Length) : _bytes;
            var at = new Span<byte>(_memory, _bytes);
            random.NextBytes(at);
            _written = at.ToArray();
            if (_isLock)
                driver.Bus.Submit(Transaction.Lock(node, generation, At + Offset, LockOperation.CompareSwap, Quadlet(_known!), Quadlet(_written)));
            else if (_isRead)
                driver.Bus.Submit(Transaction.ReadBlock(node, generation, At + Offset, _memory, _bytes));
            else
                driver.Bus.Submit(Transaction.WriteBlock(node, generation, At + Offset, _memory, _bytes));
        }

        public void Check()
        {
            if (_isOver)
                return;
            _isOver = true;
            TransactionResult result = Transaction.Result;
            Assert.True(result is TransactionResult.Complete or TransactionResult.BusReset or TransactionResult.OldGeneration, $"{result}");
            bool isComplete = result == TransactionResult.Complete;
            if (_isLock && isComplete)
                Assert.Equal(Quadlet(_known!), Transaction.Quadlet);
            if (_isRead && isComplete)
                Assert.Equal(_known.AsSpan(0, _bytes).ToArray(), new Span<byte>(_memory, _bytes).ToArray());
            if (_isRead || (!isComplete && result == TransactionResult.OldGeneration))
                return;
            _known = isComplete ? [.. _written, .. _known is { } known && known.Length > _bytes ? known[_bytes..] : []] : null;
            if (_known != null)
                Assert.Equal(_known, peer.Memory.Slice((int)Offset, _known.Length).ToArray());
        }

        private static uint Quadlet(byte[] bytes) => (uint)(bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3]);
    }
}
