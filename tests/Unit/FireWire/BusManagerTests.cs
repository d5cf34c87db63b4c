using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Buses with managers of ours, good and bad roots, resource managers that lie, and others who want it otherwise.</summary>
public sealed class BusManagerTests : IDisposable
{
    private const ulong Second = 1_000_000;

    private readonly CoreMachine _machine = new();
    private readonly CoreNode _one = new(1), _two = new(2);
    private readonly BusManager _first, _second;

    public BusManagerTests()
    {
        _first = new BusManager(_one.Core);
        _second = new BusManager(_two.Core);
    }

    private int Resets => _one.Resets.Count + _two.Resets.Count;

    public void Dispose() => _machine.Dispose();

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
        Add(_one);
        Add(_two);
        _one.Phy.IsContender = isContender;
        _two.Phy.IsContender = isOtherContender;
        CoreNode root = isFirstRoot ? _one : _two;
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
            Assert.Equal((ManagerRole.None, ManagerRole.None), (_first.Role, _second.Role));
            return;
        }
        CheckManaged();
        Assert.Equal(1, resets);
    }

    [Fact]
    public void Who_was_manager_stays_it_unless_told_to_leave()
    {
        Add(_one);
        Add(_two);
        Pass(5 * Second);
        BusManager manager = CheckManaged();
        CoreNode node = manager == _first ? _one : _two, other = manager == _first ? _two : _one;
        int resets = Resets;
        for (int i = 0; i < 3; i++)
        {
            other.Core.RequestReset();
            Pass(Second / 10);
            Assert.Equal((ManagerRole.Manager, resets + 1 + i), (manager.Role, Resets));
            Pass(5 * Second);
            Assert.Same(manager, CheckManaged());
        }
        var transaction = new Transaction(_machine);
        other.Core.Submit(transaction.WriteQuadlet(node.Phy.PhysicalId, other.Core.Generation, BusRegisters.Base + BusRegisters.StateSet, BusRegisters.Abdicate));
        _machine.Settle();
        Assert.Equal(TransactionResult.Complete, transaction.Result);
        other.Core.RequestReset();
        Pass(Second / 10);
        Assert.Equal((ManagerRole.Open, ManagerRole.Open), (_first.Role, _second.Role));
        Pass(5 * Second);
        CheckManaged();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Who_was_manager_stays_it_though_the_resource_manager_is_slow(int refusals)
    {
        var keeper = new CoreNode(3);
        Add(_one);
        Add(_two);
        Add(keeper);
        keeper.Phy.HoldsForRoot = true;
        keeper.Phy.InitiateReset(isLong: false);
        Pass(5 * Second);
        BusManager manager = _first.Role == ManagerRole.Manager ? _first : _second, other = manager == _first ? _second : _first;
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
        Add(_one);
        Model.Phy root;
        if (isRepeater)
        {
            root = _machine.Bus.Add("repeater", null, new Model.PhyTraits(3, Model.Speed.S400));
            _machine.Bus.Connect(root, _one.Phy);
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
        Assert.Equal((ManagerRole.Manager, 1, 1ul), (_first.Role, Resets, _first.Counters.NewRoots));
        Assert.Equal((_one.Core.Topology.Local, true, true), (_one.Core.Topology.Root, _one.IsMaster, _one.Core.Registers.IsCycleMaster));
        Assert.Equal(5, _one.Core.Topology.GapCount);
    }

    [Fact]
    public void A_root_that_can_be_cycle_master_is_told_to_be_it()
    {
        Add(_one);
        var peer = new MemoryNode(new BusInformation(9, CanManage: 0xF));
        Add(peer);
        peer.Phy.HoldsForRoot = true;
        peer.Phy.InitiateReset(isLong: false);
        Pass(5 * Second);
        Assert.Equal((ManagerRole.Manager, 1, 0ul), (_first.Role, Resets, _first.Counters.NewRoots));
        Assert.True(peer.Phy.IsRoot);
        Assert.True(peer.IsCycleMaster);
        Assert.False(_one.IsMaster);
        Assert.Equal(0xC000_001F, _one.Core.Registers.Broadcast);
        // Channel 31 at its resource manager is the broadcast channel's.
        Assert.Equal(0xFFFF_FFFE, Read(_one, peer.Phy.PhysicalId, BusRegisters.ChannelsHi));
        Assert.Equal(0xC000_001F, Read(_one, peer.Phy.PhysicalId, BusRegisters.BroadcastChannel));
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(60, false)]
    public void A_root_that_is_not_ready_is_asked_four_times(int seconds, bool stays)
    {
        Add(_one);
        var peer = new MemoryNode(new BusInformation(9, CanManage: 0xF));
        uint[] rom = peer.Rom.ToArray();
        peer.Rom = new uint[1];
        Add(peer);
        peer.Phy.HoldsForRoot = true;
        peer.Phy.InitiateReset(isLong: false);
        Pass((ulong)seconds * Second);
        peer.Rom = rom;
        Pass(5 * Second);
        Assert.Equal((stays, stays, stays ? 0ul : 1ul), (peer.Phy.IsRoot, peer.IsCycleMaster, _first.Counters.SilentRoots));
        Assert.Equal(!stays, _one.IsMaster);
    }

    [Fact]
    public void A_root_that_does_not_obey_is_replaced()
    {
        var root = new Liar(packet => packet.Offset == BusRegisters.Base + BusRegisters.StateSet ? Model.Rcode.TypeError : Model.Rcode.Complete, _ => 0x4404_F000) { Manager = 0x3F };
        Add(_one);
        Add(root);
        root.Phy.HoldsForRoot = true;
        root.Phy.InitiateReset(isLong: false);
        Pass(5 * Second);
        Assert.Equal((ManagerRole.Manager, 1ul, true), (_first.Role, _first.Counters.DisobedientRoots, _one.IsMaster));
        Assert.Equal(_one.Core.Topology.Local, _one.Core.Topology.Root);
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
        Add(_one);
        Add(root);
        root.Phy.HoldsForRoot = true;
        root.Phy.InitiateReset(isLong: false);
        Pass(8 * Second);
        Assert.Equal((ManagerRole.Manager, 4, stays, stays ? 0ul : 1ul), (_first.Role, told, root.Phy.IsRoot, _first.Counters.SilentRoots));
    }

    public static TheoryData<uint> Lies => [0xFFFF_FFFF, 0x40, 62, 0x7F, 2, 0x8000_003F];

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_resource_manager_that_lies_is_replaced_and_fought_five_times_at_most(uint lie)
    {
        var liar = new Liar(_ => Model.Rcode.Complete, _ => 0) { Manager = lie, InsistsOnRoot = true };
        Add(_one);
        Add(liar);
        liar.Phy.HoldsForRoot = true;
        liar.Phy.InitiateReset(isLong: false);
        Pass(50 * Second);
        Assert.InRange(Resets, 1, BusManager.MostTries);
        Assert.NotEqual(0ul, _first.Counters.BadAnswers);
        int resets = Resets;
        Pass(50 * Second);
        Assert.Equal(resets, Resets);
        // It gives in: we are root, keep resources, and manage.
        liar.InsistsOnRoot = false;
        liar.Phy.HoldsForRoot = false;
        liar.Phy.InitiateReset(isLong: true);
        Pass(20 * Second);
        Assert.Equal((ManagerRole.Manager, _one.Core.Topology.Local), (_first.Role, _one.Core.Topology.ResourceManager));
    }

    [Theory]
    [InlineData(Model.Rcode.AddressError)]
    [InlineData(Model.Rcode.TypeError)]
    [InlineData(Model.Rcode.ConflictError)]
    [InlineData((Model.Rcode)0xE)]
    public void A_resource_manager_that_cannot_swap_is_replaced(Model.Rcode code)
    {
        var broken = new Liar(_ => code, _ => 0);
        Add(_one);
        Add(broken);
        broken.Phy.HoldsForRoot = true;
        broken.Phy.InitiateReset(isLong: false);
        Pass(5 * Second);
        Assert.Equal((ManagerRole.Manager, 1, 3ul), (_first.Role, Resets, _first.Counters.Unanswered));
        Assert.Equal(_one.Core.Topology.Local, _one.Core.Topology.ResourceManager);
    }

    [Fact]
    public void An_answer_that_is_heard_of_in_the_next_reset_counts_no_more()
    {
        bool holds = true;
        var keeper = new Liar(packet =>
        {
            _one.HoldsReports = holds && packet.Code == Model.Tcode.Lock;
            return Model.Rcode.Complete;
        }, _ => 0x4404_F000);
        keeper.Manager = 0x3F;
        Add(_one);
        Add(keeper);
        keeper.Phy.HoldsForRoot = true;
        keeper.Phy.InitiateReset(isLong: false);
        _machine.Pass(130_000);
        Assert.Equal((ManagerRole.Open, 1, 1ul), (_first.Role, _one.Core.UnderWay, _first.Counters.Contests));
        holds = false;
        keeper.Phy.InitiateReset(isLong: false);
        _machine.Pass(2000);
        Assert.Equal((ManagerRole.Open, 0, 0ul, 0), (_first.Role, _one.Core.UnderWay, _first.Counters.Won, Resets));
        Pass(5 * Second);
        Assert.Equal((ManagerRole.Manager, 1), (_first.Role, Resets));
    }

    [Fact]
    public void Without_a_manager_who_keeps_resources_takes_its_place()
    {
        // Its own register cannot be locked, and says nothing true.
        _one.Locks = register => register == 0 ? (Error.Busy, 0) : null;
        Add(_one);
        var peer = new MemoryNode(new BusInformation(9));
        Add(peer);
        _one.Phy.HoldsForRoot = true;
        _one.Phy.InitiateReset(isLong: false);
        Pass(Second / 2);
        Assert.Equal((ManagerRole.Open, false), (_first.Role, _one.IsMaster));
        Pass(10 * Second);
        Assert.Equal((ManagerRole.Substitute, 63, true, 1), (_first.Role, _first.ManagerId, _one.IsMaster, Resets));
        Assert.Equal(5, _one.Core.Topology.GapCount);
    }

    [Fact]
    public void Who_must_not_manage_does_not()
    {
        // Neither bus manager nor resource manager; then a resource manager alone.
        _one.Options = new BusOptions(0x6064_A002);
        Add(_one);
        _two.Options = new BusOptions(0xE064_A002);
        Add(_two);
        _one.Phy.IsContender = false;
        _one.Phy.InitiateReset(isLong: false);
        Pass(Second / 2);
        Assert.Equal((ManagerRole.Open, ManagerRole.None), (_second.Role, _first.Role));
        Pass(10 * Second);
        Assert.Equal((ManagerRole.Substitute, ManagerRole.None, 0ul), (_second.Role, _first.Role, _first.Counters.Contests + _second.Counters.Contests));
        Assert.Equal((0, 1, 5), (_one.Resets.Count, _two.Resets.Count, _one.Core.Topology.GapCount));
        Assert.Equal((0xC000_001Fu, 0xC000_001Fu), (_one.Core.Registers.Broadcast, _two.Core.Registers.Broadcast));
    }

    [Fact]
    public void Who_would_keep_resources_and_did_not_say_so_asks_for_a_reset()
    {
        Add(_one);
        _one.Phy.IsContender = false;
        _one.Phy.InitiateReset(isLong: false);
        _machine.Pass(5000);
        // The PHY was set up after its self-ID.
        _one.Phy.IsContender = true;
        Pass(5 * Second);
        Assert.Equal((ManagerRole.Manager, 1), (_first.Role, Resets));
    }

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
        Add(_one);
        Add(_two);
        Add(listener);
        bool lasts = times > 100;
        times = lasts ? times : 1;
        listener.Phy.InitiateReset(isLong: false);
        _machine.Pass(2000);
        Assert.Equal(-1, _one.Core.Topology.GapCount);
        Pass(50 * Second);
        Assert.InRange(Resets, lasts ? BusManager.MostTries : 1, lasts ? 2 * BusManager.MostTries : 1);
        Assert.All(_one.Resets.Concat(_two.Resets), reset => Assert.True(reset.IsLong));
        Assert.Equal(lasts ? -1 : 7, _one.Core.Topology.GapCount);
        Assert.Single([_first.Role, _second.Role], role => role == ManagerRole.Manager);
    }

    [Fact]
    public void A_manager_that_leaves_gap_counts_different_is_helped()
    {
        bool isWrong = false;
        var listener = new Listener();
        listener.Forge = ids => ids[0] ^= isWrong ? 0x10_0000u : 0;
        var keeper = new MemoryNode(new BusInformation(9, CanManage: 0xF));
        Add(_one);
        Add(listener);
        Add(keeper);
        keeper.Phy.HoldsForRoot = true;
        isWrong = true;
        keeper.Phy.InitiateReset(isLong: false);
        _machine.Pass(2000);
        Assert.Equal(-1, _one.Core.Topology.GapCount);
        // The keeper itself is manager before we ask.
        var swap = new Transaction(_machine);
        _one.Core.Submit(swap.Lock(keeper.Phy.PhysicalId, _one.Core.Generation, BusRegisters.Base + BusRegisters.BusManagerId, LockOperation.CompareSwap, 0x3F, (uint)keeper.Phy.PhysicalId));
        _machine.Settle();
        Pass(Second / 2);
        Assert.Equal((ManagerRole.Other, keeper.Phy.PhysicalId, 0), (_first.Role, _first.ManagerId, Resets));
        isWrong = false;
        Pass(4 * Second);
        Assert.Equal((1, true, true), (Resets, _one.Resets[0].IsLong, _one.Core.Topology.GapCount >= 0));
    }

    [Theory]
    [InlineData(100_000ul)]
    [InlineData(1_000_000ul)]
    [InlineData(3_000_000ul)]
    [InlineData(20_000_000ul)]
    public void Another_who_wants_another_gap_count_wins(ulong answersAfter)
    {
        var other = new Listener();
        Add(_one);
        Add(other);
        Pass(2 * Second);
        int resets = Resets, theirs = 0;
        Assert.Equal((1, 5), (resets, _one.Core.Topology.GapCount));
        for (ulong passed = 0; passed < 200 * Second; passed += answersAfter)
        {
            if (_one.Core.IsUp && _one.Core.Topology.GapCount != 40)
            {
                theirs++;
                other.SendPhy(PhyPacket.Configuration(-1, 40));
                _machine.Settle();
                other.Phy.InitiateReset(isLong: false);
            }
            Pass(answersAfter);
        }
        Assert.InRange(theirs, 1, BusManager.MostTries);
        Assert.Equal((BusManager.MostTries, 40), (Resets, _one.Core.Topology.GapCount));
        // Never two of ours within two seconds.
        Assert.All(_one.Resets.Zip(_one.Resets.Skip(1)), pair => Assert.True(pair.Second.At - pair.First.At >= FireWireBus.ResetDistance));
        // Another tree is another matter.
        Add(new MemoryNode(new BusInformation(9, CanManage: 0xF)));
        Pass(5 * Second);
        Assert.NotEqual(40, _one.Core.Topology.GapCount);
    }

    [Fact]
    public void After_a_minute_of_peace_all_tries_are_there_again()
    {
        var other = new Listener();
        Add(_one);
        Add(other);
        for (int i = 0; i < 2 * BusManager.MostTries; i++)
        {
            Pass(65 * Second);
            Assert.Equal(5, _one.Core.Topology.GapCount);
            // A reset that nobody announces: gap counts become the greatest.
            other.Phy.InitiateReset(isLong: false);
            _machine.Pass(1000);
            Assert.Equal(63, _one.Core.Topology.GapCount);
        }
        Assert.Equal(0ul, _first.Counters.GivenUp);
    }

    [Fact]
    public void Who_has_just_configured_the_bus_is_waited_for()
    {
        var other = new Listener();
        Add(_one);
        Add(other);
        _machine.Pass(20_000);
        // Before we contend, and no reset follows.
        other.SendPhy(PhyPacket.Configuration(-1, 30));
        Pass(2 * Second);
        Assert.Equal((1ul, 0), (_one.Core.Counters.PhyConfigurations, Resets));
        Pass(2 * Second);
        Assert.Equal((1, 5), (Resets, _one.Core.Topology.GapCount));
    }

    public static TheoryData<ulong> Storms => [.. Enumerable.Range(1, 16).Select(i => (ulong)i)];

    [Theory]
    [MemberData(nameof(Storms))]
    public void After_any_storm_the_bus_is_managed_again(ulong seed)
    {
        var random = new SeededRandom(seed);
        Model.Rcode code = Model.Rcode.Complete;
        var liar = new Liar(_ => random.Coin() ? code : (Model.Rcode)random.Below(16), _ => (uint)random.Next());
        var listener = new Listener { Forge = ids => ids[random.Below(ids.Count)] ^= random.Below(3) == 0 ? 1u << random.Below(32) : 0 };
        Add(_one);
        Add(liar);
        Add(_two);
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
                    _machine.Bus.Phys[random.Below(4)].InitiateReset(random.Coin());
                    break;
                case 2:
                    CoreNode node = random.Coin() ? _one : _two;
                    node.PhyError = random.Below(4) == 0 ? Error.Timeout : Error.None;
                    bool lies = random.Below(3) == 0;
                    node.Locks = lies ? register => ((Error)random.Below(4), (uint)random.Next()) : null;
                    break;
            }
            Pass((ulong)random.Below(1_500_000), 1000);
        }
        foreach (CoreNode node in new[] { _one, _two })
        {
            // However it was, never two of its own within two seconds, but those that ask for self-IDs.
            (ulong At, bool IsLong)[] own = [.. node.Resets.Where(reset => !reset.IsLong)];
            Assert.All(own.Zip(own.Skip(1)), pair => Assert.True(pair.Second.At - pair.First.At >= FireWireBus.ResetDistance - 20_000));
            node.PhyError = Error.None;
            node.Locks = null;
        }
        listener.Forge = null;
        _machine.Bus.Disconnect(liar.Phy);
        Pass(70 * Second, 5000);
        foreach (CoreNode node in new[] { _one, _two })
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
    public void Managing_a_bus_allocates_nothing()
    {
        // A node without a link below us, who are root; the gap count is right.
        uint[] selfIds = [0x8005_8480, 0x8145_88C0];
        Add(_one);
        _machine.Pass(1000);
        byte generation = _one.Core.Generation;
        void Once()
        {
            _one.ResetStarted();
            _one.Core.ResetEnded(++generation, 1, selfIds);
            for (int i = 0; i < 8; i++)
            {
                _machine.Clock.Advance(20_000);
                Sluice.Platform.Machine.Work.Run(64);
            }
        }

        for (int i = 0; i < 50; i++)
            Once();
        ulong won = _first.Counters.Won;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 500; i++)
            Once();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal((won + 500, ManagerRole.Manager, true, 0xC000_001Fu), (_first.Counters.Won, _first.Role, _one.IsMaster, _one.Core.Registers.Broadcast));
    }

    [Fact]
    public void A_controller_that_cannot_configure_is_asked_five_times()
    {
        Add(_one);
        Add(new MemoryNode(new BusInformation(9)));
        _one.PhyError = Error.DeviceGone;
        Pass(50 * Second);
        Assert.Equal((0, (ulong)BusManager.MostTries), (Resets, _one.Core.Counters.PhyNotSent));
        Assert.Equal(0, _one.Core.UnderWay);
    }

    [Fact]
    public void A_reset_at_any_step_of_contention_changes_nothing_in_the_end()
    {
        var peers = new MemoryNode[] { new(new BusInformation(9, CanManage: 0xF)), new(new BusInformation(10)) };
        Add(_one);
        Add(_two);
        foreach (MemoryNode peer in peers)
            Add(peer);
        Model.Phy[] all = [.. _machine.Bus.Phys];
        for (int step = 0; step < 60; step++)
        {
            // At once, as the incumbent contends, and when the others do; another root each time, so all have something to do.
            foreach (bool isLate in (bool[])[false, true])
            {
                foreach (Model.Phy phy in all)
                    phy.HoldsForRoot = phy == all[(step + step / 4) % 4];
                all[step % 4].InitiateReset(isLong: step % 3 == 0);
                _machine.Pass(isLate ? 124_000ul : 250);
                if (isLate)
                    _machine.Clock.Advance(1500);
                for (int i = 0; i < step; i++)
                {
                    _machine.Simulator.RunActivity(1);
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
        _machine.Pass(2000);
        all[1].InitiateReset(isLong: true);
        Pass(20 * Second);
        CheckManaged();
        Assert.InRange(Resets - resets, 0, BusManager.MostTries);
        Assert.Equal((0, 0), (_one.Core.UnderWay, _two.Core.UnderWay));
    }

    [Fact]
    public void Sixty_three_nodes_are_managed()
    {
        Add(_one);
        for (int i = 0; i < 61; i++)
            Add(new MemoryNode(new BusInformation(100ul + (ulong)i, CanManage: i % 3 == 0 ? 0xF : 0)));
        Add(_two);
        Pass(30 * Second);
        Assert.Equal(63, _one.Core.Topology.Count);
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
            Model.Link? link = i == ours ? _one : i == other ? _two : random.Below(4) == 0 ? null
                : new MemoryNode(new BusInformation(100ul + (ulong)i, CanManage: random.Coin() ? 0xF : 0));
            // A contender that keeps no resources would be replaced as such; that is another test.
            bool contends = link is CoreNode || (link is MemoryNode node && node.Information.CanManage == 0xF && random.Coin());
            Model.Phy phy = _machine.Bus.Add($"{i}", link, new Model.PhyTraits(3, (Model.Speed)random.Below(3), IsContender: contends));
            Model.Phy[] free = [.. _machine.Bus.Phys.Take(i).Where(one => one.Ports.Any(port => port.Peer == null))];
            if (i > 0)
                _machine.Bus.Connect(phy, free[random.Below(free.Length)]);
        }
        Pass(30 * Second);
        CheckManaged();
        int most = _machine.Bus.Phys.Max(Farthest), resets = Resets;
        Assert.Equal(Topology.GapCountFor(most), _one.Core.Topology.GapCount);
        Assert.InRange(resets, 0, 3);
        // A branch is cut off: shorter ways, or just fewer nodes.
        Model.Port cut = _machine.Bus.Phys[1 + random.Below(count - 1)].Ports.First(port => port.IsConnected);
        _machine.Bus.Disconnect(cut);
        Pass(30 * Second);
        foreach (CoreNode node in new[] { _one, _two })
        {
            Model.Link? root = node.Phy.Segment.Root!.Link;
            Assert.True(root is { IsCycleMaster: true }, "each part has a cycle master");
            Assert.Equal(Topology.GapCountFor(node.Phy.Segment.Phys.Max(Farthest)), node.Core.Topology.GapCount);
        }
    }

    // One manager, known to both; a root that sends cycle starts; one gap count, the best; and the broadcast channel known to all.
    private BusManager CheckManaged()
    {
        BusManager manager = Assert.Single(new[] { _first, _second }, one => one.Role == ManagerRole.Manager);
        (CoreNode node, BusManager other) = manager == _first ? (_one, _second) : (_two, _first);
        Assert.Equal((ManagerRole.Other, node.Phy.PhysicalId, node.Phy.PhysicalId), (other.Role, other.ManagerId, manager.ManagerId));
        Topology topology = node.Core.Topology;
        Assert.Equal(topology.BestGapCount, topology.GapCount);
        Assert.All(node.Phy.Segment.Phys, phy => Assert.Equal(topology.GapCount, phy.GapCount));
        Assert.True(node.Phy.Segment.Root!.Link is { IsCycleMaster: true }, "the root is cycle master");
        Assert.Single(new[] { _one, _two }.Select(one => one.Phy.Segment.Root).Distinct());
        Assert.Equal((0xC000_001Fu, 0xC000_001Fu), (_one.Core.Registers.Broadcast, _two.Core.Registers.Broadcast));
        Assert.Equal((uint)node.Phy.PhysicalId, Read(node, topology.ResourceManager, BusRegisters.BusManagerId));
        Assert.Equal(0xFFFF_FFFE, Read(node, topology.ResourceManager, BusRegisters.ChannelsHi));
        return manager;
    }

    private uint Read(CoreNode node, int from, int register)
    {
        var transaction = new Transaction(_machine);
        node.Core.Submit(transaction.ReadQuadlet(from, node.Core.Generation, BusRegisters.Base + (ulong)register));
        _machine.Settle();
        Assert.Equal(TransactionResult.Complete, transaction.Result);
        return transaction.Quadlet;
    }

    private void Add(Model.Link link) => _machine.Add(link);

    private void Pass(ulong microseconds, ulong step = 2500) => _machine.Pass(microseconds, step);

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

    // A contender that answers each request as told, and may hold off at each reset.
    private sealed class Liar(Func<Model.Packet, Model.Rcode> code, Func<Model.Packet, uint> quadlet) : Model.Link
    {
        private readonly Queue<Model.Packet> _queue = new();

        // What BUS_MANAGER_ID is said to be.
        public uint Manager { get; set; }

        public bool InsistsOnRoot { get; set; }

        // What it acknowledges and never answers.
        public Func<Model.Packet, bool>? Ignores { get; set; }

        public override void ResetStarted()
        {
            _queue.Clear();
            if (InsistsOnRoot)
                Phy.HoldsForRoot = true;
        }

        public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
        {
        }

        public override Model.Ack Receive(Model.Packet request)
        {
            if (Ignores?.Invoke(request) == true)
                return Model.Ack.Pending;
            var answer = new Model.Packet();
            Model.Rcode result = code(request);
            uint value = request.Code == Model.Tcode.Lock ? Manager : request.Offset == Rom.Address ? 0x0404_0000 : request.Offset == Rom.Address + 8 ? quadlet(request) : 0;
            Model.Tcode tcode = request.Code switch
            {
                Model.Tcode.Lock => Model.Tcode.LockResponse,
                Model.Tcode.ReadQuadlet => Model.Tcode.ReadQuadletResponse,
                _ => Model.Tcode.WriteResponse,
            };
            answer.Response(tcode, request.Label, request.Source, (ushort)(0xFFC0 | Phy.PhysicalId), result);
            answer.Q3 = tcode == Model.Tcode.ReadQuadletResponse ? value : 0;
            if (tcode == Model.Tcode.LockResponse && result == Model.Rcode.Complete)
                answer.SetData([(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value]);
            _queue.Enqueue(answer);
            Phy.Segment.Request(Phy);
            return Model.Ack.Pending;
        }

        public override Model.Packet? NextPacket() => _queue.TryPeek(out Model.Packet? packet) ? packet : null;

        public override void Sent(Model.Packet packet, Model.Ack ack)
        {
            _queue.Dequeue();
            if (_queue.Count != 0)
                Phy.Segment.Request(Phy);
        }
    }
}
