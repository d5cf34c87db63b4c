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

/// <summary>Cards of the 8255x family that keep to their datasheet: frames both ways, on every kind of machine.</summary>
public sealed partial class I8255xTests
{
    private const int ListFrames = 128;

    public static TheoryData<string> Kinds => I8255xMachine.Kinds;

    [Theory, MemberData(nameof(Kinds))]
    public void A_card_is_found_and_left_without_a_trace(string kind)
    {
        using var machine = new I8255xMachine(kind);
        ulong pages = machine.Dma.PagesUsed;
        I8255x card = machine.Probe();
        Assert.Equal(0x5634_1200_5452ul, card.Address.Number);
        Assert.Equal((100, true), (card.Link.Megabits, card.Link.IsFullDuplex));
        Assert.Equal([0x52, 0x54, 0, 0x12, 0x34, 0x56], machine.Device.Station);
        Assert.Equal(ListFrames, machine.Frames.Used);
        Assert.True(machine.Device.IsReceiving);
        card.Quiesce();
        Assert.True(machine.Device.IsQuiet);
        Assert.False(machine.Device.IsBusMaster);
        machine.CheckNothingLeft();
        Assert.True(machine.Dma.PagesUsed >= pages);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Frames_of_all_lengths_go_out_as_they_are(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        var sent = new List<byte[]>();
        foreach (int length in (int[])[14, 59, 60, 61, 64, 100, 127, 1024, 1513, 1514, 1518])
        {
            byte[] packet = I8255xMachine.Packet(length, length, card.Address);
            Assert.Equal(1, machine.Send(card, packet));
            sent.Add([.. packet, .. new byte[Math.Max(0, 60 - length)]]);
        }
        Assert.Equal(sent, machine.Device.Sent);
        Assert.Equal((11ul, (ulong)sent.Sum(packet => packet.Length) - 47), (card.Counters.Sent, card.Counters.SentBytes));
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Bursts_go_out_in_order_many_times_around_the_ring(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        var sent = new List<byte[]>();
        for (int burst = 0; burst < 60; burst++)
        {
            byte[][] packets = [.. Enumerable.Range(0, burst * 7 % 40 + 1).Select(i => I8255xMachine.Packet(60 + (burst + i) * 37 % 1455, burst * 100 + i, card.Address))];
            Assert.Equal(packets.Length, machine.Send(card, packets));
            sent.AddRange(packets);
        }
        Assert.Equal(sent, machine.Device.Sent);
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Batches_wait_for_the_one_before_and_go_on_by_interrupt(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        machine.Device.BatchMicroseconds = 500;
        byte[][] packets = [.. Enumerable.Range(0, 60).Select(i => I8255xMachine.Packet(60 + i, i, card.Address))];
        Assert.Equal(40, machine.Send(card, packets[..40]));
        Assert.Equal(20, machine.Send(card, packets[40..]));
        // There are 64 blocks.
        Assert.Equal(4, machine.Send(card, packets[..5]));
        Assert.Empty(machine.Device.Sent);
        machine.Run(10_000);
        Assert.Empty(machine.ReceiveAll(card));
        Assert.Equal([.. packets, .. packets[..4]], machine.Device.Sent);
        // 16, 16, 8; 16, 4; 4; and the three commands before.
        Assert.Equal(7, machine.Device.Kicks);
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_list_of_sixteen_blocks_is_the_longest(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        machine.Device.LeavesAfter = 16;
        for (int round = 0; round < 10; round++)
            Assert.Equal(32, machine.Send(card, [.. Enumerable.Range(0, 32).Select(i => I8255xMachine.Packet(60, i, card.Address))]));
        Assert.Equal(320, machine.Device.Sent.Count);
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Packets_in_parts_go_out_as_one(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        for (int parts = 2; parts <= 7; parts++)
        {
            byte[] whole = I8255xMachine.Packet(parts * 150, parts, card.Address);
            Frame packet = machine.Make(whole.AsSpan(0, 150));
            for (int part = 1; part < parts; part++)
            {
                Frame rest = machine.Make(whole.AsSpan(part * 150, 150));
                packet.Append(ref rest);
            }
            Assert.Equal(1, card.Transmit(new Span<Frame>(ref packet)));
            Assert.True(packet.IsEmpty);
            if (parts < 7)
                Assert.Equal(whole, machine.Device.Sent[^1]);
        }
        Assert.Equal((5, 1ul), (machine.Device.Sent.Count, card.Counters.SendDropped));
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void What_cannot_be_sent_is_dropped_wherever_it_stands(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        byte[] good = I8255xMachine.Packet(100, 1, card.Address), tooLong = new byte[1519], tooShort = new byte[13];
        Assert.Equal(4, machine.Send(card, good, tooLong, good, tooShort));
        Assert.Equal(1, machine.Send(card, tooLong));
        Assert.Equal(3, machine.Send(card, tooShort, good, good));
        Assert.Equal([good, good, good, good], machine.Device.Sent);
        Assert.Equal((4ul, 4ul), (card.Counters.Sent, card.Counters.SendDropped));
        Finish(machine, card);
    }
}
