using System.Collections.Generic;
using Sluice.Dma;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Answers to others: those that they took interrupt nobody, and nothing is lost or forgotten by that.</summary>
public sealed class OhciResponseTests
{
    private const ulong Ours = 0x1_0000_0000;

    public static TheoryData<string> Kinds => OhciMachine.Kinds;

    [Theory, MemberData(nameof(Kinds))]
    public void Answers_that_were_taken_interrupt_nobody_and_are_given_back(string kind)
    {
        using var machine = new OhciMachine(kind);
        var peer = new MemoryNode(new BusInformation(0x1234));
        machine.Add(peer);
        Ohci driver = Serve(machine);
        ulong before = driver.Counters.Interrupts;
        int answered = 0;
        const int all = 3 * FireWireBus.Responses;
        for (int i = 0; i < all; i++)
        {
            Assert.True(peer.TryRead(driver.Bus.NodeId, Ours, i % 2 == 0 ? 4 : 64, (outcome, _) => answered += outcome == Outcome.Complete ? 1 : 0));
            machine.Settle();
        }
        Assert.Equal((all, (ulong)all), (answered, driver.Counters.Interrupts - before));
        // The last ones are known to be over at the next look at the latest.
        Assert.InRange(machine.Frames.Used, 1, (int)Ohci.LateResponses);
        machine.Pass(1_100_000);
        Assert.Equal((0, 0ul, 0ul), (machine.Frames.Used, driver.Bus.Counters.ResponsesLost, driver.Counters.Hangs));
        machine.CheckNothingLeaks(driver);
    }

    [Theory]
    [InlineData(Model.Ack.Missing, 1)]
    [InlineData(Model.Ack.DataError, 1)]
    [InlineData(Model.Ack.BusyX, 4)]
    public void Answers_that_nobody_took_are_told_at_once(Model.Ack ack, int tries)
    {
        using var machine = new OhciMachine();
        int seen = 0;
        var peer = new ScriptNode(_ =>
        {
            seen++;
            return ack;
        });
        machine.Add(peer);
        Ohci driver = Serve(machine);
        seen = 0;
        peer.Send(packet => packet.Request(Model.Tcode.ReadQuadlet, 1, driver.Bus.NodeId, (ushort)(0xFFC0 | peer.Phy.PhysicalId), Ours));
        machine.Pass(3_000);
        Assert.Equal(1ul, driver.Bus.Counters.ResponsesLost);
        // Each of ours is several of the controller's while the node is busy.
        Assert.True(seen >= tries && (seen > tries) == (ack == Model.Ack.BusyX));
        machine.CheckNothingLeaks(driver);
    }

    /// <summary>The controller may hand over a request that it refused itself (1394 OHCI 1.1, table 3-2: ack_type_error): who sent it knows already.</summary>
    [Theory]
    [InlineData(0x11, 1)]
    [InlineData(0x1E, 0)]
    [InlineData(0x1D, 0)]
    public void A_request_that_the_controller_refused_is_not_carried_out(uint code, byte expected)
    {
        const uint commandPtr = 0x1CC;
        using var machine = new OhciMachine();
        var peer = new MemoryNode(new BusInformation(0x1234));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        var memory = new Offer(Ours, 4096);
        Assert.Equal(Error.None, driver.Bus.Addresses.Add(memory));
        ulong served = driver.Bus.Counters.Served;
        Assert.True(peer.TryWrite(driver.Bus.NodeId, Ours, [1, 2, 3, 4], (_, _) => { }));
        machine.Simulator.RunActivity();
        ulong descriptor = machine.Read(commandPtr) & ~0xFu;
        Assert.True(machine.Function.TryRead32(descriptor + 4, out uint page));
        Assert.True(machine.Function.TryRead32(descriptor + 12, out uint left));
        ulong trailer = page + 4096 - (left & 0xFFFF) - 4;
        Assert.True(machine.Function.TryRead32(trailer, out uint status));
        Assert.True(machine.Function.TryWrite32(trailer, status & ~(0x1Fu << 16) | code << 16));
        machine.Pass(5_000);
        Assert.Equal((expected, (ulong)expected), (memory.Memory[0], driver.Bus.Counters.Served - served));
        machine.CheckNothingLeaks(driver);
    }

    /// <summary>Memory through which one answer's data goes at a time: each waits for the one before, of which no interrupt tells.</summary>
    [Fact]
    public void Answers_without_room_wait_for_those_before()
    {
        using var machine = new OhciMachine("coherent, bounced");
        var peer = new MemoryNode(new BusInformation(0x1234));
        machine.Add(peer);
        Ohci driver = Serve(machine);
        DmaDevice other = machine.Dma.Device(forceBounce: true);
        var frames = new FramePool(machine.Dma.System, 2000);
        machine.Dma.System.BounceLimit = 0;
        var held = new List<Holder>();
        while (Holder.TryMake(frames, other) is { } holder)
            held.Add(holder);
        Assert.NotEmpty(held);
        held[^1].Free(other);
        const int wanted = 8;
        int answered = 0;
        for (int i = 0; i < wanted; i++)
            Assert.True(peer.TryRead(driver.Bus.NodeId, Ours, 64, (outcome, _) => answered += outcome == Outcome.Complete ? 1 : 0));
        machine.Pass(20_000);
        Assert.Equal(wanted, answered);
        for (int i = 0; i < held.Count - 1; i++)
            held[i].Free(other);
        machine.CheckNothingLeaks(driver);
    }

    private static Ohci Serve(OhciMachine machine)
    {
        Ohci driver = machine.Probe();
        Assert.Equal(Error.None, driver.Bus.Addresses.Add(new Offer(Ours, 4096)));
        machine.Settle();
        return driver;
    }

    // A frame that a device has.
    private sealed class Holder
    {
        private DeviceFrame _given;

        public static Holder? TryMake(FramePool frames, DmaDevice device)
        {
            var holder = new Holder();
            Assert.True(frames.TryTake(out Frame frame));
            frame.SetLength(64);
            if (device.TryGiveToSend(ref frame, out holder._given) == Error.None)
                return holder;
            frame.Free();
            return null;
        }

        public void Free(DmaDevice device)
        {
            Frame frame = device.TakeSent(ref _given);
            frame.Free();
        }
    }
}
