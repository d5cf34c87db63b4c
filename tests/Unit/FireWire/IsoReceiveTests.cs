using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Ohci;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>Streams received by the controller's driver, on every kind of machine, with the model's controller and a node that talks.</summary>
public sealed class IsoReceiveTests
{
    private const int Places = 12, PlaceBytes = 1000, Channel = 5;

    public static TheoryData<string> Kinds => OhciMachine.Kinds;

    public static TheoryData<string> Cards => OhciTests.Cards;

    [Theory, MemberData(nameof(Kinds))]
    public void Frames_are_what_was_said_and_change_hands_as_a_whole(string kind)
    {
        using var bus = new Listening(kind);
        bus.Begin(buffers: 3, waits: true);
        byte[][] frames = [.. Enumerable.Range(0, 10).Select(i => bus.Frame(i))];
        // Cut short at its front: what is there of it is not waited for.
        bus.Talker.Say(Listening.Cut(frames[0])[5..]);
        foreach (byte[] frame in frames)
            bus.Talker.Say(Listening.Cut(frame));
        bus.Machine.Pass(20_000);
        Assert.Equal(frames.Length, bus.Seen.Count);
        for (int i = 0; i < frames.Length; i++)
            Assert.Equal(frames[i], bus.Seen[i].Bytes);
        Assert.All(bus.Seen, seen => Assert.Equal((Places, Places - 1), (seen.Whole, IsoPacket.Cycles(seen.Packets[0].Time, seen.Packets[^1].Time))));
        Assert.Equal(10ul, bus.Driver.Counters.StreamBuffers);
        bus.End();
    }

    [Theory, MemberData(nameof(Cards))]
    public void A_context_without_buffers_goes_on_when_it_has_some_again(string card)
    {
        using var bus = new Listening("coherent", card);
        bus.Begin(buffers: 2, waits: true, queuesAgain: false);
        List<byte[]> frames = [];
        for (int i = 0; i < 7; i++)
        {
            frames.Add(bus.Frame(i));
            bus.Talker.Say(Listening.Cut(frames[^1]));
            bus.Machine.Pass(3_000);
            // At first both wait for it, then one, which has to follow itself, or two.
            foreach (IsoReceiveBuffer buffer in bus.Waiting.Where((_, place) => i % 3 != 1 || place == 0).ToArray())
            {
                bus.Waiting.Remove(buffer);
                bus.Receiver.Queue(buffer);
            }
        }
        bus.Machine.Pass(3_000);
        Assert.Equal(frames, bus.Seen.Select(seen => seen.Bytes));
        Assert.Equal((0, 0ul), ((int)bus.Machine.Function.IsochronousLost, bus.Driver.Counters.DeadContexts));
        bus.End();
    }

    [Theory]
    [InlineData("coherent")]
    [InlineData("coherent, bounced")]
    [InlineData("lines of 64 (seed 1)")]
    [InlineData("coherent, checked")]
    [InlineData("lines of 64 (seed 7), checked")]
    public void What_does_not_fit_is_told_and_nothing_else_is_touched(string kind)
    {
        using var bus = new Listening(kind);
        bus.Begin(buffers: 3, waits: true);
        byte[] good = bus.Frame(7);
        Spoken[] frame = Listening.Cut(good);
        bus.Talker.Say(frame);
        // Another channel, another tag and a cycle of silence do not count as a place.
        bus.Talker.Say([frame[0], frame[1] with { Channel = 6 }, frame[1] with { Tag = 2 }, new Spoken(null), .. frame[1..]]);
        // Too short, too long, damaged, another length than it says, nothing at all, the beginning of another frame.
        bus.Talker.Say([.. frame[..4], frame[4] with { Data = new byte[96] }, .. frame[5..]]);
        bus.Talker.Say([.. frame[..4], frame[4] with { Data = new byte[PlaceBytes + 4] }, .. frame[5..]]);
        bus.Talker.Say([.. frame[..4], frame[4] with { IsDamaged = true }, .. frame[5..]]);
        bus.Talker.Say([.. frame[..4], frame[4] with { SaysBytes = 0xFFFF, IsDamaged = true }, .. frame[5..]]);
        bus.Talker.Say([.. frame[..4], frame[4] with { Data = [] }, .. frame[5..]]);
        bus.Talker.Say([.. frame[..4], frame[0], .. frame[5..]]);
        bus.Talker.Say(frame);
        bus.Machine.Pass(20_000);
        Assert.Equal([Places, Places, 4, 4, 4, 4, 4, 4, Places], bus.Seen.Select(seen => seen.Whole));
        Assert.Equal([good, good, [.. good[..4000], .. new byte[96]], good[..4000], good[..4000], good[..4000], good[..4000], [.. good[..4000]], good], bus.Seen.Select(seen => seen.Bytes));
        Assert.Equal(Places - 1 + 3, IsoPacket.Cycles(bus.Seen[1].Packets[0].Time, bus.Seen[1].Packets[^1].Time));
        Assert.Equal([96, PlaceBytes + 4, PlaceBytes, 0xFFFF, 0, PlaceBytes], bus.Seen[2..8].Select(seen => seen.Packets[4].DataBytes));
        Assert.Equal([true, false, false, false, true, true], bus.Seen[2..8].Select(seen => seen.Packets[4].IsWhole));
        Assert.Equal(1, bus.Seen[7].Packets[4].Sync);
        bus.End();
    }

    /// <summary>The place of a buffer's last packet lies across two pages, and the packet ends in the first of them, at its end, or before it has begun.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Buffers_that_end_with_a_short_packet_are_done(string kind)
    {
        const int places = 9;
        int[] lengths = [0, 4, 100, 188, 192, 196, 600, 996, PlaceBytes, 192, 0, 188];
        using var bus = new Listening(kind);
        bus.Begin(buffers: 3, waits: false, places: places);
        Spoken[] frame = Listening.Cut(bus.Frame(5));
        foreach (int bytes in lengths)
            bus.Talker.Say([.. frame[..(places - 1)], frame[places - 1] with { Data = frame[places - 1].Data![..bytes] }]);
        bus.Machine.Pass(30_000);
        Assert.Equal(lengths.Select(bytes => (bytes, true)), bus.Seen.Select(seen => (seen.Packets[^1].DataBytes, seen.Packets[^1].IsWhole)));
        Assert.All(bus.Seen.Zip(lengths), pair => Assert.Equal(frame[places - 1].Data![..pair.Second], pair.First.Bytes[((places - 1) * PlaceBytes)..][..pair.Second]));
        bus.End();
    }

    [Fact]
    public void It_waits_for_its_cycle_and_takes_the_channel_and_the_tags_that_are_wanted()
    {
        using var bus = new Listening("coherent");
        bus.Begin(buffers: 2, waits: false, options: new IsoReceiveOptions(1ul << 63, tags: 0b0101, startCycle: -1));
        byte[] data = bus.Frame(1);
        Spoken[] frame = Listening.Cut(data);
        Spoken[] mixed = [.. frame.Select((one, i) => one with { Channel = 63, Tag = i % 2 * 2 })];
        for (int i = 0; i < Places; i++)
            bus.Talker.Script.Enqueue([mixed[i], mixed[i] with { Tag = 1 }, mixed[i] with { Channel = 62 }, mixed[i] with { Tag = 3 }]);
        bus.Talker.Say([]);
        bus.Machine.Pass(4_000);
        Assert.Equal(data, bus.Seen.Single().Bytes);
        Assert.Equal(mixed.Select(one => (one.Channel, one.Tag)), bus.Seen[0].Packets.Select(one => (one.Channel, one.Tag)));
        Assert.Equal(Error.None, bus.Receiver.Stop());

        uint now = bus.Driver.CycleTime >> 12 & 0x7FFF, start = (now & 0x6000) + (now & 0x1FFF) + 20;
        Assert.InRange(now & 0x1FFF, 0u, 7900u);
        Assert.Equal(Error.None, bus.Receiver.Start(new IsoReceiveOptions(1ul << Channel, startCycle: (int)start)));
        foreach (IsoReceiveBuffer buffer in bus.Buffers)
            bus.Receiver.Queue(buffer);
        bus.Talker.Say([.. frame, .. frame, .. frame]);
        bus.Machine.Pass(6_000);
        // Those of the cycle itself are taken, and of no earlier one.
        Assert.Equal(start & 0x1FFF, bus.Seen[1].Packets[0].Time & 0x1FFF);
        bus.End();
    }

    [Fact]
    public void A_context_that_dies_is_started_anew_and_ends_when_that_does_not_help()
    {
        using var bus = new Listening("coherent");
        bus.Begin(buffers: 3, waits: true);
        byte[] frame = bus.Frame(3);
        for (int i = 0; i < 20; i++)
        {
            bus.Machine.Controller.Faults = OhciFaults.DeadContext;
            bus.Talker.Say(Listening.Cut(frame)[..1]);
            bus.Machine.Pass(2_000);
            bus.Machine.Controller.Faults = OhciFaults.None;
            bus.Talker.Say(Listening.Cut(frame));
            bus.Machine.Pass(3_000);
        }
        Assert.Equal((20, 20ul), (bus.Seen.Count, bus.Driver.Counters.DeadContexts));
        Assert.Null(bus.Ended);
        bus.Machine.Controller.Faults = OhciFaults.DeadContext;
        bus.Talker.Say(Enumerable.Repeat(Listening.Cut(frame), 10).SelectMany(one => one));
        bus.Machine.Pass(20_000);
        Assert.Equal((Error.Malformed, false, 26ul), (bus.Ended, bus.Receiver.IsStarted, bus.Driver.Counters.DeadContexts));
        Assert.All(bus.Buffers, buffer => Assert.False(buffer.IsQueued));
        bus.Machine.Controller.Faults = OhciFaults.None;
        bus.End();
    }

    [Fact]
    public void Bus_resets_and_a_reset_of_the_controller_do_not_end_it()
    {
        using var bus = new Listening("coherent, bounced");
        bus.Begin(buffers: 3, waits: true);
        byte[] frame = bus.Frame(3);
        for (int i = 0; i < 4; i++)
        {
            bus.Talker.Say(Listening.Cut(frame));
            bus.Machine.Pass(250);
            bus.Machine.Phy.InitiateReset(isLong: i % 2 == 0);
            bus.Machine.Pass(10_000);
            bus.Driver.SetCycleMaster(true);
            bus.Talker.Say([.. Listening.Cut(frame), .. Listening.Cut(frame)]);
            bus.Machine.Pass(10_000);
            // That which the reset cut in two may end with what follows.
            Assert.Equal(frame, bus.Seen[^1].Bytes);
        }
        bus.Driver.Fail();
        bus.Machine.Pass(3_000_000);
        Assert.Equal(1ul, bus.Driver.Counters.Restarts);
        bus.Driver.SetCycleMaster(true);
        int before = bus.Seen.Count;
        bus.Talker.Say([.. Listening.Cut(frame), .. Listening.Cut(frame)]);
        bus.Machine.Pass(10_000);
        Assert.Equal((before + 2, true), (bus.Seen.Count, bus.Seen[^1].Bytes.SequenceEqual(frame)));
        bus.End();
    }

    [Theory]
    [InlineData("coherent")]
    [InlineData("lines of 64 (seed 1)")]
    [InlineData("coherent, checked")]
    public void A_context_that_cannot_be_stopped_costs_a_reset_and_keeps_its_memory_until_then(string kind)
    {
        using var bus = new Listening(kind);
        bus.Begin(buffers: 3, waits: true);
        bus.Machine.Controller.Faults = OhciFaults.StuckContext;
        Assert.Equal(Error.Timeout, bus.Receiver.Stop());
        Assert.Equal(Error.Timeout, bus.Receiver.Stop());
        Assert.All(bus.Buffers, buffer => Assert.True(buffer.IsQueued));
        bus.Machine.Controller.Faults = OhciFaults.None;
        bus.Machine.Pass(3_000_000);
        Assert.Equal((Error.Timeout, true), (bus.Ended, bus.Driver.IsRunning));
        Assert.All(bus.Buffers, buffer => Assert.False(buffer.IsQueued));
        bus.End();
    }

    [Fact]
    public void Without_an_interrupt_what_came_is_found_and_no_memory_is_told()
    {
        using var bus = new Listening("coherent");
        bus.Begin(buffers: 3, waits: true);
        byte[] frame = bus.Frame(3);
        bus.Machine.Controller.Faults = OhciFaults.InterruptLost;
        bus.Talker.Say([.. Listening.Cut(frame), .. Listening.Cut(frame)]);
        bus.Machine.Pass(1_100_000);
        Assert.Equal(2, bus.Seen.Count);
        bus.Machine.Controller.Faults = OhciFaults.None;
        bus.End();
        IsoReceiveBuffer large = bus.Receiver.NewBuffer();
        Assert.Equal(Error.NoResources, large.TryMake(bus.Driver.Function.Dma, 60_000, 4096, waits: false));
        Assert.Equal(Error.TooLarge, large.TryMake(bus.Driver.Function.Dma, 10, 4098, waits: false));
        Assert.False(large.IsMade);
    }

    [Fact]
    public void There_are_so_many_contexts_as_the_controller_has()
    {
        using var bus = new Listening("coherent");
        for (int i = 1; i < 4; i++)
            Assert.True(bus.Driver.TryTakeReceiver(bus, out _));
        Assert.False(bus.Driver.TryTakeReceiver(bus, out _));
        bus.End();
    }

    private sealed record Filled(int Whole, byte[] Bytes, IsoPacket[] Packets);

    // A machine that listens, and notes what it hears.
    private sealed class Listening : IIsoReceiveHandler, IDisposable
    {
        private bool _queuesAgain;

        public Listening(string kind, string card = "fw643")
        {
            Machine = new OhciMachine(kind, card);
            Machine.Add(Talker);
            Driver = Machine.ProbeRoot();
            Assert.True(Driver.TryTakeReceiver(this, out IsoReceiver? receiver));
            Receiver = receiver!;
        }

        public OhciMachine Machine { get; }

        public Talker Talker { get; } = new();

        public Ohci Driver { get; }

        public IsoReceiver Receiver { get; }

        public List<IsoReceiveBuffer> Buffers { get; } = [];

        public List<IsoReceiveBuffer> Waiting { get; } = [];

        public List<Filled> Seen { get; } = [];

        public Error? Ended { get; private set; }

        public void Begin(int buffers, bool waits, bool queuesAgain = true, IsoReceiveOptions? options = null, int places = Places)
        {
            _queuesAgain = queuesAgain;
            Assert.Equal(Error.None, Receiver.Start(options ?? new IsoReceiveOptions(1ul << Channel, tags: 1, sync: 1)));
            for (int i = 0; i < buffers; i++)
            {
                Buffers.Add(Receiver.NewBuffer());
                Assert.Equal(Error.None, Buffers[i].TryMake(Driver.Function.Dma, places, PlaceBytes, waits));
                Receiver.Queue(Buffers[i]);
            }
        }

        public byte[] Frame(int number)
        {
            byte[] frame = new byte[Places * PlaceBytes];
            new Random(number).NextBytes(frame);
            return frame;
        }

        public static Spoken[] Cut(byte[] frame) => [.. frame.Chunk(PlaceBytes).Select((data, i) => new Spoken(data, Channel, Sync: i == 0 ? 1 : 0))];

        public void End()
        {
            if (Driver.IsRunning)
                Assert.Equal(Error.None, Receiver.Stop());
            foreach (IsoReceiveBuffer buffer in Buffers)
                buffer.Free();
            Machine.CheckNothingLeaks(Driver);
        }

        public void OnFilled(IsoReceiveBuffer buffer)
        {
            Seen.Add(new Filled(buffer.Whole, buffer.Bytes.ToArray(), [.. Enumerable.Range(0, buffer.Packets).Select(i => buffer[i])]));
            if (_queuesAgain)
                Receiver.Queue(buffer);
            else
                Waiting.Add(buffer);
        }

        public void OnEnded(Error why) => Ended = why;

        public void Dispose() => Machine.Dispose();
    }
}
