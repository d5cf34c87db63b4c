using System;
using System.Collections.Generic;
using Sluice.Dma;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>Blocks that are shown where they arrive.</summary>
public sealed class BlockReaderTests
{
    private const ulong At = MemoryNode.DefaultBase;

    public static TheoryData<string> Kinds => OhciMachine.Kinds;

    [Theory, MemberData(nameof(Kinds))]
    public void What_was_read_is_shown_once_and_then_it_is_over(string kind)
    {
        using var machine = new OhciMachine(kind);
        var peer = new MemoryNode(new BusInformation(0x1234, MaxRecord: 10));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        var reader = new Reader();
        var random = new Random(1);
        for (int i = 0; i < 300; i++)
        {
            int bytes = random.Next(1, 2049);
            random.NextBytes(peer.Memory[..2048]);
            Assert.Equal(TransactionResult.Complete, machine.Run(driver, reader.Transaction.ReadBlock(peer.Phy.PhysicalId, driver.Bus.Generation, At, bytes)));
            Assert.Equal(["read", "Complete"], reader.TakeLog());
            Assert.Equal(peer.Memory[..bytes].ToArray(), reader.Data);
        }
        Assert.Equal(TransactionResult.AddressError, machine.Run(driver, reader.Transaction.ReadBlock(peer.Phy.PhysicalId, driver.Bus.Generation, 0x1000, 64)));
        Assert.Equal(["AddressError"], reader.TakeLog());
        machine.CheckNothingLeaks(driver);
    }

    [Fact]
    public void It_is_shown_at_once_though_its_sending_is_not_reported_yet()
    {
        var machine = new Script();
        var reader = new Reader();
        machine.Node.HoldsReports = true;
        machine.Core.Submit(reader.Transaction.ReadBlock(machine.Peer.Phy.PhysicalId, machine.Core.Generation, At, 12));
        machine.Answer(reader.Transaction, 12, new byte[12]);
        Assert.Equal(["read"], reader.TakeLog());
        Assert.True(reader.Transaction.IsUnderWay);
        machine.Node.Report(AckCode.Pending);
        Assert.Equal(["Complete"], reader.TakeLog());
        machine.Machine.Dispose();
    }

    [Theory]
    [InlineData(12, 11)]
    [InlineData(11, 12)]
    [InlineData(16, 16)]
    [InlineData(0, 0)]
    public void A_block_of_another_length_is_not_shown(int said, int bytes)
    {
        var machine = new Script();
        var reader = new Reader();
        machine.Node.HoldsReports = true;
        machine.Core.Submit(reader.Transaction.ReadBlock(machine.Peer.Phy.PhysicalId, machine.Core.Generation, At, 12));
        machine.Answer(reader.Transaction, said, new byte[bytes]);
        machine.Node.Report(AckCode.Pending);
        Assert.Equal(["Malformed"], reader.TakeLog());
        machine.Machine.Dispose();
    }

    [Fact]
    public void Our_own_space_is_shown_after_submission()
    {
        var machine = new Script();
        var reader = new Reader();
        var offer = new Offer(0x1_0000_0000, 4096);
        new Random(2).NextBytes(offer.Memory);
        Assert.Equal(Error.None, machine.Core.Addresses.Add(offer));
        for (int bytes = 1; bytes <= 2048; bytes += 89)
        {
            machine.Core.Submit(reader.Transaction.ReadBlock(machine.Core.Topology.Local, machine.Core.Generation, 0x1_0000_0000, bytes));
            Assert.Empty(reader.TakeLog());
            machine.Machine.Settle();
            Assert.Equal(["read", "Complete"], reader.TakeLog());
            Assert.Equal(offer.Memory[..bytes], reader.Data);
        }
        machine.Core.Submit(reader.Transaction.ReadBlock(machine.Core.Topology.Local, machine.Core.Generation, 0x1000, 8));
        machine.Machine.Settle();
        Assert.Equal(["AddressError"], reader.TakeLog());
        Assert.Equal(0, CoreMachine.Frames.Used);
        Frame[] all = new Frame[CoreMachine.MostFrames];
        for (int i = 0; i < all.Length; i++)
            Assert.True(CoreMachine.Frames.TryTake(out all[i]));
        machine.Core.Submit(reader.Transaction.ReadBlock(machine.Core.Topology.Local, machine.Core.Generation, 0x1_0000_0000, 8));
        machine.Machine.Settle();
        Assert.Equal(["NotSent"], reader.TakeLog());
        for (int i = 0; i < all.Length; i++)
            all[i].Free();
        machine.Machine.Dispose();
    }

    [Fact]
    public void Whoever_does_not_look_must_have_memory()
    {
        var machine = new Script();
        Assert.Throws<BugException>(() => new Transaction(machine.Machine).ReadBlock(1, 0, At, 8));
        machine.Machine.Dispose();
    }

    private sealed class Script
    {
        public Script()
        {
            Machine.Add(Node);
            Machine.Add(Peer);
            Machine.Pass(1000);
        }

        public CoreMachine Machine { get; } = new();

        public CoreNode Node { get; } = new(1);

        public MemoryNode Peer { get; } = new(new BusInformation(0x1234));

        public FireWireBus Core => Node.Core;

        public void Answer(Transaction request, int said, byte[] data)
        {
            var node = (ushort)(0xFFC0 | request.Node);
            PacketHeader asked = PacketHeader.ReadBlock(node, Core.NodeId, request.Header.Label, At, 12);
            Core.PacketReceived(PacketHeader.Respond(asked, asked.Code.Answer, node, ResponseCode.Complete, (uint)said << 16), data, new Arrival(Core.Generation, BusSpeed.S400, false, 0));
        }
    }

    private sealed class Reader : IBlockReader
    {
        private readonly List<string> _log = [];

        public Reader() => Transaction = new Transaction(this);

        public Transaction Transaction { get; }

        public byte[] Data { get; private set; } = [];

        public string[] TakeLog()
        {
            string[] log = [.. _log];
            _log.Clear();
            return log;
        }

        public void OnRead(Transaction transaction, ReadOnlySpan<byte> data)
        {
            Assert.True(transaction.IsUnderWay);
            Data = data.ToArray();
            _log.Add("read");
        }

        public void OnDone(Transaction transaction) => _log.Add($"{transaction.Result}");
    }
}
