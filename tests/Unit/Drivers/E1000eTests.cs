using System;
using System.Buffers.Binary;
using System.Linq;
using Sluice.Devices;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Drivers.E1000e;
using Sluice.Net;
using Sluice.Pci;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Drivers;

/// <summary>The 82574's driver with an honest card: packets of all kinds, both ways, on every kind of machine.</summary>
public sealed class E1000eTests
{
    public static TheoryData<string> Kinds => E1000eMachine.Kinds;

    [Fact]
    public void Probe_resets_and_claims_the_card()
    {
        using var machine = new E1000eMachine();
        E1000e card = machine.Probe();
        Assert.Equal(MacAddress.FromNumber(0x5634_1200_5452), card.Address);
        Assert.Equal((9014u, 1000, true), (card.LongestFrame, card.Link.Megabits, card.Link.IsFullDuplex));
        Assert.Equal((2, true, true), (machine.Device.Resets, machine.Device.HasNoLinkStates, machine.Device.IsBusMaster));
        Assert.Equal(InterruptKinds.MsiX, card.Function.InterruptKind);
        Assert.Equal(255, machine.Device.ReceiveDescriptorsFree);
        INetworkDevice device = card;
        Assert.Equal("e1000e 00:03.0"u8.ToArray(), device.Name.ToArray());
        Assert.Empty(machine.Device.Violations);
        machine.CheckNothingLeaks(card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Frames_of_every_length_go_out_as_they_are(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        foreach (int length in (int[])[14, 16, 17, 59, 60, 61, 64, 128, 1514, 1518, 2048, 4096])
        {
            byte[] packet = E1000eMachine.Packet(card, length, length);
            Assert.True(E1000eMachine.Send(card, machine.Make(packet)));
            Assert.Equal([.. packet, .. new byte[Math.Max(0, 60 - length)]], machine.Device.Sent[^1]);
        }
        Assert.Equal((12ul, 0ul), (card.Counters.Sent, card.Counters.SendDropped));
        Assert.Equal(12ul, card.WireSent);
        Check(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Frames_of_every_length_come_in_as_they_are(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        int total = 0;
        foreach (int length in (int[])[60, 61, 64, 128, 1514, 2047, 2048, 2049, 4095, 4096, 4097, 6144, 6145, 9000, 9014])
        {
            byte[] packet = E1000eMachine.Packet(card, length, length);
            Assert.True(machine.Device.Receive(packet));
            Assert.Equal([packet], E1000eMachine.ReceiveAll(card));
            Assert.Equal(255, machine.Device.ReceiveDescriptorsFree);
            total += length;
        }
        Assert.Equal((15ul, (ulong)total, 0ul), (card.Counters.Received, card.Counters.ReceivedBytes, card.Counters.BadLength));
        Assert.Equal(15ul, card.WireReceived);
        Check(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Bursts_keep_their_order_around_the_rings(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        machine.Device.Wire = packet => machine.Device.Receive(packet);
        int sent = 0, received = 0;
        Frame[] frames = new Frame[32];
        for (int round = 0; round < 40; round++)
        {
            int count = 1 + round * 7 % 32;
            for (int i = 0; i < count; i++)
                frames[i] = machine.Make(E1000eMachine.Packet(card, 60 + (sent + i) % 200, sent + i));
            Assert.Equal(count, card.Transmit(frames.AsSpan(0, count)));
            sent += count;
            foreach (byte[] packet in E1000eMachine.ReceiveAll(card, 20).Concat(E1000eMachine.ReceiveAll(card, 20)))
            {
                Assert.Equal(E1000eMachine.Packet(card, 60 + received % 200, received), packet);
                received++;
            }
        }
        Assert.Equal(sent, received);
        Check(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Packets_in_parts_go_out_as_one(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        foreach ((int length, int part) in (ReadOnlySpan<(int, int)>)[(9014, 4096), (9014, 1000), (9018, 2048), (60, 1), (60, 14), (1514, 100)])
        {
            byte[] packet = E1000eMachine.Packet(card, length, length + part);
            Assert.True(E1000eMachine.Send(card, machine.Make(packet, part)));
            Assert.Equal(packet, machine.Device.Sent[^1]);
        }
        Check(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Parts_without_data_are_no_parts(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        byte[] packet = E1000eMachine.Packet(card, 100, 1);
        Frame frame = machine.Make(packet.AsSpan(0, 50));
        foreach (Range range in (Range[])[0..0, 50..100, 0..0])
        {
            Frame part = machine.Make(packet.AsSpan(range));
            frame.Append(ref part);
        }
        Assert.True(E1000eMachine.Send(card, frame));
        Assert.Equal([packet], machine.Device.Sent);
        Check(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void What_can_never_be_sent_is_dropped_and_counted(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        Frame[] frames =
        [
            machine.Make(new byte[0]), machine.Make(new byte[13]), machine.Make(new byte[9019], 3000), machine.Make(new byte[100], 1),
            machine.Make(new byte[16], 8), machine.Make(E1000eMachine.Packet(card, 60, 1)),
        ];
        Assert.Equal(6, card.Transmit(frames));
        Assert.All(frames, frame => Assert.True(frame.IsEmpty));
        Assert.Equal((1ul, 5ul), (card.Counters.Sent, card.Counters.SendDropped));
        Assert.Equal([E1000eMachine.Packet(card, 60, 1)], machine.Device.Sent);
        Check(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_full_ring_takes_no_more_and_goes_on_when_there_is_room(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        machine.Device.IsTransmitStuck = true;
        int taken = 0;
        while (E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, 60, taken))))
            taken++;
        Assert.InRange(taken, 190, 255);
        Assert.Equal(taken, card.PacketsUnderWay);
        machine.Device.IsTransmitStuck = false;
        machine.Device.Transmit();
        Assert.True(E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, 60, taken))));
        Assert.Equal(Enumerable.Range(0, taken + 1).Select(i => E1000eMachine.Packet(card, 60, i)), machine.Device.Sent);
        Check(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Tags_are_put_in_and_taken_out(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        foreach ((int length, int part) in (ReadOnlySpan<(int, int)>)[(60, 4096), (1514, 1000), (9014, 4096)])
        {
            byte[] packet = E1000eMachine.Packet(card, length, length), tagged = [.. packet[..12], 0x81, 0x00, 0xA0, 0x07, .. packet[12..]];
            Frame frame = machine.Make(packet, part);
            frame.SetFlags(FrameFlags.Vlan, 0xA007);
            Assert.True(E1000eMachine.Send(card, frame));
            Assert.Equal(tagged, machine.Device.Sent[^1]);

            Assert.True(machine.Device.Receive(tagged));
            Frame[] received = new Frame[2];
            Assert.Equal(1, card.Receive(received));
            Assert.Equal((FrameFlags.Vlan, (ushort)0xA007), (received[0].Flags & FrameFlags.Vlan, received[0].VlanTag));
            Assert.Equal(packet, E1000eMachine.Bytes(received[0]));
            received[0].Free();
        }
        // A tag that is in the data already, by who sends.
        Assert.True(E1000eMachine.Send(card, machine.Make(new byte[9018])));
        Check(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Checksums_are_inserted(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        foreach ((int length, int part) in (ReadOnlySpan<(int, int)>)[(60, 4096), (101, 30), (1514, 4096), (1400, 700), (9014, 4096), (61, 4096)])
        {
            byte[] wanted = Udp(card, length), packet = [.. wanted];
            uint pseudo = (uint)Simulated82574.Sum(packet.AsSpan(26, 8), 0) + 17 + (uint)length - 34;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(40), Simulated82574.Sum([], pseudo));
            Frame frame = machine.Make(packet, part);
            frame.AskForChecksum(34, 40);
            Assert.True(E1000eMachine.Send(card, frame));
            Assert.Equal(wanted, machine.Device.Sent[^1]);
        }
        // Where it is impossible, it is dropped.
        foreach ((uint start, uint at) in (ReadOnlySpan<(uint, uint)>)[(60, 40), (34, 59), (256, 260), (34, 300)])
        {
            Frame frame = machine.Make(Udp(card, start > 200 || at > 200 ? 1000 : 60));
            frame.AskForChecksum(start, at);
            Assert.True(E1000eMachine.Send(card, frame));
        }
        Assert.Equal((6ul, 4ul), (card.Counters.Sent, card.Counters.SendDropped));
        Check(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Checksums_are_verified(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        foreach (int length in (int[])[60, 1514, 5000])
        {
            byte[] good = Udp(card, length), badHeader = [.. good], bad = [.. good];
            badHeader[15] ^= 1;
            bad[50] ^= 1;
            FrameFlags both = FrameFlags.HeaderChecksumGood | FrameFlags.ChecksumGood;
            Assert.Equal(both, FlagsOf(machine, card, good));
            Assert.Equal(FrameFlags.ChecksumGood, FlagsOf(machine, card, badHeader));
            Assert.Equal(FrameFlags.HeaderChecksumGood, FlagsOf(machine, card, bad));
            Assert.Equal(FrameFlags.None, FlagsOf(machine, card, E1000eMachine.Packet(card, length, 1)));
        }
        Check(machine, card);
    }

    [Fact]
    public void Only_what_was_asked_for_is_received()
    {
        using var machine = new E1000eMachine();
        E1000e card = machine.Probe();
        MacAddress group = MacAddress.FromNumber(0xFB00_005E_0001), other = MacAddress.FromNumber(0x0100_005E_0001), stranger = MacAddress.FromNumber(0x99_0000_0002);
        (bool, bool, bool, bool, bool) Passing() => (Passes(card.Address), Passes(MacAddress.Broadcast), Passes(group), Passes(other), Passes(stranger));
        Assert.Equal((true, true, false, false, false), Passing());
        Assert.Equal(Error.None, card.SetReceiveMode(ReceiveMode.Groups, [group]));
        Assert.Equal((true, true, true, false, false), Passing());
        Assert.Equal(Error.None, card.SetReceiveMode(ReceiveMode.AllGroups, default));
        Assert.Equal((true, true, true, true, false), Passing());
        Assert.Equal(Error.None, card.SetReceiveMode(ReceiveMode.Promiscuous, default));
        Assert.Equal((true, true, true, true, true), Passing());
        Assert.Equal(Error.None, card.SetReceiveMode(ReceiveMode.Groups, [other]));
        Assert.Equal((true, true, false, true, false), Passing());
        card.Restart();
        machine.Advance(20_000);
        Assert.Equal((true, true, false, true, false), Passing());
        Check(machine, card);

        bool Passes(MacAddress address)
        {
            byte[] packet = E1000eMachine.Packet(card, 60, 1);
            address.Write(packet);
            Assert.Equal(machine.Device.Receive(packet), E1000eMachine.ReceiveAll(card).Length == 1);
            return machine.Device.Receive(packet) && E1000eMachine.ReceiveAll(card).Length == 1;
        }
    }

    [Theory]
    [InlineData((ushort)0x153A)]
    [InlineData((ushort)0x15A3)]
    [InlineData((ushort)0x15B7)]
    public void Relatives_in_chipsets_send_and_receive_plain_frames(ushort device)
    {
        using var machine = new E1000eMachine(device: device);
        E1000e card = machine.Probe();
        Assert.Equal((1514u, InterruptKinds.Msi), (card.LongestFrame, card.Function.InterruptKind));
        byte[] packet = E1000eMachine.Packet(card, 1514, 1);
        Assert.True(E1000eMachine.Send(card, machine.Make(packet)));
        Assert.True(E1000eMachine.Send(card, machine.Make(new byte[1519])));
        Assert.Equal([packet], machine.Device.Sent);
        Assert.True(machine.Device.Receive(packet));
        Assert.False(machine.Device.Receive(E1000eMachine.Packet(card, 1515, 1)));
        Assert.Equal([packet], E1000eMachine.ReceiveAll(card));
        Assert.Equal(1ul, card.Counters.BadLength);
        MacAddress group = MacAddress.FromNumber(0xFB00_005E_0001);
        Assert.Equal(Error.None, card.SetReceiveMode(ReceiveMode.Groups, [group]));
        group.Write(packet);
        Assert.True(machine.Device.Receive(packet));
        Assert.Equal([packet], E1000eMachine.ReceiveAll(card));
        Check(machine, card);
    }

    [Fact]
    public void The_table_of_drivers_has_all_members_of_the_family()
    {
        foreach (ushort device in E1000e.Devices.ToArray())
        {
            using var machine = new E1000eMachine(device: device);
            DriverTable.Start([machine.Scan()]);
            Assert.IsType<E1000e>(Assert.Single(DriverTable.Drivers.ToArray()));
            DriverTable.Quiesce([]);
            Assert.True(machine.Device.IsQuiet);
        }
    }

    [Fact]
    public void The_address_comes_from_the_EEPROM_when_no_reset_loads_it()
    {
        using var machine = new E1000eMachine();
        machine.Device.LoadsNoAddress = true;
        E1000e card = machine.Probe();
        Assert.Equal(MacAddress.FromNumber(0x5634_1200_5452), card.Address);
        byte[] packet = E1000eMachine.Packet(card, 60, 1);
        Assert.True(machine.Device.Receive(packet));
        Check(machine, card);
    }

    [Fact]
    public void A_PHY_that_sleeps_is_woken()
    {
        using var machine = new E1000eMachine();
        machine.Device.Phy[0] = 0x0940;
        E1000e card = machine.Probe();
        Assert.Equal(0x1340, machine.Device.Phy[0]);
        Check(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Counters_of_the_card_are_added_up(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        byte[] packet = E1000eMachine.Packet(card, 60, 1);
        for (int round = 0; round < 3; round++)
        {
            Assert.False(machine.Device.Receive(packet, isDamaged: true));
            Assert.False(machine.Device.Receive(packet.AsSpan(0, 40)));
            Assert.False(machine.Device.Receive([.. packet, .. new byte[9000]]));
            for (int i = 0; i < 300; i++)
                machine.Device.Receive(packet);
            while (E1000eMachine.ReceiveAll(card).Length != 0)
            {
            }
            machine.Advance(1_100_000);
        }
        NetworkCounters counters = card.Counters;
        Assert.Equal((3ul, 0ul, 3 * 45ul, 3 * 255ul), (counters.ReceiveErrors, counters.BadLength, counters.Missed, counters.Received));
        Assert.Equal((counters.Received, 3ul), (card.WireReceived, card.Undersized));
        Check(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Quiescing_leaves_a_card_that_neither_writes_nor_interrupts(string kind)
    {
        using var machine = new E1000eMachine(kind);
        E1000e card = machine.Probe();
        // One that never goes out, one that nobody took.
        machine.Device.IsTransmitStuck = true;
        Assert.True(E1000eMachine.Send(card, machine.Make(E1000eMachine.Packet(card, 5000, 1))));
        Assert.True(machine.Device.Receive(E1000eMachine.Packet(card, 5000, 2)));
        card.Quiesce();
        Assert.Equal((false, true, 0), (machine.Device.IsBusMaster, machine.Device.IsQuiet, machine.Pci.Interrupts.Taken));
        Assert.Equal((0, 0), machine.InUse);
        Assert.False(machine.Device.Receive(E1000eMachine.Packet(card, 60, 1)));
        machine.Advance(3_000_000);
        Assert.True(machine.Device.IsQuiet);
        Assert.Empty(machine.Device.Violations);
    }

    // The card kept to the rules and nothing is lost.
    private static void Check(E1000eMachine machine, E1000e card)
    {
        Assert.Empty(machine.Device.Violations);
        Assert.Equal((0ul, 0ul, 0ul), (card.Counters.BadDescriptors, card.Counters.NoFrames, card.Counters.FailedResets));
        machine.CheckNothingLeaks(card);
    }

    private static FrameFlags FlagsOf(E1000eMachine machine, E1000e card, byte[] packet)
    {
        Frame[] frames = new Frame[1];
        Assert.True(machine.Device.Receive(packet));
        Assert.Equal(1, card.Receive(frames));
        FrameFlags flags = frames[0].Flags;
        Assert.Equal(packet, E1000eMachine.Bytes(frames[0]));
        frames[0].Free();
        return flags;
    }

    // An IPv4 packet with UDP, all sums right.
    private static byte[] Udp(E1000e card, int length)
    {
        byte[] packet = E1000eMachine.Packet(card, length, length);
        ((ReadOnlySpan<byte>)[8, 0, 0x45, 0, (byte)((length - 14) >> 8), (byte)(length - 14), 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2]).CopyTo(packet.AsSpan(12));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(24), (ushort)~Simulated82574.Sum(packet.AsSpan(14, 20), 0));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(38), (ushort)(length - 34));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(40), 0);
        uint pseudo = (uint)Simulated82574.Sum(packet.AsSpan(26, 8), 0) + 17 + (uint)length - 34;
        ushort sum = Simulated82574.Sum(packet.AsSpan(34), pseudo);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(40), sum == 0xFFFF ? sum : (ushort)~sum);
        return packet;
    }
}
