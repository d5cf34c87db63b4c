using System.Linq;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>Gap counts that differ, and others who want other ones.</summary>
public sealed class BusManagerGapTests : ManagedBus
{
    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    public void Gap_counts_that_differ_are_repaired_or_borne(int times)
    {
        var listener = new Listener();
        listener.Forge = ids =>
        {
            if (times-- > 0)
                ids[listener.Phy.PhysicalId] = ids[listener.Phy.PhysicalId] & ~0x3F_0000u | 9 << 16;
        };
        Add(One);
        Add(Two);
        Add(listener);
        bool lasts = times > 100;
        times = lasts ? times : 1;
        listener.Phy.InitiateReset(isLong: false);
        Machine.Pass(2000);
        Assert.Equal(-1, One.Core.Topology.GapCount);
        Pass(50 * Second);
        Assert.InRange(Resets, lasts ? BusManager.MostTries : 1, lasts ? 2 * BusManager.MostTries : 1);
        Assert.All(One.Resets.Concat(Two.Resets), reset => Assert.True(reset.IsLong));
        Assert.Equal(lasts ? -1 : 7, One.Core.Topology.GapCount);
        Assert.Single([OneManager.Role, TwoManager.Role], role => role == ManagerRole.Manager);
    }

    [Fact]
    public void A_manager_that_leaves_gap_counts_different_is_helped()
    {
        bool isWrong = false;
        var listener = new Listener();
        listener.Forge = ids => ids[0] ^= isWrong ? 0x10_0000u : 0;
        var keeper = new MemoryNode(new BusInformation(9, CanManage: 0xF));
        Add(One);
        Add(listener);
        Add(keeper);
        keeper.Phy.HoldsForRoot = true;
        isWrong = true;
        keeper.Phy.InitiateReset(isLong: false);
        Machine.Pass(2000);
        Assert.Equal(-1, One.Core.Topology.GapCount);
        // The keeper itself is manager before we ask.
        var swap = new Transaction(Machine);
        One.Core.Submit(swap.Lock(keeper.Phy.PhysicalId, One.Core.Generation, BusRegisters.Base + BusRegisters.BusManagerId, LockOperation.CompareSwap, 0x3F, (uint)keeper.Phy.PhysicalId));
        Machine.Settle();
        Pass(Second / 2);
        Assert.Equal((ManagerRole.Other, keeper.Phy.PhysicalId, 0), (OneManager.Role, OneManager.ManagerId, Resets));
        isWrong = false;
        Pass(4 * Second);
        Assert.Equal((1, true, true), (Resets, One.Resets[0].IsLong, One.Core.Topology.GapCount >= 0));
    }

    [Theory]
    [InlineData(100_000ul)]
    [InlineData(1_000_000ul)]
    [InlineData(3_000_000ul)]
    [InlineData(20_000_000ul)]
    public void Another_who_wants_another_gap_count_wins(ulong answersAfter)
    {
        var other = new Listener();
        Add(One);
        Add(other);
        Pass(2 * Second);
        int resets = Resets, theirs = 0;
        Assert.Equal((1, 5), (resets, One.Core.Topology.GapCount));
        for (ulong passed = 0; passed < 200 * Second; passed += answersAfter)
        {
            if (One.Core.IsUp && One.Core.Topology.GapCount != 40)
            {
                theirs++;
                other.SendPhy(PhyPacket.Configuration(-1, 40));
                Machine.Settle();
                other.Phy.InitiateReset(isLong: false);
            }
            Pass(answersAfter);
        }
        Assert.InRange(theirs, 1, BusManager.MostTries);
        Assert.Equal((BusManager.MostTries, 40), (Resets, One.Core.Topology.GapCount));
        // Never two of ours within two seconds.
        Assert.All(One.Resets.Zip(One.Resets.Skip(1)), pair => Assert.True(pair.Second.At - pair.First.At >= FireWireBus.ResetDistance));
        // Another tree is another matter.
        Add(new MemoryNode(new BusInformation(9, CanManage: 0xF)));
        Pass(5 * Second);
        Assert.NotEqual(40, One.Core.Topology.GapCount);
    }

    [Fact]
    public void After_a_minute_of_peace_all_tries_are_there_again()
    {
        var other = new Listener();
        Add(One);
        Add(other);
        for (int i = 0; i < 2 * BusManager.MostTries; i++)
        {
            Pass(65 * Second);
            Assert.Equal(5, One.Core.Topology.GapCount);
            // A reset that nobody announces: gap counts become the greatest.
            other.Phy.InitiateReset(isLong: false);
            Machine.Pass(1000);
            Assert.Equal(63, One.Core.Topology.GapCount);
        }
        Assert.Equal(0ul, OneManager.Counters.GivenUp);
    }

    [Fact]
    public void Who_has_just_configured_the_bus_is_waited_for()
    {
        var other = new Listener();
        Add(One);
        Add(other);
        Machine.Pass(20_000);
        // Before we contend, and no reset follows.
        other.SendPhy(PhyPacket.Configuration(-1, 30));
        Pass(2 * Second);
        Assert.Equal((1ul, 0), (One.Core.Counters.PhyConfigurations, Resets));
        Pass(2 * Second);
        Assert.Equal((1, 5), (Resets, One.Core.Topology.GapCount));
    }

    [Fact]
    public void A_controller_that_cannot_configure_is_asked_five_times()
    {
        Add(One);
        Add(new MemoryNode(new BusInformation(9)));
        One.PhyError = Error.DeviceGone;
        Pass(50 * Second);
        Assert.Equal((0, (ulong)BusManager.MostTries), (Resets, One.Core.Counters.PhyNotSent));
        Assert.Equal(0, One.Core.UnderWay);
    }
}
