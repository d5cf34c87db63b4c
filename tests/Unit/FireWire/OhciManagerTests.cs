using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>What the bus above does with a controller: manages, changes its ROM, sends streams.</summary>
public sealed unsafe class OhciManagerTests : IStreamHandler
{
    private int _sent;

    public static TheoryData<string, bool> Roots => [.. from card in (string[])["fw643", "vt6315"] from isCapable in (bool[])[false, true] select (card, isCapable)];

    void IStreamHandler.OnSent(StreamPacket packet) => _sent++;

    [Theory, MemberData(nameof(Roots))]
    public void It_manages_a_bus(string card, bool isCapable)
    {
        using var machine = new OhciMachine(card: card);
        var root = new MemoryNode(new BusInformation(9, CanManage: isCapable ? 0xF : 0));
        machine.Add(root);
        machine.Add(new MemoryNode(new BusInformation(10, CanManage: 0xF)));
        root.Phy.IsContender = isCapable;
        root.Phy.HoldsForRoot = true;
        Ohci driver = machine.Probe();
        var manager = new BusManager(driver.Bus);
        root.Phy.HoldsForRoot = true;
        root.Phy.InitiateReset(isLong: false);
        machine.Pass(3_000_000);
        Assert.Equal((ManagerRole.Manager, machine.Phy.PhysicalId), (manager.Role, manager.ManagerId));
        Assert.Equal((isCapable, !isCapable), (root.Phy.IsRoot, machine.Phy.IsRoot));
        Assert.True(machine.Phy.Segment.Root!.Link!.IsCycleMaster);
        Assert.All(machine.Phy.Segment.Phys, phy => Assert.Equal(7, phy.GapCount));
        Assert.Equal((7, isCapable ? 0ul : 1ul), (driver.Bus.Topology.GapCount, manager.Counters.NewRoots));
        Assert.Equal(0xC000_001F, driver.Bus.Registers.Broadcast);
        machine.CheckNothingLeaks(driver);
    }

    [Fact]
    public void Units_are_seen_by_others_after_the_reset_that_was_asked_for()
    {
        using var machine = new OhciMachine();
        var peer = new MemoryNode(new BusInformation(9, CanManage: 0xF));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        uint[] before = driver.Bus.OwnRom.Current.ToArray();
        byte generation = driver.Bus.Generation;
        Assert.Equal(before, Read());
        Assert.Equal(Error.None, driver.Bus.AddUnit(new Unit()));
        machine.Pass(100_000);
        Assert.Equal(before, Read());
        machine.Pass(3_000_000);
        Assert.NotEqual(generation, driver.Bus.Generation);
        Assert.Equal(driver.Bus.OwnRom.Current.ToArray(), Read());
        Assert.Equal(before.Length + 4, Read().Length);
        machine.CheckNothingLeaks(driver);

        uint[] Read() => ReadRom(machine, peer, driver);
    }

    [Fact]
    public void Units_that_are_there_from_the_start_are_seen_after_the_first_reset()
    {
        using var machine = new OhciMachine();
        var peer = new MemoryNode(new BusInformation(9, CanManage: 0xF));
        machine.Add(peer);
        Assert.Equal(Error.None, machine.TryProbe(out Ohci? driver));
        Assert.Equal(Error.None, driver!.Bus.AddUnit(new Unit()));
        machine.Pass(5_000_000);
        Assert.Equal((1ul, 0ul), (driver.Bus.Counters.Resets, driver.Bus.Counters.OwnResets));
        Assert.False(driver.Bus.OwnRom.IsChanged);
        Assert.Equal(driver.Bus.OwnRom.Current.ToArray(), ReadRom(machine, peer, driver));
        machine.CheckNothingLeaks(driver);
    }

    /// <summary>
    /// A reset has begun, or is over, and the driver has not heard of it: the controller shows the old ROM until the next. Who read a new
    /// header and the rest of the old would keep that for good.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(300)]
    public void A_unit_that_comes_too_late_for_a_reset_asks_for_another(int microseconds)
    {
        using var machine = new OhciMachine();
        var peer = new MemoryNode(new BusInformation(9, CanManage: 0xF));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        uint[] before = driver.Bus.OwnRom.Current.ToArray();
        machine.Phy.InitiateReset(isLong: false);
        machine.Simulator.RunFor(BusTime.Microseconds(microseconds));
        Assert.True(driver.Bus.IsUp);
        Assert.Equal(Error.None, driver.Bus.AddUnit(new Unit()));
        machine.Pass(100_000);
        Assert.Equal(before, driver.Bus.OwnRom.Current.ToArray());
        Assert.Equal(before, ReadRom(machine, peer, driver));
        machine.Pass(3_000_000);
        Assert.Equal(before.Length + 4, driver.Bus.OwnRom.Current.Length);
        Assert.Equal(driver.Bus.OwnRom.Current.ToArray(), ReadRom(machine, peer, driver));
        Assert.Equal(1ul, driver.Bus.Counters.OwnResets);
        machine.CheckNothingLeaks(driver);
    }

    /// <summary>Who was bus manager asks at once, when the controller has loaded the next ROM's options, and the driver has not turned their bytes round.</summary>
    [Fact]
    public void A_manager_is_served_before_the_driver_has_heard_of_a_reset_that_swaps_roms()
    {
        using var machine = new OhciMachine();
        var manager = new MemoryNode(new BusInformation(9, CanManage: 0xF));
        machine.Add(manager);
        Ohci driver = machine.Probe();
        Assert.Equal(Error.None, driver.Bus.AddUnit(new Unit()));
        machine.Phy.InitiateReset(isLong: false);
        machine.Simulator.RunFor(BusTime.Microseconds(300));
        var outcomes = new List<Outcome>();
        Assert.True(manager.TryLock((ushort)(0xFFC0 | machine.Phy.PhysicalId), BusRegisters.Base + BusRegisters.BusManagerId, Model.LockOperation.CompareSwap,
            [0, 0, 0, 0x3F, 0, 0, 0, (byte)manager.Phy.PhysicalId], (outcome, _) => outcomes.Add(outcome)));
        machine.Simulator.RunFor(BusTime.Microseconds(300));
        Assert.Equal([Outcome.Complete], outcomes);
        machine.CheckNothingLeaks(driver);
    }

    [Fact]
    public void Streams_are_heard_by_all()
    {
        using var machine = new OhciMachine();
        var listener = new Listener();
        machine.Add(listener);
        Ohci driver = machine.Probe();
        var stream = new StreamPacket(this);
        new Random(3).NextBytes(new Span<byte>(machine.Memory, 2048));
        int sent = 0;
        foreach (int bytes in (int[])[1, 4, 16, 17, 512, 2048])
        {
            driver.Bus.Send(stream.Fill(driver.Bus.Generation, 31, GaspHeader.Tag, 2, BusSpeed.S400, machine.Memory, bytes));
            machine.Pass(1000);
            Assert.Equal((++sent, TransactionResult.Complete), (_sent, stream.Result));
            (Model.Packet header, byte[] data) = listener.Heard[^1];
            Assert.Equal((31, 3, 2, Model.Speed.S400), (header.Channel, header.Tag, header.Sync, header.Speed));
            Assert.Equal(new ReadOnlySpan<byte>(machine.Memory, bytes), data);
        }
        // A reset gives one back that waits.
        driver.Bus.Send(stream.Fill(driver.Bus.Generation, 31, 0, 0, BusSpeed.S100, machine.Memory, 300));
        machine.Phy.InitiateReset(isLong: false);
        machine.Pass(500_000);
        Assert.Equal((++sent, false), (_sent, stream.IsUnderWay));
        machine.CheckNothingLeaks(driver);
    }

    private static uint[] ReadRom(OhciMachine machine, MemoryNode peer, Ohci driver) =>
    [
        .. Enumerable.Range(0, driver.Bus.OwnRom.Current.Length).Select(i =>
        {
            uint value = 0;
            Assert.True(peer.TryRead(driver.Bus.NodeId, Rom.Address + 4 * (ulong)i, 4, (outcome, data) =>
            {
                Assert.Equal(Outcome.Complete, outcome);
                value = (uint)data[0] << 24 | (uint)data[1] << 16 | (uint)data[2] << 8 | data[3];
            }));
            machine.Settle();
            return value;
        }),
    ];

    private sealed class Unit : IRomUnit
    {
        public int Entries => 2;

        public void Write(ref RomWriter writer, ref Sluice.FireWire.Core.RomDirectory directory)
        {
            writer.Value(ref directory, RomKey.Specifier, 0x00_005E);
            writer.Value(ref directory, RomKey.Version, 1);
        }
    }
}
