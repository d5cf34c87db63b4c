using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Block;
using Sluice.Dma;
using Sluice.Drivers.Ohci;
using Sluice.Drivers.Sbp2;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Sbp2;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;
using DiskDriver = Sluice.Drivers.Sbp2.Sbp2Disk;
using ModelDisk = Sluice.FireWire.Sbp2.Sbp2Disk;

namespace Sluice.Tests.FireWire;

/// <summary>A disk behind the controller of the model, which serves the memory that the driver opens: all layers, on every kind of machine.</summary>
public sealed class DiskOverOhciTests : IBlockHandler
{
    private readonly List<BlockRequest> _done = [];

    public static TheoryData<string> Kinds => OhciMachine.Kinds;

    void IBlockHandler.OnDone(BlockRequest request) => _done.Add(request);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_disk_is_read_and_written_over_resets_until_it_is_pulled(string kind)
    {
        using var machine = new OhciMachine(kind);
        using var disk = new ModelDisk(new BusInformation(0xD15C, MaxRecord: 10), new DiskImage(2048 * 512));
        Ohci driver = machine.Probe();
        var initiator = new Sbp2Initiator(driver.Bus, new RemoteNodes(driver.Bus), driver, driver.Function.Dma);
        DiskDriver ours = initiator.Disks[0];
        machine.Add(disk);
        Until(machine, () => ours.State == DiskState.Ready, 5000);
        Assert.Equal(1ul << disk.Phy.PhysicalId, driver.OpenNodes);
        for (int round = 0; round < 4; round++)
        {
            BlockRequest[] requests = [.. Enumerable.Range(0, 6).Select(i => Submit(machine, ours, (ulong)(i * 100), (uint)(1 + i * 13 + round), round * 10 + i))];
            if (round % 2 == 1)
                machine.Phy.InitiateReset(isLong: false);
            Until(machine, () => requests.All(request => !request.IsUnderWay), 20_000);
            for (int i = 0; i < requests.Length; i++)
            {
                Assert.Equal(BlockResult.Complete, requests[i].Result);
                byte[] content = Sbp2Machine.Content((1 + i * 13 + round) * 512, round * 10 + i), stored = new byte[content.Length];
                Assert.True(disk.Unit.Image.TryRead((ulong)(i * 100), stored));
                Assert.Equal(content, stored);
                ScatterList list = requests[i].TakeData();
                for (int piece = 0; piece < list.Count; piece++)
                    list[piece].Clear();
                ours.Submit(requests[i].Read((ulong)(i * 100), (uint)(1 + i * 13 + round), ref list));
            }
            Until(machine, () => requests.All(request => !request.IsUnderWay), 20_000);
            for (int i = 0; i < requests.Length; i++)
            {
                Assert.Equal(BlockResult.Complete, requests[i].Result);
                Assert.Equal(Sbp2Machine.Content((1 + i * 13 + round) * 512, round * 10 + i), Sbp2Machine.Take(requests[i]));
            }
        }
        Assert.Equal((0ul, 0ul), (ours.Counters.TimeOuts, ours.Counters.LoginsFailed));
        BlockRequest[] last = [.. Enumerable.Range(0, 6).Select(i => Submit(machine, ours, (ulong)(i * 100), 60, i))];
        machine.Bus.Disconnect(disk.Phy);
        Until(machine, () => last.All(request => !request.IsUnderWay), 20_000);
        foreach (BlockRequest request in last)
            Sbp2Machine.Take(request);
        Assert.Equal((4 * 12 + 6, 0ul), (_done.Count, driver.OpenNodes));
        machine.CheckNothingLeaks(driver);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Of_two_units_of_a_node_one_is_let_go_while_the_other_works(string kind)
    {
        using var machine = new OhciMachine(kind);
        using var disk = new ModelDisk(new BusInformation(0xD15C, MaxRecord: 10), [new DiskImage(2048 * 512), new DiskImage(2048 * 512)], null);
        Ohci driver = machine.Probe();
        var initiator = new Sbp2Initiator(driver.Bus, new RemoteNodes(driver.Bus), driver, driver.Function.Dma);
        (DiskDriver one, DiskDriver two) = (initiator.Disks[0], initiator.Disks[1]);
        machine.Add(disk);
        Until(machine, () => one.State == DiskState.Ready && two.State == DiskState.Ready, 5000);
        Assert.Equal(1ul << disk.Phy.PhysicalId, driver.OpenNodes);
        BlockRequest[] requests = [.. Enumerable.Range(0, 6).Select(i => Submit(machine, one, (ulong)(i * 100), 60, i))];
        BlockRequest[] others = [.. Enumerable.Range(0, 6).Select(i => Submit(machine, two, (ulong)(i * 100), 60, i + 6))];
        // Both have commands, and nobody gets on before those of the one that goes have ended.
        Machine.Work.Run(64);
        two.Eject();
        Assert.Equal((true, 0ul), (two.IsLoose, driver.OpenNodes));
        Until(machine, () => requests.Concat(others).All(request => !request.IsUnderWay) && two.State == DiskState.Absent, 5000);
        Assert.Equal(1ul << disk.Phy.PhysicalId, driver.OpenNodes);
        Assert.All(requests, request => Assert.Equal(BlockResult.Complete, request.Result));
        Assert.Contains(others, request => request.Result == BlockResult.Removed);
        for (int i = 0; i < requests.Length; i++)
        {
            byte[] stored = new byte[60 * 512];
            Assert.True(disk.Unit.Image.TryRead((ulong)(i * 100), stored));
            Assert.Equal(Sbp2Machine.Content(stored.Length, i), stored);
        }
        machine.Bus.Disconnect(disk.Phy);
        Until(machine, () => one.State == DiskState.Absent, 20_000);
        foreach (BlockRequest request in requests.Concat(others))
            Sbp2Machine.Take(request);
        machine.CheckNothingLeaks(driver);
    }

    [Fact]
    public void A_controller_that_is_pulled_ends_the_requests_of_its_disks()
    {
        using var machine = new OhciMachine();
        using var disk = new ModelDisk(new BusInformation(0xD15C, MaxRecord: 10), new DiskImage(2048 * 512));
        Ohci driver = machine.Probe();
        var initiator = new Sbp2Initiator(driver.Bus, new RemoteNodes(driver.Bus), driver, driver.Function.Dma);
        DiskDriver ours = initiator.Disks[0];
        machine.Add(disk);
        Until(machine, () => ours.State == DiskState.Ready, 5000);
        BlockRequest[] requests = [.. Enumerable.Range(0, 6).Select(i => Submit(machine, ours, (ulong)(i * 100), 60, i))];
        machine.Function.IsGone = true;
        Until(machine, () => requests.All(request => !request.IsUnderWay), 20_000);
        Assert.All(requests, request => Assert.Equal(BlockResult.Removed, request.Result));
        foreach (BlockRequest request in requests)
            Sbp2Machine.Take(request);
        Assert.Equal(DiskState.Absent, ours.State);
        machine.CheckNothingLeaks(driver);
    }

    private static void Until(OhciMachine machine, Func<bool> isSo, int milliseconds)
    {
        for (int passed = 0; passed < milliseconds && !isSo(); passed++)
            machine.Pass(1000);
        Assert.True(isSo());
    }

    private BlockRequest Submit(OhciMachine machine, DiskDriver disk, ulong first, uint count, int seed)
    {
        byte[] content = Sbp2Machine.Content((int)count * 512, seed);
        Assert.Equal(Error.None, disk.Dma.TryMakeScatterList(64, 64, out ScatterList list));
        for (int at = 0; at < content.Length; at += 3001)
        {
            int bytes = Math.Min(3001, content.Length - at);
            PageRun run = machine.Dma.Memory.Take(0);
            run.Memory.Clear();
            content.AsSpan(at, bytes).CopyTo(run.Memory[77..]);
            Assert.Equal(Error.None, list.TryAdd(ref run, 77, (uint)bytes));
        }
        BlockRequest request = new BlockRequest(this).Write(first, count, ref list);
        disk.Submit(request);
        return request;
    }
}
