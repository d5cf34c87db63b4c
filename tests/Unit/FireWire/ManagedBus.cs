using System;
using System.Linq;
using Sluice.FireWire.Core;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>A bus with two nodes of ours, each of which would manage it.</summary>
public abstract class ManagedBus : IDisposable
{
    private protected const ulong Second = 1_000_000;

    private protected ManagedBus()
    {
        OneManager = new BusManager(One.Core);
        TwoManager = new BusManager(Two.Core);
    }

    private protected CoreMachine Machine { get; } = new();

    private protected CoreNode One { get; } = new(1);

    private protected CoreNode Two { get; } = new(2);

    private protected BusManager OneManager { get; }

    private protected BusManager TwoManager { get; }

    private protected int Resets => One.Resets.Count + Two.Resets.Count;

    public void Dispose()
    {
        Machine.Dispose();
        GC.SuppressFinalize(this);
    }

    // One manager, known to both; a root that sends cycle starts; one gap count, the best; and the broadcast channel known to all.
    private protected BusManager CheckManaged()
    {
        BusManager manager = Assert.Single(new[] { OneManager, TwoManager }, one => one.Role == ManagerRole.Manager);
        (CoreNode node, BusManager other) = manager == OneManager ? (One, TwoManager) : (Two, OneManager);
        Assert.Equal((ManagerRole.Other, node.Phy.PhysicalId, node.Phy.PhysicalId), (other.Role, other.ManagerId, manager.ManagerId));
        Topology topology = node.Core.Topology;
        Assert.Equal(topology.BestGapCount, topology.GapCount);
        Assert.All(node.Phy.Segment.Phys, phy => Assert.Equal(topology.GapCount, phy.GapCount));
        Assert.True(node.Phy.Segment.Root!.Link is { IsCycleMaster: true }, "the root is cycle master");
        Assert.Single(new[] { One, Two }.Select(one => one.Phy.Segment.Root).Distinct());
        Assert.Equal((0xC000_001Fu, 0xC000_001Fu), (One.Core.Registers.Broadcast, Two.Core.Registers.Broadcast));
        Assert.Equal((uint)node.Phy.PhysicalId, Read(node, topology.ResourceManager, BusRegisters.BusManagerId));
        Assert.Equal(0xFFFF_FFFE, Read(node, topology.ResourceManager, BusRegisters.ChannelsHi));
        return manager;
    }

    private protected uint Read(CoreNode node, int from, int register)
    {
        var transaction = new Transaction(Machine);
        node.Core.Submit(transaction.ReadQuadlet(from, node.Core.Generation, BusRegisters.Base + (ulong)register));
        Machine.Settle();
        Assert.Equal(TransactionResult.Complete, transaction.Result);
        return transaction.Quadlet;
    }

    private protected void Add(Model.Link link) => Machine.Add(link);

    private protected void Pass(ulong microseconds, ulong step = 2500) => Machine.Pass(microseconds, step);
}
