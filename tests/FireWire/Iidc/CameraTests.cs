using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Iidc;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;
using Sluice.Tests.FireWire.Model;
using Xunit;

namespace Sluice.Tests.FireWire.Iidc;

/// <summary>The camera, set up as IIDC says, and what comes over the bus.</summary>
public sealed class CameraTests
{
    private const int Channel = 5;

    private readonly TestBus _test = new();
    private readonly Camera _camera = new(new BusInformation(0x00AABB_0000000002, Speed.S400, 10));
    private readonly MemoryNode _user;
    private readonly Watcher _watcher = new();

    public CameraTests()
    {
        Phy camera = _test.Bus.Add("camera", _camera, new PhyTraits()), watcher = _test.Bus.Add("watcher", _watcher, new PhyTraits());
        (Phy user, _user) = _test.AddMemory(new PhyTraits());
        _test.Bus.Connect(watcher, camera);
        _test.Bus.Connect(watcher, user);
        watcher.HoldsForRoot = true;
        _test.Settle();
    }

    public static TheoryData<int, int> Modes => [.. from mode in Enumerable.Range(0, VideoMode.Count) from rate in Enumerable.Range(0, 8)
        where VideoMode.Of(mode).HasRate(rate) select (mode, rate)];

    [Theory, MemberData(nameof(Modes))]
    public void Each_mode_sends_whole_pictures_at_its_rate(int mode, int rate)
    {
        VideoMode what = VideoMode.Of(mode);
        Start(mode, rate);
        // Three frames begin in this time, and two end.
        _test.Simulator.RunFor((2 * 64000 / (15 << rate) + VideoMode.Packets(rate)) * (long)BusTime.TicksPerCycle - 100);
        int[] starts = [.. Enumerable.Range(0, _watcher.Packets.Count).Where(i => _watcher.Packets[i].Sync == 1)];
        Assert.Equal([0, VideoMode.Packets(rate), VideoMode.Packets(rate) * 2], starts);
        Assert.All(_watcher.Packets, packet => Assert.Equal((Channel, what.PacketBytes(rate)), (packet.Channel, packet.Data.Length)));
        var wanted = new byte[what.FrameBytes];
        for (int frame = 0; frame < 2; frame++)
        {
            TestPicture.Draw(what, (uint)frame, 128, wanted);
            byte[] sent = [.. _watcher.Packets.Skip(starts[frame]).Take(VideoMode.Packets(rate)).SelectMany(packet => packet.Data)];
            Assert.True(wanted.AsSpan().SequenceEqual(sent));
        }
        // One in each cycle, and none lost: frames begin as often as the rate says.
        long between = _watcher.Packets[starts[2]].Cycle - _watcher.Packets[starts[0]].Cycle;
        Assert.InRange(between, 2 * 64000 / (15 << rate), (2 * 64000 / (15 << rate)) + 2);
        Assert.Equal(VideoMode.Packets(rate) - 1, _watcher.Packets[starts[1] - 1].Cycle - _watcher.Packets[0].Cycle);
    }

    [Fact]
    public void Pictures_differ_by_their_number_and_the_square()
    {
        VideoMode mode = VideoMode.Of(5);
        byte[] first = new byte[mode.FrameBytes], second = new byte[mode.FrameBytes];
        TestPicture.Draw(mode, 7, 128, first);
        TestPicture.Draw(mode, 8, 128, second);
        Assert.Equal((byte[])[0, 0, 0, 7], first[..4]);
        Assert.Equal((byte[])[255, 226, 179, 150, 105, 76, 29, 0], Enumerable.Range(0, 8).Select(bar => first[640 + (bar * 80)]));
        int line = 240 * 640;
        Assert.All(Enumerable.Range(56, 32), x => Assert.Equal(255, first[line + x]));
        Assert.All(Enumerable.Range(64, 32), x => Assert.Equal(255, second[line + x]));
        // The square's left end is bar again, white here; its right end is on yellow: 8 pixels in 32 lines; and the number.
        int[] changed = [.. Enumerable.Range(4, first.Length - 4).Where(i => first[i] != second[i])];
        Assert.Equal(32 * 8, changed.Length);
        Assert.All(changed, i => Assert.InRange(i % 640, 88, 95));
    }

    [Fact]
    public void One_shot_sends_one_frame_and_several_as_many()
    {
        Set(0x604, 0);
        Set(0x600, 2u << 29);
        Set(0x61C, 1u << 31);
        _test.Simulator.RunFor(BusTime.TicksPerSecond);
        Assert.Equal(1, _camera.Frames);
        Assert.Equal(0u, Get(0x61C));
        Set(0x61C, (1u << 30) | 3);
        _test.Simulator.RunFor(BusTime.TicksPerSecond);
        Assert.Equal(4, _camera.Frames);
    }

    [Fact]
    public void What_it_cannot_send_it_says_and_does_not_send()
    {
        // 160 x 120 has no 1.875 frames a second; there is no Format_1.
        Start(0, 0);
        _test.Simulator.RunFor(BusTime.TicksPerSecond);
        Assert.Equal(1u << 31, Get(0x628));
        Assert.Empty(_watcher.Packets);
        Set(0x614, 0);
        Set(0x600, 3u << 29);
        Assert.Equal(0u, Get(0x628));
        Set(0x608, 1u << 29);
        Assert.Equal(1u << 31, Get(0x628));
        // A packet of 640 x 480 YUV 4:1:1 at 30 has 1,920 bytes: too many for S100.
        Set(0x608, 0);
        Set(0x604, 2u << 29);
        Set(0x600, 4u << 29);
        Set(0x60C, 0);
        Assert.Equal(1u << 31, Get(0x628));
    }

    [Fact]
    public void It_stops_when_it_is_told_to_or_switched_off_and_a_reset_does_not_stop_it()
    {
        Start(0, 4);
        _test.Simulator.RunFor(BusTime.TicksPerSecond / 2);
        Assert.InRange(_camera.Frames, 14, 15);
        _camera.Phy.InitiateReset(isLong: true);
        _test.Simulator.RunFor(BusTime.TicksPerSecond / 2);
        Assert.InRange(_camera.Frames, 28, 30);
        Set(0x610, 0);
        _test.Simulator.RunFor(BusTime.TicksPerSecond);
        Assert.InRange(_camera.Frames, 28, 31);
        long frames = _camera.Frames;
        Set(0x610, 1u << 31);
        Set(0x614, 0);
        _test.Simulator.RunFor(BusTime.TicksPerSecond);
        Assert.InRange(_camera.Frames, frames, frames + 1);
    }

    [Fact]
    public void Brightness_changes_the_picture()
    {
        Assert.Equal(0x8900_00FFu, Get(0x500));
        Set(0x800, 255);
        Assert.Equal(0x8200_00FFu, Get(0x800));
        Start(5, 4);
        _test.Simulator.RunFor(BusTime.TicksPerSecond / 20);
        // Black is grey now.
        Assert.Equal(127, _watcher.Packets[0].Data[1279]);
        Set(0x000, 1u << 31);
        Assert.Equal(0x8200_0080u, Get(0x800));
        Assert.Equal(0u, Get(0x614));
    }

    private void Start(int mode, int rate)
    {
        Set(0x604, (uint)mode << 29);
        Set(0x600, (uint)rate << 29);
        Set(0x60C, ((uint)Channel << 28) | ((uint)Speed.S400 << 24));
        Set(0x614, 1u << 31);
    }

    private void Set(int register, uint value)
    {
        var data = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(data, value);
        Outcome? answer = null;
        Assert.True(_user.TryWrite(_camera.NodeId, Camera.CommandBase + (ulong)register, data, (outcome, _) => answer = outcome));
        _test.Simulator.RunActivity();
        Assert.Equal(Outcome.Complete, answer);
    }

    private uint Get(int register)
    {
        uint? answer = null;
        Assert.True(_user.TryRead(_camera.NodeId, Camera.CommandBase + (ulong)register, 4, (_, data) => answer = BinaryPrimitives.ReadUInt32BigEndian(data)));
        _test.Simulator.RunActivity();
        return answer!.Value;
    }

    // The cycle master, which keeps all that it hears.
    private sealed class Watcher : Link
    {
        private long _cycle;

        public List<(long Cycle, int Channel, int Sync, byte[] Data)> Packets { get; } = [];

        public override bool IsCycleMaster => true;

        public override void ResetStarted()
        {
        }

        public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
        {
        }

        public override Ack Receive(Packet packet) => Ack.Complete;

        public override Packet? NextPacket() => null;

        public override void Sent(Packet packet, Ack ack)
        {
        }

        public override void CycleStarted(uint cycleTime) => _cycle++;

        public override void ReceiveStream(Packet packet) => Packets.Add((_cycle, packet.Channel, packet.Sync, packet.Data.ToArray()));
    }
}
