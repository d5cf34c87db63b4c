using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Sbp2;
using Sluice.FireWire.Simulation;
using Sluice.Tests.FireWire.Model;
using Xunit;

namespace Sluice.Tests.FireWire.Sbp2;

/// <summary>A node whose memory holds ORBs, page tables, data and status blocks, as an initiator's does.</summary>
internal sealed class Initiator
{
    public const int LoginOrb = 0, LoginResponse = 0x40, Status = 0x100, Orbs = 0x1000, Tables = 0x4000, Data = 0x8000;

    private readonly TestBus _test;

    public Initiator(TestBus test, Sbp2Disk disk)
    {
        _test = test;
        Disk = disk;
        (Phy, Node) = test.AddMemory(new PhyTraits());
    }

    public Sbp2Disk Disk { get; }

    public Phy Phy { get; }

    public MemoryNode Node { get; }

    public ulong Agent { get; private set; }

    public int LoginId { get; private set; }

    public Span<byte> Memory => Node.Memory;

    /// <summary>Does a management request, and returns resp and sbp_status; null if no status came.</summary>
    public (Response Response, SbpStatus Status)? Manage(ManagementFunction function, int loginOrUnit, ulong task = 0, uint flags = 0, int room = 256)
    {
        Span<byte> orb = Memory.Slice(LoginOrb, ManagementOrb.Bytes);
        BinaryPrimitives.WriteUInt64BigEndian(orb, task);
        BinaryPrimitives.WriteUInt64BigEndian(orb[8..], At(LoginResponse));
        BinaryPrimitives.WriteUInt32BigEndian(orb[16..], 0x8000_0000 | flags | ((uint)function << 16) | (uint)loginOrUnit);
        BinaryPrimitives.WriteUInt32BigEndian(orb[20..], (uint)room);
        BinaryPrimitives.WriteUInt64BigEndian(orb[24..], At(Status));
        Memory.Slice(Status, StatusBlock.MostBytes).Clear();
        Assert.Equal(Outcome.Complete, WritePointer(Sbp2Disk.ManagementOffset, LoginOrb));
        _test.Simulator.RunActivity();
        Span<byte> status = Memory[Status..];
        return status[0] == 0 ? null : ((Response)((status[0] >> 4) & 3), (SbpStatus)status[1]);
    }

    public void LogIn(uint flags = 0, int unit = 0)
    {
        Assert.Equal((Response.RequestComplete, SbpStatus.None), Manage(ManagementFunction.Login, unit, flags: flags));
        Assert.Equal(16, BinaryPrimitives.ReadUInt16BigEndian(Memory[LoginResponse..]));
        LoginId = BinaryPrimitives.ReadUInt16BigEndian(Memory[(LoginResponse + 2)..]);
        Agent = BinaryPrimitives.ReadUInt64BigEndian(Memory[(LoginResponse + 4)..]) & 0xFFFF_FFFF_FFFF;
    }

    /// <summary>Puts a command block ORB in its memory. A packet of its data carries 512 bytes.</summary>
    public void Put(int orb, ReadOnlySpan<byte> command, ulong data, int size, bool isIn = true, uint flags = 0, int next = -1)
    {
        Span<byte> bytes = Memory.Slice(orb, CommandOrb.Bytes);
        bytes.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(bytes, next < 0 ? 1UL << 63 : At(next));
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], ((ulong)Node.NodeId << 48) | data);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[16..], 0x8000_0000 | flags | (isIn ? 1u << 27 : 0) | (2u << 24) | (7u << 20) | (uint)size);
        command.CopyTo(bytes[CommandOrb.CommandAt..]);
    }

    /// <summary>Gives a list of ORBs to the disk, and lets it work.</summary>
    public Outcome Ring(int orb)
    {
        Memory.Slice(Status, StatusBlock.MostBytes).Clear();
        return WritePointer(Agent + 8, orb);
    }

    /// <summary>Does one command and returns its status block's quadlets.</summary>
    public uint[] Do(ReadOnlySpan<byte> command, ulong data, int size, bool isIn = true, uint flags = 0)
    {
        Put(Orbs, command, data, size, isIn, flags);
        Assert.Equal(Outcome.Complete, Ring(Orbs));
        return LastStatus();
    }

    public uint[] LastStatus()
    {
        var quadlets = new uint[1 + (Memory[Status] & 7)];
        for (int i = 0; i < quadlets.Length; i++)
            quadlets[i] = BinaryPrimitives.ReadUInt32BigEndian(Memory[(Status + (i * 4))..]);
        return quadlets;
    }

    /// <summary>An offset of its memory on the bus.</summary>
    public static ulong At(int place) => MemoryNode.DefaultBase + (ulong)place;

    public Outcome Write(ulong offset, params byte[] data) => Ask(done => Node.TryWrite(Disk.NodeId, offset, data, done)).Outcome;

    public (Outcome Outcome, byte[] Data) Read(ulong offset, int bytes) => Ask(done => Node.TryRead(Disk.NodeId, offset, bytes, done));

    private Outcome WritePointer(ulong register, int place)
    {
        var pointer = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(pointer, At(place));
        return Write(register, pointer);
    }

    private (Outcome Outcome, byte[] Data) Ask(Func<Completion, bool> start)
    {
        List<(Outcome, byte[])> answers = [];
        Assert.True(start((outcome, data) => answers.Add((outcome, data.ToArray()))));
        _test.Simulator.RunActivity();
        return Assert.Single(answers);
    }
}
