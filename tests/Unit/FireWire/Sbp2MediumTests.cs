using System.Linq;
using Sluice.Block;
using Sluice.Drivers.Sbp2;
using Sluice.FireWire.Sbp2;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>Disks that stop while they are in use, and media that come, go and are others than before.</summary>
public sealed class Sbp2MediumTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    public void A_disk_that_stops_while_it_is_in_use_is_started_again(int requests)
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        machine.Disk.Unit.IsStopped = true;
        BlockRequest[] writes = [.. Enumerable.Range(0, requests).Select(i => machine.Write((ulong)i * 8, 8, i))];
        machine.Until(() => writes.All(write => !write.IsUnderWay));
        Assert.All(writes, write => Assert.Equal(BlockResult.Complete, write.Result));
        Assert.Equal((DiskState.Ready, true, false), (machine.Ours.State, machine.Ours.IsReady, machine.Disk.Unit.IsStopped));
        Assert.Equal(Sbp2Machine.Content(8 * 512, requests - 1), machine.OnDisk((ulong)(requests - 1) * 8, 8));
        Assert.Equal((1ul, 0ul), (machine.Ours.Counters.Logins, machine.Ours.Counters.Failed));
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_disk_that_never_starts_costs_the_request_a_minute_at_most()
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        machine.Disk.Unit.IsStopped = true;
        machine.Disk.Unit.IsBroken = true;
        BlockRequest read = machine.Read(0, 8, 1);
        Assert.NotEqual(BlockResult.Complete, machine.Run(read, 62_000));
        machine.Disk.Unit.IsBroken = false;
        machine.Reset();
        machine.Until(() => machine.Ours.State == DiskState.Ready, 30_000);
        Assert.Equal(BlockResult.Complete, machine.Run(machine.Read(0, 8, 1)));
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_drive_without_a_medium_is_looked_at_until_it_has_one()
    {
        using var machine = new Sbp2Machine();
        machine.Disk.Unit.IsRemovable = true;
        DiskImage first = machine.Image;
        machine.Disk.Unit.Insert(null);
        machine.Pass(120_000);
        Assert.Equal((DiskState.Starting, false, 1ul), (machine.Ours.State, machine.Ours.IsReady, machine.Ours.Counters.Logins));
        Assert.InRange(machine.Ours.Counters.NotReady, 50ul, 70ul);
        Assert.Equal(BlockResult.Removed, machine.Run(machine.Read(0, 1, 1)));
        machine.Disk.Unit.Insert(first);
        machine.Until(() => machine.Ours.State == DiskState.Ready);
        Assert.Equal(BlockResult.Complete, machine.Run(machine.Read(0, 1, 1)));
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void Requests_meant_for_one_medium_do_not_reach_the_next()
    {
        using Sbp2Machine machine = Removable();
        using DiskImage other = new(100 * 512), before = machine.Image;
        machine.Disk.Unit.Insert(null);
        Assert.Equal(BlockResult.Failed, machine.Run(machine.Write(0, 8, 1)));
        machine.Disk.Unit.Insert(other);
        BlockRequest[] writes = [.. Enumerable.Range(0, 40).Select(i => machine.Write((ulong)i * 8, 8, i))];
        machine.Until(() => writes.All(write => !write.IsUnderWay));
        Assert.Equal(BlockResult.Removed, writes[0].Result);
        Assert.All(writes[16..], write => Assert.Equal(BlockResult.Removed, write.Result));
        machine.Until(() => machine.Ours.IsReady);
        Assert.Equal(100ul, machine.Ours.Blocks);
        Assert.Equal(BlockResult.OutOfRange, machine.Run(machine.Read(96, 8, 1)));
        Assert.Equal(BlockResult.Complete, machine.Run(machine.Write(92, 8, 7)));
        Assert.Equal(Sbp2Machine.Content(8 * 512, 7), machine.OnDisk(92, 8));
        machine.CheckNothingLeaks();
    }

    [Fact]
    public void A_bus_reset_while_a_new_medium_is_looked_at_lets_no_old_request_through()
    {
        for (int step = 0; step < 60; step += 5)
        {
            using Sbp2Machine machine = Removable();
            using DiskImage other = new(100 * 512), before = machine.Image;
            machine.Disk.Unit.Insert(other);
            BlockRequest[] reads = [.. Enumerable.Range(0, 20).Select(i => machine.Read((ulong)i * 4, 4, i))];
            machine.Until(() => machine.Ours.Counters.UnitAttentions != 0);
            machine.Step(step);
            machine.Reset();
            machine.Until(() => machine.Ours.IsReady && reads.All(read => !read.IsUnderWay));
            Assert.Equal(BlockResult.Removed, reads[0].Result);
            Assert.All(reads[16..], read => Assert.Equal(BlockResult.Removed, read.Result));
            Assert.Equal(100ul, machine.Ours.Blocks);
            machine.CheckNothingLeaks();
        }
    }

    /// <summary>Disks say so, too, when they have started; their blocks are those that they had.</summary>
    [Fact]
    public void What_cannot_be_taken_out_was_not_changed()
    {
        using Sbp2Machine machine = new Sbp2Machine().Ready();
        machine.Disk.Unit.Insert(machine.Image);
        Assert.Equal(BlockResult.Complete, machine.Run(machine.Write(0, 8, 1)));
        Assert.Equal((1ul, 1ul), (machine.Ours.Counters.UnitAttentions, machine.Ours.Counters.Retries));
        machine.CheckNothingLeaks();
    }

    private static Sbp2Machine Removable()
    {
        var machine = new Sbp2Machine();
        machine.Disk.Unit.IsRemovable = true;
        return machine.Ready();
    }
}
