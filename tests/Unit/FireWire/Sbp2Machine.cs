using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Block;
using Sluice.Devices;
using Sluice.Dma;
using Sluice.Drivers.Sbp2;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Sbp2;
using Sluice.FireWire.Simulation;
using Sluice.Mm;
using Sluice.Tests.Dma;
using Xunit;
using DiskDriver = Sluice.Drivers.Sbp2.Sbp2Disk;
using ModelDisk = Sluice.FireWire.Sbp2.Sbp2Disk;

namespace Sluice.Tests.FireWire;

/// <summary>A computer with memory of some kind, and a disk on its bus; its controller serves memory to whom it is opened.</summary>
internal sealed unsafe class Sbp2Machine : IDisposable, IBlockHandler
{
    public const int BlockBytes = 512;

    private readonly CoreMachine _machine;

    public Sbp2Machine(string kind = "coherent", int blocks = 2048, Workarounds asked = Workarounds.None, string? image = null, bool isPlugged = true, ModelDisk? disk = null)
    {
        _machine = new CoreMachine(kind: MachineKind.All.Single(known => known.ToString() == kind));
        Device = Dma.System.NewDevice("00:05.0"u8, Dma.Kind.Bounced);
        Assert.Equal(Error.None, Device.TrySetMasks(32, 32));
        Node = new CoreNode(1) { Physical = new NarrowBus(Dma.Ram, 32) };
        Nodes = new RemoteNodes(Node.Core);
        Disk = disk ?? new ModelDisk(new BusInformation(0xD15C, MaxRecord: 10), image == null ? new DiskImage(blocks * BlockBytes) : new DiskImage(image, isReadOnly: true));
        Initiator = new Sbp2Initiator(Node.Core, Nodes, Node, Device, asked);
        _machine.Add(Node);
        if (isPlugged)
            _machine.Add(Disk);
    }

    /// <summary>The kinds of machine that every driver's DMA is tested on, by name.</summary>
    public static TheoryData<string> Kinds => [.. MachineKind.All.Select(kind => kind.ToString())];

    public DmaMachine Dma => _machine.Dma;

    public DmaDevice Device { get; }

    public CoreNode Node { get; }

    public RemoteNodes Nodes { get; }

    public DiskImage Image => Disk.Unit.Image;

    public ModelDisk Disk { get; }

    public Sbp2Initiator Initiator { get; }

    public DiskDriver Ours => Initiator.Disks[0];

    public CoreMachine Bus => _machine;

    /// <summary>Requests in the order in which they ended.</summary>
    public List<BlockRequest> Done { get; } = [];

    public bool IsOpen => (Node.OpenNodes >> Disk.Phy.PhysicalId & 1) != 0;

    /// <summary>Mappings that live, and pages of lists and memory of the disk.</summary>
    public int Mappings
    {
        get
        {
            int mappings = 0;
            for (int i = 0; i < Dma.System.Table.Count; i++)
                mappings += Dma.System.Table.At(i)->IsLive ? 1 : 0;
            return mappings + (int)Device.LiveDirect;
        }
    }

    public void OnDone(BlockRequest request) => Done.Add(request);

    public void Plug() => _machine.Add(Disk);

    /// <summary>Pulls the disk's cable.</summary>
    public void Pull() => _machine.Bus.Disconnect(Disk.Phy);

    public void Reset() => Node.Phy.InitiateReset(isLong: false);

    public void Pass(ulong milliseconds)
    {
        _machine.Settle();
        for (ulong passed = 0; passed < milliseconds; passed++)
        {
            _machine.Clock.Advance(1000);
            _machine.Simulator.RunFor(BusTime.Microseconds(1000));
            _machine.Settle();
        }
    }

    /// <summary>Lets time pass until something is so.</summary>
    public void Until(Func<bool> isSo, ulong milliseconds = 5000)
    {
        for (ulong passed = 0; passed < milliseconds && !isSo(); passed++)
            Pass(1);
        Assert.True(isSo(), $"not after {milliseconds} ms; the disk is {Ours.State}");
    }

    public Sbp2Machine Ready()
    {
        Until(() => Ours.State == DiskState.Ready);
        return this;
    }

    /// <summary>Events of the bus and work, one after the other, at most so many; false if all came to rest before.</summary>
    public bool Step(int events)
    {
        for (int i = 0; i < events; i++)
        {
            bool rests = _machine.Simulator.RunActivity(1);
            if (!Sluice.Platform.Machine.Work.Run(64) && rests)
                return false;
        }
        return true;
    }

    /// <summary>Lets time pass, as little as it takes, until something is so, and no more happens.</summary>
    public void Approach(Func<bool> isSo)
    {
        for (int i = 0; i < 100_000 && !isSo(); i++)
        {
            if (!_machine.Simulator.IsActive)
            {
                _machine.Clock.Advance(1);
                _machine.Simulator.RunFor(BusTime.Microseconds(1));
            }
            Step(1);
        }
        Assert.True(isSo(), $"it did not come to it; the disk is {Ours.State}");
    }

    public BlockRequest New() => new(this);

    /// <summary>A list of so many bytes in pieces at odd places; filled from a seed, or with 0xEE.</summary>
    public ScatterList List(int bytes, Random random, byte[]? content = null, int longest = 8000)
    {
        Assert.Equal(Error.None, Device.TryMakeScatterList(512, 512, out ScatterList list));
        int at = 0;
        while (at < bytes)
        {
            int piece = Math.Min(bytes - at, random.Next(longest / 2, longest + 1));
            int offset = random.Next(0, 192), order = 0;
            while (4096 << order < offset + piece)
                order++;
            PageRun run = Dma.Memory.Take(order);
            run.Memory.Fill(0xEE);
            content?.AsSpan(at, piece).CopyTo(run.Memory[offset..]);
            Assert.Equal(Error.None, list.TryAdd(ref run, (uint)offset, (uint)piece));
            at += piece;
        }
        return list;
    }

    public static byte[] Bytes(in ScatterList list)
    {
        var bytes = new List<byte>();
        for (int i = 0; i < list.Count; i++)
            bytes.AddRange(list[i]);
        return [.. bytes];
    }

    public static byte[] Content(int bytes, int seed)
    {
        byte[] content = new byte[bytes];
        new Random(seed).NextBytes(content);
        return content;
    }

    /// <summary>The image's blocks.</summary>
    public byte[] OnDisk(ulong first, uint count)
    {
        byte[] bytes = new byte[count * BlockBytes];
        Assert.True(Image.TryRead(first, bytes));
        return bytes;
    }

    public BlockRequest Write(ulong first, uint count, int seed, DiskDriver? disk = null)
    {
        ScatterList list = List((int)count * BlockBytes, new Random(seed), Content((int)count * BlockBytes, seed));
        BlockRequest request = New().Write(first, count, ref list);
        (disk ?? Ours).Submit(request);
        return request;
    }

    public BlockRequest Read(ulong first, uint count, int seed, DiskDriver? disk = null)
    {
        ScatterList list = List((int)count * BlockBytes, new Random(seed));
        BlockRequest request = New().Read(first, count, ref list);
        (disk ?? Ours).Submit(request);
        return request;
    }

    public BlockResult Run(BlockRequest request, ulong milliseconds = 5000)
    {
        Until(() => !request.IsUnderWay, milliseconds);
        Assert.Equal(1, Done.Count(done => done == request));
        return request.Result;
    }

    /// <summary>Frees what a request had, and says what was in it.</summary>
    public static byte[] Take(BlockRequest request)
    {
        ScatterList list = request.TakeData();
        byte[] bytes = Bytes(list);
        list.Free();
        return bytes;
    }

    /// <summary>Nothing was dropped, lost or tried again.</summary>
    public void CheckNoFaults()
    {
        Sbp2Counters c = Ours.Counters;
        Assert.Equal((0ul, 0ul, 0ul, 0ul, 0ul, 0ul), (c.LoginsFailed, c.BadResponses, c.Strangers, c.BadStatus, c.UnknownOrbs, c.Unsolicited));
        Assert.Equal((0ul, 0ul, 0ul, 0ul, 0ul, 0ul), (c.DeadAgents, c.LostWrites, c.TimeOuts, c.ManagementTimeOuts, c.Retries, c.NoMemory));
    }

    /// <summary>The disk is pulled: all memory comes back, and each request has ended once.</summary>
    public void CheckNothingLeaks()
    {
        Pull();
        Until(() => Initiator.Disks.ToArray().All(disk => disk.State == DiskState.Absent), 20_000);
        Assert.Equal((0, 0), (Initiator.Disks.ToArray().Sum(disk => disk.UnderWay), Node.Core.UnderWay));
        foreach (BlockRequest request in Done)
        {
            ScatterList list = request.TakeData();
            if (!list.IsEmpty)
                list.Free();
        }
        Assert.Equal(Done.Count, Done.Distinct().Count());
        Assert.Equal(0, Mappings);
        Assert.Empty(Dma.Ram.Faults);
        Assert.Equal(0ul, Node.OpenNodes);
    }

    public void Dispose()
    {
        Disk.Dispose();
        _machine.Dispose();
    }
}
