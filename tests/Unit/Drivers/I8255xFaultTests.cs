using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Sluice.Devices;
using Sluice.Dma;
using Sluice.Drivers.I8255x;
using Sluice.Mm;
using Sluice.Net;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Drivers;

/// <summary>Cards of the 8255x family that do what no card should. Bounded time, a counter for each, nothing lost.</summary>
public sealed partial class I8255xFaultTests
{
    private const int ListFrames = 128;

    public static TheoryData<string> Kinds => I8255xMachine.Kinds;

    [Theory]
    [InlineData("wrong sum", Error.Malformed)]
    [InlineData("group address", Error.Malformed)]
    [InlineData("mute EEPROM", Error.Malformed)]
    [InlineData("self-test fails", Error.Malformed)]
    [InlineData("self-test never ends", Error.Timeout)]
    [InlineData("deaf", Error.Timeout)]
    [InlineData("commands hang", Error.Timeout)]
    [InlineData("commands fail", Error.Malformed)]
    [InlineData("stays bus master", Error.NotSupported)]
    [InlineData("no frames", Error.NoResources)]
    public void A_card_that_cannot_work_is_refused_in_bounded_time_and_leaves_nothing(string fault, Error expected)
    {
        using var machine = new I8255xMachine(frames: fault == "no frames" ? 100 : 400);
        Simulated8255x device = machine.Device;
        switch (fault)
        {
            case "wrong sum":
                device.Eeprom[10]++;
                break;
            case "group address":
                device.Eeprom[0] |= 1;
                device.SumEeprom();
                break;
            case "mute EEPROM":
                device.EepromIsMute = true;
                break;
            case "self-test fails":
                device.SelfTestResult = 1 << 2;
                break;
            case "self-test never ends":
                device.SelfTestResult = null;
                break;
            case "deaf":
                device.IsDeaf = true;
                break;
            case "commands hang":
                device.CommandUnitHangs = true;
                break;
            case "commands fail":
                device.TwistBlock = status => status & ~0x2000u;
                break;
            case "stays bus master":
                device.StaysBusMaster = true;
                break;
        }
        Assert.Equal(expected, machine.TryProbe(out I8255x? card));
        Assert.Null(card);
        Assert.InRange(machine.Clock.ElapsedMicroseconds, 0u, 200_000u);
        Assert.True(device.StaysBusMaster || device.IsQuiet && !device.IsBusMaster);
        machine.CheckNothingLeft();
    }

    [Fact]
    public void A_PHY_that_hangs_costs_little_time_and_the_link_is_down()
    {
        using var machine = new I8255xMachine();
        machine.Device.PhyHangs = true;
        I8255x card = machine.Probe();
        Assert.InRange(machine.Clock.ElapsedMicroseconds, 0u, 200_000u);
        Assert.Equal(10, card.Link.Megabits);
    }

    // Row 13: pulled out, after each number of register reads.
    [Theory, MemberData(nameof(Kinds))]
    public void A_card_that_is_pulled_while_it_is_found_leaves_nothing(string kind)
    {
        bool survived = false;
        for (int reads = 0; !survived; reads += reads < 20 ? 1 : 311)
        {
            using var machine = new I8255xMachine(kind);
            machine.Device.RegisterReadsUntilGone = reads;
            survived = machine.TryProbe(out I8255x? card) == Error.None;
            if (survived)
                card!.Quiesce();
            machine.CheckNothingLeft();
            if (reads > 10_000)
                break;
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_card_that_is_pulled_at_work_is_noticed_and_leaves_nothing(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        machine.Device.BatchMicroseconds = 10_000;
        machine.Send(card, [.. Enumerable.Range(0, 40).Select(i => I8255xMachine.Packet(100, i, card.Address))]);
        Assert.False(card.Arm());
        machine.Device.Deliver(I8255xMachine.Packet(100, 1, card.Address));
        machine.Device.IsGone = true;
        Assert.False(card.OnInterrupt());
        machine.Run(2_100_000);
        Assert.False(card.Link.IsUp);
        Assert.Equal((1ul, 40ul), (card.Counters.FailedResets, card.Counters.SendDropped));
        Assert.Equal(0, machine.Send(card, I8255xMachine.Packet(100, 1, card.Address)));
        Assert.Empty(machine.ReceiveAll(card));
        Assert.False(card.Arm());
        Assert.Equal(Error.DeviceGone, card.SetReceiveMode(ReceiveMode.Promiscuous, default));
        Assert.Equal(Error.DeviceGone, card.Reset());
        machine.CheckNothingLeft();
        card.Quiesce();
    }

    // All ones come from one that is there, as far as the bus can tell.
    [Fact]
    public void A_card_whose_registers_answer_no_longer_is_given_up_and_leaves_nothing()
    {
        using var machine = new I8255xMachine();
        I8255x card = machine.Probe();
        machine.Device.IsSilent = true;
        machine.Run(5_000_000);
        Assert.False(card.IsRunning);
        Assert.Equal(Error.DeviceGone, card.Reset());
        Assert.Equal(1ul, card.Counters.FailedResets);
        machine.CheckNothingLeft();
    }

    // Rows 1 to 3: the length that the device says.
    [Theory, MemberData(nameof(Kinds))]
    public void Frames_of_impossible_length_are_counted_and_left_out(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        foreach (uint length in (uint[])[0, 1, 13, 1519, 1536, 1537, 4096, 0x3FFF])
        {
            machine.Device.Twist = (status, _) => (status, length | 0xC000);
            machine.Device.Deliver(I8255xMachine.Packet(100, 1, card.Address));
        }
        machine.Device.Twist = null;
        byte[] good = I8255xMachine.Packet(100, 2, card.Address);
        machine.Device.Deliver(good);
        Assert.Equal(good, Assert.Single(machine.ReceiveAll(card)));
        Assert.Equal((8ul, 1ul), (card.Counters.BadLength, card.Counters.Received));
        Finish(machine, card);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Frames_without_an_end_or_with_an_error_are_counted_and_left_out(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        (uint Status, uint Flags)[] twists = [(0xA000, 0x4000), (0xA000, 0x8000), (0x8000, 0xC000), (0x8800, 0xC000), (0xA200, 0xC000)];
        foreach ((uint status, uint flags) in twists)
        {
            machine.Device.Twist = (_, count) => (status, count & 0x3FFF | flags);
            machine.Device.Deliver(I8255xMachine.Packet(100, 1, card.Address));
        }
        Assert.Empty(machine.ReceiveAll(card));
        Assert.Equal((2ul, 3ul), (card.Counters.BadDescriptors, card.Counters.ReceiveErrors));
        Finish(machine, card);
    }

    // Row 2: what was read and checked once is what is used.
    [Theory, MemberData(nameof(Kinds))]
    public void A_length_that_changes_after_it_was_read_changes_nothing(string kind)
    {
        using var machine = new I8255xMachine(kind);
        I8255x card = machine.Probe();
        uint at = 0;
        machine.Device.Filled = descriptor => at = descriptor;
        byte[] packet = I8255xMachine.Packet(100, 1, card.Address);
        machine.Device.Deliver(packet);
        machine.Dma.ExpectReports();     // the checker sees the lie
        var frames = new Frame[1];
        Assert.Equal(1, card.Receive(frames));
        machine.Device.Write(at + 12, [0xFF, 0xFF]);
        Assert.Equal(100u, frames[0].Length);
        frames[0].Free();
        Assert.Empty(machine.ReceiveAll(card));
        Finish(machine, card);
    }

    [Fact]
    public void A_length_that_changes_while_it_is_checked_is_not_believed()
    {
        using var machine = new I8255xMachine();
        I8255x card = machine.Probe();
        var memory = (DeviceRam)machine.Dma.Ram;
        // All descriptors, so that the driver always meets one under change.
        var descriptors = new HashSet<uint>();
        machine.Device.Filled = at => descriptors.Add(at);
        for (int i = 0; i < ListFrames - 1; i++)
            machine.Device.Deliver(I8255xMachine.Packet(100, i, card.Address));
        uint[] all = [.. descriptors];
        byte[][] counts = [.. new uint[] { 0xC064, 0xFFFF, 0xC601, 0xC000, 0x8064 }.Select(count => BitConverter.GetBytes((ushort)count))];
        bool stop = false;
        int turns = 0;
        var liar = new Thread(() =>
        {
            for (int i = 0; !Volatile.Read(ref stop); i++)
            {
                memory.Write(all[i % all.Length] + 12, counts[i % counts.Length]);
                Volatile.Write(ref turns, i);
            }
        });
        liar.Start();
        var frames = new Frame[8];
        int received = 0;
        try
        {
            for (int round = 0; round < 100; round++)
            {
                int begun = Volatile.Read(ref turns);
                Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref turns) - begun > 200, TimeSpan.FromSeconds(20)));
                for (int count = 1; count != 0;)
                {
                    count = card.Receive(frames);
                    for (int i = 0; i < count; i++)
                    {
                        Assert.Equal(100u, frames[i].Length);
                        frames[i].Free();
                    }
                    received += count;
                }
                for (int i = 0; i < 60; i++)
                    machine.Device.Deliver(I8255xMachine.Packet(100, i, card.Address));
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            liar.Join();
        }
        Assert.True(received != 0 && card.Counters.BadLength != 0 && card.Counters.BadDescriptors != 0);
        Assert.Equal(0ul, card.Function.Dma.Statistics.Overlong);
        card.Quiesce();
        Assert.Equal(0, machine.Frames.Used);
    }

    // Row 4: done twice, backwards, out of order: the order is the driver's.
    [Theory, MemberData(nameof(Kinds))]
    public void Status_words_at_random_do_no_harm(string kind)
    {
        using var machine = new I8255xMachine(kind);
        machine.Dma.ExpectReports();     // it writes to what it has left
        I8255x card = machine.Probe();
        var random = new Random(17);
        var seen = new List<uint>();
        machine.Device.Filled = at => seen.Add(at);
        for (int round = 0; round < 100; round++)
        {
            machine.Device.Twist = random.Next(3) == 0 ? (_, _) => ((uint)random.Next(0x10000), (uint)random.Next(0x10000)) : null;
            for (int i = random.Next(20); i > 0; i--)
                machine.Device.Deliver(I8255xMachine.Packet(random.Next(60, 1515), i, card.Address));
            // Descriptors that it has left long ago. Links are another matter: without an IOMMU they lead anywhere.
            if (seen.Count != 0)
                machine.Device.Write(seen[random.Next(seen.Count)] + (uint)random.Next(2) * 12, [(byte)random.Next(256), (byte)random.Next(256)]);
            machine.Device.TwistBlock = random.Next(4) == 0 ? _ => (uint)random.Next(0x10000) : null;
            machine.Send(card, [.. Enumerable.Range(0, random.Next(1, 40)).Select(i => I8255xMachine.Packet(60 + i, i, card.Address))]);
            Assert.All(machine.ReceiveAll(card), frame => Assert.InRange(frame.Length, 14, 1518));
            machine.Run(1_000);
        }
        machine.Device.Twist = null;
        machine.Device.TwistBlock = null;
        machine.Run(5_000_000);
        Assert.Equal(Error.None, card.Reset());
        machine.Device.Sent.Clear();
        // It overwrote its own descriptors, where slots were used again for such.
        machine.Device.Violations.Clear();
        byte[] good = I8255xMachine.Packet(99, 2, card.Address);
        Assert.True(machine.Device.Deliver(good));
        Assert.Equal(good, Assert.Single(machine.ReceiveAll(card)));
        Assert.Equal(1, machine.Send(card, good));
        Assert.Equal(good, Assert.Single(machine.Device.Sent));
        Finish(machine, card);
    }
}
