using System;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Xunit;
using Ohci = Sluice.FireWire.Ohci.OhciRegister;

namespace Sluice.Tests.FireWire.OhciTests;

/// <summary>Nodes at host memory, without software.</summary>
public sealed class PhysicalTests : MachineTests
{
    [Fact]
    public void A_node_that_may_reads_and_writes_memory_and_software_sees_nothing()
    {
        Machine[Ohci.PhysicalFilterLo] = 1u << NodeId;
        Machine[Ohci.IntEvent + 4] = uint.MaxValue;
        Assert.Equal(Outcome.Complete, Ask(done => Node.TryWrite(Host, 0x5_0001, [1, 2, 3, 4, 5], done)).Outcome);
        Assert.Equal([1, 2, 3, 4, 5], Machine.Memory.AsSpan(0x5_0001, 5).ToArray());
        Assert.Equal([0, 1, 2, 3, 4, 5], Ask(done => Node.TryRead(Host, 0x5_0000, 6, done)).Data);
        Assert.Equal([2, 3, 4, 5], Ask(done => Node.TryRead(Host, 0x5_0002, 4, done)).Data);
        Assert.Equal(Outcome.Complete, Ask(done => Node.TryWrite(Host, 0x5_0004, [9, 8, 7, 6], done)).Outcome);
        Assert.Equal([9, 8, 7, 6], Machine.Memory.AsSpan(0x5_0004, 4).ToArray());
        Assert.Equal(0u, Machine[Ohci.IntEvent]);
        Assert.Equal(4, Machine.Controller.PhysicalRequests);
    }

    [Fact]
    public void Without_permission_or_after_a_bus_reset_software_gets_the_request()
    {
        AssertSoftwareIsAsked();
        Machine[Ohci.PhysicalFilterLo] = 1u << NodeId;
        NodePhy.InitiateReset(isLong: true);
        Test.Settle();
        // While the reset's event stands, the filter takes nothing.
        Machine[Ohci.PhysicalFilterLo] = 1u << NodeId;
        Machine[Ohci.IntEvent + 4] = uint.MaxValue;
        Assert.Equal(0u, Machine[Ohci.PhysicalFilterLo]);
        AssertSoftwareIsAsked();
        // Another node's permission is not this one's.
        Machine[Ohci.PhysicalFilterLo] = ~(1u << NodeId);
        AssertSoftwareIsAsked();
    }

    [Fact]
    public void The_bound_and_locks_are_softwares()
    {
        Machine[Ohci.PhysicalFilterHi] = 0x8000_0000;
        Machine[Ohci.PhysicalUpperBound] = 6;
        Assert.Equal(Outcome.Complete, Ask(done => Node.TryRead(Host, 0x5_FFFC, 4, done)).Outcome);
        Assert.Equal((Outcome)(-1), Ask(done => Node.TryRead(Host, 0x6_0000, 4, done)).Outcome);
        Assert.Equal((Outcome)(-1), Ask(done => Node.TryLock(Host, 0x5_0000, LockOperation.CompareSwap, new byte[8], done)).Outcome);
    }

    [Fact]
    public void Memory_that_is_not_there_is_an_error_at_once_or_afterwards()
    {
        Machine[Ohci.PhysicalFilterHi] = 0x8000_0000;
        Assert.Equal(Outcome.DataError, Ask(done => Node.TryRead(Host, 0x8000_0000, 4, done)).Outcome);
        Assert.Equal(Outcome.DataError, Ask(done => Node.TryRead(Host, 0x000F_FFFF, 64, done)).Outcome);
        Assert.Equal(Outcome.Complete, Ask(done => Node.TryWrite(Host, 0x8000_0010, new byte[8], done)).Outcome);
        Assert.NotEqual(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.PostedWriteError);
        Assert.Equal((((uint)0xFFC0 | (uint)NodeId) << 16, 0x8000_0010u), (Machine[Ohci.PostedWriteHi], Machine[Ohci.PostedWriteLo]));
        Machine[Ohci.HcControl + 4] = (uint)HcControl.PostedWriteEnable;
        Assert.Equal(Outcome.DataError, Ask(done => Node.TryWrite(Host, 0x8000_0010, new byte[8], done)).Outcome);
        Assert.Equal(Outcome.Complete, Ask(done => Node.TryWrite(Host, 0x5_0000, new byte[8], done)).Outcome);
    }

    [Fact]
    public void More_than_the_options_allow_is_refused()
    {
        Machine[Ohci.PhysicalFilterHi] = 0x8000_0000;
        Machine[Ohci.BusOptions] = 5 << 12;
        Assert.Equal(Outcome.Complete, Ask(done => Node.TryRead(Host, 0x5_0000, 64, done)).Outcome);
        Assert.Equal(Outcome.TypeError, Ask(done => Node.TryRead(Host, 0x5_0000, 68, done)).Outcome);
        Assert.Equal(Outcome.TypeError, Ask(done => Node.TryWrite(Host, 0x5_0000, new byte[68], done)).Outcome);
        Machine[Ohci.BusOptions] = 15 << 12;
        Assert.Equal(Outcome.TypeError, Ask(done => Node.TryRead(Host, 0x5_0000, 60_000, done)).Outcome);
    }

    private void AssertSoftwareIsAsked()
    {
        Machine[Ohci.IntEvent + 4] = uint.MaxValue;
        Assert.Equal((Outcome)(-1), Ask(done => Node.TryRead(Host, 0x5_0000, 4, done)).Outcome);
        Assert.NotEqual(0u, Machine[Ohci.IntEvent] & (uint)IntEvent.RequestReceived);
    }
}
