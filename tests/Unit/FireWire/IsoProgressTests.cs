using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Core;
using Sluice.FireWire.Ohci;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>What is told of a buffer while it is sent: by interrupts, and by what the controller writes down.</summary>
public sealed class IsoProgressTests
{
    private const int Places = Talking.Places;

    public static TheoryData<string> Kinds => OhciMachine.Kinds;

    public static TheoryData<string> Cards => OhciTests.Cards;

    [Theory, MemberData(nameof(Kinds))]
    public void A_packet_that_interrupts_is_told_of_as_soon_as_it_was_sent(string kind)
    {
        using var bus = new Talking(kind, options: EachTenthInterrupts);
        bus.Begin(buffers: 3, rounds: 12);
        bus.Machine.Pass(80_000);
        Assert.Equal(12, bus.Sent);
        Assert.Equal(Enumerable.Range(0, 36).Select(i => (bus.Buffers[i / 3 % 3], 10 * (i % 3 + 1))), bus.Told.Select(told => (told.Buffer, told.Sent)));
        // It is looked at every second cycle.
        Assert.All(bus.Told, told => Assert.InRange(told.Late, 0, 1));
        Assert.Equal(bus.Expected.Select(one => one.Header), bus.Heard.Select(one => one.Header));
        bus.End();
    }

    [Fact]
    public void Packets_that_come_faster_than_they_are_looked_at_are_told_of_by_the_last()
    {
        using var bus = new Talking("coherent", options: _ => IsoSendOptions.Interrupt);
        bus.Begin(buffers: 2, rounds: 4);
        bus.Machine.Pass(40_000, step: 1_500);
        Assert.Equal(4, bus.Sent);
        Assert.InRange(bus.Told.Count, 4 * 2, 4 * 4);
        Assert.All(bus.Told, told => Assert.InRange(told.Sent, 1, Places - 1));
        Assert.All(bus.Told.Zip(bus.Told.Skip(1)).Where(two => two.First.Buffer == two.Second.Buffer), two => Assert.InRange(two.Second.Sent - two.First.Sent, 12, 13));
        bus.End();
    }

    [Fact]
    public void A_packet_that_interrupts_is_not_left_out_when_its_cycle_is_lost()
    {
        using var bus = new Talking("coherent", options: place => IsoSendOptions.Dropped | EachTenthInterrupts(place));
        bus.Begin(buffers: 2, rounds: 4);
        for (int i = 0; i < 20; i++)
        {
            bus.Machine.Pass(1_000);
            uint time = bus.Machine.Read(OhciRegister.CycleTimer);
            bus.Machine.Write(OhciRegister.CycleTimer, time + (5u << 12));
        }
        bus.Machine.Pass(20_000);
        Assert.Equal(4, bus.Sent);
        Assert.Equal(Enumerable.Range(0, 12).Select(i => 10 * (i % 3 + 1)), bus.Told.Select(told => told.Sent));
        Assert.InRange(bus.Unsent, 20, 4 * Places - 16);
        bus.End();
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Progress_is_written_down_and_nobody_is_interrupted(string kind)
    {
        using var bus = new Talking(kind, options: place => place % 5 == 4 ? IsoSendOptions.Progress : IsoSendOptions.None);
        ulong interrupts = bus.Driver.Counters.Interrupts;
        bus.Begin(buffers: 2, rounds: 6);
        var seen = new HashSet<int>();
        for ((int sent, int before) = (0, 0); bus.Sent < 6; bus.Machine.Pass(250))
        {
            IsoTransmitBuffer buffer = bus.Buffers[bus.Sent % 2];
            before = bus.Sent == sent ? before : 0;
            sent = bus.Sent;
            Assert.InRange(buffer.Progress, before, Places - 1);
            before = buffer.Progress;
            Assert.InRange(bus.Heard.Count, bus.Due(buffer, before), int.MaxValue);
            seen.Add(before);
        }
        Assert.Equal([0, 4, 9, 14, 19, 24, 29, 34], seen.Where(progress => progress != 39).Order());
        Assert.Equal((6ul, 0ul, 0), (bus.Driver.Counters.Interrupts - interrupts, bus.Driver.Counters.BadProgress, bus.Told.Count));
        Assert.All(bus.Buffers, buffer => Assert.Equal(0, buffer.Progress));
        Assert.Equal(bus.Expected.Select(one => one.Header), bus.Heard.Select(one => one.Header));
        bus.End();
    }

    [Fact]
    public void Progress_that_cannot_be_is_counted_and_not_believed()
    {
        using var bus = new Talking("coherent");
        IsoTransmitBuffer buffer = bus.SendNothing(Places, place => place == 5 ? IsoSendOptions.Progress : IsoSendOptions.None);
        uint word = bus.Machine.Read(OhciRegister.It + 0xC) + 15;
        bus.Machine.Pass(1_000);
        Assert.Equal((5, 0ul), (buffer.Progress, bus.Driver.Counters.BadProgress));
        foreach (uint wrong in new uint[] { uint.MaxValue, 0x8000_0000, Places, 4, 0 })
        {
            Assert.True(bus.Machine.Function.TryWrite32(word, wrong));
            Assert.Equal(5, buffer.Progress);
        }
        Assert.Equal(5ul, bus.Driver.Counters.BadProgress);
        Assert.True(bus.Machine.Function.TryWrite32(word, Places - 1));
        Assert.Equal(Places - 1, buffer.Progress);
        bus.End();
    }

    [Fact]
    public void An_interrupt_without_progress_tells_nothing()
    {
        using var bus = new Talking("coherent");
        IsoTransmitBuffer buffer = bus.SendNothing(Places, place => place == 20 ? IsoSendOptions.Interrupt : IsoSendOptions.None);
        ulong interrupts = bus.Driver.Counters.Interrupts;
        for (int i = 0; i < 8; i++)
        {
            bus.Machine.Write(OhciRegister.ItEvent, 1);
            bus.Machine.Pass(250);
        }
        Assert.Equal((8ul, 0, 0), (bus.Driver.Counters.Interrupts - interrupts, bus.Told.Count, bus.Sent));
        bus.Machine.Pass(1_500);
        Assert.Equal([(buffer, 21)], bus.Told.Select(told => (told.Buffer, told.Sent)));
        bus.End();
    }

    [Theory, MemberData(nameof(Cards))]
    public void No_card_reads_beyond_the_descriptors(string card)
    {
        using var bus = new Talking("coherent", card);
        // They fill their pages.
        bus.SendNothing(256, _ => IsoSendOptions.None);
        bus.Machine.Pass(40_000);
        uint block = bus.Machine.Read(OhciRegister.It + 0xC);
        Assert.Equal((1, 1u), (bus.Sent, block & 0xF));
        Assert.InRange((block & 0xFF0) + 32, 32u, PhysAddr.PageSize);
        bus.End();
    }

    private static IsoSendOptions EachTenthInterrupts(int place) => place % 10 == 9 ? IsoSendOptions.Interrupt : IsoSendOptions.None;
}
