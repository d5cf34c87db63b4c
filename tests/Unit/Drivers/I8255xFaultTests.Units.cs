using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Devices;
using Sluice.Dma;
using Sluice.Drivers.I8255x;
using Sluice.Mm;
using Sluice.Net;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Drivers;

/// <summary>Units that hang or stop, interrupts, memory, and resets.</summary>
public sealed partial class I8255xFaultTests
{
    // Row 14: a unit that never gets ready.
    [Theory, MemberData(nameof(Kinds))]
    public void A_command_unit_that_hangs_is_reset_and_its_frames_are_freed(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        for (int hang = 1; hang <= 3; hang++)
        {
            machine.Device.CommandUnitHangs = true;
            Assert.Equal(20, machine.Send(card, [.. Enumerable.Range(0, 20).Select(i => I8255xMachine.Packet(100, i, card.Address))]));
            machine.Device.Deliver(I8255xMachine.Packet(100, 1, card.Address));
            machine.Run(2_000_000);
            machine.Device.CommandUnitHangs = false;
            machine.Run(2_100_000);
            Assert.Equal(((ulong)hang, (ulong)hang, (ulong)hang * 20), (card.Counters.Resets, card.Faults.CommandHangs, card.Counters.SendDropped));
            Assert.Empty(machine.ReceiveAll(card));
            Assert.Equal(1, machine.Send(card, I8255xMachine.Packet(100, hang, card.Address)));
            Assert.Equal(I8255xMachine.Packet(100, hang, card.Address), machine.Device.Sent[^1]);
        }
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Units_that_never_accept_a_command_are_reset_until_they_do(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        machine.Device.IsDeaf = true;
        ulong before = machine.Clock.ElapsedMicroseconds;
        Assert.Equal(20, machine.Send(card, [.. Enumerable.Range(0, 20).Select(i => I8255xMachine.Packet(100, i, card.Address))]));
        Assert.InRange(machine.Clock.ElapsedMicroseconds - before, 0u, 300u);
        machine.Run(3_500_000);
        Assert.Equal((0ul, true), (card.Counters.Resets, card.Counters.FailedResets >= 3));
        Assert.Equal(0, machine.Send(card, I8255xMachine.Packet(100, 1, card.Address)));
        machine.Device.IsDeaf = false;
        machine.Run(1_100_000);
        Assert.Equal((1ul, 20ul), (card.Counters.Resets, card.Counters.SendDropped));
        Assert.Equal(1, machine.Send(card, I8255xMachine.Packet(100, 1, card.Address)));
        Assert.Single(machine.Device.Sent);
        Finish(machine, card);
    }

    // Row 15: storms, spurious and lost interrupts.
    [Fact]
    public void An_interrupt_storm_costs_the_line_and_the_card_is_polled()
    {
        using var machine = new I8255xMachine();
        I8255x card = machine.Probe();
        var listener = new Receiving(machine, card);
        card.Listener = new WorkItem(listener);
        Assert.False(card.Arm());
        machine.Device.Storms = true;
        machine.Device.Raise(0x40);
        machine.Run(10_000);
        Assert.Equal(1ul, machine.Pci.Interrupts.Totals.LinesShutOff);
        byte[] packet = I8255xMachine.Packet(100, 1, card.Address);
        machine.Device.Deliver(packet);
        machine.Run(3_000_000);
        Assert.Equal(packet, Assert.Single(listener.Received));
        machine.Device.Storms = false;
        Finish(machine, card);
    }

    // Of a card that can only mask all, while one of its causes is waited for.
    [Fact]
    public void A_cause_that_does_not_go_is_masked_until_the_next_look()
    {
        using var machine = new I8255xMachine();
        I8255x card = machine.Probe();
        machine.Device.BatchMicroseconds = 1_500_000;
        Assert.Equal(40, machine.Send(card, [.. Enumerable.Range(0, 40).Select(i => I8255xMachine.Packet(100, i, card.Address))]));
        machine.Device.Storms = true;
        machine.Device.Raise(0x80);
        Assert.Equal((1ul, 0ul), (card.Faults.InterruptStorms, machine.Pci.Interrupts.Totals.LinesShutOff));
        machine.Run(1_100_000);
        Assert.Equal(2ul, card.Faults.InterruptStorms);
        machine.Device.Storms = false;
        machine.Run(15_000_000);
        Assert.Equal((2ul, 40), (card.Faults.InterruptStorms, machine.Device.Sent.Count));
        Finish(machine, card);
    }

    [Fact]
    public void A_lost_interrupt_is_made_up_for_within_a_second()
    {
        using var machine = new I8255xMachine();
        I8255x card = machine.Probe();
        var listener = new Receiving(machine, card);
        card.Listener = new WorkItem(listener);
        Assert.False(card.Arm());
        machine.Device.LosesInterrupts = true;
        for (int i = 0; i < 5; i++)
        {
            machine.Device.Deliver(I8255xMachine.Packet(100, i, card.Address));
            machine.Run(1_100_000);
            Assert.Equal(i + 1, listener.Received.Count);
        }
        Finish(machine, card);
    }

    [Fact]
    public void A_neighbours_interrupt_is_not_claimed()
    {
        using var machine = new I8255xMachine();
        I8255x card = machine.Probe();
        Assert.False(card.OnInterrupt());
        Assert.Equal(0ul, card.Counters.Interrupts);
    }

    // The receive unit says that it has no room, however much it has.
    [Fact]
    public void A_receiver_that_stops_without_end_is_started_once_each_time()
    {
        using var machine = new I8255xMachine();
        I8255x card = machine.Probe();
        var listener = new Receiving(machine, card);
        card.Listener = new WorkItem(listener);
        Assert.False(card.Arm());
        for (int i = 0; i < 1_000; i++)
        {
            machine.Device.Raise(0x10);
            machine.Run(0);
        }
        Assert.InRange(card.Counters.Interrupts, 1u, 1_000u);
        Assert.Equal(0ul, card.Faults.ReceiverRestarts);
        Assert.True(machine.Device.Deliver(I8255xMachine.Packet(100, 1, card.Address)));
        machine.Run(0);
        Assert.Single(listener.Received);
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_receiver_that_stops_for_no_reason_is_started_within_a_second(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        var listener = new Receiving(machine, card);
        card.Listener = new WorkItem(listener);
        for (int stop = 1; stop <= 3; stop++)
        {
            Assert.False(card.Arm());
            for (int i = 0; i < stop * 10; i++)
                machine.Device.Deliver(I8255xMachine.Packet(100, i, card.Address));
            machine.Device.StopReceiving();
            machine.Run(1_100_000);
            Assert.Equal((true, (ulong)stop), (machine.Device.IsReceiving, card.Faults.ReceiverRestarts));
        }
        Assert.Equal(60, listener.Received.Count);
        Finish(machine, card);
    }

    // The end of the list is filled in the moment that it is taken away, as QEMU's model can.
    [Theory, MemberData(nameof(Kinds))]
    public void A_marker_that_was_filled_too_late_is_left_out_and_the_receiver_started(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        for (int i = 0; i < ListFrames - 1; i++)
            Assert.True(machine.Device.Deliver(I8255xMachine.Packet(100, i, card.Address)));
        Assert.Equal(ListFrames - 1, machine.ReceiveAll(card).Count);
        machine.Device.Twist = (_, _) => (0xA000, 0);
        machine.Device.Deliver(I8255xMachine.Packet(100, 1, card.Address));
        machine.Device.StopReceiving();
        machine.Device.Twist = null;
        Assert.Empty(machine.ReceiveAll(card));
        Assert.Equal((1ul, 1ul, true), (card.Counters.BadLength, card.Faults.ReceiverRestarts, machine.Device.IsReceiving));
        byte[] packet = I8255xMachine.Packet(100, 2, card.Address);
        Assert.True(machine.Device.Deliver(packet));
        Assert.Equal(packet, Assert.Single(machine.ReceiveAll(card)));
        Finish(machine, card);
    }

    // Row 17: what the device says it wrote and did not is no bytes of somebody else's.
    [Fact]
    public void A_short_write_shows_no_bytes_of_others()
    {
        using var machine = new I8255xMachine("coherent, bounced");
        I8255x card = machine.Probe();
        byte[] secret = new byte[1500];
        secret.AsSpan().Fill(0xEE);
        card.Address.Write(secret);
        machine.Device.Deliver(secret);
        Assert.Single(machine.ReceiveAll(card));
        machine.Device.Twist = (status, _) => (status, 1500 | 0xC000);
        for (int i = 0; i < 2 * ListFrames; i++)
        {
            machine.Device.Deliver(I8255xMachine.Packet(60, i, card.Address));
            byte[] received = Assert.Single(machine.ReceiveAll(card));
            Assert.DoesNotContain(received[60..], value => value == 0xEE);
        }
        Finish(machine, card);
    }

    // Row 19: so many pages are free, then more, until it starts.
    [Theory, MemberData(nameof(Kinds))]
    public void Probe_without_enough_memory_is_an_error_and_nothing_is_lost(string kind)
    {
        int failures = 0, left = 0;
        for (bool worked = false; !worked; left += left < 8 ? 1 : 23)
        {
            using var machine = new I8255xMachine(kind, usable: (0x10_0000, 6 << 20));
            var held = new Stack<PageRun>();
            while (machine.Dma.Memory.Pages.TryTake(0, Zone.Any, default, out PageRun run))
                held.Push(run);
            for (int i = 0; i < left; i++)
            {
                PageRun given = held.Pop();
                machine.Dma.Memory.Pages.Give(ref given);
            }
            Error error = machine.TryProbe(out I8255x? card);
            worked = error == Error.None;
            failures += worked ? 0 : 1;
            Assert.True(worked || error is Error.NoResources or Error.NotSupported);
            card?.Quiesce();
            machine.CheckNothingLeft();
        }
        Assert.InRange(failures, 4, 100);
    }

    // Row 19: no frames, no slots.
    [Theory, MemberData(nameof(Kinds))]
    public void Without_frames_those_of_the_list_go_around(string kind)
    {
        using var machine = new I8255xMachine(kind, frames: ListFrames + 2);
        I8255x card = machine.Probe();
        var held = new Frame[2];
        for (int i = 0; i < 10; i++)
            machine.Device.Deliver(I8255xMachine.Packet(100 + i, i, card.Address));
        Assert.Equal(2, card.Receive(held));
        Assert.Equal(0, card.Receive(new Frame[4]));
        Assert.Equal(8ul, card.Counters.NoFrames);
        foreach (ref Frame frame in held.AsSpan())
            frame.Free();
        for (int i = 0; i < 300; i++)
        {
            byte[] packet = I8255xMachine.Packet(100, i, card.Address);
            Assert.True(machine.Device.Deliver(packet));
            Assert.Equal(packet, Assert.Single(machine.ReceiveAll(card)));
        }
        Finish(machine, card);
    }

    [Fact]
    public void Without_slots_packets_are_dropped_and_the_list_lives()
    {
        using var machine = new I8255xMachine("coherent, bounced", frames: 600);
        I8255x card = machine.Probe();
        machine.Device.BatchMicroseconds = 50_000;
        machine.Dma.System.BounceLimit = 0;
        ulong dropped = 0;
        for (int round = 0; round < 40; round++)
        {
            machine.Send(card, [.. Enumerable.Range(0, 30).Select(i => I8255xMachine.Packet(1500, i, card.Address))]);
            byte[] packet = I8255xMachine.Packet(500, round, card.Address);
            Assert.True(machine.Device.Deliver(packet));
            Assert.Equal(packet, Assert.Single(machine.ReceiveAll(card)));
            dropped = card.Counters.SendDropped;
        }
        machine.Run(2_000_000);
        Assert.Equal((0ul, dropped), (card.Counters.Resets, card.Counters.SendDropped));
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Statistics_that_never_come_are_counted(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        machine.Device.LosesCounters = true;
        machine.Run(3_500_000);
        Assert.Equal(2ul, card.Faults.LostStatistics);
        Finish(machine, card);
    }

    [Fact]
    public void A_card_that_stays_bus_master_keeps_its_memory()
    {
        using var machine = new I8255xMachine();
        I8255x card = machine.Probe();
        machine.Device.StaysBusMaster = true;
        Assert.Equal(Error.DeviceGone, card.Reset());
        Assert.Equal(1ul, card.Faults.Abandoned);
        Assert.Equal(ListFrames, machine.Frames.Used);
        Assert.True(machine.Device.IsQuiet);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Resets_in_mid_traffic_lose_frames_and_nothing_else(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        var random = new Random(3);
        for (int reset = 1; reset <= 10; reset++)
        {
            machine.Device.BatchMicroseconds = (ulong)random.Next(2) * 1_000;
            for (int i = random.Next(200); i > 0; i--)
                machine.Device.Deliver(I8255xMachine.Packet(60 + i, i, card.Address));
            machine.Send(card, [.. Enumerable.Range(0, 50).Select(i => I8255xMachine.Packet(60 + i, i, card.Address))]);
            // The clock of this machine stands still for the device while the driver waits.
            machine.Device.BatchMicroseconds = 0;
            Assert.Equal(Error.None, card.Reset());
            Assert.Equal((ulong)reset, card.Counters.Resets);
            Assert.Empty(machine.ReceiveAll(card));
            byte[] packet = I8255xMachine.Packet(777, reset, card.Address);
            Assert.True(machine.Device.Deliver(packet));
            Assert.Equal(packet, Assert.Single(machine.ReceiveAll(card)));
        }
        machine.Run(5_000);
        Finish(machine, card);
    }

    // A reset asks nobody for frames: whoever has them may wait for this very card.
    [Theory, MemberData(nameof(Kinds))]
    public void A_reset_needs_no_frames_of_others(string kind)
    {
        using var machine = new I8255xMachine(kind, ListFrames + 1);
        I8255x card = machine.Probe();
        Assert.True(machine.Frames.TryTake(out Frame others));
        Assert.Equal((Error.None, ListFrames + 1), (card.Reset(), machine.Frames.Used));
        others.Free();
        byte[] packet = I8255xMachine.Packet(777, 1, card.Address);
        Assert.True(machine.Device.Deliver(packet));
        Assert.Equal(packet, Assert.Single(machine.ReceiveAll(card)));
        Finish(machine, card);
    }

    // What the card wrote over the blocks' addresses leads it astray once.
    [Theory, MemberData(nameof(Kinds))]
    public void Links_that_the_card_wrote_over_are_written_anew_by_a_reset(string kind)
    {
        using var machine = new I8255xMachine(kind);
        machine.Dma.ExpectReports();
        I8255x card = machine.Probe();
        Assert.Equal(1, machine.Send(card, I8255xMachine.Packet(100, 1, card.Address)));
        machine.Run(1_000);
        uint wanted = machine.Device.NextBlock;
        for (uint block = 0; block < 4; block++)
            machine.Device.Write(wanted + block * Math.Max(64, CacheLines.Bytes) + 4, [0, 0, 0, 0, 1, 1, 1, 1]);
        Assert.Equal(Error.None, card.Reset());
        byte[][] packets = [.. Enumerable.Range(2, 60).Select(i => I8255xMachine.Packet(100, i, card.Address))];
        Assert.Equal(60, machine.Send(card, packets));
        machine.Run(10_000);
        Assert.Equal(packets, machine.Device.Sent.Skip(1));
        Finish(machine, card);
    }

    // Nothing is lost, whatever was counted.
    private static void Finish(I8255xMachine machine, I8255x card)
    {
        machine.Run(1_100_000);
        Assert.Equal(ListFrames, machine.Frames.Used);
        card.Quiesce();
        machine.CheckNothingLeft();
    }

    private sealed class Receiving(I8255xMachine machine, I8255x card) : IWork
    {
        public List<byte[]> Received { get; } = [];

        public bool Work(int budget)
        {
            do
                Received.AddRange(machine.ReceiveAll(card));
            while (card.Arm());
            return false;
        }
    }
}
