using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Drivers.Dv;
using Sluice.Drivers.Video;
using Sluice.FireWire.Core;
using Sluice.FireWire.Dv;
using Xunit;
using DvSystem = Sluice.FireWire.Dv.DvSystem;

namespace Sluice.Tests.FireWire;

/// <summary>DV devices that lie, are silent, or send what is no DV.</summary>
public sealed unsafe class DvHostileTests
{
    public static TheoryData<string, VideoEnd> Lies => new()
    {
        { "offline", VideoEnd.Refused },
        { "shorter packets than DV has", VideoEnd.NoSuchMode },
        { "never the same", VideoEnd.Refused },
        { "taken by others each time", VideoEnd.Refused },
        { "more bandwidth than there is", VideoEnd.NoResources },
    };

    [Theory, MemberData(nameof(Lies))]
    public void A_plug_that_lies_is_found_out(string lie, VideoEnd end)
    {
        using var bus = new DvMachine("coherent");
        uint count = 0;
        bus.Theirs.Lie = plug => lie switch
        {
            "offline" => plug & 0x7FFF_FFFF,
            "shorter packets than DV has" => (plug & ~0x3FFu) | 121,
            "never the same" => (plug & ~0x3C00u) | ((count++ % 15) + 1 << 10),
            "taken by others each time" => (plug & ~0x7F3F_0000u) | (1 << 24) | (count++ % 32 << 16),
            _ => plug | 0x3FF,
        };
        IsoResources? held = null;
        if (end == VideoEnd.NoResources)
        {
            held = new IsoResources(bus.Driver.Bus, new Nobody());
            Assert.Equal(Error.None, held.Allocate(1, 4000));
            bus.Machine.Pass(1_100_000, 2_000);
        }
        Assert.True(bus.Device.TryStart());
        bus.Wait(VideoState.Idle);
        Assert.Equal(end, bus.Device.End);
        Assert.Equal(0u, bus.Theirs.Change(plug => plug) & 0x7F00_0000);
        // And with the truth it works.
        bus.Theirs.Lie = null;
        if (held != null)
            Assert.Equal(Error.None, held.Release());
        bus.Machine.Pass(100_000);
        bus.Start();
        bus.See(2);
        bus.End();
    }

    [Fact]
    public void A_plug_that_cannot_count_us_is_listened_to_all_the_same()
    {
        using var bus = new DvMachine("coherent");
        bus.Theirs.Do(0, 0x20, 0xC3, 0x75);
        bus.Theirs.Change(plug => (plug & ~0x3F_0000u) | (0x3F << 24) | (5 << 16));
        bus.Theirs.Phy.Segment.CyclesChanged();
        bus.Start();
        bus.See(2, isExact: false);
        bus.Device.Stop();
        bus.Wait(VideoState.Idle);
        Assert.Equal(0x3Fu, bus.Theirs.Change(plug => plug) >> 24 & 0x7F);
        bus.End();
    }

    [Fact]
    public void Commands_that_are_not_answered_do_not_hinder_who_sends_anyway()
    {
        using var bus = new DvMachine("coherent");
        bus.Theirs.Do(0, 0x20, 0xC3, 0x75);
        foreach (Func<byte[], byte[][]> answer in (Func<byte[], byte[][]>[])[_ => [], command => [[0xF, command[1], command[2], command[3]]],
            command => [[9, 7, command[2], command[3]]], _ => [[9]], command => [.. Enumerable.Repeat<byte[]>([0xF, command[1], command[2], command[3]], 40)],
            command => [[8, .. command[1..]]]])
        {
            bus.Theirs.Answer = answer;
            bus.Start();
            bus.See(2, isExact: false);
            bus.Device.Stop();
            bus.Wait(VideoState.Idle);
        }
        bus.End();
    }

    /// <summary>What it answers too late is no list of its parts, which would have no tape.</summary>
    [Fact]
    public void A_late_answer_is_none_to_the_next_command()
    {
        using var bus = new DvMachine("coherent");
        bus.Theirs.Answer = command =>
        {
            if (command[2] == 0x18)
                return [];
            bus.Theirs.Answer = null;
            return [[0xC, 0xFF, 0x18, 0, 0, 0, 0xFF, 0xFF], [0xC, 0xFF, 0x31, 7, 0x20, 0xFF, 0xFF, 0xFF]];
        };
        bus.Start();
        bus.See(2);
        Assert.Equal((1ul, 0ul), (bus.Device.Drops.Unanswered, bus.Device.Drops.Refused));
        bus.End();
    }

    /// <summary>Packets without data should have the number of the next that has some; those of some devices have any.</summary>
    [Fact]
    public void Numbers_of_packets_without_data_cost_no_frame()
    {
        using var bus = new DvMachine("coherent");
        bus.Start();
        bus.See(2);
        ulong empty = bus.Device.Drops.Empty;
        bus.Talker.Say(Enumerable.Range(0, 200).Select(i => new Spoken([(byte)bus.Theirs.Phy.PhysicalId, 120, 0, (byte)i, 0x80, 0, 0xFF, 0xFF], bus.Device.Channel, Tag: 1)));
        bus.See(4);
        Assert.True(bus.Device.Drops.Empty >= empty + 200);
        Assert.Equal(0ul, bus.Wrong);
        bus.End();
    }

    [Fact]
    public void A_device_that_stays_silent_ends_so_and_one_of_another_format_is_not_connected_to()
    {
        using var bus = new DvMachine("coherent");
        bus.Theirs.Answer = command => [[0xA, .. command[1..]]];
        Assert.True(bus.Device.TryStart());
        bus.Wait(VideoState.Idle, 20_000_000);
        Assert.Equal(VideoEnd.Silent, bus.Device.End);
        bus.Theirs.Answer = command => command[2] == 0x18 ? [[0xC, 0xFF, 0x18, 0, 0xA0, 0, 0, 0]] : [[0xC, .. command[1..]]];
        Assert.True(bus.Device.TryStart());
        bus.Wait(VideoState.Idle);
        Assert.Equal((VideoEnd.NoSuchMode, 0u), (bus.Device.End, bus.Theirs.Change(plug => plug) & 0x7F00_0000));
        bus.End();
    }

    /// <summary>Packets that say for ever that they are of another node are the device's, if there are no others.</summary>
    [Fact]
    public void A_device_that_gives_another_number_than_its_own_is_seen()
    {
        using var bus = new DvMachine("coherent", "pal");
        bus.Theirs.Sender = 62;
        bus.Start();
        bus.See(3, isExact: false);
        Assert.InRange(bus.Device.Drops.Foreign, 3_900ul, 4_100ul);
        bus.See(3);
        bus.End();
    }

    [Theory]
    [InlineData("coherent")]
    [InlineData("coherent, bounced, checked")]
    public void Whoever_talks_on_its_channel_costs_frames_and_is_counted(string kind)
    {
        using var bus = new DvMachine(kind, "pal");
        bus.Start();
        bus.See(2);
        var random = new Random(5);
        byte sender = (byte)bus.Theirs.Phy.PhysicalId;
        byte[] good = [sender, 120, 0, 0, 0x80, 0x80, 0xFF, 0xFF, .. new byte[480]];
        byte[] With(int at, byte value)
        {
            byte[] bad = [.. good];
            bad[at] = value;
            return bad;
        }

        byte[][] packets = [With(0, (byte)(sender ^ 1)), With(1, 119), With(2, 0x40), With(4, 0), With(4, 0x90), With(5, 0xFC), good[..8], good[..484], [.. good, 0, 0, 0, 0], [], good, With(8, 0xFF), With(9, 0xF0)];
        foreach (byte[] packet in packets)
        {
            bus.Talker.Say(Enumerable.Repeat(new Spoken(packet, bus.Device.Channel, Tag: 1), 50));
            bus.See(2, isExact: false);
        }
        bus.Talker.Say(Enumerable.Repeat(new Spoken(good, bus.Device.Channel, Tag: 1, IsDamaged: true), 50));
        bus.See(2, isExact: false);
        DvCounters d = bus.Device.Drops;
        Assert.All((ulong[])[d.Foreign, d.BadHeader, d.BadLength, d.BadBlocks, d.Damaged, d.Gaps, d.Torn], count => Assert.NotEqual(0ul, count));
        bus.Talker.Say(Enumerable.Range(0, 4000).Select(_ => new Spoken(new byte[random.Next(1500)], random.Next(64), random.Next(4), random.Next(16), random.Next(2) == 0)));
        bus.See(9, isExact: false);
        bus.End();
    }

    [Fact]
    public void Only_frames_of_which_all_blocks_came_once_and_in_a_row_are_whole()
    {
        for (int run = 0; run < 60; run++)
        {
            var random = new Random(run);
            DvSystem system = run % 2 == 0 ? DvSystem.Ntsc : DvSystem.Pal;
            var frames = new Frames();
            var assembler = new FrameAssembler(frames);
            assembler.SetSender(3);
            assembler.Begin(frames.Memory);
            byte[] frame = new byte[system.FrameBytes], packet = new byte[488];
            List<long> expected = [];
            byte number = (byte)random.Next();
            ulong kinds = 0;
            for (long i = 0; i < 20; i++)
            {
                DvFrame.Draw(system, i, frame);
                int fault = random.Next(7), at = random.Next(system.FramePackets);
                bool isBad = false;
                for (int j = 0; j < system.FramePackets; j++)
                {
                    (packet[0], packet[1], packet[2], packet[3]) = (3, 120, 0, number);
                    (packet[4], packet[5]) = (0x80, (byte)(system.Flag << 7));
                    frame.AsSpan(j * 480, 480).CopyTo(packet.AsSpan(8));
                    int times = 1;
                    if (j == at)
                    {
                        isBad = fault < 5;
                        switch (fault)
                        {
                            case 0:
                                // Lost, and known by the numbers.
                                times = 0;
                                number++;
                                break;
                            case 1:
                                // Not sent.
                                times = 0;
                                break;
                            case 2:
                                times = 2;
                                break;
                            case 3:
                                packet[5] ^= 0x80;
                                break;
                            case 4:
                                packet[8 + 80 * random.Next(6) + 1] = 0xF0;
                                break;
                            default:
                                assembler.OnPacket(new IsoPacket(8u << 16, 0, true), packet.AsSpan(0, 8));
                                break;
                        }
                    }
                    for (; times > 0; times--)
                    {
                        packet[3] = number++;
                        assembler.OnPacket(new IsoPacket(488u << 16, 0, true), packet);
                    }
                }
                // The first packet: what follows has no beginning. Twice, the first block begins it anew, and all came once after it but what is in its packet.
                if (!isBad)
                    expected.Add(i);
                kinds += isBad ? 1u : 0;
            }
            // A first packet twice begins the frame twice, and the second is whole.
            Assert.Subset(new HashSet<long>([.. Enumerable.Range(0, 20)]), new HashSet<long>(frames.Numbers));
            Assert.Superset(new HashSet<long>(expected), new HashSet<long>(frames.Numbers));
            Assert.InRange(frames.Numbers.Count, expected.Count, expected.Count + 2);
            Assert.All(frames.Bytes.Zip(frames.Numbers), one =>
            {
                DvFrame.Draw(system, one.Second, frame);
                Assert.True(one.First.AsSpan().SequenceEqual(frame));
            });
            DvCounters d = assembler.Counters;
            Assert.InRange(d.Torn + d.Doubled + d.Incomplete + (ulong)frames.Numbers.Count, 15ul, 40ul);
            Assert.NotEqual(0ul, kinds);
        }
    }

    [Fact]
    public void No_packet_writes_outside_of_a_frame()
    {
        var random = new Random(6);
        var frames = new Frames();
        var assembler = new FrameAssembler(frames);
        assembler.Begin(frames.Memory);
        assembler.SetSender(0);
        byte[] packet = new byte[488];
        for (int i = 0; i < 200_000; i++)
        {
            random.NextBytes(packet);
            if (i % 8 != 0)
                (packet[0], packet[1], packet[2], packet[4], packet[5]) = (0, 120, 0, 0x80, (byte)(packet[5] & 0x83));
            int length = i % 16 == 0 ? random.Next(489) : i % 5 == 0 ? 8 : 488;
            assembler.OnPacket(new IsoPacket((uint)length << 16, 0, i % 20 != 0), packet.AsSpan(0, length));
        }
        Assert.True(frames.IsIntact);
    }

    private sealed class Nobody : IResourceHandler
    {
        public void OnResources(IsoResources resources, ResourceResult result)
        {
        }
    }

    // Memory for frames, with guards around it.
    private sealed class Frames : IFrameOwner
    {
        private const int Guard = 4096;

        private readonly byte[] _memory = GC.AllocateArray<byte>((2 * Guard) + (12 * 150 * 80), pinned: true);

        public Frames() => _memory.AsSpan().Fill(0xA5);

        public byte* Memory => (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _memory[Guard]);

        public bool IsIntact => !_memory.AsSpan(0, Guard).ContainsAnyExcept((byte)0xA5) && !_memory.AsSpan(_memory.Length - Guard).ContainsAnyExcept((byte)0xA5);

        public List<long> Numbers { get; } = [];

        public List<byte[]> Bytes { get; } = [];

        public byte* OnFrame(int bytes)
        {
            byte[] frame = _memory.AsSpan(Guard, bytes).ToArray();
            Bytes.Add(frame);
            // Less than a second is drawn.
            Numbers.Add((frame[87] >> 4) * 10 + (frame[87] & 0xF));
            return Memory;
        }
    }
}
