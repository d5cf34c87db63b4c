using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Devices;
using Sluice.Dma;
using Sluice.Drivers.I8255x;
using Sluice.Net;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Drivers;

/// <summary>What comes in, what a device is told, and its link.</summary>
public sealed partial class I8255xTests
{
    [Theory, MemberData(nameof(Kinds))]
    public void Frames_of_all_lengths_come_in_as_they_were(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        foreach (int length in (int[])[60, 61, 64, 112, 113, 1024, 1513, 1514, 1518])
        {
            byte[] packet = I8255xMachine.Packet(length, length, card.Address);
            Assert.True(machine.Device.Deliver(packet));
            Assert.Equal(packet, Assert.Single(machine.ReceiveAll(card)));
        }
        Assert.Equal((9ul, 0ul), (card.Counters.Received, card.Counters.BadLength));
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Random_bursts_come_in_in_order_many_times_around_the_list(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        var random = new Random(5);
        for (int burst = 0; burst < 80; burst++)
        {
            byte[][] packets = [.. Enumerable.Range(0, random.Next(1, 30)).Select(i => I8255xMachine.Packet(random.Next(60, 1515), burst * 50 + i, card.Address))];
            foreach (byte[] packet in packets)
                Assert.True(machine.Device.Deliver(packet));
            Assert.Equal(packets, machine.ReceiveAll(card, random.Next(1, 40)));
        }
        Assert.Equal(0ul, card.Faults.ReceiverRestarts + card.Counters.Missed);
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_list_that_came_to_its_end_is_made_longer_and_goes_on(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        for (int round = 1; round <= 5; round++)
        {
            for (int i = 0; i < ListFrames + 5; i++)
                Assert.Equal(i < ListFrames - 1, machine.Device.Deliver(I8255xMachine.Packet(60 + i, i, card.Address)));
            List<byte[]> received = machine.ReceiveAll(card);
            Assert.Equal(Enumerable.Range(0, ListFrames - 1).Select(i => I8255xMachine.Packet(60 + i, i, card.Address)), received);
            Assert.Equal((ulong)round, card.Faults.ReceiverRestarts);
            Assert.True(machine.Device.IsReceiving);
        }
        machine.Run(3_000_000);
        Assert.Equal(30ul, card.Counters.Missed);
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_device_that_writes_the_end_of_its_list_loses_no_more_than_one_frame(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        machine.Device.FillsMarker = true;
        machine.Device.SetsCountFlags = false;
        for (int i = 0; i < ListFrames + 5; i++)
            machine.Device.Deliver(I8255xMachine.Packet(60 + i, i, card.Address));
        Assert.Equal(ListFrames - 1, machine.ReceiveAll(card).Count);
        byte[] after = I8255xMachine.Packet(333, 1, card.Address);
        Assert.True(machine.Device.Deliver(after));
        Assert.Equal(after, Assert.Single(machine.ReceiveAll(card)));
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_end_of_the_list_may_be_reached_at_any_step_of_its_change(string kind)
    {
        // The device comes to the marker while the CPU changes it, and while frames behind it are received already.
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        var random = new Random(11);
        int next = 0, seen = 0;
        var frames = new Frame[200];
        for (int round = 0; round < 100; round++)
        {
            for (int i = random.Next(140); i > 0; i--)
                next += machine.Device.Deliver(I8255xMachine.Packet(60 + next % 1400, next, card.Address)) ? 1 : 0;
            int count = card.Receive(frames.AsSpan(0, random.Next(1, 200)));
            for (int i = 0; i < count; i++, seen++)
            {
                Assert.Equal(I8255xMachine.Packet(60 + seen % 1400, seen, card.Address), frames[i].Bytes.ToArray());
                frames[i].Free();
            }
        }
        Assert.Equal(next - seen, machine.ReceiveAll(card).Count);
        Assert.NotEqual(0ul, card.Faults.ReceiverRestarts);
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_frame_that_the_device_left_out_is_seen_by_the_one_behind_it(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        for (int round = 1; round <= 3; round++)
        {
            // Up to the marker, which then is none.
            for (int i = 0; i < ListFrames - 1; i++)
                Assert.True(machine.Device.Deliver(I8255xMachine.Packet(60, i, card.Address)));
            Assert.Equal(ListFrames - 1, machine.ReceiveAll(card).Count);
            machine.Device.Skip();
            byte[] packet = I8255xMachine.Packet(100, round, card.Address);
            Assert.True(machine.Device.Deliver(packet));
            Assert.Equal(packet, Assert.Single(machine.ReceiveAll(card)));
            Assert.Equal(((ulong)round, 0ul), (card.Faults.Skipped, card.Faults.ReceiverRestarts));
        }
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_frame_that_comes_just_before_the_receiver_stops_is_received_and_it_goes_on(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        byte[] packet = I8255xMachine.Packet(100, 1, card.Address);
        for (int i = 0; i < ListFrames - 1; i++)
            Assert.True(machine.Device.Deliver(I8255xMachine.Packet(60 + i, i, card.Address)));
        machine.Device.StatusRead = () =>
        {
            // When it is asked whether the receiver stopped, not before.
            if (card.Counters.Received != ListFrames - 1)
                return;
            machine.Device.StatusRead = null;
            Assert.True(machine.Device.Deliver(packet));
            machine.Device.StopReceiving();
        };
        List<byte[]> received = machine.ReceiveAll(card);
        Assert.Equal(ListFrames, received.Count);
        Assert.Equal(packet, received[^1]);
        Assert.Null(machine.Device.StatusRead);
        Assert.Equal((1ul, true), (card.Faults.ReceiverRestarts, machine.Device.IsReceiving));
        Assert.True(machine.Device.Deliver(packet));
        Assert.Equal(packet, Assert.Single(machine.ReceiveAll(card)));
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void What_a_device_writes_after_it_said_complete_is_waited_for_by_reading_a_register(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        var sent = new List<byte[]>();
        for (int i = 0; i < 200; i++)
        {
            byte[] packet = I8255xMachine.Packet(60 + i, i, card.Address), early = (byte[])packet.Clone();
            early.AsSpan(20).Fill(0xEE);
            sent.Add(packet);
            machine.Device.DeliverLate(early, packet);
            Assert.Equal(packet, Assert.Single(machine.ReceiveAll(card)));
        }
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_ring_of_blocks_is_closed_for_a_device_that_reads_ahead(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        Assert.Equal(1, machine.Send(card, I8255xMachine.Packet(60, 1, card.Address)));
        uint first = machine.Device.NextBlock, at = first;
        var blocks = new HashSet<uint>();
        byte[] link = new byte[4];
        do
        {
            Assert.True(blocks.Add(at));
            machine.Device.Memory!.Read(at + 4, link);
            at = BitConverter.ToUInt32(link);
        }
        while (at != first);
        Assert.Equal(64, blocks.Count);
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_frame_goes_in_at_one_side_and_out_at_the_other_where_it_lies(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        var frames = new Frame[1];
        for (int i = 0; i < 300; i++)
        {
            byte[] packet = I8255xMachine.Packet(60 + i, i, card.Address);
            Assert.True(machine.Device.Deliver(packet));
            Assert.Equal(1, card.Receive(frames));
            frames[0].Bytes[6] ^= 0xFF;
            packet[6] ^= 0xFF;
            Assert.Equal(1, card.Transmit(frames));
            Assert.Equal(packet, machine.Device.Sent[i]);
        }
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_listener_is_marked_once_until_it_arms_again(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        var listener = new Counting();
        card.Listener = new WorkItem(listener);
        machine.Device.Deliver(I8255xMachine.Packet(60, 1, card.Address));
        machine.Run(0);
        Assert.Equal(0, listener.Calls);
        Assert.True(card.Arm());
        Assert.Single(machine.ReceiveAll(card));
        Assert.False(card.Arm());
        for (int i = 0; i < 3; i++)
            machine.Device.Deliver(I8255xMachine.Packet(60, 1, card.Address));
        machine.Run(0);
        Assert.Equal((1, 1ul), (listener.Calls, card.Counters.Interrupts));
        Assert.Equal(3, machine.ReceiveAll(card).Count);
        Assert.False(card.Arm());
        machine.Run(0);
        Assert.Equal(1, listener.Calls);
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Receive_modes_reach_the_device(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        MacAddress stranger = MacAddress.FromNumber(0x0605_0403_0202);
        MacAddress[] groups = [.. Enumerable.Range(1, 9).Select(i => MacAddress.FromNumber((ulong)i << 40 | 1))];
        Assert.Equal(Error.None, card.SetReceiveMode(ReceiveMode.Groups, groups));
        Assert.All(groups, group => Assert.True(machine.Device.Deliver(I8255xMachine.Packet(60, 1, group))));
        Assert.False(machine.Device.Deliver(I8255xMachine.Packet(60, 1, MacAddress.FromNumber(0x77_0000_0001))));
        Assert.Equal(Error.None, card.SetReceiveMode(ReceiveMode.Groups, [.. groups, groups[0]]));
        Assert.True(machine.Device.Deliver(I8255xMachine.Packet(60, 1, MacAddress.FromNumber(0x77_0000_0001))));
        Assert.False(machine.Device.Deliver(I8255xMachine.Packet(60, 1, stranger)));
        Assert.Equal(Error.None, card.SetReceiveMode(ReceiveMode.Promiscuous, default));
        Assert.True(machine.Device.Deliver(I8255xMachine.Packet(60, 1, stranger)));
        // And after a reset.
        Assert.Equal(Error.None, card.Reset());
        Assert.Equal(1ul, card.Counters.Resets);
        Assert.True(machine.Device.Deliver(I8255xMachine.Packet(60, 1, stranger)));
        byte[] packet = I8255xMachine.Packet(100, 1, stranger);
        Assert.Equal(1, machine.Send(card, packet));
        Assert.Equal(packet, Assert.Single(machine.Device.Sent));
        card.Quiesce();
        machine.CheckNothingLeft();
    }

    [Theory, InlineData(6), InlineData(8)]
    public void EEPROMs_of_both_sizes_are_read(int bits)
    {
        using var machine = new I8255xMachine();
        machine.Device.EepromBits = bits;
        machine.Device.Eeprom[63] = 0;
        machine.Device.Eeprom[200] = 0x1234;
        machine.Device.SumEeprom();
        Assert.Equal(0x5634_1200_5452ul, machine.Probe().Address.Number);
    }

    [Theory, InlineData(0x41E1, 100, true), InlineData(0x4081, 100, false), InlineData(0x4061, 10, true), InlineData(0x0021, 10, false)]
    public void Speed_and_duplex_are_what_both_ends_can_do(ushort partner, int megabits, bool full)
    {
        using var machine = new I8255xMachine();
        machine.Device.Partner = partner;
        machine.Device.PhyAddress = 17;
        I8255x card = machine.Probe();
        Assert.Equal((megabits, full), (card.Link.Megabits, card.Link.IsFullDuplex));
    }

    [Fact]
    public void The_link_is_looked_at_once_a_second()
    {
        using var machine = new I8255xMachine();
        I8255x card = machine.Probe();
        var listener = new Counting();
        card.Listener = new WorkItem(listener);
        for (int flap = 1; flap <= 3; flap++)
        {
            machine.Device.LinkIsUp = false;
            machine.Run(1_100_000);
            Assert.False(card.Link.IsUp);
            machine.Device.LinkIsUp = true;
            machine.Run(1_100_000);
            Assert.True(card.Link.IsUp);
            Assert.Equal(((ulong)flap * 2, flap * 2), (card.Counters.LinkChanges - 1, listener.Calls));
        }
        Assert.Empty(machine.Device.Violations);
    }

    [Fact]
    public void With_frames_above_four_gigabytes_data_is_bounced()
    {
        using var machine = new I8255xMachine("coherent", 300, 64, (0x10_0000, 31 << 20), (0x1_0000_0000, 16 << 20));
        I8255x card = machine.Probe();
        for (int i = 0; i < 200; i++)
        {
            byte[] packet = I8255xMachine.Packet(60 + i, i, card.Address);
            Assert.True(machine.Device.Deliver(packet));
            Assert.Equal(packet, Assert.Single(machine.ReceiveAll(card)));
            machine.Send(card, packet);
            Assert.Equal(packet, machine.Device.Sent[i]);
        }
        Assert.True(card.Function.Dma.Statistics.Bounced >= 400);
        Finish(machine, card);
    }

    // All is as it was before the card was there, and nothing went wrong.
    private static void Finish(I8255xMachine machine, I8255x card)
    {
        Assert.Equal(ListFrames, machine.Frames.Used);
        Assert.Equal((0ul, 0ul), (card.Counters.Resets + card.Counters.FailedResets, card.Faults.CommandHangs + card.Faults.NeverAccepted + card.Faults.FailedCommands));
        Assert.Equal((0ul, 0ul), (card.Counters.BadDescriptors + card.Counters.BadLength, card.Counters.ReceiveErrors));
        card.Quiesce();
        machine.CheckNothingLeft();
    }

    private sealed class Counting : IWork
    {
        public int Calls { get; private set; }

        public bool Work(int budget)
        {
            Calls++;
            return false;
        }
    }
}
