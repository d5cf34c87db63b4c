using System;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.FireWire.Second;

/// <summary>A controller that does, once or a few times, what it should not (<see cref="Oddity"/>): its driver works again within seconds.</summary>
public sealed unsafe class SecondOddityTests
{
    private const ulong At = MemoryNode.DefaultBase, Ours = 0x1_0000_0000;
    private const uint ControlClear = 0x054, LinkPower = 1 << 19, EventSet = 0x080, SelfIdComplete = 1 << 16, MaskClear = 0x08C, Master = 1u << 31;

    public static TheoryData<int> Seeds => SecondModelTests.Seeds;

    public static TheoryData<string, int> OddResets =>
        [.. from oddity in (Oddity[])[Oddity.SilentReset, Oddity.LateNumber, Oddity.SilentSelfIds, Oddity.NoMark, Oddity.OldMark, Oddity.NewMark, Oddity.NoOwnSelfId, Oddity.FilterByNode]
            from seed in SecondModelTests.Seeds select new TheoryDataRow<string, int>($"{oddity}", seed.Data)];

    public static TheoryData<string, int> OddStarts =>
        [.. from oddity in (Oddity[])[Oddity.UnseenReset, Oddity.SilentReset, Oddity.LateNumber, Oddity.SilentSelfIds, Oddity.NoMark, Oddity.OldMark, Oddity.NewMark, Oddity.NoOwnSelfId, Oddity.LostPhyRead, Oddity.NoMaskYet, Oddity.FilterByNode, Oddity.AwayAfterReset]
            from seed in SecondModelTests.Seeds select new TheoryDataRow<string, int>($"{oddity}", seed.Data)];

    private const int Always = 1_000_000;

    // What some do always.
    private static bool IsHabit(Oddity oddity) => oddity is Oddity.LateNumber or Oddity.SilentSelfIds or Oddity.NoMark or Oddity.OldMark or Oddity.NoOwnSelfId or Oddity.FilterByNode;

    [Theory, MemberData(nameof(OddStarts))]
    public void It_starts(string name, int seed) => SecondModel.Use(seed, () =>
    {
        Oddity oddity = Enum.Parse<Oddity>(name);
        int times = IsHabit(oddity) ? Always : 1;
        using var bus = new Pair(seed, oddity, times);
        bus.MustWork();
        Assert.NotEqual(times, bus.Controller.Remaining(oddity));
        var nobody = new Nobody();
        Assert.True(bus.Driver.TryTakeReceiver(nobody, out _) && bus.Driver.TryTakeTransmitter(nobody, out _));
        bus.End();
    });

    [Theory, MemberData(nameof(OddResets))]
    public void It_goes_on_after_an_odd_reset(string name, int seed) => SecondModel.Use(seed, () =>
    {
        Oddity oddity = Enum.Parse<Oddity>(name);
        using var bus = new Pair(seed);
        for (int times = 1; times <= 2; times++)
        {
            bus.Controller.Expect(oddity, IsHabit(oddity) ? Always : times);
            bus.Machine.Phy.InitiateReset(isLong: times == 1);
            bus.Machine.Pass(6_000_000, 1_000);
            bus.MustWork();
        }
        Assert.Equal(0ul, bus.Driver.Counters.Restarts);
        bus.End();
    });

    /// <summary>A controller says that self-IDs are there, but those are known: nothing that is under way ends with that.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Self_IDs_without_a_reset_are_none(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        var transaction = new Transaction(bus.Machine);
        (ulong resets, byte generation) = (bus.Driver.Counters.BusResets, bus.Driver.Bus.Generation);
        for (int turn = 0; turn < 10; turn++)
        {
            bus.Driver.Bus.Submit(transaction.ReadBlock(bus.Peer.Phy.PhysicalId, bus.Driver.Bus.Generation, At, bus.Machine.Memory, 64));
            bus.Machine.Write(EventSet, SelfIdComplete);
            bus.Machine.Pass(50_000);
            Assert.Equal((false, TransactionResult.Complete), (transaction.IsUnderWay, transaction.Result));
        }
        Assert.Equal((resets, generation), (bus.Driver.Counters.BusResets, bus.Driver.Bus.Generation));
        bus.End();
    });

    /// <summary>Any of the asynchronous contexts, with whatever it had.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void A_context_that_dies_in_silence_is_begun_anew(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        var transaction = new Transaction(bus.Machine);
        for (int which = 0; which < 4; which++)
        {
            bus.Controller.Expect(Oddity.SilentDeath, 1);
            Assert.True(bus.Controller.TryKill(which) || which < 2);
            bus.Controller.Expect(Oddity.SilentDeath, 0);
            bus.Driver.Bus.Submit(transaction.ReadBlock(bus.Peer.Phy.PhysicalId, bus.Driver.Bus.Generation, At, bus.Machine.Memory, 64));
            bus.Peer.TryRead(bus.Driver.Bus.NodeId, Ours, 64, (_, _) => { });
            bus.Machine.Pass(3_000_000, 1_000);
            bus.MustWork();
        }
        bus.End();
    });

    /// <summary>Only software should stop a context; one that has stopped all the same is begun anew.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void A_context_that_stops_by_itself_is_begun_anew(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        for (int which = 2; which < 4; which++)
        {
            bus.Controller.StopByItself(which);
            bus.Machine.Pass(3_000_000, 1_000);
            bus.MustWork();
        }
        Assert.Equal(2ul, bus.Driver.Counters.DeadContexts);
        bus.End();
    });

    /// <summary>The link's power went, or what may interrupt was forgotten: both are as they were a second later.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void What_a_controller_forgets_is_told_it_again(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        bus.Machine.Write(ControlClear, LinkPower);
        bus.Machine.Pass(5_000_000, 1_000);
        bus.MustWork();
        Assert.Equal(1ul, bus.Driver.Counters.Forgotten);
        bus.Machine.Write(MaskClear, ~Master);
        bus.Machine.Pass(1_500_000, 1_000);
        ulong interrupts = bus.Driver.Counters.Interrupts;
        bus.MustWork();
        Assert.NotEqual(interrupts, bus.Driver.Counters.Interrupts);
        bus.End();
    });

    /// <summary>All buffers were sent and are queued again, and the context does not hear of that.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void A_stream_that_was_not_heard_when_it_was_woken_is_woken_again(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Talking(SecondModelTests.KindOf(seed));
        SecondController controller = ((SecondFunction)bus.Machine.Function).Controller;
        bus.Begin(buffers: 2, rounds: 1_000_000);
        for (int round = 0; round < 3; round++)
        {
            controller.Expect(Oddity.LostWake, 1_000);
            bus.Machine.Pass(40_000, 20_000);
            controller.Expect(Oddity.LostWake, 0);
            bus.Machine.Pass(1_500_000, 10_000);
            int sent = bus.Sent;
            bus.Machine.Pass(100_000, 10_000);
            Assert.InRange(bus.Sent, sent + 5, int.MaxValue);
        }
        bus.End();
    });

    /// <summary>All of its memory was full, and when there was room again it did not look.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void A_context_that_was_not_heard_when_it_was_woken_is_woken_again(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        MemoryNode[] peers = bus.AddPeers();
        for (int round = 0; round < 3; round++)
        {
            bus.Flood(peers, (_, _) => { });
            bus.Controller.Expect(Oddity.LostWake, 1_000);
            bus.Machine.Pass(200_000, 10_000);
            bus.Controller.Expect(Oddity.LostWake, 0);
            bus.Machine.Pass(3_000_000, 1_000);
            bus.MustWork();
        }
        bus.End();
    });

    /// <summary>What happened while the interrupt was masked is seen when it is not: once a second later, and from then on at once.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void What_happens_while_it_is_masked_is_seen(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed, Oddity.SilentUnmask, Always);
        for (int i = 0; i < 15 && bus.Driver.LostMessages == 0; i++)
            Exchange(bus, within: 1_500_000);
        // Some do next to nothing while software is at work.
        if (bus.Driver.LostMessages == 0)
            return;
        for (int i = 0; i < 30; i++)
            MustExchange(bus, within: 50_000);
        for (int i = 0; i < 3; i++)
        {
            byte generation = bus.Driver.Bus.Generation;
            bus.Machine.Phy.InitiateReset(isLong: false);
            bus.Machine.Pass(50_000);
            Assert.Equal((true, true), (bus.Driver.Bus.IsUp, bus.Driver.Bus.Generation != generation));
        }
        Assert.Equal(1ul, bus.Driver.LostMessages);
        bus.MustWork();
        bus.End();
    });

    /// <summary>Where a message is sent for all, none is missed, whatever comes when.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Messages_that_come_are_not_taken_for_lost(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        for (int i = 0; i < 200; i++)
            MustExchange(bus, within: 50_000);
        Assert.Equal(0ul, bus.Driver.LostMessages);
        bus.End();
    });

    /// <summary>A read that nobody answered: a card that is there is not given up for it (PCI Express, completion time-out).</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void A_read_that_has_only_ones_is_no_card_that_was_pulled(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Pair(seed);
        for (int access = 1; access <= 60; access++)
        {
            bus.Controller.Happening = () => bus.Controller.Expect(Oddity.OnesOnce, 1);
            bus.Controller.AccessesUntil = access;
            bus.Machine.Phy.InitiateReset(isLong: access % 2 == 0);
            bus.Machine.Pass(30_000);
            bus.Controller.AccessesUntil = 0;
            bus.Controller.Expect(Oddity.OnesOnce, 0);
            bus.Machine.Pass(4_000_000, 2_000);
            Assert.True(bus.Driver.IsRunning, $"access {access}");
            bus.MustWork();
        }
        bus.End();
    });

    private static void MustExchange(Pair bus, ulong within) =>
        Assert.All(Exchange(bus, within), transaction => Assert.Equal((false, TransactionResult.Complete), (transaction.IsUnderWay, transaction.Result)));

    // Each asks the other at once.
    private static Transaction[] Exchange(Pair bus, ulong within)
    {
        var transactions = new Transaction[8];
        for (int i = 0; i < transactions.Length; i++)
        {
            transactions[i] = new Transaction(bus.Machine);
            bus.Driver.Bus.Submit(transactions[i].ReadBlock(bus.Peer.Phy.PhysicalId, bus.Driver.Bus.Generation, At, bus.Machine.Memory + 64 * i, 64));
            Assert.True(bus.Peer.TryRead(bus.Driver.Bus.NodeId, Ours, 64, (_, _) => { }));
        }
        bus.Machine.Pass(within);
        return transactions;
    }

    private sealed class Nobody : IIsoReceiveHandler, IIsoTransmitHandler
    {
        public void OnFilled(IsoReceiveBuffer buffer)
        {
        }

        public void OnSent(IsoTransmitBuffer buffer)
        {
        }

        public void OnProgress(IsoTransmitBuffer buffer, int sent)
        {
        }

        public void OnEnded(Error why)
        {
        }
    }
}
