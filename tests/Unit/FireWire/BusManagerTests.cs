using System;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Good and bad roots, and resource managers that lie: who is manager in the end.</summary>
public sealed class BusManagerTests : ManagedBus
{
    [Theory]
    [InlineData(true, true, true)]
    [InlineData(true, true, false)]
    [InlineData(true, false, true)]
    [InlineData(true, false, false)]
    [InlineData(false, true, true)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    [InlineData(false, false, false)]
    public void Whoever_is_root_or_keeps_resources_one_of_two_manages(bool isFirstRoot, bool isContender, bool isOtherContender)
    {
        Add(One);
        Add(Two);
        One.Phy.IsContender = isContender;
        Two.Phy.IsContender = isOtherContender;
        CoreNode root = isFirstRoot ? One : Two;
        root.Phy.HoldsForRoot = true;
        root.Phy.InitiateReset(isLong: false);
        Pass(20 * Second);
        int resets = Resets;
        Assert.InRange(resets, 1, 10);
        Pass(20 * Second);
        Assert.Equal(resets, Resets);
        if (!isContender && !isOtherContender)
        {
            // Both would be, but say that they would not.
            Assert.Equal((ManagerRole.None, ManagerRole.None), (OneManager.Role, TwoManager.Role));
            return;
        }
        CheckManaged();
        Assert.Equal(1, resets);
    }

    [Fact]
    public void Who_was_manager_stays_it_unless_told_to_leave()
    {
        Add(One);
        Add(Two);
        Pass(5 * Second);
        BusManager manager = CheckManaged();
        CoreNode node = manager == OneManager ? One : Two, other = manager == OneManager ? Two : One;
        int resets = Resets;
        for (int i = 0; i < 3; i++)
        {
            other.Core.RequestReset();
            Pass(Second / 10);
            Assert.Equal((ManagerRole.Manager, resets + 1 + i), (manager.Role, Resets));
            Pass(5 * Second);
            Assert.Same(manager, CheckManaged());
        }
        var transaction = new Transaction(Machine);
        other.Core.Submit(transaction.WriteQuadlet(node.Phy.PhysicalId, other.Core.Generation, BusRegisters.Base + BusRegisters.StateSet, BusRegisters.Abdicate));
        Machine.Settle();
        Assert.Equal(TransactionResult.Complete, transaction.Result);
        other.Core.RequestReset();
        Pass(Second / 10);
        Assert.Equal((ManagerRole.Open, ManagerRole.Open), (OneManager.Role, TwoManager.Role));
        Pass(5 * Second);
        CheckManaged();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Who_was_manager_stays_it_though_the_resource_manager_is_slow(int refusals)
    {
        var keeper = new CoreNode(3);
        Add(One);
        Add(Two);
        Add(keeper);
        keeper.Phy.HoldsForRoot = true;
        keeper.Phy.InitiateReset(isLong: false);
        Pass(5 * Second);
        BusManager manager = OneManager.Role == ManagerRole.Manager ? OneManager : TwoManager, other = manager == OneManager ? TwoManager : OneManager;
        Assert.Equal((ManagerRole.Manager, ManagerRole.Other), (manager.Role, other.Role));
        keeper.Locks = register => register == 0 && refusals-- > 0 ? (Error.Timeout, 0) : null;
        keeper.Phy.InitiateReset(isLong: false);
        Pass(5 * Second);
        Assert.InRange(refusals, int.MinValue, -1);
        Assert.Equal((ManagerRole.Manager, ManagerRole.Other), (manager.Role, other.Role));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_root_that_cannot_be_cycle_master_is_replaced(bool isRepeater)
    {
        Add(One);
        Model.Phy root;
        if (isRepeater)
        {
            root = Machine.Bus.Add("repeater", null, new Model.PhyTraits(3, Model.Speed.S400));
            Machine.Bus.Connect(root, One.Phy);
        }
        else
        {
            var node = new MemoryNode(new BusInformation(9));
            Add(node);
            root = node.Phy;
            root.IsContender = false;
        }
        root.HoldsForRoot = true;
        root.InitiateReset(isLong: false);
        Pass(5 * Second);
        Assert.Equal((ManagerRole.Manager, 1, 1ul), (OneManager.Role, Resets, OneManager.Counters.NewRoots));
        Assert.Equal((One.Core.Topology.Local, true, true), (One.Core.Topology.Root, One.IsMaster, One.Core.Registers.IsCycleMaster));
        Assert.Equal(5, One.Core.Topology.GapCount);
    }

    [Fact]
    public void A_root_that_can_be_cycle_master_is_told_to_be_it()
    {
        Add(One);
        var peer = new MemoryNode(new BusInformation(9, CanManage: 0xF));
        Add(peer);
        peer.Phy.HoldsForRoot = true;
        peer.Phy.InitiateReset(isLong: false);
        Pass(5 * Second);
        Assert.Equal((ManagerRole.Manager, 1, 0ul), (OneManager.Role, Resets, OneManager.Counters.NewRoots));
        Assert.True(peer.Phy.IsRoot);
        Assert.True(peer.IsCycleMaster);
        Assert.False(One.IsMaster);
        Assert.Equal(0xC000_001F, One.Core.Registers.Broadcast);
        // Channel 31 at its resource manager is the broadcast channel's.
        Assert.Equal(0xFFFF_FFFE, Read(One, peer.Phy.PhysicalId, BusRegisters.ChannelsHi));
        Assert.Equal(0xC000_001F, Read(One, peer.Phy.PhysicalId, BusRegisters.BroadcastChannel));
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(60, false)]
    public void A_root_that_is_not_ready_is_asked_four_times(int seconds, bool stays)
    {
        Add(One);
        var peer = new MemoryNode(new BusInformation(9, CanManage: 0xF));
        uint[] rom = peer.Rom.ToArray();
        peer.Rom = new uint[1];
        Add(peer);
        peer.Phy.HoldsForRoot = true;
        peer.Phy.InitiateReset(isLong: false);
        Pass((ulong)seconds * Second);
        peer.Rom = rom;
        Pass(5 * Second);
        Assert.Equal((stays, stays, stays ? 0ul : 1ul), (peer.Phy.IsRoot, peer.IsCycleMaster, OneManager.Counters.SilentRoots));
        Assert.Equal(!stays, One.IsMaster);
    }

    [Fact]
    public void A_root_that_does_not_obey_is_replaced()
    {
        var root = new Liar(packet => packet.Offset == BusRegisters.Base + BusRegisters.StateSet ? Model.Rcode.TypeError : Model.Rcode.Complete, _ => 0x4404_F000) { Manager = 0x3F };
        Add(One);
        Add(root);
        root.Phy.HoldsForRoot = true;
        root.Phy.InitiateReset(isLong: false);
        Pass(5 * Second);
        Assert.Equal((ManagerRole.Manager, 1ul, true), (OneManager.Role, OneManager.Counters.DisobedientRoots, One.IsMaster));
        Assert.Equal(One.Core.Topology.Local, One.Core.Topology.Root);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_root_that_its_manager_leaves_alone_becomes_cycle_master_by_itself(bool isTold)
    {
        var manager = new Liar(_ => Model.Rcode.Complete, _ => 0) { Manager = 0 };
        Add(One);
        Add(manager);
        One.Phy.IsContender = false;
        One.Phy.HoldsForRoot = true;
        One.Phy.InitiateReset(isLong: false);
        Pass(2 * Second);
        Assert.Equal((ManagerRole.Other, 0, false), (OneManager.Role, OneManager.ManagerId, One.IsMaster));
        if (isTold)
            One.Core.Registers.SetCycleMaster(true);
        Pass(2 * Second);
        Assert.Equal((ManagerRole.Other, true, true, 0), (OneManager.Role, One.IsMaster, One.Core.Registers.IsCycleMaster, Resets));
    }

    [Theory]
    [InlineData(3, true)]
    [InlineData(4, false)]
    public void A_root_that_does_not_answer_is_told_four_times(int ignored, bool stays)
    {
        int told = 0;
        var root = new Liar(_ => Model.Rcode.Complete, _ => 0x4404_F000)
        {
            Manager = 0x3F,
            Ignores = packet => packet.Offset == BusRegisters.Base + BusRegisters.StateSet && told++ < ignored,
        };
        Add(One);
        Add(root);
        root.Phy.HoldsForRoot = true;
        root.Phy.InitiateReset(isLong: false);
        Pass(8 * Second);
        Assert.Equal((ManagerRole.Manager, 4, stays, stays ? 0ul : 1ul), (OneManager.Role, told, root.Phy.IsRoot, OneManager.Counters.SilentRoots));
    }

    public static TheoryData<uint> Lies => [0xFFFF_FFFF, 0x40, 62, 0x7F, 2, 0x8000_003F];

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_resource_manager_that_lies_is_replaced_and_fought_five_times_at_most(uint lie)
    {
        var liar = new Liar(_ => Model.Rcode.Complete, _ => 0) { Manager = lie, InsistsOnRoot = true };
        Add(One);
        Add(liar);
        liar.Phy.HoldsForRoot = true;
        liar.Phy.InitiateReset(isLong: false);
        Pass(50 * Second);
        Assert.InRange(Resets, 1, BusManager.MostTries);
        Assert.NotEqual(0ul, OneManager.Counters.BadAnswers);
        int resets = Resets;
        Pass(50 * Second);
        Assert.Equal(resets, Resets);
        // It gives in: we are root, keep resources, and manage.
        liar.InsistsOnRoot = false;
        liar.Phy.HoldsForRoot = false;
        liar.Phy.InitiateReset(isLong: true);
        Pass(20 * Second);
        Assert.Equal((ManagerRole.Manager, One.Core.Topology.Local), (OneManager.Role, One.Core.Topology.ResourceManager));
    }

    [Theory]
    [InlineData(Model.Rcode.AddressError)]
    [InlineData(Model.Rcode.TypeError)]
    [InlineData(Model.Rcode.ConflictError)]
    [InlineData((Model.Rcode)0xE)]
    public void A_resource_manager_that_cannot_swap_is_replaced(Model.Rcode code)
    {
        var broken = new Liar(_ => code, _ => 0);
        Add(One);
        Add(broken);
        broken.Phy.HoldsForRoot = true;
        broken.Phy.InitiateReset(isLong: false);
        Pass(5 * Second);
        Assert.Equal((ManagerRole.Manager, 1, 3ul), (OneManager.Role, Resets, OneManager.Counters.Unanswered));
        Assert.Equal(One.Core.Topology.Local, One.Core.Topology.ResourceManager);
    }

    [Fact]
    public void An_answer_that_is_heard_of_in_the_next_reset_counts_no_more()
    {
        bool holds = true;
        var keeper = new Liar(packet =>
        {
            One.HoldsReports = holds && packet.Code == Model.Tcode.Lock;
            return Model.Rcode.Complete;
        }, _ => 0x4404_F000);
        keeper.Manager = 0x3F;
        Add(One);
        Add(keeper);
        keeper.Phy.HoldsForRoot = true;
        keeper.Phy.InitiateReset(isLong: false);
        Machine.Pass(130_000);
        Assert.Equal((ManagerRole.Open, 1, 1ul), (OneManager.Role, One.Core.UnderWay, OneManager.Counters.Contests));
        holds = false;
        keeper.Phy.InitiateReset(isLong: false);
        Machine.Pass(2000);
        Assert.Equal((ManagerRole.Open, 0, 0ul, 0), (OneManager.Role, One.Core.UnderWay, OneManager.Counters.Won, Resets));
        Pass(5 * Second);
        Assert.Equal((ManagerRole.Manager, 1), (OneManager.Role, Resets));
    }

    [Fact]
    public void Without_a_manager_who_keeps_resources_takes_its_place()
    {
        // Its own register cannot be locked, and says nothing true.
        One.Locks = register => register == 0 ? (Error.Busy, 0) : null;
        Add(One);
        var peer = new MemoryNode(new BusInformation(9));
        Add(peer);
        One.Phy.HoldsForRoot = true;
        One.Phy.InitiateReset(isLong: false);
        Pass(Second / 2);
        Assert.Equal((ManagerRole.Open, false), (OneManager.Role, One.IsMaster));
        Pass(10 * Second);
        Assert.Equal((ManagerRole.Substitute, 63, true, 1), (OneManager.Role, OneManager.ManagerId, One.IsMaster, Resets));
        Assert.Equal(5, One.Core.Topology.GapCount);
    }

    [Fact]
    public void Who_must_not_manage_does_not()
    {
        // Neither bus manager nor resource manager; then a resource manager alone.
        One.Options = new BusOptions(0x6064_A002);
        Add(One);
        Two.Options = new BusOptions(0xE064_A002);
        Add(Two);
        One.Phy.IsContender = false;
        One.Phy.InitiateReset(isLong: false);
        Pass(Second / 2);
        Assert.Equal((ManagerRole.Open, ManagerRole.None), (TwoManager.Role, OneManager.Role));
        Pass(10 * Second);
        Assert.Equal((ManagerRole.Substitute, ManagerRole.None, 0ul), (TwoManager.Role, OneManager.Role, OneManager.Counters.Contests + TwoManager.Counters.Contests));
        Assert.Equal((0, 1, 5), (One.Resets.Count, Two.Resets.Count, One.Core.Topology.GapCount));
        Assert.Equal((0xC000_001Fu, 0xC000_001Fu), (One.Core.Registers.Broadcast, Two.Core.Registers.Broadcast));
    }

    [Fact]
    public void Who_would_keep_resources_and_did_not_say_so_asks_for_a_reset()
    {
        Add(One);
        One.Phy.IsContender = false;
        One.Phy.InitiateReset(isLong: false);
        Machine.Pass(5000);
        // The PHY was set up after its self-ID.
        One.Phy.IsContender = true;
        Pass(5 * Second);
        Assert.Equal((ManagerRole.Manager, 1), (OneManager.Role, Resets));
    }

    [Fact]
    public void Managing_a_bus_allocates_nothing()
    {
        // A node without a link below us, who are root; the gap count is right.
        uint[] selfIds = [0x8005_8480, 0x8145_88C0];
        Add(One);
        Machine.Pass(1000);
        byte generation = One.Core.Generation;
        void Once()
        {
            One.ResetStarted();
            One.Core.ResetEnded(++generation, 1, selfIds);
            for (int i = 0; i < 8; i++)
            {
                Machine.Clock.Advance(20_000);
                Sluice.Platform.Machine.Work.Run(64);
            }
        }

        for (int i = 0; i < 50; i++)
            Once();
        ulong won = OneManager.Counters.Won;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 500; i++)
            Once();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal((won + 500, ManagerRole.Manager, true, 0xC000_001Fu), (OneManager.Counters.Won, OneManager.Role, One.IsMaster, One.Core.Registers.Broadcast));
    }
}
