using System;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Ohci;
using Xunit;

namespace Sluice.Tests.FireWire.Second;

/// <summary>Streams on the second model: at the ends of what is queued, when cycles are lost, and when data comes too late.</summary>
public sealed class SecondStreamTests
{
    private const int Places = 12, PlaceBytes = 340, Rounds = 12;
    private const uint CycleTimer = 0x0F0;

    // Longer than all buffers take.
    private const uint Busy = 10_000;

    private static readonly int[] _buffers = [1, 2, 4];

    public static TheoryData<int> Seeds => SecondModelTests.Seeds;

    [Theory, MemberData(nameof(Seeds))]
    public void A_receiver_whose_buffers_are_all_full_at_once_goes_on(int seed) => SecondModel.Use(seed, () =>
    {
        (IsoReceiveMode mode, int buffers) = LateWakeTests.Receivers.ElementAt(seed % LateWakeTests.Receivers.Count).Data;
        new LateWakeTests().A_receiver_whose_buffers_are_all_full_at_once_goes_on(mode, buffers, SecondModelTests.KindOf(seed), OhciFaults.None);
    });

    [Theory, MemberData(nameof(Seeds))]
    public void A_transmitter_whose_buffers_are_all_sent_at_once_goes_on(int seed) => SecondModel.Use(seed, () =>
    {
        int buffers = _buffers[seed % 3];
        using var bus = new Talking(SecondModelTests.KindOf(seed));
        bus.Begin(buffers, rounds: 1_000);
        for (int round = 1; round <= Rounds; round++)
        {
            bus.Machine.Pass(2 * Busy, Busy);
            Assert.InRange(bus.Sent, round * Math.Min(buffers, 2), 5 * round * buffers);
        }
        Assert.Equal(0ul, bus.Driver.Counters.DeadContexts);
        // In order, and each once.
        Assert.Equal(bus.Expected.Take(bus.Heard.Count).Select(one => one.Header), bus.Heard.Select(one => one.Header));
        bus.End();
    });

    /// <summary>Cycles are lost at any moment, one or several in a row: what may not be left out is heard, once and in order (9.4).</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Lost_cycles_cost_no_packet_that_may_not_be_left_out(int seed) => SecondModel.Use(seed, () =>
    {
        var random = new Random(seed);
        using var bus = new Talking(SecondModelTests.KindOf(seed), options: place => place % 7 == 3 ? IsoSendOptions.Progress : place % 11 == 5 ? IsoSendOptions.Interrupt : IsoSendOptions.None);
        bus.Begin(buffers: 3, rounds: 12);
        for (int i = 0; i < 60; i++)
        {
            bus.Machine.Pass((ulong)random.Next(1, 2_000), 125);
            uint time = bus.Machine.Read(CycleTimer), lost = (uint)random.Next(1, 5);
            if ((time >> 12 & 0x1FFF) + lost < 8000)
                bus.Machine.Write(CycleTimer, time + (lost << 12));
        }
        bus.Machine.Pass(60_000);
        Assert.Equal(12, bus.Sent);
        Assert.Equal(bus.Expected.Select(one => one.Header), bus.Heard.Select(one => one.Header));
        Assert.All(bus.Expected.Zip(bus.Heard), pair => Assert.Equal(pair.First.Data, pair.Second.Data));
        bus.End();
    });

    /// <summary>Likewise with packets that may be left out: some are, and those that say that they were sent are heard.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Packets_that_are_left_out_do_not_say_that_they_were_sent(int seed) => SecondModel.Use(seed, () =>
    {
        var random = new Random(seed);
        using var bus = new Talking(SecondModelTests.KindOf(seed), options: place => place % 7 == 3 ? IsoSendOptions.Progress | IsoSendOptions.Dropped : IsoSendOptions.Dropped);
        bus.Begin(buffers: 3, rounds: 12);
        for (int i = 0; i < 60; i++)
        {
            bus.Machine.Pass((ulong)random.Next(1, 2_000), 125);
            uint time = bus.Machine.Read(CycleTimer);
            if ((time >> 12 & 0x1FFF) + 1 < 8000)
                bus.Machine.Write(CycleTimer, time + (1u << 12));
        }
        bus.Machine.Pass(60_000);
        Assert.Equal((12, 12 * Talking.Places), (bus.Sent, bus.Times.Count + bus.Unsent));
        Assert.InRange(bus.Unsent, 1, 60);
        int at = 0;
        foreach (Said heard in bus.Heard)
        {
            while (bus.Expected[at].Header != heard.Header || !bus.Expected[at].Data.AsSpan().SequenceEqual(heard.Data))
                at++;
            at++;
        }
        Assert.InRange(bus.Heard.Count, bus.Expected.Count - bus.Unsent, bus.Expected.Count);
        bus.End();
    });

    /// <summary>evt_underrun: a packet went out broken, its status says so, and the stream goes on (3.1.2, table 3-2).</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Packets_whose_data_came_too_late_are_told_and_nothing_else_suffers(int seed) => SecondModel.Use(seed, () =>
    {
        using var bus = new Talking(SecondModelTests.KindOf(seed));
        SecondController controller = ((SecondFunction)bus.Machine.Function).Controller;
        controller.Underruns = 5;
        bus.Begin(buffers: 3, rounds: 12);
        bus.Machine.Pass(80_000);
        Assert.Equal((12, 12 * Talking.Places), (bus.Sent, bus.Times.Count + bus.Unsent));
        Assert.Equal(controller.Underrun, bus.Unsent);
        Assert.InRange(bus.Unsent, 20, 12 * Talking.Places / 2);
        Assert.Equal(bus.Expected.Select(one => one.Header), bus.Heard.Select(one => one.Header));
        Assert.Equal(0ul, bus.Driver.Counters.DeadContexts);
        bus.End();
    });

    /// <summary>The controller takes the cycle master's bit away when a cycle is too long (5.10, 6.1): the driver gives it back, and streams go on.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Cycles_that_were_too_long_do_not_end_cycles(int seed) => SecondModel.Use(seed, () =>
    {
        var random = new Random(seed);
        using var bus = new Talking(SecondModelTests.KindOf(seed));
        SecondController controller = ((SecondFunction)bus.Machine.Function).Controller;
        bus.Begin(buffers: 3, rounds: 1_000);
        for (int i = 0; i < 10; i++)
        {
            bus.Machine.Pass((ulong)random.Next(1, 4_000), 125);
            controller.CycleTooLong();
            int sent = bus.Sent;
            bus.Machine.Pass(40_000, 500);
            Assert.InRange(bus.Sent - sent, 3, 12);
        }
        Assert.Equal(10ul, bus.Driver.Counters.LongCycles);
        bus.End();
    });

    /// <summary>evt_overrun: only the front of a packet came (10.2.2). Its buffer is whole up to it, and all others are as they were said.</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Packets_that_came_too_fast_cost_their_own_buffers(int seed) => SecondModel.Use(seed, () =>
    {
        var random = new Random(seed);
        using var machine = new OhciMachine(SecondModelTests.KindOf(seed));
        var talker = new Talker();
        machine.Add(talker);
        Ohci driver = machine.ProbeRoot();
        var keeper = new IsoReceiveKeeper(driver, new IsoReceiveOptions(1ul << 5), 3, Places, PlaceBytes);
        ((SecondFunction)machine.Function).Controller.Overruns = 10;
        byte[][] said = [.. Enumerable.Range(0, 20 * Places).Select(_ => new byte[PlaceBytes])];
        foreach (byte[] one in said)
            random.NextBytes(one);
        talker.Say(said.Select(one => new Spoken(one)));
        machine.Pass(40_000);
        Assert.Equal(20, keeper.Filled.Count);
        for (int i = 0; i < 20; i++)
        {
            (int whole, byte[] bytes) = keeper.Filled[i];
            Assert.Equal(said.Skip(i * Places).Take(whole).SelectMany(one => one), bytes[..(whole * PlaceBytes)]);
        }
        Assert.InRange(keeper.Filled.Count(one => one.Whole < Places), 5, 19);
        Assert.Equal((0ul, 0ul), (driver.Counters.DeadContexts, driver.Counters.Restarts));
        keeper.End();
        machine.CheckNothingLeaks(driver);
    });

    /// <summary>The context of a stream dies at any moment: it goes on with the first buffer that is not done (3.1.1.3).</summary>
    [Theory, MemberData(nameof(Seeds))]
    public void Streams_whose_context_dies_go_on(int seed) => SecondModel.Use(seed, () =>
    {
        var random = new Random(seed);
        using var bus = new Talking(SecondModelTests.KindOf(seed), options: place => place % 9 == 4 ? IsoSendOptions.Interrupt : IsoSendOptions.None);
        bus.Machine.Dma.ExpectReports();
        SecondController controller = ((SecondFunction)bus.Machine.Function).Controller;
        var talker = new Talker();
        bus.Machine.Add(talker);
        bus.Reset(isLong: true);
        bus.Machine.Pass(1_000_000, 1_000);
        var keeper = new IsoReceiveKeeper(bus.Driver, new IsoReceiveOptions(1ul << 5, tags: 1 << 3, mode: (IsoReceiveMode)(seed % 5)), 3, Places, PlaceBytes);
        bus.Begin(buffers: 3, rounds: 10_000);
        ulong killed = 0;
        for (int i = 0; i < 30; i++)
        {
            (int sent, int received) = (bus.Sent, keeper.Filled.Count);
            talker.Say(Enumerable.Repeat(new Spoken(new byte[PlaceBytes], Tag: 3), 240));
            bus.Machine.Pass((ulong)random.Next(1, 8_000), 125);
            killed += controller.TryKillStream(isReceive: random.Next(2) == 0, 0) ? 1u : 0;
            bus.Machine.Pass(25_000, 500);
            Assert.InRange(bus.Sent - sent, 3, 9);
            Assert.InRange(keeper.Filled.Count - received, 12, 24);
        }
        Assert.Equal((30ul, 30ul, 0ul), (killed, bus.Driver.Counters.DeadContexts, bus.Driver.Counters.Restarts));
        keeper.End();
        bus.End();
    });
}
