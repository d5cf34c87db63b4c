using System;
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
public sealed partial class E1000eFaultTests
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
}
