using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Any bus, through any storm of resets, is managed in the end.</summary>
public sealed class BusManagerTreeTests : ManagedBus
{
    public static TheoryData<ulong> Storms => [.. Enumerable.Range(1, 16).Select(i => (ulong)i)];

    [Theory]
    [MemberData(nameof(Storms))]
    public void After_any_storm_the_bus_is_managed_again(ulong seed)
    {
        var random = new SeededRandom(seed);
        Model.Rcode code = Model.Rcode.Complete;
        var liar = new Liar(_ => random.Coin() ? code : (Model.Rcode)random.Below(16), _ => (uint)random.Next());
        var listener = new Listener { Forge = ids => ids[random.Below(ids.Count)] ^= random.Below(3) == 0 ? 1u << random.Below(32) : 0 };
        Add(One);
        Add(liar);
        Add(Two);
        Add(listener);
        for (int i = 0; i < 150; i++)
        {
            code = (Model.Rcode)random.Below(8);
            liar.Manager = random.Below(3) switch { 0 => 0x3F, 1 => (uint)random.Below(64), _ => (uint)random.Next() };
            liar.InsistsOnRoot = random.Coin();
            switch (random.Below(4))
            {
                case 0:
                    listener.SendPhy(new PhyPacket((uint)random.Next() & 0x3FFF_FFFF));
                    break;
                case 1:
                    Machine.Bus.Phys[random.Below(4)].InitiateReset(random.Coin());
                    break;
                case 2:
                    CoreNode node = random.Coin() ? One : Two;
                    node.PhyError = random.Below(4) == 0 ? Error.Timeout : Error.None;
                    bool lies = random.Below(3) == 0;
                    node.Locks = lies ? register => ((Error)random.Below(4), (uint)random.Next()) : null;
                    break;
            }
            Pass((ulong)random.Below(1_500_000), 1000);
        }
        foreach (CoreNode node in new[] { One, Two })
        {
            // However it was, never two of its own within two seconds, but those that ask for self-IDs.
            (ulong At, bool IsLong)[] own = [.. node.Resets.Where(reset => !reset.IsLong)];
            Assert.All(own.Zip(own.Skip(1)), pair => Assert.True(pair.Second.At - pair.First.At >= FireWireBus.ResetDistance - 20_000));
            node.PhyError = Error.None;
            node.Locks = null;
        }
        listener.Forge = null;
        Machine.Bus.Disconnect(liar.Phy);
        Pass(70 * Second, 5000);
        foreach (CoreNode node in new[] { One, Two })
        {
            node.Phy.InitiateReset(isLong: true);
            Pass(20 * Second);
            Assert.True(node.Core.IsUp);
            Assert.Equal(0, node.Core.UnderWay);
            Assert.Equal(node.Core.Topology.BestGapCount, node.Core.Topology.GapCount);
            Assert.True(node.Phy.Segment.Root!.Link is { IsCycleMaster: true }, "there is a cycle master");
        }
    }

    [Fact]
    public void A_reset_at_any_step_of_contention_changes_nothing_in_the_end()
    {
        var peers = new MemoryNode[] { new(new BusInformation(9, CanManage: 0xF)), new(new BusInformation(10)) };
        Add(One);
        Add(Two);
        foreach (MemoryNode peer in peers)
            Add(peer);
        Model.Phy[] all = [.. Machine.Bus.Phys];
        for (int step = 0; step < 60; step++)
        {
            // At once, as the incumbent contends, and when the others do; another root each time, so all have something to do.
            foreach (bool isLate in (bool[])[false, true])
            {
                foreach (Model.Phy phy in all)
                    phy.HoldsForRoot = phy == all[(step + step / 4) % 4];
                all[step % 4].InitiateReset(isLong: step % 3 == 0);
                Machine.Pass(isLate ? 124_000ul : 250);
                if (isLate)
                    Machine.Clock.Advance(1500);
                for (int i = 0; i < step; i++)
                {
                    Machine.Simulator.RunActivity(1);
                    Sluice.Platform.Machine.Work.Run(64);
                }
                all[(step + 1) % 4].InitiateReset(isLong: step % 2 == 0);
                Pass(Second, 500);
            }
        }
        foreach (Model.Phy phy in all)
            phy.HoldsForRoot = false;
        Pass(70 * Second);
        int resets = Resets;
        all[0].InitiateReset(isLong: true);
        Machine.Pass(2000);
        all[1].InitiateReset(isLong: true);
        Pass(20 * Second);
        CheckManaged();
        Assert.InRange(Resets - resets, 0, BusManager.MostTries);
        Assert.Equal((0, 0), (One.Core.UnderWay, Two.Core.UnderWay));
    }

    [Fact]
    public void Sixty_three_nodes_are_managed()
    {
        Add(One);
        for (int i = 0; i < 61; i++)
            Add(new MemoryNode(new BusInformation(100ul + (ulong)i, CanManage: i % 3 == 0 ? 0xF : 0)));
        Add(Two);
        Pass(30 * Second);
        Assert.Equal(63, One.Core.Topology.Count);
        CheckManaged();
        Assert.InRange(Resets, 1, BusManager.MostTries);
    }

    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 24).Select(i => (ulong)i)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Any_tree_has_a_cycle_master_and_the_gap_count_of_its_farthest_nodes(ulong seed)
    {
        var random = new SeededRandom(seed);
        int count = 2 + random.Below(30), ours = random.Below(count), other = (ours + 1 + random.Below(count - 1)) % count;
        for (int i = 0; i < count; i++)
        {
            Model.Link? link = i == ours ? One : i == other ? Two : random.Below(4) == 0 ? null
                : new MemoryNode(new BusInformation(100ul + (ulong)i, CanManage: random.Coin() ? 0xF : 0));
            // A contender that keeps no resources would be replaced as such; that is another test.
            bool contends = link is CoreNode || (link is MemoryNode node && node.Information.CanManage == 0xF && random.Coin());
            Model.Phy phy = Machine.Bus.Add($"{i}", link, new Model.PhyTraits(3, (Model.Speed)random.Below(3), IsContender: contends));
            Model.Phy[] free = [.. Machine.Bus.Phys.Take(i).Where(one => one.Ports.Any(port => port.Peer == null))];
            if (i > 0)
                Machine.Bus.Connect(phy, free[random.Below(free.Length)]);
        }
        Pass(30 * Second);
        CheckManaged();
        int most = Machine.Bus.Phys.Max(Farthest), resets = Resets;
        Assert.Equal(Topology.GapCountFor(most), One.Core.Topology.GapCount);
        Assert.InRange(resets, 0, 3);
        // A branch is cut off: shorter ways, or just fewer nodes.
        Model.Port cut = Machine.Bus.Phys[1 + random.Below(count - 1)].Ports.First(port => port.IsConnected);
        Machine.Bus.Disconnect(cut);
        Pass(30 * Second);
        foreach (CoreNode node in new[] { One, Two })
        {
            Model.Link? root = node.Phy.Segment.Root!.Link;
            Assert.True(root is { IsCycleMaster: true }, "each part has a cycle master");
            Assert.Equal(Topology.GapCountFor(node.Phy.Segment.Phys.Max(Farthest)), node.Core.Topology.GapCount);
        }
    }

    private static int Farthest(Model.Phy from)
    {
        var hops = new Dictionary<Model.Phy, int> { [from] = 0 };
        var next = new Queue<Model.Phy>([from]);
        while (next.TryDequeue(out Model.Phy? phy))
        {
            foreach (Model.Phy peer in phy.Ports.Where(port => port.IsConnected).Select(port => port.Peer!.Phy))
            {
                if (hops.TryAdd(peer, hops[phy] + 1))
                    next.Enqueue(peer);
            }
        }
        return hops.Values.Max();
    }
}
