using System;
using System.Diagnostics;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;
using Sluice.Tests.FireWire.Model;

namespace Sluice.Tests.FireWire.Bench;

/// <summary>How many packets a second a bus without guests carries, in simulated time that nothing holds back.</summary>
internal sealed class PacketRates
{
    private const int Warmup = 500_000, Packets = 3_000_000, UnderWay = 8, BlockBytes = 2048, StreamBytes = 1024;

    private readonly TestBus _test = new();
    private readonly MemoryNode _reader;
    private readonly Phy _phy;
    private readonly Completion _again;
    private readonly int _bytes;
    private ulong _next;
    private bool _isEnding;

    private PacketRates(int bytes)
    {
        (Phy reader, _reader) = _test.AddMemory(new PhyTraits(MaxSpeed: Speed.S400));
        (_phy, _) = _test.AddMemory(new PhyTraits(MaxSpeed: Speed.S400));
        _test.Bus.Connect(reader, _phy);
        _test.Settle();
        _bytes = bytes;
        _again = (outcome, data) =>
        {
            if (outcome != Outcome.Complete || data.Length != _bytes)
                throw new InvalidOperationException($"a read ended as {outcome}");
            if (!_isEnding)
                Read();
        };
    }

    /// <summary>Packets of reads of quadlets, eight under way: request, response.</summary>
    public static Rate Quadlets() => new PacketRates(4).Measure();

    /// <summary>Packets of reads of 2 KiB.</summary>
    public static Rate Blocks() => new PacketRates(BlockBytes).Measure();

    /// <summary>Cycles in which a node sends 1 KiB to another: cycle starts and stream packets.</summary>
    public static Rate Streams()
    {
        var test = new TestBus();
        var listener = new Streamer { IsTalker = false };
        var talker = new Streamer { IsTalker = true };
        test.Bus.Connect(test.Bus.Add("listener", listener, new PhyTraits()), test.Bus.Add("talker", talker, new PhyTraits()));
        talker.Phy.HoldsForRoot = true;
        talker.Phy.InitiateReset(isLong: true);
        test.Settle();
        Rate rate = Time(talker.Phy.Segment, count => test.Simulator.RunFor(count / 2 * (long)BusTime.TicksPerCycle));
        return listener.Heard > Packets / 3 ? rate : throw new InvalidOperationException($"{listener.Heard} packets came");
    }

    private Rate Measure()
    {
        return Time(_phy.Segment, count =>
        {
            long end = _phy.Segment.Packets + count;
            _isEnding = false;
            for (int i = 0; i < UnderWay; i++)
                Read();
            while (_phy.Segment.Packets < end)
                _test.Simulator.RunActivity(1000);
            _isEnding = true;
            _test.Simulator.RunActivity();
        });
    }

    // The best of three, as other programs of the machine may have one.
    private static Rate Time(Segment segment, Action<int> carry)
    {
        carry(Warmup);
        var best = new Rate(0, 0);
        for (int round = 0; round < 3; round++)
        {
            long before = segment.Packets, allocated = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            carry(Packets / 3);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            long packets = segment.Packets - before;
            if (packets / seconds > best.PerSecond)
                best = new Rate(packets / seconds, (GC.GetAllocatedBytesForCurrentThread() - allocated) / (double)packets);
        }
        return best;
    }

    private void Read()
    {
        _next = (_next + (ulong)_bytes) % 65536;
        if (!_reader.TryRead((ushort)(0xFFC0 | _phy.PhysicalId), MemoryNode.DefaultBase + _next, _bytes, _again))
            throw new InvalidOperationException("a read did not begin");
    }

    /// <summary>A rate, and bytes allocated a packet.</summary>
    internal readonly record struct Rate(double PerSecond, double Allocated);

    // Sends a packet each cycle, and the cycle starts; or takes them.
    private sealed class Streamer : Link
    {
        private readonly Packet _packet = new();
        private readonly byte[] _data = new byte[StreamBytes];
        private bool _isDue;

        public required bool IsTalker { get; init; }

        public long Heard { get; private set; }

        public override bool IsCycleMaster => IsTalker;

        public override bool NeedsCycles => true;

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

        public override void CycleStarted(uint cycleTime) => _isDue = IsTalker;

        public override Packet? NextIsochronous(uint cycleTime)
        {
            if (!_isDue)
                return null;
            _isDue = false;
            _packet.Stream(5, 1, 0, _data);
            _packet.Speed = Speed.S400;
            return _packet;
        }

        public override void ReceiveStream(Packet packet)
        {
            packet.Data.CopyTo(_data);
            Heard++;
        }
    }
}
