using System;
using System.Linq;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>What others may read, write and lock here.</summary>
public sealed class RequestTests : IDisposable
{
    private const ulong Ours = 0x1_0000_0000;

    private readonly CoreMachine _machine = new();
    private readonly CoreNode _node = new(1);
    private readonly MemoryNode _peer = new(new BusInformation(0x1234));

    public RequestTests()
    {
        _machine.Add(_node);
        _machine.Add(_peer);
        _machine.Pass(1000);
        Assert.True(Core.IsUp);
    }

    private FireWireBus Core => _node.Core;

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Others_reach_what_handlers_offer_and_nothing_else()
    {
        var memory = new Offer(Ours, 4096);
        Assert.Equal(Error.None, Core.Addresses.Add(memory));
        Assert.Equal(Error.Busy, Core.Addresses.Add(new Offer(Ours + 4095, 1)));
        Assert.Equal(Error.Busy, Core.Addresses.Add(new Offer(Ours - 1, 2)));
        Assert.Equal(Error.Malformed, Core.Addresses.Add(new Offer(0xFFFF_FFFF_FFFF, 2)));
        Assert.Equal((Outcome.Complete, Hex()), Ask(done => _peer.TryWrite(Core.NodeId, Ours, [1, 2, 3, 4], done)));
        Assert.Equal((Outcome.Complete, Hex()), Ask(done => _peer.TryWrite(Core.NodeId, Ours + 9, [5, 6, 7], done)));
        Assert.Equal((Outcome.Complete, Hex(1, 2, 3, 4)), Ask(done => _peer.TryRead(Core.NodeId, Ours, 4, done)));
        Assert.Equal((Outcome.Complete, Hex(4, 0, 0, 0, 0, 0, 5, 6, 7, 0)), Ask(done => _peer.TryRead(Core.NodeId, Ours + 3, 10, done)));
        Assert.Equal((Outcome.Complete, Hex(1, 2, 3, 4)), Ask(done => _peer.TryLock(Core.NodeId, Ours, Model.LockOperation.CompareSwap, [1, 2, 3, 4, 9, 9, 9, 9], done)));
        Assert.Equal(9, memory.Memory[0]);
        foreach ((ulong offset, int bytes) in new[] { (Ours - 1, 4), (Ours + 4093, 4), (Ours + 4096, 4), (0ul, 4), (0xFFFF_FFFF_FFFCul, 4), (Ours + 4095, 2), (0xFFFF_FFFF_FFFFul, 512) })
            Assert.Equal((Outcome.AddressError, Hex()), Ask(done => _peer.TryRead(Core.NodeId, offset, bytes, done)));
        Assert.Equal((Outcome.TypeError, Hex()), Ask(done => _peer.TryLock(Core.NodeId, Ours, (Model.LockOperation)7, [1, 2, 3, 4, 9, 9, 9, 9], done)));
        Assert.Equal((7ul, 1ul), (Core.Counters.NobodysAddress, Core.Counters.BadLocks));
        Assert.True(Core.Addresses.TryRemove(memory));
        Assert.False(Core.Addresses.TryRemove(memory));
        Assert.Equal((Outcome.AddressError, Hex()), Ask(done => _peer.TryRead(Core.NodeId, Ours, 4, done)));
        _node.PostsWrites = true;
        Assert.Equal((Outcome.Complete, Hex()), Ask(done => _peer.TryWrite(Core.NodeId, Ours, [1, 2, 3, 4], done)));
    }

    [Fact]
    public void Our_registers_and_rom_are_there()
    {
        uint Register(int register) => Convert.ToUInt32(Ask(done => _peer.TryRead(Core.NodeId, BusRegisters.Base + (ulong)register, 4, done)).Data, 16);
        Assert.Equal((uint)Core.NodeId << 16, Register(BusRegisters.NodeIds));
        Assert.Equal(800u << 19, Register(BusRegisters.SplitTimeoutLo));
        Assert.Equal(0x8000_001F, Register(BusRegisters.BroadcastChannel));
        Assert.Equal(0x3Fu, Register(BusRegisters.BusManagerId));
        Assert.Equal(Core.OwnRom.Current.ToArray(), Enumerable.Range(0, Core.OwnRom.Current.Length).Select(i => Register(0x400 + 4 * i)).ToArray());
        Assert.Equal((Outcome.Complete, Hex(0, 0, 0, 0x3F)), Ask(done => _peer.TryLock(Core.NodeId, BusRegisters.Base + BusRegisters.BusManagerId, Model.LockOperation.CompareSwap, [0, 0, 0, 0x3F, 0, 0, 0, 1], done)));
        Assert.Equal(1u, Register(BusRegisters.BusManagerId));
        Assert.Equal((uint)Core.Topology.Count << 16 | (uint)Core.Topology.Packets.Length, Register(0x1008));
        Assert.Equal(Core.Topology.Packets[0], Register(0x100C));
        Assert.Equal((Outcome.Complete, Hex()), Ask(done => _peer.TryWrite(Core.NodeId, BusRegisters.Base + BusRegisters.StateSet, [0, 0, 1, 0], done)));
        Assert.Equal(Core.Topology.Local == Core.Topology.Root, _node.IsMaster);
        Assert.Equal((Outcome.TypeError, Hex()), Ask(done => _peer.TryWrite(Core.NodeId, BusRegisters.Base + BusRegisters.BusManagerId, [0, 0, 0, 1], done)));
        Assert.Equal((Outcome.AddressError, Hex()), Ask(done => _peer.TryRead(Core.NodeId, BusRegisters.Base + 0x3FC, 4, done)));
        // What we ask ourselves does not go over the bus.
        var t = new Transaction(_machine);
        Core.Submit(t.ReadQuadlet(Core.Topology.Local, Core.Generation, Rom.Address + 4));
        _machine.Settle();
        Assert.Equal((TransactionResult.Complete, Rom.BusName), (t.Result, t.Quadlet));
    }
    private (Outcome Outcome, string Data) Ask(Func<Completion, bool> ask)
    {
        (Outcome, string)? answer = null;
        Assert.True(ask((outcome, data) =>
        {
            // With an error comes no byte of ours.
            if (outcome != Outcome.Complete)
                Assert.All(data.ToArray(), one => Assert.Equal(0, one));
            answer = (outcome, outcome == Outcome.Complete ? Convert.ToHexString(data) : "");
        }));
        _machine.Settle();
        return answer!.Value;
    }

    private static string Hex(params byte[] bytes) => Convert.ToHexString(bytes);
}
