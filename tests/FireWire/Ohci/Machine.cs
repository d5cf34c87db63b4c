using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Sluice.Tests.FireWire.Model;
using Xunit;
using Ohci = Sluice.FireWire.Ohci.OhciRegister;

namespace Sluice.Tests.FireWire.OhciTests;

/// <summary>A computer with a controller, in simulated time: a megabyte of memory, and a driver's hands.</summary>
internal sealed class Machine : IOhciHost
{
    public const uint SelfIds = 0x1000, ArRequestBuffer = 0x4000, ArResponseBuffer = 0x8000, ArBytes = 0x1000, Program = 0xC000;

    private uint _next = Program;

    public Machine(TestBus test, ulong guid = 0x5254_0001_0000_0001, Speed speed = Speed.S400, OhciQuirks quirks = OhciQuirks.None)
    {
        Controller = new OhciController(this, new OhciTraits(guid, speed, Quirks: quirks));
        Phy = test.Bus.Add($"machine {test.Bus.Phys.Count}", Controller, new PhyTraits(3, speed, IsContender: true));
        Test = test;
    }

    public TestBus Test { get; }

    public OhciController Controller { get; }

    public Phy Phy { get; }

    public byte[] Memory { get; } = new byte[1 << 20];

    public bool Interrupt { get; private set; }

    public int Edges { get; private set; }

    public uint this[uint register]
    {
        get => Controller.Read(register);
        set => Controller.Write(register, value);
    }

    public bool TryRead(ulong address, Span<byte> bytes)
    {
        if (address > (ulong)Memory.Length || (ulong)bytes.Length > (ulong)Memory.Length - address)
            return false;
        Memory.AsSpan((int)address, bytes.Length).CopyTo(bytes);
        return true;
    }

    public bool TryWrite(ulong address, ReadOnlySpan<byte> bytes)
    {
        if (address > (ulong)Memory.Length || (ulong)bytes.Length > (ulong)Memory.Length - address)
            return false;
        bytes.CopyTo(Memory.AsSpan((int)address));
        return true;
    }

    public bool TryRead32(ulong address, out uint value)
    {
        bool isThere = address <= (ulong)Memory.Length - 4 && (address & 3) == 0;
        value = isThere ? Word((uint)address) : uint.MaxValue;
        return isThere;
    }

    public bool TryWrite32(ulong address, uint value)
    {
        bool isThere = address <= (ulong)Memory.Length - 4 && (address & 3) == 0;
        if (isThere)
        {
            Put((uint)address, value);
            WordsWritten.Add(address);
        }
        return isThere;
    }

    public void SetInterrupt(bool level)
    {
        Edges += level && !Interrupt ? 1 : 0;
        Interrupt = level;
    }

    /// <summary>Words that the device wrote by themselves, by address, in order.</summary>
    public List<ulong> WordsWritten { get; } = [];

    public void InterruptAgain() => Edges++;

    public uint Word(uint address) => BinaryPrimitives.ReadUInt32LittleEndian(Memory.AsSpan((int)address));

    public void Put(uint address, params ReadOnlySpan<uint> words)
    {
        for (int i = 0; i < words.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(Memory.AsSpan((int)address + (i * 4)), words[i]);
    }

    /// <summary>What a driver does first; then a bus reset, and it is over.</summary>
    public void Start(bool runsReceive = true)
    {
        this[Ohci.HcControl] = (uint)(HcControl.LinkPower | HcControl.PostedWriteEnable);
        this[Ohci.HcControl + 4] = (uint)HcControl.NoByteSwap;
        this[Ohci.IntMask + 4] = uint.MaxValue;
        this[Ohci.SelfIdBuffer] = SelfIds;
        this[Ohci.LinkControl] = (uint)(LinkControl.ReceiveSelfId | LinkControl.ReceivePhy | LinkControl.CycleTimerEnable | LinkControl.CycleMaster);
        this[Ohci.AtRetries] = 0x0333;
        this[Ohci.RequestFilterHi] = 0x8000_0000;
        this[Ohci.HcControl] = (uint)HcControl.LinkEnable;
        if (runsReceive)
        {
            RunReceive(Ohci.ArRequest, ArRequestBuffer);
            RunReceive(Ohci.ArResponse, ArResponseBuffer);
        }
        this[Ohci.PhyControl] = 0x4000 | (1 << 8) | 0x40 | 0x3F;
        FinishReset();
    }

    /// <summary>Lets a bus reset end and clears its events.</summary>
    public void FinishReset()
    {
        Test.Settle();
        this[Ohci.IntEvent + 4] = uint.MaxValue;
    }

    /// <summary>Two buffers of half the size, linked; returns the first descriptor.</summary>
    public uint RunReceive(uint context, uint buffer)
    {
        uint first = Take(2);
        Put(first, Input(ArBytes / 2), buffer, (first + 16) | 1, ArBytes / 2);
        Put(first + 16, Input(ArBytes / 2), buffer + (ArBytes / 2), 0, ArBytes / 2);
        this[context + Ohci.CommandPtr] = first | 1;
        this[context] = (uint)ContextControl.Run;
        return first;
    }

    /// <summary>INPUT_MORE with status, an interrupt and a branch.</summary>
    public static uint Input(uint bytes) => (2u << 28) | (1u << 27) | (3u << 20) | (3u << 18) | bytes;

    /// <summary>Room for descriptors.</summary>
    public uint Take(int descriptors)
    {
        uint at = _next;
        _next += (uint)descriptors * 16;
        return at;
    }

    /// <summary>Puts a packet's block together.</summary>
    /// <returns>Its address and length as a branch; the status is in <see cref="StatusOf"/>.</returns>
    public uint Block(ReadOnlySpan<uint> header, ReadOnlySpan<byte> data = default)
    {
        uint at = Take(4);
        uint last = (1u << 28) | (3u << 20) | (3u << 18);
        Put(at, (2u << 24) | (uint)(header.Length * 4) | (data.IsEmpty ? last : 0));
        Put(at + 16, header);
        if (data.IsEmpty)
            return at | 2;
        uint buffer = 0x4_0000 + ((at - Program) * 128);
        data.CopyTo(Memory.AsSpan((int)buffer));
        Put(at + 32, last | (uint)data.Length, buffer, 0, 0);
        return at | 3;
    }

    /// <summary>The status quadlet of a block.</summary>
    public uint StatusOf(uint block) => Word((block & ~0xFu) + ((block & 0xF) == 2 ? 12u : 44u));

    public EventCode EventOf(uint block) => (EventCode)((StatusOf(block) >> 16) & 0x1F);

    /// <summary>Runs a context with one block and lets it end.</summary>
    public EventCode Send(uint context, uint block)
    {
        this[context + 4] = (uint)ContextControl.Run;
        this[context + Ohci.CommandPtr] = block;
        this[context] = (uint)ContextControl.Run;
        Test.Simulator.RunActivity();
        return EventOf(block);
    }

    /// <summary>The header of a request, as it lies in memory.</summary>
    public static uint[] Header(Tcode code, int node, ulong offset, uint last = 0, int label = 5, Speed speed = Speed.S400)
    {
        uint[] header = [((uint)speed << 16) | ((uint)label << 10) | (1 << 8) | ((uint)code << 4), (0xFFC0u + (uint)node) << 16 | (uint)(offset >> 32), (uint)offset, last];
        return code.HeaderQuadlets == 3 ? header[..3] : header;
    }

    public static uint Swap(uint value) => BinaryPrimitives.ReverseEndianness(value);
}

/// <summary>A bus with a machine and a memory node.</summary>
public abstract class MachineTests
{
    private protected MachineTests()
    {
        Machine = new Machine(Test);
        (NodePhy, Node) = Test.AddMemory(new PhyTraits());
        Test.Bus.Connect(Machine.Phy, NodePhy);
        // Numbers stay over resets.
        NodePhy.HoldsForRoot = true;
        Test.Settle();
        Machine.Start();
    }

    private protected TestBus Test { get; } = new();

    private protected Machine Machine { get; }

    private protected MemoryNode Node { get; }

    private protected Phy NodePhy { get; }

    private protected int NodeId => NodePhy.PhysicalId;

    /// <summary>A request of the node to the machine.</summary>
    private protected (Outcome Outcome, byte[] Data) Ask(Func<Completion, bool> start)
    {
        List<(Outcome, byte[])> answers = [];
        Assert.True(start((outcome, data) => answers.Add((outcome, data.ToArray()))));
        Test.Simulator.RunActivity();
        return answers.Count == 0 ? ((Outcome)(-1), []) : answers[0];
    }

    private protected ushort Host => (ushort)(0xFFC0 | Machine.Phy.PhysicalId);
}
