using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Sluice.Devices;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.FireWire.Simulation;
using Sluice.Platform;
using Sluice.Tests.Dma;
using Machine = Sluice.Platform.Machine;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>The bus of the driver as a node of the model's: a controller that has no registers, sends each packet once and counts.</summary>
internal sealed class CoreNode : Model.Link, IFireWireController
{
    public const ulong GuidBase = 0x0052_5400_0000_0000;

    private readonly Queue<OutPacket> _queue = new();
    private readonly Queue<PhyPacket> _phyQueue = new();
    private readonly Model.Packet _packet = new(), _phyPacket = new();
    private readonly uint[] _locks = [0x3F, 4915, uint.MaxValue, uint.MaxValue];
    private readonly Queue<Model.Packet> _answers = new();
    private byte _generation;

    public CoreNode(ulong number)
    {
        Guid = GuidBase + number;
        Core = new FireWireBus(this, CoreMachine.Frames);
    }

    public FireWireBus Core { get; }

    /// <summary>Packets that it takes before it has no room.</summary>
    public int Room { get; set; } = 4;

    /// <summary>Writes are acknowledged as complete before the bus has seen them.</summary>
    public bool PostsWrites { get; set; }

    /// <summary>Acknowledges that it reports instead of those that came, for the next packets.</summary>
    public Queue<AckCode> Acks { get; } = new();

    /// <summary>Reports what was sent only when this is false again.</summary>
    public bool HoldsReports { get; set; }

    /// <summary>Memory below 4 GiB that it reads and writes by itself for nodes whose doors are open; null if it does nothing by itself.</summary>
    public IDeviceMemory? Physical { get; set; }

    /// <summary>Requests that it served by itself.</summary>
    public long Served { get; private set; }

    /// <summary>Sees what comes first; true swallows it, acknowledged.</summary>
    public Func<Model.Packet, bool>? Swallows { get; set; }

    /// <summary>Who takes what comes on channel 31.</summary>
    public Sluice.Drivers.Ip1394.Ip1394Device? Listener { get; set; }

    public bool IsMaster { get; private set; }

    public ulong Guid { get; }

    public BusOptions Options { get; set; } = new(0xF064_A002);

    /// <summary>What its PHY packets and resets end with.</summary>
    public Error PhyError { get; set; }

    /// <summary>What a swap of its own registers finds instead of what is there, or its error; null for the truth.</summary>
    public Func<int, (Error Error, uint Old)?>? Locks { get; set; }

    /// <summary>Configurations that it sent, and resets that it began.</summary>
    public List<PhyPacket> Configurations { get; } = [];

    public List<(ulong At, bool IsLong)> Resets { get; } = [];

    public ulong OpenNodes { get; set; }

    public uint[] NextRom { get; private set; } = [];

    /// <summary>Takes no ROM now.</summary>
    public bool IsInReset { get; set; }

    public override bool IsCycleMaster => IsMaster;

    uint IFireWireController.CycleTime => CycleTime;

    public bool TrySend(OutPacket packet)
    {
        if (_queue.Count >= Room)
            return false;
        _queue.Enqueue(packet);
        Phy.Segment.Request(Phy);
        return true;
    }

    public Error SendPhy(PhyPacket packet)
    {
        if (PhyError != Error.None)
            return PhyError;
        Configurations.Add(packet);
        _phyQueue.Enqueue(packet);
        Phy.Segment.Request(Phy);
        return Error.None;
    }

    public Error Reset(bool isLong)
    {
        if (PhyError != Error.None)
            return PhyError;
        Resets.Add((Sluice.Platform.Clock.Microseconds, isLong));
        Phy.InitiateReset(isLong);
        return Error.None;
    }

    public void SetCycleMaster(bool isMaster) => IsMaster = isMaster;

    public bool TrySetNextRom(ReadOnlySpan<uint> rom)
    {
        if (IsInReset)
            return false;
        NextRom = rom.ToArray();
        return true;
    }

    public Error LockRegister(int register, uint expected, uint value, out uint old)
    {
        if (Locks?.Invoke(register) is { } lie)
        {
            old = lie.Old;
            return lie.Error;
        }
        old = _locks[register];
        if (old == expected)
            _locks[register] = value;
        return Error.None;
    }

    public override void ResetStarted()
    {
        OpenNodes = 0;
        _answers.Clear();
        Core.ResetBegan();
        HoldsReports = false;
        _phyQueue.Clear();
        (_locks[0], _locks[1], _locks[2], _locks[3]) = (0x3F, 4915, uint.MaxValue, uint.MaxValue);
        while (_queue.TryDequeue(out OutPacket? packet))
            Core.PacketSent(packet, AckCode.Flushed);
    }

    public override void SelfIdentified(ReadOnlySpan<uint> selfIds) => Core.ResetEnded(++_generation, Phy.PhysicalId, selfIds);

    public override Model.Ack Receive(Model.Packet packet)
    {
        if (packet.HasDataError)
            return Model.Ack.DataError;
        if (Swallows?.Invoke(packet) == true)
            return Model.Ack.Complete;
        if (Physical != null && packet.Offset >> 32 == 0 && (OpenNodes >> (packet.Source & 0x3F) & 1) != 0 && TryServe(packet, out Model.Ack served))
            return served;
        bool isAnswered = PostsWrites && packet.Code is (Model.Tcode.WriteBlock or Model.Tcode.WriteQuadlet);
        Core.PacketReceived(new PacketHeader(packet.Q0, packet.Q1, packet.Q2, packet.Q3), packet.Data,
            new Arrival(_generation, (BusSpeed)packet.Speed, isAnswered, (ushort)(CycleTime >> 12)));
        bool isResponse = packet.Code is Model.Tcode.WriteResponse or Model.Tcode.ReadQuadletResponse or Model.Tcode.ReadBlockResponse or Model.Tcode.LockResponse;
        return isAnswered || isResponse ? Model.Ack.Complete : Model.Ack.Pending;
    }

    public override Model.Packet? NextPacket()
    {
        if (_phyQueue.TryPeek(out PhyPacket phy))
        {
            _phyPacket.Phy(phy.Quadlet);
            return _phyPacket;
        }
        if (_answers.TryPeek(out Model.Packet? answer))
            return answer;
        if (HoldsReports || !_queue.TryPeek(out OutPacket? packet))
            return null;
        PacketHeader header = packet.Header;
        (_packet.Q0, _packet.Q1, _packet.Q2, _packet.Q3) = (header.Q0, header.Q1, header.Q2, header.Q3);
        packet.Bytes.CopyTo(_packet.Room);
        _packet.DataBytes = packet.DataBytes;
        _packet.Speed = (Model.Speed)packet.Speed;
        return _packet;
    }

    public override void Sent(Model.Packet packet, Model.Ack ack)
    {
        if (packet == _phyPacket)
        {
            _phyQueue.Dequeue();
            if (_queue.Count + _phyQueue.Count != 0)
                Phy.Segment.Request(Phy);
            return;
        }
        if (_answers.TryPeek(out Model.Packet? answer) && answer == packet)
        {
            if (ack is not (Model.Ack.BusyX or Model.Ack.BusyA or Model.Ack.BusyB))
                _answers.Dequeue();
            if (_answers.Count + _queue.Count != 0)
                Phy.Segment.Request(Phy);
            return;
        }
        if (HoldsReports)
            return;
        Report((AckCode)ack);
    }

    public override void ReceiveStream(Model.Packet packet)
    {
        if (packet.Channel == Sluice.Drivers.Ip1394.Ip1394Device.Channel && !packet.HasDataError)
            Listener?.OnStream(packet.Data);
    }

    public override void ReceivePhy(uint first, uint second)
    {
        if (second == ~first)
            Core.PhyPacketReceived(new PhyPacket(first));
    }

    // As a controller that needs no driver for it (1394 OHCI 1.1, section 12).
    private bool TryServe(Model.Packet packet, out Model.Ack ack)
    {
        ack = Model.Ack.Complete;
        Span<byte> quadlet = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(quadlet, packet.Q3);
        switch (packet.Code)
        {
            case Model.Tcode.WriteQuadlet:
                Physical!.Write(packet.Offset, quadlet);
                break;
            case Model.Tcode.WriteBlock:
                Physical!.Write(packet.Offset, packet.Data);
                break;
            case Model.Tcode.ReadQuadlet or Model.Tcode.ReadBlock:
                var answer = new Model.Packet();
                bool isQuadlet = packet.Code == Model.Tcode.ReadQuadlet;
                answer.Response(isQuadlet ? Model.Tcode.ReadQuadletResponse : Model.Tcode.ReadBlockResponse, packet.Label, packet.Source, (ushort)(0xFFC0 | Phy.PhysicalId), Model.Rcode.Complete);
                answer.Speed = packet.Speed;
                Physical!.Read(packet.Offset, isQuadlet ? quadlet : answer.Room[..packet.LengthField]);
                if (isQuadlet)
                    answer.Q3 = BinaryPrimitives.ReadUInt32BigEndian(quadlet);
                else
                    (answer.DataBytes, answer.Q3) = (packet.LengthField, (uint)packet.LengthField << 16);
                _answers.Enqueue(answer);
                Phy.Segment.Request(Phy);
                ack = Model.Ack.Pending;
                break;
            default:
                return false;
        }
        Served++;
        return true;
    }

    /// <summary>Says what became of the oldest packet.</summary>
    public void Report(AckCode ack)
    {
        OutPacket sent = _queue.Dequeue();
        Core.PacketSent(sent, Acks.TryDequeue(out AckCode other) ? other : ack);
        if (_queue.Count != 0)
            Phy.Segment.Request(Phy);
    }
}

/// <summary>A node that a test plays: what comes is kept, what it says is said.</summary>
internal sealed class ScriptNode(Func<Model.Packet, Model.Ack> receive) : Model.Link
{
    private readonly Queue<Model.Packet> _queue = new();

    public List<Model.Ack> Acks { get; } = [];

    public void Send(Action<Model.Packet> fill)
    {
        var packet = new Model.Packet();
        fill(packet);
        _queue.Enqueue(packet);
        Phy.Segment.Request(Phy);
    }

    public override void ResetStarted() => _queue.Clear();

    public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
    {
    }

    public override Model.Ack Receive(Model.Packet packet) => receive(packet);

    public override Model.Packet? NextPacket() => _queue.TryPeek(out Model.Packet? packet) ? packet : null;

    public override void Sent(Model.Packet packet, Model.Ack ack)
    {
        _queue.Dequeue();
        Acks.Add(ack);
        if (_queue.Count != 0)
            Phy.Segment.Request(Phy);
    }
}

/// <summary>A bus, and a computer with a clock for the nodes on it that are ours.</summary>
internal sealed unsafe class CoreMachine : IDisposable, ITransactionHandler
{
    [ThreadStatic] private static FramePool? _frames;

    public CoreMachine(ulong seed = 1, MachineKind kind = default)
    {
        Machine.Reset();
        Dma = new DmaMachine(Sluice.Tests.Mm.MachineMap.Of((0x10_0000, 31 << 20)), kind);
        _frames = new FramePool(Dma.System, MostFrames);
        Bus = new Model.FireWireBus(Simulator, seed);
    }

    public SimulatedClock Clock { get; } = new();

    /// <summary>Its memory.</summary>
    public DmaMachine Dma { get; }

    public Simulator Simulator { get; } = new();

    public Model.FireWireBus Bus { get; }

    /// <summary>Transactions in the order in which they ended.</summary>
    public List<Transaction> Done { get; } = [];

    /// <summary>Memory for data.</summary>
    public byte* Memory { get; } = (byte*)NativeMemory.AllocZeroed(65536);

    public Span<byte> Bytes(int at, int length) => new(Memory + at, length);

    public void Add(Model.Link link, int ports = 3, Model.Speed speed = Model.Speed.S400)
    {
        Model.Phy phy = Bus.Add($"{Bus.Phys.Count}", link, new Model.PhyTraits(ports, speed, IsContender: true));
        if (Bus.Phys.Count > 1)
            Bus.Connect(phy, Bus.Phys[(Bus.Phys.Count - 2) / 2]);
    }

    public void Dispose()
    {
        Clock.Dispose();
        Dma.Dispose();
    }

    /// <summary>Frames that a machine may have.</summary>
    public const int MostFrames = 200;

    /// <summary>Those of this thread's machine.</summary>
    public static FramePool Frames
    {
        get => _frames!;
        set => _frames = value;
    }

    public void OnDone(Transaction transaction) => Done.Add(transaction);

    /// <summary>Goes on until nothing is to be done at once.</summary>
    public void Settle()
    {
        do
            Simulator.RunActivity();
        while (Machine.Work.Run(64) || Simulator.IsActive);
    }

    /// <summary>Lets time pass on the bus and in the computer, so much at once.</summary>
    public void Pass(ulong microseconds, ulong step = 250)
    {
        for (ulong passed = 0; passed < microseconds; passed += step)
        {
            Clock.Advance(step);
            Simulator.RunFor(BusTime.Microseconds(step));
            Settle();
        }
    }
}
