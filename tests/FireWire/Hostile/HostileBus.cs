using System;
using System.Collections.Generic;
using System.IO;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Hostile;
using Sluice.FireWire.Iidc;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Sluice.FireWire.Sbp2;
using Sluice.FireWire.Simulation;
using Sluice.Tests.FireWire.Model;
using Sluice.Tests.FireWire.OhciTests;
using Xunit;
using Ohci = Sluice.FireWire.Ohci.OhciRegister;

namespace Sluice.Tests.FireWire.HostileTests;

/// <summary>
/// A bus with a hostile node in the middle of all kinds of others: a computer whose driver takes what comes, a memory node that another one
/// writes to and reads from all the time, a disk, a camera, an echo.
/// </summary>
internal sealed class HostileBus : IBusTrace
{
    private const uint Secrets = 0x2_0000;
    private const string Secret = "nobody may read this, and nobody may write here";

    private readonly byte[] _pattern = new byte[4];
    private readonly ReceiveRing _requests, _responses;
    private readonly uint _read;
    private uint _round;

    public HostileBus(string script, double playMilliseconds, ulong seed = 1, TextWriter? trace = null)
    {
        Test = new TestBus(seed);
        Trace = trace == null ? null : new Sluice.FireWire.Trace.TextTrace(Test.Bus, trace);
        Test.Bus.Trace = this;
        Machine = new Machine(Test);
        (Phy firstPhy, First) = Test.AddMemory(new PhyTraits());
        Node = new HostileNode(new BusInformation(0x5254_0066_6666_6666), script, seed, playMilliseconds);
        Phy = Test.Bus.Add("hostile", Node, new PhyTraits(4));
        (Phy secondPhy, Second) = Test.AddMemory(new PhyTraits());
        Phy disk = Test.Bus.Add("disk", new Sbp2Disk(new BusInformation(0x5254_0001_0000_0099, MaxRecord: 10), new DiskImage(1 << 20)), new PhyTraits());
        Phy camera = Test.Bus.Add("camera", new Camera(new BusInformation(0x5254_0001_0000_0098)), new PhyTraits());
        Phy echo = Test.Bus.Add("echo", new EchoNode(new BusInformation(0x5254_0001_0000_0097)), new PhyTraits());
        // The hostile one is a leaf, so that the others stay together when it goes.
        Phy[] chain = [Machine.Phy, firstPhy, secondPhy, disk, camera, echo];
        for (int i = 1; i < chain.Length; i++)
            Test.Bus.Connect(chain[i - 1], chain[i]);
        Test.Bus.Connect(firstPhy, Phy);
        Test.Settle();
        for (uint at = Secrets; at + (uint)Secret.Length < Machine.Memory.Length; at += (uint)Secret.Length)
            System.Text.Encoding.ASCII.GetBytes(Secret).CopyTo(Machine.Memory.AsSpan((int)at));
        Machine.Start(runsReceive: false);
        _requests = new ReceiveRing(Machine, Ohci.ArRequest, 0x1_0000);
        _responses = new ReceiveRing(Machine, Ohci.ArResponse, 0x1_8000);
        _read = Machine.Block(Machine.Header(Tcode.ReadBlock, 0, 0)) & ~0xFu;
        Snapshot = Machine.Memory.AsSpan((int)Secrets).ToArray();
    }

    public TestBus Test { get; }

    public Machine Machine { get; }

    public MemoryNode First { get; }

    public MemoryNode Second { get; }

    public HostileNode Node { get; }

    public Phy Phy { get; }

    /// <summary>Memory that no descriptor names.</summary>
    public byte[] Snapshot { get; }

    /// <summary>Writes of one memory node to the other that arrived, and came back right.</summary>
    public int Good { get; private set; }

    /// <summary>Writes or reads that arrived and were wrong.</summary>
    public int Wrong { get; private set; }

    /// <summary>Packets with the secret in them.</summary>
    public int Leaks { get; private set; }

    /// <summary>How requests to the hostile node ended: of the ROM, and of other places.</summary>
    public HashSet<Outcome> RomOutcomes { get; } = [];

    public HashSet<Outcome> Outcomes { get; } = [];

    /// <summary>Scripts that were played.</summary>
    public HashSet<string> Played { get; } = [];

    private IBusTrace? Trace { get; }

    /// <summary>Lets some milliseconds pass, with traffic.</summary>
    public void Run(double milliseconds)
    {
        long end = Test.Simulator.Now + BusTime.Microseconds(milliseconds * 1000);
        while (Test.Simulator.Now < end)
        {
            Test.Simulator.RunFor(BusTime.Microseconds(200));
            if (Node.Playing is { } script)
                Played.Add(script);
            // As a driver would: events are cleared, and what the reset stopped runs again.
            Machine[Ohci.IntEvent + 4] = uint.MaxValue;
            _requests.Take();
            _responses.Take();
            BeginTransfer();
            if (_round % 8 == 0)
                AskHostile();
        }
    }

    public void Packet(Phy sender, Packet packet, bool isPhy, Ack ack, int ticks)
    {
        if (sender == Machine.Phy && !isPhy && packet.Data.IndexOf("body may"u8) >= 0)
            Leaks++;
        Trace?.Packet(sender, packet, isPhy, ack, ticks);
    }

    public void ResetStarted(Phy origin, bool isLong) => Trace?.ResetStarted(origin, isLong);

    public void SelfIdentified(Sluice.FireWire.Bus.Segment segment) => Trace?.SelfIdentified(segment);

    public void Register(Phy phy, bool isWrite, uint offset, uint value)
    {
    }

    private void BeginTransfer()
    {
        if (First.Phy.Segment.IsResetting)
            return;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(_pattern, ++_round);
        uint expected = _round;
        // Only the place that this round writes: others of the node's may be the hostile one's.
        ulong at = MemoryNode.DefaultBase + (expected % 1024 * 4);
        First.TryWrite(Second.NodeId, at, _pattern, (outcome, _) =>
        {
            if (outcome != Outcome.Complete)
                return;
            First.TryRead(Second.NodeId, at, 4, (read, data) =>
            {
                if (read != Outcome.Complete)
                    return;
                bool isRight = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(data) == expected;
                Good += isRight ? 1 : 0;
                Wrong += isRight ? 0 : 1;
            });
        });
    }

    // As if the node were any other: a ROM is read by one and by the other, a unit is written to and locked.
    private void AskHostile()
    {
        if (First.Phy.Segment != Phy.Segment || Phy.Segment.IsResetting)
            return;
        ulong rom = Csr.Base + Csr.Rom + (_round % 64 * 4);
        Second.TryRead(Node.NodeId, rom, 4, (outcome, _) => RomOutcomes.Add(outcome));
        Second.TryRead(Node.NodeId, rom, 64, (outcome, _) => RomOutcomes.Add(outcome));
        Second.TryWrite(Node.NodeId, MemoryNode.DefaultBase, new byte[32], (outcome, _) => Outcomes.Add(outcome));
        Second.TryLock(Node.NodeId, MemoryNode.DefaultBase, LockOperation.CompareSwap, new byte[8], (outcome, _) => Outcomes.Add(outcome));
        Machine.Put(_read + 16, Machine.Header(Tcode.ReadBlock, Phy.PhysicalId, rom, 64u << 16));
        Machine[Ohci.AtRequest + 4] = (uint)ContextControl.Run;
        Machine[Ohci.AtRequest + Ohci.CommandPtr] = _read | 2;
        Machine[Ohci.AtRequest] = (uint)ContextControl.Run;
    }
}
