using System;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.FireWire.Second;

/// <summary>A computer whose controller is the second model, with memory for others, and a node that has memory, too.</summary>
internal sealed class Pair : IDisposable
{
    /// <summary>Where the computer's memory is, for the node.</summary>
    public const ulong Ours = 0x1_0000_0000;

    /// <summary>Writes of a <see cref="Flood"/>.</summary>
    public const int FloodWrites = 90;

    // Time to start for one that does something odd.
    private const ulong Slow = 5_000_000;

    private readonly Transaction _transaction;

    /// <summary>Begins with the bus up.</summary>
    /// <param name="accessesUntil">Accesses of the driver to registers before a bus reset begins while it starts; 0: none does.</param>
    public Pair(int seed, int accessesUntil = 0)
        : this(seed, accessesUntil, default, 0)
    {
    }

    /// <summary>The same with a controller that does something odd so many times from before its driver starts.</summary>
    public Pair(int seed, Oddity oddity, int times)
        : this(seed, 0, oddity, times)
    {
    }

    private Pair(int seed, int accessesUntil, Oddity oddity, int times)
    {
        Machine = new OhciMachine(SecondModelTests.KindOf(seed));
        Machine.Add(Peer);
        if (times != 0)
        {
            // The resets of cables that were put in are over.
            Machine.Simulator.RunFor(BusTime.Microseconds(10_000));
            Controller.Expect(oddity, times);
        }
        Controller.AccessesUntil = accessesUntil;
        try
        {
            Driver = times == 0 ? Machine.Probe() : Machine.Probe(Slow);
        }
        catch
        {
            Machine.Dispose();
            throw;
        }
        Controller.AccessesUntil = 0;
        Assert.Equal(Error.None, Driver.Bus.Addresses.Add(new Offer(Ours, 4096)));
        _transaction = new Transaction(Machine);
    }

    public OhciMachine Machine { get; }

    public MemoryNode Peer { get; } = new(new BusInformation(0x1234, MaxRecord: 10));

    public Ohci Driver { get; }

    public SecondController Controller => ((SecondFunction)Machine.Function).Controller;

    /// <summary>Each reads from the other.</summary>
    public unsafe void MustWork()
    {
        Assert.True(Driver.Bus.IsUp);
        Assert.Equal(TransactionResult.Complete, Machine.Run(Driver, _transaction.ReadBlock(Peer.Phy.PhysicalId, Driver.Bus.Generation, MemoryNode.DefaultBase, Machine.Memory + 32768, 64)));
        Outcome outcome = Outcome.NoAck;
        Assert.True(Peer.TryRead(Driver.Bus.NodeId, Ours, 64, (result, _) => outcome = result));
        Machine.Pass(20_000, 1_000);
        Assert.Equal(Outcome.Complete, outcome);
    }

    /// <summary>Five more nodes, and time until all are known.</summary>
    public MemoryNode[] AddPeers()
    {
        MemoryNode[] peers = [.. Enumerable.Range(0, 5).Select(i => new MemoryNode(new BusInformation(0x2000 + (ulong)i)))];
        foreach (MemoryNode peer in peers)
            Machine.Add(peer);
        Machine.Phy.InitiateReset(isLong: true);
        Machine.Pass(3_000_000, 1_000);
        return peers;
    }

    /// <summary>They write more than the controller has room for, <see cref="FloodWrites"/> times, while the computer's CPU is away.</summary>
    public void Flood(MemoryNode[] peers, Completion done)
    {
        for (int i = 0; i < FloodWrites; i++)
        {
            Assert.True(peers[i % peers.Length].TryWrite(Driver.Bus.NodeId, Ours, new byte[1004], done));
            Machine.Simulator.RunFor(BusTime.Microseconds(100));
        }
    }

    public void End() => Machine.CheckNothingLeaks(Driver);

    public void Dispose() => Machine.Dispose();
}
