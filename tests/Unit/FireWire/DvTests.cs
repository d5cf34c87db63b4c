using System;
using System.Linq;
using Sluice.Drivers.Dv;
using Sluice.Drivers.Video;
using Sluice.FireWire.Dv;
using Sluice.FireWire.Ohci;
using Sluice.Mm;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>Frames of the model's camcorder, received by the model's controller: what it plays, and how it is connected to.</summary>
public sealed class DvTests
{
    private const uint Broadcast = 1u << 30, One = 1u << 24;

    public static TheoryData<string, string> Kinds => [.. OhciMachine.Kinds.SelectMany(kind => (string[])["ntsc", "pal"], (kind, system) => (kind.Data, system))];

    [Theory, MemberData(nameof(Kinds))]
    public void A_tape_that_stands_still_is_played_and_all_its_frames_come(string kind, string system)
    {
        using var bus = new DvMachine(kind, system);
        bus.Start();
        bus.See(8);
        Assert.Equal((8ul, 0ul, 0ul), (bus.Device.Counters.Frames, bus.Device.Counters.Skipped, bus.Wrong));
        Assert.InRange(bus.Device.Drops.Empty, 1ul, bus.Device.Drops.Packets / 10);
        Assert.Equal(One, bus.Theirs.Change(plug => plug) & 0x7F00_0000);
        bus.Device.Stop();
        bus.Wait(VideoState.Idle);
        Assert.Equal(0u, bus.Theirs.Change(plug => plug) & 0x7F00_0000);
        Assert.Equal(Transport.Stop, bus.Theirs.Recorder.Transport);
        // And again.
        bus.Start();
        bus.See(2, isExact: false);
        bus.End();
    }

    [Theory]
    [InlineData("coherent", "ntsc")]
    [InlineData("lines of 64 (seed 1)", "pal")]
    [InlineData("coherent, bounced, checked", "ntsc")]
    public void Bus_resets_while_it_starts_sends_and_stops_are_survived(string kind, string system)
    {
        using var bus = new DvMachine(kind, system);
        for (int step = 0; step < 12; step++)
        {
            Assert.True(bus.Device.TryStart());
            for (int i = 0; i < step * 3 && bus.Device.State == VideoState.Starting; i++)
                bus.Machine.Pass(250);
            bus.Reset(isLong: step % 2 == 0);
            bus.Wait(VideoState.Running);
            bus.See(2, isExact: false);
            int commands = bus.Theirs.Commands;
            bus.Reset(isLong: step % 2 != 0);
            bus.See(3, isExact: false);
            // Within a second it is connected again, as it was.
            bus.Machine.Pass(900_000, 2_000);
            Assert.Equal(One, bus.Theirs.Change(plug => plug) & 0x7F00_0000);
            bus.See(3, isExact: false);
            Assert.Equal(commands, bus.Theirs.Commands);
            bus.Device.Stop();
            for (int i = 0; i < step; i++)
                bus.Machine.Pass(50);
            if (step % 3 == 0)
                bus.Reset(isLong: true);
            bus.Wait(VideoState.Idle);
            Assert.Equal((0u, Transport.Stop), (bus.Theirs.Change(plug => plug) & 0x7F00_0000, bus.Theirs.Recorder.Transport));
        }
        bus.End();
    }

    [Fact]
    public void Whoever_is_connected_before_keeps_its_channel_and_its_tape()
    {
        using var bus = new DvMachine("coherent");
        bus.Theirs.Change(plug => (plug & ~0x3F_0000u) | One | (7 << 16));
        bus.Theirs.Do(0, 0x20, 0xC3, 0x75);
        bus.Theirs.Phy.Segment.CyclesChanged();
        bus.Start();
        bus.See(3, isExact: false);
        Assert.Equal((7, 2 * One), (bus.Device.Channel, bus.Theirs.Change(plug => plug) & 0x7F00_0000));
        // After a bus reset the other is first, then we are there again.
        bus.Reset(isLong: true);
        bus.Machine.Pass(300_000, 2_000);
        Assert.Equal(0u, bus.Theirs.Change(plug => plug | One) & 0x7F00_0000);
        bus.Machine.Pass(300_000, 2_000);
        Assert.Equal(2 * One, bus.Theirs.Change(plug => plug) & 0x7F00_0000);
        bus.See(3, isExact: false);
        // If it does not come we make a connection of our own.
        bus.Reset(isLong: true);
        bus.Machine.Pass(3_000_000, 2_000);
        bus.See(3, isExact: false);
        Assert.Equal((One, 0), (bus.Theirs.Change(plug => plug) & 0x7F00_0000, bus.Device.Channel));
        // Ours gives way to theirs who were faster after the next.
        bus.Theirs.AfterReset = () => bus.Theirs.Change(plug => (plug & ~0x3F_0000u) | One | (9 << 16));
        bus.Reset(isLong: true);
        bus.Machine.Pass(500_000, 2_000);
        bus.See(3, isExact: false);
        Assert.Equal((2 * One, 9), (bus.Theirs.Change(plug => plug) & 0x7F00_0000, bus.Device.Channel));
        bus.Device.Stop();
        bus.Wait(VideoState.Idle);
        Assert.Equal((One, Transport.Play), (bus.Theirs.Change(plug => plug) & 0x7F00_0000, bus.Theirs.Recorder.Transport));
        bus.End();
    }

    [Fact]
    public void What_is_sent_to_everybody_is_received_and_goes_on()
    {
        using var bus = new DvMachine("coherent", "pal");
        bus.Theirs.Do(0, 0x20, 0xC3, 0x75);
        bus.Theirs.Change(plug => (plug & ~0x3F_0000u) | Broadcast | (63 << 16));
        bus.Theirs.Phy.Segment.CyclesChanged();
        bus.Start();
        bus.See(3, isExact: false);
        Assert.Equal(63, bus.Device.Channel);
        bus.Device.Stop();
        bus.Wait(VideoState.Idle);
        Assert.Equal((Broadcast, Transport.Play), (bus.Theirs.Change(plug => plug) & 0x7F00_0000, bus.Theirs.Recorder.Transport));
        bus.End();
    }

    [Theory]
    [InlineData("ntsc")]
    [InlineData("pal")]
    public void The_picture_has_each_block_where_it_belongs(string system)
    {
        using var bus = new DvMachine("coherent", system);
        bus.Start();
        bus.See(2);
        VideoFrame frame;
        while (!bus.Device.TryTake(out frame))
            bus.Machine.Pass(2_000, 2_000);
        long number = bus.NumberOf(frame.Bytes);
        VideoPicture picture = bus.Device.PictureOf(frame);
        Assert.Equal((720, TestBars.Lines(bus.System)), (picture.Width, picture.Height));
        Assert.Equal(system == "pal" ? PixelCoding.Yuv422 : PixelCoding.Yuv411, picture.Coding);
        int pixels = system == "pal" ? 2 : 4, line = picture.Bytes.Length / picture.Height;
        for (int y = 0; y < picture.Height; y++)
        {
            for (int x = 0; x < 720; x += pixels)
            {
                ReadOnlySpan<byte> group = picture.Bytes.Slice((y * line) + (x / pixels * (pixels == 2 ? 4 : 6)), pixels == 2 ? 4 : 6);
                (int blue, int red) = TestBars.Differences(bus.System, x / 8, y / 8);
                Equal(Stretched(blue - 128, 224) + 128, group[0]);
                Equal(Stretched(red - 128, 224) + 128, group[group.Length / 2]);
                for (int i = 0; i < pixels; i++)
                    Equal(Stretched(TestBars.Luminance(bus.System, number, (x + i) / 8, y / 8) - 16, 219), group[pixels == 2 ? 1 + (2 * i) : ((int[])[1, 2, 4, 5])[i]]);
            }
        }
        bus.Device.GiveBack(frame);
        bus.End();
    }

    [Fact]
    public void Nobody_takes_frames_and_it_goes_on_with_the_newest()
    {
        using var bus = new DvMachine("coherent");
        bus.Start();
        bus.Machine.Pass(2_000_000, 2_000);
        Assert.InRange(bus.Device.Counters.Frames, 55ul, 61ul);
        Assert.Equal(bus.Device.Counters.Frames, bus.Device.Counters.Skipped + VideoSource.Frames - 1);
        Assert.True(bus.Device.TryTake(out VideoFrame frame));
        Assert.InRange(bus.NumberOf(frame.Bytes), (long)bus.Device.Counters.Frames - 4, (long)bus.Device.Counters.Frames);
        bus.Device.GiveBack(frame);
        bus.End();
    }

    [Theory]
    [InlineData(150, "ntsc")]
    [InlineData(290, "pal")]
    public void A_processor_that_is_too_slow_loses_frames_and_goes_on(uint milliseconds, string system)
    {
        using var bus = new DvMachine("coherent", system);
        bus.Start();
        bus.See(2);
        const int turns = 200;
        int seen = 2;
        for (int i = 0; i < turns; i++)
        {
            bus.Machine.Pass(milliseconds * 1_000, milliseconds * 1_000);
            Assert.Equal(VideoState.Running, bus.Device.State);
            int now = bus.Look(VideoSource.Frames, isExact: false);
            Assert.InRange(now, 1, VideoSource.Frames);
            seen += now;
        }
        // Four buffers fill up, then packets are lost.
        DvCounters drops = bus.Device.Drops;
        Assert.Equal(bus.Device.Counters.Frames, (ulong)seen + bus.Device.Counters.Skipped);
        Assert.InRange(drops.Torn, (ulong)turns / 2, (ulong)turns);
        Assert.InRange(drops.Gaps, drops.Torn, ulong.MaxValue);
        Assert.Equal(drops.Gaps + drops.Torn, bus.Wrong);
        Assert.Equal((0ul, 0ul), (bus.Driver.Counters.DeadContexts, bus.Driver.Counters.Restarts));
        bus.See(3, isExact: false);
        bus.See(10);
        bus.End();
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(5, false)]
    [InlineData(32, false)]
    [InlineData(0, true)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    [InlineData(31, true)]
    public void Only_a_unit_that_has_a_tape_is_told_to_play_it(int others, bool hasTape)
    {
        using var bus = new DvMachine("coherent");
        const byte tuner = 5 << 3, tape = 4 << 3, nothing = 0xFF;
        byte[] subunits = [.. Enumerable.Repeat(tuner, others), hasTape ? tape : nothing, .. Enumerable.Repeat(nothing, 32)];
        int asked = 0, toTape = 0;
        bus.Theirs.Answer = command =>
        {
            byte[] response = new byte[command.Length];
            bus.Theirs.Recorder.TryAnswer(command, response);
            toTape += command[1] == tape ? 1 : 0;
            if (command[1] == 0xFF && command[2] == 0x31)
            {
                Assert.Equal(asked++ << 4 | 7, command[3]);
                subunits.AsSpan((command[3] >> 4) * 4, 4).CopyTo(response.AsSpan(4));
            }
            return [response];
        };
        bus.Start();
        Assert.Equal((Math.Min(others / 4 + 1, 8), hasTape ? 2 : 0), (asked, toTape));
        Assert.Equal(hasTape ? Transport.Play : Transport.Stop, bus.Theirs.Recorder.Transport);
        // It may begin by itself.
        bus.Theirs.Do(0, 0x20, 0xC3, 0x75);
        bus.Theirs.Phy.Segment.CyclesChanged();
        bus.See(3, isExact: false);
        bus.Device.Stop();
        bus.Wait(VideoState.Idle);
        Assert.Equal((hasTape ? 3 : 0, hasTape ? Transport.Stop : Transport.Play), (toTape, bus.Theirs.Recorder.Transport));
        bus.End();
    }

    [Fact]
    public void A_camcorder_that_is_pulled_ends_silent_and_works_when_it_is_back()
    {
        using var bus = new DvMachine("coherent");
        bus.Start();
        bus.See(2);
        bus.Machine.Bus.Disconnect(bus.Theirs.Phy);
        bus.Wait(VideoState.Absent, 40_000_000);
        Assert.Equal(VideoEnd.Silent, bus.Device.End);
        bus.Machine.Bus.Connect(bus.Theirs.Phy, bus.Machine.Phy);
        bus.Wait(VideoState.Idle, 10_000_000);
        bus.Machine.Pass(1_000_000, 2_000);
        bus.Start();
        bus.See(2, isExact: false);
        bus.End();
    }

    [Theory]
    [InlineData("coherent")]
    [InlineData("coherent, checked")]
    public void A_controller_that_is_pulled_or_dies_gives_all_back(string kind)
    {
        foreach (OhciFaults fault in (OhciFaults[])[OhciFaults.Gone, OhciFaults.DeadContext, OhciFaults.StuckContext])
        {
            using var bus = new DvMachine(kind);
            bus.Start();
            bus.See(2);
            bus.MustGiveAllBack(fault);
        }
    }

    [Fact]
    public void Places_are_of_a_kind_and_without_one_a_node_is_counted()
    {
        using var bus = new DvMachine("coherent");
        bus.Machine.Add(new Sluice.FireWire.Iidc.Camera(new Sluice.FireWire.Nodes.BusInformation(0xCA3E4A, MaxRecord: 10)));
        bus.Machine.Add(new Camcorder(new Sluice.FireWire.Nodes.BusInformation(0xCA3E0B, Sluice.FireWire.Bus.Speed.S400, 10), new DvTape(Sluice.FireWire.Dv.DvSystem.Pal)));
        bus.Machine.Pass(4_000_000, 10_000);
        Assert.NotEqual(0ul, bus.Sources.NoPlace);
        Assert.Equal(VideoState.Idle, bus.Device.State);
        Assert.True(bus.Device.Guid is 0xCA3E0A or 0xCA3E0B);
        bus.End();
    }

    [Fact]
    public void Without_memory_it_does_not_start_and_all_that_it_took_is_given_back()
    {
        using var bus = new DvMachine("coherent");
        // Records of mappings stay once they were made.
        for (int i = 0; i < 2; i++)
        {
            bus.Start();
            bus.Device.Stop();
            bus.Wait(VideoState.Idle);
        }
        ulong before = Used(bus);
        var runs = new PageRun[2048];
        for (int order = 8; order >= 5; order--)
        {
            int count = 0;
            while (bus.Machine.Dma.Memory.Pages.TryTake(order, Zone.Any, OwnerTag.None, out runs[count]))
                count++;
            Assert.True(bus.Device.TryStart());
            bus.Wait(VideoState.Idle);
            Assert.Equal(VideoEnd.NoMemory, bus.Device.End);
            Assert.Equal(0u, bus.Theirs.Change(plug => plug) & 0x7F00_0000);
            for (int i = 0; i < count; i++)
                bus.Machine.Dma.Memory.Pages.Give(ref runs[i]);
            Assert.Equal(before, Used(bus));
        }
        bus.Start();
        bus.See(2, isExact: false);
        bus.Device.Stop();
        bus.Wait(VideoState.Idle);
        Assert.Equal(before, Used(bus));
        bus.End();
    }

    private static ulong Used(DvMachine bus)
    {
        ulong used = 0;
        foreach (Zone zone in (ReadOnlySpan<Zone>)[Zone.Dma, Zone.Dma32, Zone.Normal])
            used += bus.Machine.Dma.Memory.Pages.Report(zone).Used;
        return used;
    }

    private static int Stretched(int value, int range) => (int)Math.Round(value * 255.0 / range);

    private static void Equal(int expected, byte value) => Assert.InRange(value, expected - 1, expected + 1);
}
