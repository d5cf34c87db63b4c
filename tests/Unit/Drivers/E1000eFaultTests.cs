using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
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

/// <summary>
/// The 82574's driver with a card that fails, lies or is pulled, and without memory: each fault ends in a counter, in bounded time, and
/// with all memory where it belongs. The rows are those of docs/faults.md.
/// </summary>
public sealed class E1000eFaultTests
{
    private const ulong Done = 1UL << 32, End = 2UL << 32;

    public static TheoryData<string> Kinds => E1000eMachine.Kinds;

    /// <summary>Row 1.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Impossible_lengths_are_dropped_and_counted(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        ulong bad = 0;
        foreach (uint length in (uint[])[0, 1, 4, 13, 2049, 4096, 0x8000, 0xFFFF])
        {
            machine.Device.Lie = result => result & ~0xFFFFUL | length;
            Assert.True(machine.Device.Receive(E1000eMachine.Packet(card, 60, 1)));
            machine.Device.Lie = null;
            Assert.Empty(E1000eMachine.ReceiveAll(card));
            Assert.Equal(++bad, card.Counters.BadLength);
            Works(machine, card);
        }
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 1, of packets in several buffers.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Impossible_lengths_of_parts_are_dropped_and_counted(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        ulong bad = 0;
        foreach ((int part, uint length) in (ReadOnlySpan<(int, uint)>)[(0, 0), (0, 2047), (1, 100), (1, 0xFFFF), (2, 2049), (0, 2049)])
        {
            int index = 0;
            machine.Device.Lie = result => index++ == part ? result & ~0xFFFFUL | length : result;
            Assert.True(machine.Device.Receive(E1000eMachine.Packet(card, 6000, 1)));
            machine.Device.Lie = null;
            Assert.Empty(E1000eMachine.ReceiveAll(card));
            Assert.Equal(++bad, card.Counters.BadLength);
            Works(machine, card);
        }
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 1: what the descriptor calls bad.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Packets_with_errors_are_dropped_and_counted(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        ulong errors = 0;
        foreach (int bit in (int[])[0, 1, 2, 4, 7])
        {
            foreach (int length in (int[])[60, 5000])
            {
                machine.Device.Lie = result => (result & End) != 0 ? result | 1UL << 40 + bit : result;
                Assert.True(machine.Device.Receive(E1000eMachine.Packet(card, length, 1)));
                machine.Device.Lie = null;
                Assert.Empty(E1000eMachine.ReceiveAll(card));
                Assert.Equal(++errors, card.Counters.ReceiveErrors);
                Works(machine, card);
            }
        }
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 2: the device changes the word all the time, between a good length and bad ones.</summary>
    [Fact]
    public void A_length_that_changes_after_it_was_checked_is_not_believed()
    {
        using var machine = new E1000eMachine();
        E1000e card = machine.Probe();
        var memory = (DeviceRam)machine.Device.Memory!;
        ulong[] words = [Done | End | 100, Done | End | 0xFFFF, Done | End | 2049, Done | End, 0];
        byte[][] bytes = [.. words.Select(BitConverter.GetBytes)];
        ulong first = machine.Device.ReceiveDescriptorAt(0);
        int received = 0;
        bool stop = false;
        // The whole ring, so that the driver always meets a word under change.
        var liar = new Thread(() =>
        {
            for (int i = 0; !Volatile.Read(ref stop); i++)
                memory.Write(first + (uint)(i / 5 % 256) * 16 + 8, bytes[i % 5]);
        });
        liar.Start();
        Frame[] frames = new Frame[8];
        var time = System.Diagnostics.Stopwatch.StartNew();
        while ((received < 100 || card.Counters.BadLength < 100) && time.Elapsed < TimeSpan.FromSeconds(30))
        {
            int count = card.Receive(frames);
            for (int i = 0; i < count; i++)
            {
                Assert.Equal((100u, false), (frames[i].Length, frames[i].HasRest));
                frames[i].Free();
            }
            received += count;
        }
        Volatile.Write(ref stop, true);
        liar.Join();
        Assert.NotEqual(0, received);
        Assert.NotEqual(0ul, card.Counters.BadLength);
        Assert.Equal(0ul, card.Function.Dma.Statistics.Overlong);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 3.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Fragments_without_an_end_are_dropped_and_counted(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        machine.Dma.ExpectReports();     // the checker sees the lie
        machine.Device.Lie = result => Done | 2048;
        for (int i = 0; i < 1000; i++)
        {
            machine.Device.Receive(E1000eMachine.Packet(card, 60, 1));
            Assert.Empty(E1000eMachine.ReceiveAll(card));
            Assert.InRange(machine.Pool.Used, 256, 256 + 5);
        }
        Assert.Equal(1ul, card.Counters.BadDescriptors);
        machine.Device.Lie = null;
        // The end of the endless one.
        Assert.True(machine.Device.Receive(E1000eMachine.Packet(card, 60, 1)));
        Assert.Empty(E1000eMachine.ReceiveAll(card));
        Works(machine, card);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 3: a whole ring of them at once is looked at once.</summary>
    [Fact]
    public void A_ring_full_of_fragments_without_an_end_takes_bounded_time()
    {
        using var machine = new E1000eMachine();
        E1000e card = machine.Probe();
        for (uint i = 0; i < 256; i++)
            machine.Device.WriteResult(i, Done | 2048);
        Assert.Empty(E1000eMachine.ReceiveAll(card));
        Assert.Equal(1ul, card.Counters.BadDescriptors);
        Assert.Equal(256, machine.Pool.Used);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 4.</summary>
    [Theory]
    [InlineData(true, 256u)]
    [InlineData(true, 0xFFFF_FFFEu)]
    [InlineData(false, 256u)]
    [InlineData(false, 0x1_0000u)]
    public void A_head_out_of_range_is_counted_and_the_card_is_reset(bool receive, uint head)
    {
        using var machine = new E1000eMachine();
        E1000e card = machine.Probe();
        if (receive)
            machine.Device.ReceiveHeadLie = head;
        else
            machine.Device.TransmitHeadLie = head;
        machine.Advance(1_100_000);
        Assert.Equal((1ul, 1ul), (card.Counters.BadDescriptors, card.Counters.Resets));
        machine.Device.ReceiveHeadLie = machine.Device.TransmitHeadLie = null;
        machine.Advance(100_000);
        Works(machine, card);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 4: done twice, too early, in any order.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Transmit_descriptors_that_are_done_twice_or_early_free_nothing_twice(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        var random = new Random(4);
        machine.Device.IsTransmitStuck = true;
        for (int round = 0; round < 500; round++)
        {
            if (random.Next(2) == 0)
                E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, random.Next(60, 6000), round), 1500));
            machine.Device.ReportDone((uint)random.Next(256));
            card.Transmit(default);
            Assert.InRange(machine.Pool.Used, 256, 256 + 255);
        }
        machine.Device.IsTransmitStuck = false;
        card.Restart();
        machine.Advance(100_000);
        Works(machine, card);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 4: descriptors far ahead of the one that is next.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Receive_descriptors_that_are_done_out_of_order_wait(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        machine.Dma.ExpectReports();     // the checker sees the lie
        machine.Device.WriteResult(5, Done | End | 100);
        machine.Device.WriteResult(1, Done | End | 100);
        Assert.Empty(E1000eMachine.ReceiveAll(card));
        machine.Device.WriteResult(0, Done | End | 100);
        Assert.Equal(2, E1000eMachine.ReceiveAll(card).Length);
        Assert.Empty(E1000eMachine.ReceiveAll(card));
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 13, at each access of the start.</summary>
    [Fact]
    public void A_card_that_goes_while_it_is_probed_is_an_error_and_nothing_is_lost()
    {
        for (int reads = 0; ; reads++)
        {
            using var machine = new E1000eMachine();
            PciFunction function = machine.Scan();
            machine.Device.RegisterReadsUntilGone = reads;
            Error error = E1000e.Probe(function, out Driver? driver);
            if (error == Error.None)
            {
                Assert.InRange(reads, 10, 100);
                return;
            }
            Assert.Equal((Error.DeviceGone, (Driver?)null), (error, driver));
            Assert.Equal((0, 0), machine.InUse);
            Assert.Equal(0, machine.Pci.Interrupts.Taken);
            Assert.InRange(machine.Clock.ElapsedMicroseconds, 0u, 1_000_000u);
        }
    }

    /// <summary>Row 13, in mid-operation.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void A_card_that_is_pulled_is_given_up_and_its_memory_comes_back(string kind)
    {
        for (int reads = 0; reads < 24; reads++)
        {
            using var machine = new E1000eMachine(kind);
            E1000e card = machine.Probe();
            machine.Device.IsTransmitStuck = true;
            for (int i = 0; i < 10; i++)
            {
                E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, 5000, i)));
                machine.Device.Receive(E1000eMachine.Packet(card, 5000, i));
            }
            machine.Device.RegisterReadsUntilGone = reads;
            machine.Advance(5_000_000);
            Assert.False(card.IsRunning);
            Assert.Equal((0, 0), machine.InUse);
            Assert.Equal((false, 1ul, false), (card.Link.IsUp, card.Counters.FailedResets, card.Abandoned));
            Assert.Empty(E1000eMachine.ReceiveAll(card));
            Assert.True(E1000eMachine.Send(card, machine.Make(new byte[60])));
            Assert.False(card.Arm());
            Assert.Equal(Error.DeviceGone, card.SetReceiveMode(ReceiveMode.Promiscuous, default));
            Assert.Equal(0, machine.Pool.Used);
            Assert.InRange(card.Counters.SendDropped, 11ul, 31ul);
            card.Quiesce();
        }
    }

    /// <summary>Row 14.</summary>
    [Fact]
    public void Probe_ends_in_time_whatever_never_completes()
    {
        foreach ((string what, Action<Simulated82574> spoil, ulong longest) in ((string, Action<Simulated82574>, ulong)[])
        [
            ("reset", d => d.IsResetStuck = true, 700_000), ("PHY", d => d.IsPhyStuck = true, 100_000),
            ("PHY fails", d => d.PhyFails = true, 100_000), ("EEPROM", d => { d.IsEepromStuck = true; d.LoadsNoAddress = true; }, 100_000),
        ])
        {
            using var machine = new E1000eMachine();
            spoil(machine.Device);
            ulong began = machine.Clock.ElapsedMicroseconds;
            Assert.Equal(what == "PHY fails" ? Error.Malformed : Error.Timeout, E1000e.Probe(machine.Scan(), out Driver? driver));
            Assert.Null(driver);
            Assert.InRange(machine.Clock.ElapsedMicroseconds - began, 0u, longest);
            Assert.Equal((false, 0, (0, 0)), (machine.Device.IsBusMaster, machine.Pci.Interrupts.Taken, machine.InUse));
        }
    }

    /// <summary>Row 14: an address that no station can have.</summary>
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 0, 0)]
    [InlineData(0xFFFF, 0xFFFF, 0xFFFF)]
    public void Probe_refuses_an_address_that_is_none(int first, int second, int third)
    {
        using var machine = new E1000eMachine();
        (machine.Device.Eeprom[0], machine.Device.Eeprom[1], machine.Device.Eeprom[2]) = ((ushort)first, (ushort)second, (ushort)third);
        Assert.Equal(Error.Malformed, E1000e.Probe(machine.Scan(), out _));
        Assert.Equal((0, 0), machine.InUse);
    }

    /// <summary>Row 14: a card that stays master of the bus is reset all the same.</summary>
    [Fact]
    public void A_card_that_does_not_end_its_accesses_is_reset_nonetheless()
    {
        using var machine = new E1000eMachine();
        machine.Device.KeepsMaster = true;
        E1000e card = machine.Probe();
        Works(machine, card);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>Row 14, and the watchdog: a transmit ring that hangs.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void A_hang_is_noticed_and_the_card_goes_on_after_a_reset(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        for (ulong round = 1; round <= 3; round++)
        {
            machine.Device.IsTransmitStuck = true;
            for (int i = 0; i < 5; i++)
                Assert.True(E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, 1000, i))));
            machine.Advance(2_100_000);
            Assert.Equal((round, 5 * round), (card.Counters.Resets, card.Counters.SendDropped));
            machine.Device.IsTransmitStuck = false;
            machine.Advance(100_000);
            Works(machine, card);
        }
        Assert.Equal(0ul, card.Counters.FailedResets);
        machine.CheckNothingLeaks(card);
    }

    /// <summary>A ring that is busy but moves is no hang.</summary>
    [Fact]
    public void A_slow_card_is_left_alone()
    {
        using var machine = new E1000eMachine();
        E1000e card = machine.Probe();
        machine.Device.IsTransmitStuck = true;
        for (int second = 0; second < 20; second++)
        {
            Assert.True(E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, 60, second))));
            machine.Device.IsTransmitStuck = false;
            machine.Device.Transmit();
            machine.Device.IsTransmitStuck = true;
            Assert.True(E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, 60, second))));
            machine.Advance(900_000);
        }
        Assert.Equal((0ul, 0ul), (card.Counters.Resets, card.Counters.SendDropped));
    }

    /// <summary>Row 14: the reset that follows a hang does not end.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void A_reset_that_never_completes_ends_the_card_and_not_the_machine(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        machine.Device.IsTransmitStuck = true;
        Assert.True(E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, 1000, 1))));
        machine.Device.IsResetStuck = true;
        machine.Advance(3_500_000);
        Assert.Equal((false, 1ul, 1ul), (card.IsRunning, card.Counters.Resets, card.Counters.FailedResets));
        Assert.Equal((false, 0, (0, 0)), (machine.Device.IsBusMaster, machine.Pci.Interrupts.Taken, machine.InUse));
    }

    /// <summary>Row 14: nothing proves that it leaves memory alone, so that is never anybody else's.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Memory_of_a_card_that_cannot_be_stopped_is_never_given_back(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        machine.Device.StaysBusMaster = true;
        machine.Device.IsResetStuck = true;
        (int, int) before = machine.InUse;
        card.Restart();
        machine.Advance(1_000_000);
        Assert.Equal((false, true), (card.IsRunning, card.Abandoned));
        Assert.Equal(before, machine.InUse);
    }

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
