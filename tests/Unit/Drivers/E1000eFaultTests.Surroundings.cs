using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Devices;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Drivers.E1000e;
using Sluice.Mm;
using Sluice.Net;
using Sluice.Pci;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Drivers;

/// <summary>Interrupts, memory and links: rows 15 to 23 of docs/faults.md, and resets.</summary>
public sealed partial class E1000eFaultTests
{
    /// <summary>Row 15: interrupts that nobody asked for.</summary>
    [Theory]
    [InlineData(InterruptKinds.MsiX)]
    [InlineData(InterruptKinds.Msi)]
    [InlineData(InterruptKinds.Line)]
    public void Spurious_interrupts_are_counted_and_a_storm_of_them_is_held_back(InterruptKinds way)
    {
        using var machine = new E1000eMachine();
        E1000e card = machine.Probe();
        card.UseInterrupt(way);
        ulong before = card.Counters.SpuriousInterrupts;
        if (way == InterruptKinds.Line)
        {
            machine.Device.Interrupt();
            Assert.NotEqual(before, card.Counters.SpuriousInterrupts);
            machine.Device.LowerPin();
        }
        else
        {
            for (int i = 0; i < 200_000; i++)
                machine.Device.Interrupt();
            Assert.Equal(1ul, card.InterruptStorms);
            Assert.InRange(card.Counters.SpuriousInterrupts - before, 100_000u, 100_001u);
            machine.Advance(1_100_000);
        }
        var listener = new Listener(card);
        card.Arm();
        Assert.True(machine.Device.Receive(E1000eMachine.Packet(card, 60, 1)));
        machine.Advance(20_000);
        Assert.Single(listener.Packets);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 15: a storm, and the card interrupts another way before the watchdog's next look.</summary>
    [Fact]
    public void A_storm_ends_with_the_interrupt_that_it_was_of()
    {
        using var machine = new E1000eMachine();
        E1000e card = machine.Probe();
        card.UseInterrupt(InterruptKinds.MsiX);
        for (int i = 0; i < 100_100; i++)
            machine.Device.Interrupt();
        Assert.Equal(1ul, card.InterruptStorms);
        card.UseInterrupt(InterruptKinds.Msi);
        machine.Advance(1_100_000);
        var listener = new Listener(card);
        card.Arm();
        Assert.True(machine.Device.Receive(E1000eMachine.Packet(card, 60, 1)));
        machine.Advance(20_000);
        Assert.Single(listener.Packets);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 15: shared, masked while there is work, each once; and polled where there is no way to interrupt.</summary>
    [Theory]
    [InlineData(InterruptKinds.MsiX)]
    [InlineData(InterruptKinds.Msi)]
    [InlineData(InterruptKinds.Line)]
    [InlineData(InterruptKinds.None)]
    public void A_listener_is_told_once_until_it_arms_again(InterruptKinds way)
    {
        using var machine = new E1000eMachine();
        E1000e card = machine.Probe();
        card.UseInterrupt(way);
        var listener = new Listener(card);
        card.Arm();
        for (int round = 1; round <= 20; round++)
        {
            ulong interrupts = card.Counters.Interrupts;
            for (int i = 0; i < 10; i++)
                Assert.True(machine.Device.Receive(E1000eMachine.Packet(card, 60, i)));
            machine.Pci.Interrupts.Poll();
            Assert.Equal(interrupts + 1, card.Counters.Interrupts);
            machine.Advance(100);
            Assert.Equal(10 * round, listener.Packets.Count);
        }
        // What comes between the last look and arming is not missed.
        Assert.Equal(0u, machine.Device.InterruptState.Causes & machine.Device.InterruptState.Mask);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 15: lost.</summary>
    [Fact]
    public void A_lost_interrupt_costs_two_seconds_and_is_counted()
    {
        using var machine = new E1000eMachine();
        E1000e card = machine.Probe();
        var listener = new Listener(card);
        card.Arm();
        machine.Device.LosesInterrupts = true;
        Assert.True(machine.Device.Receive(E1000eMachine.Packet(card, 60, 1)));
        machine.Advance(2_100_000);
        Assert.Single(listener.Packets);
        Assert.Equal(1ul, card.LostInterrupts);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 17: old bytes behind what was written.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void A_short_packet_shows_nothing_of_a_longer_one_before(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        for (int round = 0; round < 600; round++)
        {
            byte[] packet = E1000eMachine.Packet(card, round % 2 == 0 ? 1514 : 60, round);
            Assert.True(machine.Device.Receive(packet));
            // It says more than it wrote: on the bounce path what comes is zero, or of its own packet.
            Assert.Equal([packet], E1000eMachine.ReceiveAll(card));
        }
        // The checker fills slots with a pattern of its own.
        if (machine.Dma.Kind is { Bounced: true, Checked: false })
        {
            machine.Device.Lie = result => result & ~0xFFFFUL | 2048;
            Assert.True(machine.Device.Receive(E1000eMachine.Packet(card, 60, 1)));
            Assert.All(E1000eMachine.ReceiveAll(card)[0].Skip(60), value => Assert.Equal(0, value));
        }
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 19: pages run out at each place where some are taken.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Probe_without_enough_memory_is_an_error_and_nothing_is_lost(string kind)
    {
        int failures = 0, left = 0;
        for (bool worked = false; !worked; left += left < 8 ? 1 : 7)
        {
            using var machine = new E1000eMachine(kind, usable: (0x10_0000, 4 << 20));
            PciFunction function = machine.Scan();
            var held = new Stack<PageRun>();
            while (machine.Dma.Memory.Pages.TryTake(0, Zone.Any, default, out PageRun run))
                held.Push(run);
            for (int i = 0; i < left; i++)
            {
                PageRun given = held.Pop();
                machine.Dma.Memory.Pages.Give(ref given);
            }
            Error error = E1000e.Probe(function, out Driver? driver);
            worked = error == Error.None;
            if (worked)
            {
                machine.CheckNothingLeaks((E1000e)driver!);
                break;
            }
            failures++;
            Assert.True(error is Error.NoResources or Error.NotSupported);
            Assert.Equal((0, 0), machine.InUse);
        }
        Assert.InRange(failures, 4, 100);
    }

    /// <summary>Row 19: no frame for the ring.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Without_a_frame_for_the_ring_packets_are_dropped_and_the_ring_stays_full(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        var held = new Stack<Frame>();
        while (machine.Pool.TryTake(out Frame frame))
            held.Push(frame);
        for (int i = 0; i < 300; i++)
        {
            Assert.True(machine.Device.Receive(E1000eMachine.Packet(card, i % 3 == 0 ? 5000 : 60, i)));
            Assert.Empty(E1000eMachine.ReceiveAll(card));
            Assert.Equal(255, machine.Device.ReceiveDescriptorsFree);
        }
        Assert.Equal((300ul, 0ul), (card.Counters.NoFrames, card.Counters.Received));
        while (held.TryPop(out Frame frame))
            frame.Free();
        Works(machine, card);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 19: no bounce slots.</summary>
    [Fact]
    public void Without_slots_packets_are_dropped_and_counted()
    {
        using var machine = new E1000eMachine("coherent, bounced");
        E1000e card = machine.Probe();
        machine.Dma.System.BounceLimit = machine.Dma.System.BounceReport.Bytes;
        machine.Device.IsTransmitStuck = true;
        int sent = 0;
        for (; card.Counters.SendDropped == 0 && sent < 255; sent++)
            Assert.True(E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, 4000, sent), 3000)));
        Assert.Equal(1ul, card.Counters.SendDropped);
        // The dropped packet's slots, too.
        for (; card.Counters.SendDropped == 1 && sent < 255; sent++)
            Assert.True(E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, 60, sent))));
        Assert.Equal(2ul, card.Counters.SendDropped);
        Assert.True(machine.Device.Receive(E1000eMachine.Packet(card, 60, 1)));
        Assert.Empty(E1000eMachine.ReceiveAll(card));
        Assert.Equal(1ul, card.Counters.NoFrames);
        machine.Device.IsTransmitStuck = false;
        machine.Device.Transmit();
        card.Transmit(default);
        Works(machine, card);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 19: memory above 4 GiB alone, which a 64-bit card reaches.</summary>
    [Fact]
    public void Rings_may_lie_above_4_GiB_and_frames_may_not()
    {
        using var machine = new E1000eMachine("coherent", 0x10D3, (0x10_0000, 8 << 20), (0x1_0000_0000, 16 << 20));
        E1000e card = machine.Probe();
        Assert.True(machine.Device.ReceiveDescriptorAt(0) > uint.MaxValue);
        Works(machine, card);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 20 and 23.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void A_link_that_flaps_is_counted_and_nothing_is_lost(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        ulong changes = card.Counters.LinkChanges, dropped = 0;
        var listener = new Listener(card);
        card.Arm();
        foreach (int megabits in (int[])[0, 10, 0, 100, 0, 1000])
        {
            machine.Device.Megabits = megabits;
            machine.Advance(100);
            Assert.Equal((++changes, megabits), (card.Counters.LinkChanges, card.Link.Megabits));
            Assert.True(E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, 100, megabits))));
            dropped += megabits == 0 ? 1u : 0;
            Assert.Equal(dropped, card.Counters.SendDropped);
        }
        Assert.Equal(3, machine.Device.Sent.Count);
        // Down with packets in the ring: they are dropped by a reset.
        machine.Device.IsTransmitStuck = true;
        Assert.True(E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, 100, 1))));
        machine.Device.Megabits = 0;
        machine.Advance(3_000_000);
        Assert.Equal((0, dropped + 1), (card.PacketsUnderWay, card.Counters.SendDropped));
        machine.Device.IsTransmitStuck = false;
        machine.Device.Megabits = 1000;
        machine.Advance(1_100_000);
        Works(machine, card);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Frames wait for a card that is being reset; what it received before comes first.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void A_reset_in_mid_traffic_loses_only_what_was_under_way(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        for (int round = 0; round < 5; round++)
        {
            machine.Device.IsTransmitStuck = true;
            for (int i = 0; i < 3; i++)
                Assert.True(E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, 3000, i), 1500)));
            machine.Device.Lie = result => result & ~End;       // a packet that has only begun
            machine.Device.Receive(E1000eMachine.Packet(card, 2048, 1));
            machine.Device.Lie = null;
            Assert.Empty(E1000eMachine.ReceiveAll(card));
            card.Restart();
            Assert.False(E1000eMachine.Send(card, machine.Make(new byte[60])));
            Assert.Empty(E1000eMachine.ReceiveAll(card));
            machine.Device.IsTransmitStuck = false;
            machine.Advance(20_000);
            Assert.True(card.IsRunning);
            Assert.Equal(256, machine.Pool.Used);
            Works(machine, card);
        }
        Assert.Equal(5ul, card.Counters.Resets);
        machine.CheckNothingLeaks(card);
    }

    // A packet goes out and one comes in, both whole.
    private static void Works(E1000eMachine machine, E1000e card)
    {
        byte[] packet = E1000eMachine.Packet(card, 777, 7);
        Assert.True(E1000eMachine.Send(card, machine.Make(packet)));
        Assert.Equal(packet, machine.Device.Sent[^1]);
        Assert.True(machine.Device.Receive(packet));
        Assert.Equal([packet], E1000eMachine.ReceiveAll(card));
        Assert.Empty(machine.Device.Violations);
    }

    private sealed class Listener : IWork
    {
        private readonly E1000e _card;

        public Listener(E1000e card)
        {
            _card = card;
            card.Listener = new WorkItem(this);
        }

        public List<byte[]> Packets { get; } = [];

        public bool Work(int budget)
        {
            byte[][] packets = E1000eMachine.ReceiveAll(_card, budget);
            Packets.AddRange(packets);
            return packets.Length == budget || _card.Arm();
        }
    }
}
