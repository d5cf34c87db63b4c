using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Dv;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;
using Sluice.Tests.FireWire.Model;
using Xunit;

namespace Sluice.Tests.FireWire.Dv;

/// <summary>The camcorder's commands, plugs and packets, as the standards have them.</summary>
public sealed class CamcorderTests
{
    private const ulong OutputMaster = Csr.Base + 0x900, Output = Csr.Base + 0x904;

    private readonly TestBus _test = new();
    private readonly Listener _listener = new();
    private Camcorder _camcorder = null!;
    private Controller _user = null!;

    public static TheoryData<string> Systems => ["pal", "ntsc"];

    // Golden vectors: AV/C Digital Interface Command Set 3.0, section 8, and Tape Recorder/Player 2.1.
    [Theory]
    [InlineData("01FF30FFFFFFFFFF", "0CFF300720525400", "unit info: a tape recorder, 52:54:00")]
    [InlineData("01FF3107FFFFFFFF", "0CFF310720FFFFFF", "subunit info: one tape recorder")]
    [InlineData("01FF0200FFFFFFFF", "0CFF020000010000", "plug info: one output")]
    [InlineData("0120D07F", "0C20C460", "transport state: stopped")]
    [InlineData("01207171", "08207171", "nothing that it has")]
    [InlineData("00F8C375", "08F8C375", "another subunit")]
    [InlineData("0020C275", "0A20C275", "it does not record")]
    [InlineData("012078FF", "0C207880", "output signal: 625-50 SD")]
    [InlineData("01205171FFFFFFFF", "0C20517100000000", "time code of the first frame")]
    [InlineData("0120DA7F7FFFFFFF", "0C20DA3131FFFFFF", "medium: small DV, protected")]
    [InlineData("0220C375", "0C20C375", "it could play")]
    [InlineData("0220C275", "0820C275", "it could not record")]
    public void Commands_have_the_answers_of_the_standard(string command, string answer, string what)
    {
        Start(DvSystem.Pal);
        Assert.Equal((what, answer), (what, Convert.ToHexString(Say(Convert.FromHexString(command)))));
    }

    [Fact]
    public void It_plays_pauses_winds_and_stops()
    {
        Start(DvSystem.Ntsc);
        Assert.Equal(0x09, Say([0x00, 0x20, 0xC3, 0x75])[0]);
        Assert.Equal([0x0C, 0x20, 0xC3, 0x75], Say([0x01, 0x20, 0xD0, 0x7F]));
        _test.Simulator.RunFor(BusTime.TicksPerSecond * 2);
        Assert.InRange(_camcorder.Recorder.Position, 59, 61);
        byte[] time = Say([0x01, 0x20, 0x51, 0x71, 0xFF, 0xFF, 0xFF, 0xFF]);
        Assert.Equal((2, 0, 0), (time[5], time[6], time[7]));
        Assert.Equal(0x09, Say([0x00, 0x20, 0xC3, 0x7D])[0]);
        Assert.Equal([0x0C, 0x20, 0xC3, 0x7D], Say([0x01, 0x20, 0xD0, 0x7F]));
        long position = _camcorder.Recorder.Position, frames = _camcorder.Frames;
        _test.Simulator.RunFor(BusTime.TicksPerSecond);
        Assert.Equal(position, _camcorder.Recorder.Position);
        Assert.InRange(_camcorder.Frames - frames, 29, 31);
        Assert.Equal(0x09, Say([0x00, 0x20, 0xC4, 0x65])[0]);
        Assert.Equal([0x0C, 0x20, 0xC4, 0x60], Say([0x01, 0x20, 0xD0, 0x7F]));
        Assert.Equal(0, _camcorder.Recorder.Position);
        int packets = _listener.Packets.Count;
        _test.Simulator.RunFor(BusTime.TicksPerSecond / 10);
        Assert.Equal(packets, _listener.Packets.Count);
    }

    [Theory]
    [MemberData(nameof(Systems))]
    public void A_second_of_packets_is_whole_frames_at_the_rate_of_the_system(string name)
    {
        DvSystem system = name == "pal" ? DvSystem.Pal : DvSystem.Ntsc;
        Start(system);
        Say([0x00, 0x20, 0xC3, 0x75]);
        _listener.Packets.Clear();
        _test.Simulator.RunFor(BusTime.TicksPerSecond);
        (int Channel, byte[] Data)[] packets = [.. _listener.Packets];
        // Broadcast, as nobody connected; one packet a cycle.
        Assert.All(packets, packet => Assert.Equal(63, packet.Channel));
        Assert.InRange(packets.Length, 7999, 8001);
        Assert.InRange(packets.Count(packet => packet.Data.Length == 488), name == "pal" ? 7499 : 7491, name == "pal" ? 7501 : 7494);
        Assert.All(packets, packet => Assert.True(packet.Data.Length is 8 or 488));
        for (int i = 0; i < packets.Length; i++)
        {
            uint first = BinaryPrimitives.ReadUInt32BigEndian(packets[i].Data), second = BinaryPrimitives.ReadUInt32BigEndian(packets[i].Data.AsSpan(4));
            // Node, 120 quadlets a data block, not cut; format DVCR, 50/60, SD.
            Assert.Equal(((uint)_camcorder.Phy.PhysicalId << 24) | 0x78_0000, first & 0xFFFF_FF00);
            Assert.Equal(name == "pal" ? 0x8080_0000u : 0x8000_0000, second & 0xFFFF_0000);
            bool isFirst = packets[i].Data.Length == 488 && packets[i].Data[8] >> 5 == 0 && packets[i].Data[9] >> 4 == 0;
            Assert.Equal(isFirst, (second & 0xFFFF) != 0xFFFF);
            if (i > 0)
                Assert.Equal((byte)(packets[i - 1].Data[3] + (packets[i - 1].Data.Length == 488 ? 1 : 0)), packets[i].Data[3]);
        }
        byte[] stream = [.. packets.SelectMany(packet => packet.Data.Skip(8))];
        int start = Array.FindIndex([.. Enumerable.Range(0, stream.Length / 480)], i => stream[i * 480] >> 5 == 0 && stream[(i * 480) + 1] >> 4 == 0) * 480;
        var frame = new byte[system.FrameBytes];
        int number = start == 0 ? 0 : 1;
        for (int at = start; at + frame.Length <= stream.Length; at += frame.Length, number++)
        {
            DvFrame.Draw(system, number, frame);
            Assert.True(frame.AsSpan().SequenceEqual(stream.AsSpan(at, frame.Length)), $"frame {number}");
        }
        Assert.InRange(number, system.FramesPerSecond - 1, system.FramesPerSecond + 1);
    }

    [Fact]
    public void Who_connects_by_compare_swap_chooses_the_channel()
    {
        Start(DvSystem.Pal);
        Assert.Equal(0x3FFF_FF01u, Read(OutputMaster));
        uint plug = Read(Output);
        Assert.Equal((0x80u, 122u), (plug >> 24, plug & 0x3FF));
        uint wanted = (plug & ~0x3F_0000u) | (1u << 24) | (5 << 16);
        Assert.Equal(plug, Swap(Output, plug ^ 1, wanted));
        Assert.Equal(plug, Read(Output));
        Assert.Equal(plug, Swap(Output, plug, wanted | 0x3FF));
        // The payload is what it is.
        Assert.Equal(wanted, Read(Output));
        Assert.Empty(_listener.Packets);
        Say([0x00, 0x20, 0xC3, 0x75]);
        _test.Simulator.RunFor(BusTime.Microseconds(1000));
        Assert.All(_listener.Packets, packet => Assert.Equal(5, packet.Channel));
        Assert.NotEmpty(_listener.Packets);
        Swap(Output, wanted, plug);
        _listener.Packets.Clear();
        _test.Simulator.RunFor(BusTime.Microseconds(1000));
        Assert.Empty(_listener.Packets);
    }

    [Fact]
    public void A_connection_ends_a_second_after_a_bus_reset_unless_it_is_made_again()
    {
        Start(DvSystem.Pal);
        uint plug = Read(Output), wanted = (plug & ~0x3F_0000u) | (1u << 24) | (5 << 16);
        Swap(Output, plug, wanted);
        Say([0x00, 0x20, 0xC3, 0x75]);
        foreach (bool again in (bool[])[true, false])
        {
            _camcorder.Phy.InitiateReset(isLong: true);
            _test.Settle();
            Assert.Equal(wanted & ~0x7F00_0000u, Read(Output));
            _listener.Packets.Clear();
            _test.Simulator.RunFor(BusTime.TicksPerSecond / 2);
            Assert.NotEmpty(_listener.Packets);
            if (again)
                Swap(Output, wanted & ~0x7F00_0000u, wanted);
            _test.Simulator.RunFor(BusTime.TicksPerSecond);
            _listener.Packets.Clear();
            _test.Simulator.RunFor(BusTime.TicksPerSecond / 2);
            Assert.Equal(again, _listener.Packets.Count != 0);
        }
    }

    [Theory]
    [MemberData(nameof(Systems))]
    public void Frames_differ_in_every_video_block_and_have_a_time_code_in_every_subcode(string name)
    {
        DvSystem system = name == "pal" ? DvSystem.Pal : DvSystem.Ntsc;
        byte[] one = new byte[system.FrameBytes], other = new byte[system.FrameBytes];
        DvFrame.Draw(system, 3671 * system.FramesPerSecond, one);
        DvFrame.Draw(system, (3671 * system.FramesPerSecond) + 1, other);
        for (int at = 0; at < one.Length; at += DvSystem.BlockBytes)
        {
            Assert.Equal(one.AsSpan(at, 3).ToArray(), other.AsSpan(at, 3).ToArray());
            if (one[at] >> 5 == 4)
                Assert.False(one.AsSpan(at, 80).SequenceEqual(other.AsSpan(at, 80)));
            // What is played at another speed than the normal one is no picture to capture.
            if (one[at] >> 5 == 3 && one[at + 2] == ((one[at + 1] & 0x10) == 0 ? 4 : 1))
                Assert.Equal("5103CFA0FF", Convert.ToHexString(one, at + 3, 5));
            // 1:01:11:00, and a frame more.
            if (one[at] >> 5 == 1)
                Assert.Equal(("1300110101", "1301110101"), (Convert.ToHexString(one, at + 6, 5), Convert.ToHexString(other, at + 6, 5)));
        }
        // A tape that is a file plays the file, and knows its system.
        var tape = new DvTape([.. one, .. other]);
        Assert.Equal(system, tape.System);
        var read = new byte[system.FrameBytes];
        tape.Read(5, read);
        Assert.Equal(other, read);
        one[80]++;
        Assert.Throws<InvalidDataException>(() => new DvTape([.. other, .. one, 0]));
        one[80] = 0x5F;
        Assert.Throws<InvalidDataException>(() => new DvTape(one));
        Assert.Throws<InvalidDataException>(() => new DvTape([]));
    }

    [Fact]
    public void Commands_that_are_too_short_or_elsewhere_are_refused()
    {
        Start(DvSystem.Pal);
        Assert.Equal(Outcome.TypeError, Ask(done => _user.TryWrite(_camcorder.NodeId, Camcorder.Command, [1, 2], done)).Outcome);
        Assert.Equal(Outcome.AddressError, Ask(done => _user.TryWrite(_camcorder.NodeId, Camcorder.Command + 4, new byte[4], done)).Outcome);
        Assert.Equal(Outcome.AddressError, Ask(done => _user.TryWrite(_camcorder.NodeId, Output, new byte[4], done)).Outcome);
        Assert.Equal(Outcome.AddressError, Ask(done => _user.TryRead(_camcorder.NodeId, Output + 4, 4, done)).Outcome);
        for (int i = 0; i < 256; i++)
            Assert.Equal(8, Say([1, 0x20, (byte)i, 0xFF]).Length + 4);
    }

    private void Start(DvSystem system)
    {
        _camcorder = new Camcorder(new BusInformation(0x5254_0001_0000_0005, Speed.S400, 10), new DvTape(system));
        _user = new Controller(new BusInformation(0x5254_0001_0000_0006, Speed.S400, 10, CanManage: 15));
        Phy camcorder = _test.Bus.Add("camcorder", _camcorder, new PhyTraits()), user = _test.Bus.Add("user", _user, new PhyTraits()), listener = _test.Bus.Add("listener", _listener, new PhyTraits());
        _test.Bus.Connect(camcorder, listener);
        _test.Bus.Connect(listener, user);
        listener.HoldsForRoot = true;
        _test.Settle();
    }

    private byte[] Say(byte[] command)
    {
        Assert.Equal(Outcome.Complete, Ask(done => _user.TryWrite(_camcorder.NodeId, Camcorder.Command, command, done)).Outcome);
        return _user.Responses.Dequeue();
    }

    private uint Read(ulong offset) => BinaryPrimitives.ReadUInt32BigEndian(Ask(done => _user.TryRead(_camcorder.NodeId, offset, 4, done)).Data);

    private uint Swap(ulong offset, uint expected, uint wanted)
    {
        var data = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(data, expected);
        BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(4), wanted);
        return BinaryPrimitives.ReadUInt32BigEndian(Ask(done => _user.TryLock(_camcorder.NodeId, offset, LockOperation.CompareSwap, data, done)).Data);
    }

    private (Outcome Outcome, byte[] Data) Ask(Func<Completion, bool> start)
    {
        (Outcome, byte[])? answer = null;
        Assert.True(start((outcome, data) => answer = (outcome, data.ToArray())));
        _test.Simulator.RunFor(BusTime.Microseconds(300));
        return answer!.Value;
    }

    /// <summary>Who sends commands: responses come to its register.</summary>
    private sealed class Controller(in BusInformation information) : Node(information, new RomDirectory().Value(0x03, 0x52_5400))
    {
        public Queue<byte[]> Responses { get; } = new();

        protected override bool HasOwnRegister(int register) => Csr.Base + (ulong)register >= Camcorder.Response && register < 0xF00;

        protected override Rcode Read(ushort source, ulong offset, Span<byte> data) => Rcode.AddressError;

        protected override Rcode Write(ushort source, ulong offset, ReadOnlySpan<byte> data, Speed speed)
        {
            Responses.Enqueue(data.ToArray());
            return Rcode.Complete;
        }
    }

    /// <summary>The cycle master, which hears all streams.</summary>
    private sealed class Listener : Link
    {
        public List<(int Channel, byte[] Data)> Packets { get; } = [];

        public override bool IsCycleMaster => true;

        public override void ResetStarted()
        {
        }

        public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
        {
        }

        public override Ack Receive(Packet packet) => Ack.AddressError;

        public override Packet? NextPacket() => null;

        public override void Sent(Packet packet, Ack ack)
        {
        }

        public override void ReceiveStream(Packet packet)
        {
            Assert.Equal((1, 0), (packet.Tag, packet.Sync));
            Packets.Add((packet.Channel, packet.Data.ToArray()));
        }
    }
}
