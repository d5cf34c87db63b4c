using System;
using System.Collections.Generic;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;

namespace Sluice.Tests.FireWire.Model;

/// <summary>A bus for tests, in simulated time alone.</summary>
internal sealed class TestBus
{
    public TestBus(ulong seed = 1)
    {
        Bus = new FireWireBus(Simulator, seed);
    }

    public Simulator Simulator { get; } = new();

    public FireWireBus Bus { get; }

    /// <summary>A node that remembers what it is told.</summary>
    public (Phy Phy, Recorder Link) AddRecorder(PhyTraits traits)
    {
        var link = new Recorder();
        return (Bus.Add($"recorder {Bus.Phys.Count}", link, traits), link);
    }

    public (Phy Phy, MemoryNode Node) AddMemory(PhyTraits traits, int canManage = 0, bool writesAtOnce = true)
    {
        var node = new MemoryNode(new BusInformation(0x52_5400_0000_0000_00 + (ulong)Bus.Phys.Count, traits.MaxSpeed, 10, canManage)) { AnswersWritesAtOnce = writesAtOnce };
        return (Bus.Add($"memory {Bus.Phys.Count}", node, traits), node);
    }

    /// <summary>Lets resets end, and all that they set off.</summary>
    public void Settle() => Simulator.RunFor(BusTime.Microseconds(2000));
}

/// <summary>A link that keeps all it hears and sends what it is given.</summary>
internal sealed class Recorder : Link
{
    private readonly Queue<Packet> _toSend = new();

    public List<uint> SelfIds { get; } = [];

    public List<string> Heard { get; } = [];

    public List<Ack> Acks { get; } = [];

    public List<uint> Phys { get; } = [];

    public Queue<Packet> Isochronous { get; } = new();

    public int Resets { get; private set; }

    public int Identified { get; private set; }

    public bool WantsCycles { get; set; }

    public bool SendsCycles { get; set; }

    public Ack Answer { get; set; } = Ack.Complete;

    public bool IsOn { get; set; } = true;

    public override bool IsActive => IsOn;

    public override bool IsCycleMaster => SendsCycles;

    public override bool NeedsCycles => WantsCycles;

    public void Send(Packet packet)
    {
        _toSend.Enqueue(packet);
        Phy.Segment.Request(Phy);
    }

    public override void ResetStarted()
    {
        Resets++;
        _toSend.Clear();
    }

    public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
    {
        Identified++;
        SelfIds.Clear();
        SelfIds.AddRange(selfIds);
    }

    public override Ack Receive(Packet packet)
    {
        Heard.Add($"{packet.Code} from {packet.Source & 0x3F}");
        return Answer;
    }

    public override Packet? NextPacket() => _toSend.TryPeek(out Packet? packet) ? packet : null;

    public override void Sent(Packet packet, Ack ack)
    {
        Acks.Add(ack);
        _toSend.Dequeue();
        if (_toSend.Count != 0)
            Phy.Segment.Request(Phy);
    }

    public override void ReceivePhy(uint first, uint second) => Phys.Add(first);

    public override void ReceiveStream(Packet packet) => Heard.Add($"channel {packet.Channel}");

    public override void CycleStarted(uint cycleTime) => Heard.Add($"cycle {(cycleTime >> 12) & 0x1FFF}");

    public override Packet? NextIsochronous(uint cycleTime) => Isochronous.TryDequeue(out Packet? packet) ? packet : null;
}
