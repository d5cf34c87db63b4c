using System;
using System.Linq;
using Sluice.Drivers.Iidc;
using Sluice.Drivers.Video;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Xunit;
using Camera = Sluice.Drivers.Iidc.Camera;
using ModelCamera = Sluice.FireWire.Iidc.Camera;
using ModelMode = Sluice.FireWire.Iidc.VideoMode;
using Rcode = Sluice.FireWire.Bus.Rcode;

namespace Sluice.Tests.FireWire;

/// <summary>Frames of the model's camera, received by the model's controller.</summary>
public sealed class CameraTests
{
    public static TheoryData<string> Kinds => OhciMachine.Kinds;

    public static TheoryData<int, int> Modes => [.. from mode in Enumerable.Range(0, 7) from rate in (int[])[1, 3, 4] select (mode, rate)];

    [Theory, MemberData(nameof(Kinds))]
    public void Frames_come_whole_and_what_was_taken_is_given_back(string kind)
    {
        using var bus = new Viewing(kind);
        bus.Start(5, 3);
        bus.See(6);
        CameraCounters drops = bus.Camera.Drops;
        Assert.Equal((6ul, 0ul), (bus.Camera.Counters.Frames, drops.Gaps + drops.Crowded + drops.Damaged + drops.Short + drops.Long + drops.Cut + bus.Camera.Counters.Skipped));
        bus.End();
    }

    [Theory, MemberData(nameof(Modes))]
    public void Every_mode_and_rate_that_the_camera_has_works_and_others_are_refused(int mode, int rate)
    {
        using var bus = new Viewing("coherent, bounced");
        ModelMode theirs = ModelMode.Of(mode);
        Assert.Equal((theirs.Width, theirs.Height, theirs.FrameBytes), (Sluice.Drivers.Iidc.VideoMode.Of(mode).Width, Sluice.Drivers.Iidc.VideoMode.Of(mode).Height, Sluice.Drivers.Iidc.VideoMode.Of(mode).FrameBytes));
        if (!theirs.HasRate(rate))
        {
            Assert.True(bus.Camera.TryStart(mode, rate));
            bus.Machine.Pass(100_000);
            Assert.Equal((VideoState.Idle, VideoEnd.NoSuchMode), (bus.Camera.State, bus.Camera.End));
        }
        else
        {
            Assert.Equal((theirs.PacketBytes(rate), ModelMode.Packets(rate)), (Sluice.Drivers.Iidc.VideoMode.Of(mode).PacketBytes(rate), Sluice.Drivers.Iidc.VideoMode.Packets(rate)));
            bus.Start(mode, rate);
            bus.See(2);
        }
        bus.End();
    }

    [Theory]
    [InlineData("coherent")]
    [InlineData("lines of 64 (seed 1)")]
    [InlineData("coherent, checked")]
    public void Bus_resets_while_it_starts_sends_and_stops_are_survived(string kind)
    {
        using var bus = new Viewing(kind);
        for (int step = 0; step < 8; step++)
        {
            Assert.True(bus.Camera.TryStart(1, 3));
            for (int i = 0; i < step * 3 && bus.Camera.State == VideoState.Starting; i++)
                bus.Machine.Pass(250);
            bus.Reset(isLong: step % 2 == 0);
            bus.Wait(VideoState.Running);
            bus.See(2, isExact: false);
            bus.Reset(isLong: step % 2 != 0);
            bus.See(3, isExact: false);
            bus.Camera.Stop();
            if (step % 3 == 0)
                bus.Reset(isLong: true);
            bus.Wait(VideoState.Idle);
            Assert.Equal(-1, bus.Camera.Channel);
            // The frame that it was told in is sent whole.
            bus.Machine.Pass(100_000);
            Assert.False(bus.Theirs.NeedsCycles);
        }
        bus.End();
    }

    [Fact]
    public void A_camera_that_is_pulled_ends_silent_and_works_when_it_is_back()
    {
        using var bus = new Viewing("coherent");
        bus.Start(5, 3);
        bus.See(2);
        bus.Machine.Bus.Disconnect(bus.Theirs.Phy);
        bus.Wait(VideoState.Absent, 40_000_000);
        Assert.Equal(VideoEnd.Silent, bus.Camera.End);
        bus.Machine.Bus.Connect(bus.Theirs.Phy, bus.Machine.Phy);
        bus.Wait(VideoState.Idle, 10_000_000);
        bus.Machine.Pass(1_000_000, 2_000);
        bus.Start(5, 3);
        bus.See(2, isExact: false);
        bus.End();
    }

    [Fact]
    public void A_camera_without_power_is_switched_on()
    {
        using var bus = new Viewing("coherent");
        bus.Theirs.SwitchOff();
        bus.Start(5, 3);
        bus.See(2);
        bus.End();
    }

    /// <summary>Who had it before was restarted, and did not tell it to stop. What it sends cannot be changed while it sends.</summary>
    [Fact]
    public void A_camera_that_still_sends_for_another_is_stopped_first()
    {
        using var bus = new Viewing("coherent");
        foreach ((uint register, uint value) in (ReadOnlySpan<(uint, uint)>)[(0x604, 1u << 29), (0x60C, 9u << 28 | 2 << 24), (0x614, 1u << 31)])
            bus.Write(register, value);
        bus.Machine.Pass(100_000);
        Assert.True(bus.Theirs.Frames > 0);
        bus.Start(5, 4);
        bus.See(3, isExact: false);
        bus.End();
    }

    [Theory]
    [InlineData(Rcode.ConflictError)]
    [InlineData(Rcode.DataError)]
    public void A_camera_that_is_busy_at_any_step_is_asked_again(Rcode busy)
    {
        using var bus = new Viewing("coherent");
        for (int step = 0; step < 12; step++)
        {
            bus.Theirs.Refusals.Clear();
            for (int i = 0; i < step; i++)
                bus.Theirs.Refusals.Enqueue(null);
            bus.Theirs.Refusals.Enqueue(busy);
            bus.Theirs.Refusals.Enqueue(busy);
            bus.Start(1, 3);
            bus.See(2, isExact: false);
            bus.Camera.Stop();
            bus.Wait(VideoState.Idle);
            bus.Machine.Pass(100_000);
            Assert.False(bus.Theirs.NeedsCycles);
        }
        bus.End();
    }

    [Theory]
    [InlineData(Rcode.ConflictError, 10_000_000)]
    [InlineData(Rcode.TypeError, 100_000)]
    public void A_camera_that_refuses_for_good_is_given_up(Rcode refusal, int microseconds)
    {
        using var bus = new Viewing("coherent");
        for (int i = 0; i < 100; i++)
            bus.Theirs.Refusals.Enqueue(refusal);
        Assert.True(bus.Camera.TryStart(1, 3));
        bus.Machine.Pass(1000);
        bus.Wait(VideoState.Idle, microseconds);
        Assert.Equal(VideoEnd.Refused, bus.Camera.End);
        bus.Theirs.Refusals.Clear();
        bus.End();
    }

    [Fact]
    public void Nobody_takes_frames_and_the_camera_goes_on()
    {
        using var bus = new Viewing("coherent");
        bus.Start(5, 4);
        bus.Machine.Pass(1_000_000, 2_000);
        Assert.InRange(bus.Camera.Counters.Frames, 28ul, 31ul);
        Assert.Equal(bus.Camera.Counters.Frames, bus.Camera.Counters.Skipped + VideoSource.Frames - 2);
        // What is there are the newest.
        Assert.True(bus.Camera.TryTake(out VideoFrame frame));
        Assert.Equal((uint)bus.Camera.Counters.Frames - 2, Viewing.NumberOf(frame));
        bus.Camera.GiveBack(frame);
        bus.End();
    }

    [Theory]
    [InlineData("coherent")]
    [InlineData("coherent, bounced, checked")]
    public void Whoever_talks_on_its_channel_costs_frames_and_is_counted(string kind)
    {
        using var bus = new Viewing(kind);
        bus.Start(5, 3);
        bus.See(2);
        int channel = bus.Camera.Channel;
        var random = new Random(4);
        foreach (Spoken spoken in (Spoken[])[new Spoken(new byte[640], channel), new Spoken(new byte[8], channel), new Spoken(new byte[2000], channel),
            new Spoken(new byte[640], channel, IsDamaged: true), new Spoken(new byte[640], channel, Sync: 1), new Spoken([], channel), new Spoken(new byte[640], channel, Tag: 3)])
        {
            bus.Talker.Say(Enumerable.Repeat(spoken, 100));
            bus.See(5, isExact: false, isPure: false);
        }
        bus.Talker.Say(Enumerable.Range(0, 4000).Select(_ => new Spoken(new byte[random.Next(2048)], random.Next(64), random.Next(4), random.Next(16), random.Next(2) == 0)));
        bus.See(9, isExact: false, isPure: false);
        CameraCounters c = bus.Camera.Drops;
        Assert.All((ulong[])[c.Crowded, c.Short, c.Long, c.Damaged, c.Cut], count => Assert.NotEqual(0ul, count));
        bus.See(3, isExact: false);
        bus.End();
    }

    [Fact]
    public void Without_bandwidth_or_memory_it_does_not_start()
    {
        using var bus = new Viewing("coherent");
        var holder = new Holder();
        var resources = new IsoResources(bus.Driver.Bus, holder);
        Assert.Equal(Error.None, resources.Allocate(1, 4000));
        bus.Machine.Pass(100_000);
        Assert.Equal(ResourceResult.Complete, holder.Result);
        Assert.True(bus.Camera.TryStart(5, 4));
        bus.Wait(VideoState.Idle);
        Assert.Equal(VideoEnd.NoResources, bus.Camera.End);
        Assert.Equal(Error.None, resources.Release());
        bus.Machine.Pass(100_000);
        bus.Start(5, 4);
        Assert.Equal(0, bus.Camera.Channel);
        bus.See(2);
        bus.End();
    }

    [Theory]
    [InlineData("coherent")]
    [InlineData("coherent, checked")]
    public void A_controller_that_is_pulled_or_dies_gives_all_back(string kind)
    {
        foreach (OhciFaults fault in (OhciFaults[])[OhciFaults.Gone, OhciFaults.DeadContext, OhciFaults.StuckContext])
        {
            using var bus = new Viewing(kind);
            bus.Start(5, 3);
            bus.See(2);
            bus.MustGiveAllBack(fault);
        }
    }

    private sealed class Holder : IResourceHandler
    {
        public ResourceResult? Result { get; private set; }

        public void OnResources(IsoResources resources, ResourceResult result) => Result = result;
    }

    private sealed class Viewing : VideoMachine<ModelCamera>, ITransactionHandler
    {
        private long _next = -1;

        public Viewing(string kind) : base(kind, new ModelCamera(new BusInformation(0xCA3E4A, MaxRecord: 10)))
        {
            Camera = new Camera(Driver.Bus, Driver.Function.Dma);
            Assert.True(Sources.TryAdd(Camera, Driver));
            Settle();
        }

        public Camera Camera { get; }

        public static uint NumberOf(in VideoFrame frame) => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(frame.Bytes);

        public void Start(int mode, int rate)
        {
            Assert.True(Camera.TryStart(mode, rate));
            Wait(VideoState.Running);
        }

        /// <summary>Writes one of its registers as somebody else would.</summary>
        public void Write(uint register, uint value)
        {
            FireWireBus core = Driver.Bus;
            core.Submit(new Transaction(this).WriteQuadlet(Theirs.Phy.PhysicalId, core.Generation, ModelCamera.CommandBase + register, value));
            Machine.Pass(1_000);
        }

        public void OnDone(Transaction transaction) => Assert.Equal(TransactionResult.Complete, transaction.Result);

        /// <summary>Takes so many frames: each is one that was sent, in order.</summary>
        public void See(int frames, bool isExact = true, bool isPure = true)
        {
            Sluice.FireWire.Iidc.VideoMode mode = ModelMode.Of(Enumerable.Range(0, 7).First(i => Sluice.Drivers.Iidc.VideoMode.Of(i).Equals(Camera.VideoMode)));
            byte[] picture = new byte[mode.FrameBytes];
            for (int passed = 0; frames > 0 && passed < 20_000; passed++)
            {
                while (frames > 0 && Camera.TryTake(out VideoFrame frame))
                {
                    uint number = NumberOf(frame);
                    Sluice.FireWire.Iidc.TestPicture.Draw(mode, number, 128, picture);
                    if (isPure)
                    {
                        Assert.True(frame.Bytes.SequenceEqual(picture));
                        Assert.True(isExact && _next >= 0 ? number == _next : number >= _next);
                        _next = number + 1;
                    }
                    Camera.GiveBack(frame);
                    frames--;
                }
                Machine.Pass(2_000, 2_000);
            }
            Assert.Equal(0, frames);
        }
    }
}
