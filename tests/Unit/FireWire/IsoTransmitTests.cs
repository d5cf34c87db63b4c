using System;
using System.Linq;
using Sluice.FireWire.Core;
using Sluice.FireWire.Ohci;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>Streams sent by the controller's driver, on every kind of machine, heard by a node of the model's bus.</summary>
public sealed class IsoTransmitTests
{
    public static TheoryData<string> Kinds => OhciMachine.Kinds;

    public static TheoryData<string> Cards => OhciTests.Cards;

    [Theory, MemberData(nameof(Kinds))]
    public void What_was_set_goes_out_a_packet_a_cycle(string kind)
    {
        using var bus = new Talking(kind);
        bus.Begin(buffers: 3, rounds: 12);
        bus.Machine.Pass(80_000);
        Assert.Equal(12 * Talking.Places, bus.Times.Count);
        Assert.Equal(bus.Expected.Count, bus.Heard.Count);
        for (int i = 0; i < bus.Heard.Count; i++)
        {
            Assert.Equal(bus.Expected[i].Header, bus.Heard[i].Header);
            Assert.Equal(bus.Expected[i].Data, bus.Heard[i].Data);
        }
        // Nine buffers follow one another without a gap; in the time stamps, and on the bus.
        for (int i = 1; i < bus.Times.Count; i++)
            Assert.Equal(1, IsoPacket.Cycles(bus.Times[i - 1], bus.Times[i]));
        Assert.Equal(bus.Times.Zip(bus.Kept).Where(one => one.Second).Select(one => one.First & 0xFFFF), bus.Heard.Select(one => one.Time));
        bus.End();
    }

    [Theory, MemberData(nameof(Cards))]
    public void It_begins_with_its_cycle_and_goes_on_after_it_had_nothing(string card)
    {
        using var bus = new Talking("coherent", card);
        uint now = bus.Driver.CycleTime >> 12 & 0x7FFF, start = now + 20;
        Assert.InRange(now & 0x1FFF, 0u, 7900u);
        bus.Begin(buffers: 2, rounds: 2, startCycle: (int)start);
        bus.Machine.Pass(30_000);
        // The cycle that it waits for is over when it has come.
        Assert.InRange((bus.Times[0] & 0x1FFF) - (start & 0x1FFF), 0u, 1u);
        for (int i = 0; i < 5; i++)
        {
            bus.Send(bus.Buffers[0]);
            if (i % 2 == 0)
                bus.Send(bus.Buffers[1]);
            bus.Machine.Pass(20_000);
        }
        Assert.Equal((10, bus.Expected.Count), (bus.Sent, bus.Heard.Count));
        Assert.Equal(bus.Expected.Select(one => one.Header), bus.Heard.Select(one => one.Header));
        bus.End();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_packet_whose_cycle_is_lost_goes_out_late_or_not_at_all(bool isDropped)
    {
        using var bus = new Talking("coherent", options: _ => isDropped ? IsoSendOptions.Dropped : IsoSendOptions.None);
        bus.Begin(buffers: 2, rounds: 4);
        bus.Machine.Pass(3_500);
        int before = bus.Heard.Count;
        // Five cycles pass at once.
        uint time = bus.Machine.Read(OhciRegister.CycleTimer);
        bus.Machine.Write(OhciRegister.CycleTimer, time + (5u << 12));
        bus.Machine.Pass(40_000);
        Assert.InRange(before, 20, 40);
        Assert.Equal(4, bus.Sent);
        int missing = bus.Expected.Count - bus.Heard.Count;
        Assert.InRange(missing, isDropped ? 1 : 0, isDropped ? 6 : 0);
        // The last of a buffer is never left out, and may be among the five.
        Assert.InRange(bus.Unsent, isDropped ? 4 : 0, 5);
        Assert.All(bus.Heard, heard => Assert.Contains(bus.Expected, one => one.Header == heard.Header && one.Data.SequenceEqual(heard.Data)));
        bus.End();
    }

    [Theory]
    [InlineData("coherent")]
    [InlineData("coherent, bounced, checked")]
    [InlineData("lines of 64 (seed 1)")]
    public void Bus_resets_a_reset_of_the_controller_and_its_end_leave_nothing_behind(string kind)
    {
        using var bus = new Talking(kind);
        bus.Begin(buffers: 3, rounds: 1000);
        for (int i = 0; i < 3; i++)
        {
            bus.Machine.Pass(5_000);
            bus.Reset(isLong: i % 2 == 0);
            int sent = bus.Sent;
            bus.Machine.Pass(20_000);
            Assert.InRange(bus.Sent - sent, 3, 5);
        }
        bus.Driver.Fail();
        bus.Machine.Pass(1_000_000, 1_000);
        bus.Driver.SetCycleMaster(true);
        int before = bus.Sent;
        bus.Machine.Pass(20_000);
        Assert.InRange(bus.Sent - before, 3, 5);
        bus.Machine.Controller.Faults = OhciFaults.DeadContext;
        bus.Machine.Pass(100_000);
        Assert.Equal((Error.Malformed, false), (bus.Ended, bus.Transmitter.IsStarted));
        bus.Machine.Controller.Faults = OhciFaults.None;
        bus.Begin(buffers: 0, rounds: 10);
        foreach (IsoTransmitBuffer buffer in bus.Buffers)
            bus.Send(buffer);
        bus.Machine.Pass(5_000);
        bus.End(isPulled: true);
        Assert.Equal(Error.DeviceGone, bus.Ended);
    }
}
