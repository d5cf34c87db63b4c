using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Channels and bandwidth, kept by us or by another node, wanted by several at once.</summary>
public sealed class IsoResourcesTests : IDisposable, IResourceHandler
{
    private readonly CoreMachine _machine = new();
    private readonly CoreNode _one = new(1), _other = new(2);
    private readonly MemoryNode _peer = new(new BusInformation(3, CanManage: 0xF));
    private readonly List<(IsoResources, ResourceResult Result)> _ended = [];

    public void Dispose() => _machine.Dispose();

    void IResourceHandler.OnResources(IsoResources resources, ResourceResult result) => _ended.Add((resources, result));

    public static TheoryData<int> Managers => [0, 1, 2];

    [Theory]
    [MemberData(nameof(Managers))]
    public void What_is_taken_is_nobody_elses_until_it_is_given_back(int manager)
    {
        Plug(manager);
        IsoResources first = New(), second = new(_other.Core, this);
        Assert.Equal(ResourceResult.Complete, Allocate(first, 1ul << 5 | 1ul << 40, 4000));
        Assert.Equal((5, 4000u), (first.Channel, first.Bandwidth));
        Assert.Equal((915u, ~(1u << 26), uint.MaxValue), Registers());
        Assert.Equal(ResourceResult.NoBandwidth, Allocate(second, 1ul << 40, 1000));
        Assert.Equal((-1, 0u), (second.Channel, second.Bandwidth));
        Assert.Equal(ResourceResult.Complete, Allocate(second, 1ul << 5 | 1ul << 40, 915));
        Assert.Equal(40, second.Channel);
        Assert.Equal((0u, ~(1u << 26), ~(1u << 23)), Registers());
        IsoResources third = New();
        Assert.Equal(ResourceResult.NoChannel, Allocate(third, 1ul << 5 | 1ul << 40, 0));
        Assert.Equal(ResourceResult.Complete, Release(second));
        Assert.Equal((915u, ~(1u << 26), uint.MaxValue), Registers());
        Assert.Equal(ResourceResult.NoChannel, Allocate(third, 1ul << 5, 900));
        Assert.Equal((915u, ~(1u << 26), uint.MaxValue), Registers());
        Assert.Equal(ResourceResult.Complete, Release(first));
        Assert.Equal((4915u, uint.MaxValue, uint.MaxValue), Registers());
        Assert.Equal((-1, 0u), (first.Channel, first.Bandwidth));
        Assert.Equal(ResourceResult.Complete, Allocate(first, 0, 1));
        Assert.Equal(Error.Busy, first.Allocate(1, 1));
        Assert.Equal(Error.TooLarge, second.Allocate(1, 4916));
        Assert.Equal(ResourceResult.Complete, Release(first));
    }

    /// <summary>Right after a reset nobody knows how fast the manager's link is: it is asked at the speed that all have.</summary>
    [Fact]
    public void A_manager_is_asked_slowly()
    {
        Plug(1);
        var speeds = new HashSet<Model.Speed>();
        _other.Swallows = packet =>
        {
            speeds.Add(packet.Speed);
            return false;
        };
        Assert.Equal(ResourceResult.Complete, Allocate(New(), 1ul << 5, 100));
        Assert.Equal(Model.Speed.S100, Assert.Single(speeds));
    }

    [Theory]
    [MemberData(nameof(Managers))]
    public void Many_at_once_get_one_each(int manager)
    {
        Plug(manager);
        IsoResources[] all = [.. Enumerable.Range(0, 16).Select(i => i % 2 == 0 ? New() : new IsoResources(_other.Core, this))];
        foreach (IsoResources one in all)
            Assert.Equal(Error.None, one.Allocate(0xFF_0000_00F0, 300));
        _machine.Settle();
        Assert.Equal(16, _ended.Count);
        IsoResources[] lucky = [.. all.Where(one => one.Channel >= 0)];
        Assert.Equal(lucky.Length, _ended.Count(end => end.Result == ResourceResult.Complete));
        Assert.InRange(lucky.Length, 8, 12);
        Assert.Equal(lucky.Length, lucky.Select(one => one.Channel).Distinct().Count());
        Assert.All(lucky, one => Assert.True((0xFF_0000_00F0 >> one.Channel & 1) != 0));
        Assert.Equal(4915u - 300 * (uint)lucky.Length, Registers().Bandwidth);
        foreach (IsoResources one in lucky)
            Assert.Equal(ResourceResult.Complete, Release(one));
        Assert.Equal((4915u, uint.MaxValue, uint.MaxValue), Registers());
    }

    [Theory]
    [MemberData(nameof(Managers))]
    public void A_reset_at_any_step_leaves_all_of_it_or_nothing(int manager)
    {
        Plug(manager);
        IsoResources resources = New();
        int resets = 0, kept = 0;
        for (int step = 0; kept < 3; step++)
        {
            _ended.Clear();
            Assert.Equal(Error.None, resources.Allocate(1, 100));
            for (int i = 0; i < step && !_machine.Simulator.RunActivity(1) | Sluice.Platform.Machine.Work.Run(64); i++)
                ;
            // A second one while what was had is asked for again.
            for (int again = 0; again <= step % 3; again++)
            {
                _one.Phy.InitiateReset(isLong: false);
                _machine.Simulator.RunFor(BusTime.Microseconds(40));
                for (int i = 0; i < step && !_machine.Simulator.RunActivity(1); i++)
                    Sluice.Platform.Machine.Work.Run(64);
            }
            Wait();
            Assert.Contains(Assert.Single(_ended).Result, new[] { ResourceResult.BusReset, ResourceResult.Complete });
            if (_ended[0].Result == ResourceResult.Complete)
            {
                // It is still ours.
                kept++;
                Assert.Equal((0, 100u), (resources.Channel, resources.Bandwidth));
                Assert.Equal((4815u, ~(1u << 31), uint.MaxValue), Registers());
                Assert.Equal(ResourceResult.Complete, Release(resources));
            }
            resets++;
            Assert.Equal((-1, 0u), (resources.Channel, resources.Bandwidth));
            Assert.Equal((4915u, uint.MaxValue, uint.MaxValue), Registers());
        }
        Assert.InRange(resets, 4, 100);
    }

    [Theory]
    [MemberData(nameof(Managers))]
    public void Resets_while_it_is_asked_for_again_take_nothing_away(int manager)
    {
        Plug(manager);
        IsoResources resources = New();
        Assert.Equal(ResourceResult.Complete, Allocate(resources, 1, 100));
        _ended.Clear();
        for (int step = 0; step < 30; step++)
        {
            // The second is over before the computer hears of what it ended.
            for (int again = 0; again < 3; again++)
            {
                _other.Phy.InitiateReset(isLong: false);
                _machine.Simulator.RunFor(BusTime.Microseconds(40));
                for (int i = 0; i < step && !_machine.Simulator.RunActivity(1); i++)
                {
                    if (i < step - again)
                        Sluice.Platform.Machine.Work.Run(64);
                }
            }
            Wait();
            Assert.Empty(_ended);
            Assert.Equal((0, 100u, false), (resources.Channel, resources.Bandwidth, resources.IsBusy));
            Assert.Equal((4815u, ~(1u << 31), uint.MaxValue), Registers());
        }
    }

    [Theory]
    [MemberData(nameof(Managers))]
    public void After_a_reset_who_had_resources_comes_before_who_wants_some(int manager)
    {
        Plug(manager);
        IsoResources owner = New(), newcomer = new(_other.Core, this);
        Assert.Equal(ResourceResult.Complete, Allocate(owner, 1ul << 5, 4000));
        _ended.Clear();
        _other.Phy.InitiateReset(isLong: false);
        _machine.Simulator.RunFor(BusTime.Microseconds(100));
        Assert.Equal(Error.None, newcomer.Allocate(1ul << 5 | 1ul << 6, 4000));
        _machine.Pass(900_000, 1000);
        Assert.Empty(_ended);
        Assert.Equal((915u, ~(1u << 26), uint.MaxValue), Registers());
        _machine.Pass(200_000, 1000);
        Assert.Equal((newcomer, ResourceResult.NoBandwidth), Assert.Single(_ended));
        Assert.Equal(ResourceResult.Complete, Allocate(newcomer, 1ul << 5 | 1ul << 6, 900));
        Assert.Equal(6, newcomer.Channel);
        // Forgotten is not asked for again, and not given back.
        newcomer.Forget();
        Assert.Equal((15u, ~(3u << 25), uint.MaxValue), Registers());
        _other.Phy.InitiateReset(isLong: false);
        Wait();
        Assert.Equal((915u, ~(1u << 26), uint.MaxValue), Registers());
    }

    [Fact]
    public void What_is_not_to_be_had_again_is_lost_and_its_owner_told()
    {
        Plug(0);
        IsoResources owner = New();
        Assert.Equal(ResourceResult.Complete, Allocate(owner, 1ul << 5, 4000));
        _ended.Clear();
        _one.Locks = register => register == 2 ? (Error.None, 0) : null;
        _one.Phy.InitiateReset(isLong: false);
        Wait();
        Assert.Equal((owner, ResourceResult.Lost), Assert.Single(_ended));
        Assert.Equal((-1, 0u, false), (owner.Channel, owner.Bandwidth, owner.IsBusy));
        _one.Locks = null;
        Assert.Equal((4915u, uint.MaxValue, uint.MaxValue), Registers());
        Assert.Equal(ResourceResult.Complete, Allocate(owner, 1ul << 5, 4000));
        // Nobody keeps resources any more.
        _one.Phy.IsContender = _other.Phy.IsContender = _peer.Phy.IsContender = false;
        _ended.Clear();
        _one.Phy.InitiateReset(isLong: false);
        Wait();
        Assert.Equal((owner, ResourceResult.Lost), Assert.Single(_ended));
    }

    /// <summary>Right after a reset a manager may not hear, or be busy with the reset itself.</summary>
    [Theory]
    [InlineData(AckCode.Missing, 3, true)]
    [InlineData(AckCode.Pending, 3, true)]
    [InlineData(AckCode.Missing, 4, false)]
    public void A_manager_that_does_not_answer_at_once_is_asked_again(AckCode ack, int times, bool isKept)
    {
        Plug(1);
        IsoResources owner = New();
        Assert.Equal(ResourceResult.Complete, Allocate(owner, 1ul << 5, 4000));
        _ended.Clear();
        int swallowed = 0;
        _other.Swallows = packet => packet.Code == Model.Tcode.ReadQuadlet && ++swallowed <= times;
        for (int i = 0; i < times; i++)
            _one.Acks.Enqueue(ack);
        _one.Phy.InitiateReset(isLong: false);
        _machine.Pass(800_000);
        Assert.Equal(isKept, _ended.Count == 0);
        Assert.Equal(isKept ? (5, 4000u) : (-1, 0u), (owner.Channel, owner.Bandwidth));
        Assert.Equal(isKept ? (915u, ~(1u << 26), uint.MaxValue) : (4915u, uint.MaxValue, uint.MaxValue), Registers());
    }

    [Fact]
    public void What_is_being_asked_for_again_can_be_released()
    {
        Plug(2);
        IsoResources owner = New();
        int released = 0;
        for (int step = 0; step < 20; step++)
        {
            Assert.Equal(ResourceResult.Complete, Allocate(owner, 1ul << 5, 4000));
            _ended.Clear();
            _one.Phy.InitiateReset(isLong: false);
            _machine.Simulator.RunFor(BusTime.Microseconds(30));
            for (int i = 0; i < step && !_machine.Simulator.RunActivity(1); i++)
                Sluice.Platform.Machine.Work.Run(64);
            Assert.Equal(Error.None, owner.Release());
            Assert.Equal(Error.Busy, owner.Release());
            Wait();
            Assert.Contains(Assert.Single(_ended).Result, new[] { ResourceResult.Complete, ResourceResult.BusReset });
            released += _ended[0].Result == ResourceResult.Complete ? 1 : 0;
            Assert.Equal((-1, 0u), (owner.Channel, owner.Bandwidth));
            Assert.Equal((4915u, uint.MaxValue, uint.MaxValue), Registers());
        }
        Assert.InRange(released, 10, 20);
    }

    [Fact]
    public void Who_waits_while_resets_do_not_end_is_told_so()
    {
        Plug(2);
        _one.Phy.InitiateReset(isLong: false);
        _machine.Pass(1000);
        IsoResources newcomer = New();
        Assert.Equal(Error.None, newcomer.Allocate(1, 100));
        for (int i = 0; i < 20; i++)
        {
            _machine.Pass(500_000, 1000);
            _one.Phy.InitiateReset(isLong: false);
        }
        Assert.Equal((newcomer, ResourceResult.BusReset), Assert.Single(_ended));
    }

    [Fact]
    public void Without_a_manager_there_is_nothing_to_be_had()
    {
        _machine.Add(_one);
        _machine.Add(_peer);
        _one.Phy.IsContender = _peer.Phy.IsContender = false;
        _one.Phy.InitiateReset(isLong: false);
        Wait();
        Assert.Equal(ResourceResult.NoManager, Allocate(New(), 1, 1));
    }

    /// <summary>Somebody gave back more than he had, or the register does not answer.</summary>
    [Theory]
    [InlineData(Error.None, 4915u)]
    [InlineData(Error.None, 916u)]
    [InlineData(Error.None, uint.MaxValue)]
    [InlineData(Error.Busy, 0u)]
    public void A_channel_goes_back_also_if_bandwidth_does_not(Error error, uint bandwidth)
    {
        Plug(0);
        foreach (ulong channels in (ulong[])[1ul << 5, 1ul << 40])
        {
            IsoResources owner = New();
            Assert.Equal(ResourceResult.Complete, Allocate(owner, channels, 4000));
            _one.Locks = register => register == 1 ? (error, bandwidth) : null;
            Assert.Equal(ResourceResult.Failed, Release(owner));
            _one.Locks = null;
            Assert.Equal((-1, 0u), (owner.Channel, owner.Bandwidth));
            Assert.Equal((uint.MaxValue, uint.MaxValue), (Registers().Hi, Registers().Lo));
            _one.Phy.InitiateReset(isLong: false);
            Wait();
        }
    }

    [Theory]
    [InlineData(4916u, ResourceResult.Failed)]
    [InlineData(uint.MaxValue, ResourceResult.Failed)]
    [InlineData(4915u, ResourceResult.Failed)]
    public void A_manager_that_lies_or_never_agrees_is_given_up(uint bandwidth, ResourceResult result)
    {
        int asked = 0;
        ScriptNode? liar = null;
        liar = new ScriptNode(request =>
        {
            asked++;
            (int label, ushort source, ushort destination, bool isLock) = (request.Label, request.Source, request.Destination, request.Code == Model.Tcode.Lock);
            liar!.Send(packet =>
            {
                packet.Response(isLock ? Model.Tcode.LockResponse : Model.Tcode.ReadQuadletResponse, label, source, destination, Model.Rcode.Complete);
                // Another value each time: somebody is always faster.
                uint value = bandwidth > 4915 ? bandwidth : bandwidth - (uint)asked;
                packet.Q3 = value;
                if (isLock)
                    packet.SetData([(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value]);
            });
            return Model.Ack.Pending;
        });
        _machine.Add(_one);
        _machine.Add(liar);
        liar.Phy.HoldsForRoot = true;
        liar.Phy.InitiateReset(isLong: false);
        Wait();
        Assert.Equal(liar.Phy.PhysicalId, _one.Core.Topology.ResourceManager);
        Assert.Equal(result, Allocate(New(), 1, 1));
        Assert.InRange(asked, 1, 20);
    }

    private void Plug(int manager)
    {
        _machine.Add(_one);
        _machine.Add(_other);
        _machine.Add(_peer);
        Model.Phy phy = _machine.Bus.Phys[manager];
        phy.HoldsForRoot = true;
        phy.InitiateReset(isLong: false);
        Wait();
        Assert.Equal(phy.PhysicalId, _one.Core.Topology.ResourceManager);
    }

    // Until newcomers have their turn.
    private void Wait() => _machine.Pass(IsoResources.NewcomersWait + 10_000, 1000);

    private IsoResources New() => new(_one.Core, this);

    private ResourceResult Allocate(IsoResources resources, ulong channels, uint bandwidth)
    {
        _ended.Clear();
        Assert.Equal(Error.None, resources.Allocate(channels, bandwidth));
        Assert.True(resources.IsBusy);
        _machine.Settle();
        return Assert.Single(_ended).Result;
    }

    private ResourceResult Release(IsoResources resources)
    {
        _ended.Clear();
        Assert.Equal(Error.None, resources.Release());
        _machine.Settle();
        return Assert.Single(_ended).Result;
    }

    private (uint Bandwidth, uint Hi, uint Lo) Registers()
    {
        uint Read(int register)
        {
            var transaction = new Transaction(_machine);
            _one.Core.Submit(transaction.ReadQuadlet(_one.Core.Topology.ResourceManager, _one.Core.Generation, BusRegisters.Base + (ulong)register));
            _machine.Settle();
            Assert.Equal(TransactionResult.Complete, transaction.Result);
            return transaction.Quadlet;
        }

        return (Read(BusRegisters.BandwidthAvailable), Read(BusRegisters.ChannelsHi), Read(BusRegisters.ChannelsLo));
    }
}
