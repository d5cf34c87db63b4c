using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Net;
using Xunit;

namespace Sluice.Tests.Net;

/// <summary>Two stacks on one wire: over each kind of memory, and over bad wires.</summary>
public sealed class TwoStackTests
{
    public static TheoryData<string> Kinds => NetMachine.Kinds;

    [Theory, MemberData(nameof(Kinds))]
    public void Every_byte_arrives_whatever_the_memory(string kind)
    {
        using var machine = new NetMachine(kind);
        var one = new WireCard(machine, NetMachine.FirstMac);
        var other = new WireCard(machine, NetMachine.SecondMac) { Peer = one };
        one.Peer = other;
        IpInterface first = machine.Interface(one), second = machine.Interface(other, 2);
        first.Configure(NetMachine.First, 24, default);
        second.Configure(NetMachine.Second, 24, default);
        Assert.True(second.TryOpen(7, out _, isEcho: true));
        Assert.True(first.TryOpen(0, out UdpSocket? client));
        var pinger = new Pinger();
        foreach (int bytes in (int[])[0, 1, 3, 56, 1000, 1472, 1473, 4000, 8972])
        {
            byte[] data = IpTests.Bytes(bytes);
            IpTests.Send(first, client!, NetMachine.Second, data, 7);
            machine.Until(() => client!.Waiting != 0, 3_000_000);
            Assert.True(client!.TryTake(out Frame echoed, out UdpSender sender));
            Assert.Equal((NetMachine.Second, (ushort)7), (sender.Address, sender.Port));
            Assert.Equal(data, NetMachine.Take(ref echoed));
            pinger.Start(first, (uint)bytes);
            Assert.True(pinger.TrySend(NetMachine.Second, 0));
            machine.Run();
            Assert.True(pinger.TryTake(0, out PingReply reply));
            Assert.True(reply is { IsRight: true, Sequence: 1 } && reply.Bytes == bytes && reply.From == NetMachine.Second);
            pinger.Stop();
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Over_a_bad_wire_nothing_wrong_arrives_and_nothing_is_leaked(int seed)
    {
        using var machine = new NetMachine();
        (Loopback one, Loopback other) = NetMachine.Wire();
        var bad = new FaultInjector(one, machine.Pool, (ulong)seed);
        machine.AtEnd(bad.Clear);
        bad.Receiving = bad.Sending = new FaultRates { Drop = 50, Corrupt = 50, Duplicate = 50, Reorder = 50, Delay = 50, DelayMicroseconds = 5_000 };
        IpInterface first = machine.Interface(bad), second = machine.Interface(other, 2);
        first.Configure(NetMachine.First, 24, default);
        second.Configure(NetMachine.Second, 24, default);
        Assert.True(second.TryOpen(7, out _, isEcho: true));
        Assert.True(first.TryOpen(0, out UdpSocket? client));
        var sent = new HashSet<string>();
        var random = new Random(seed);
        int came = 0;
        const int datagrams = 3000;
        for (int i = 0; i < datagrams; i++)
        {
            byte[] data = new byte[1 + random.Next(1472)];
            random.NextBytes(data);
            sent.Add(Convert.ToHexString(data));
            IpTests.Send(first, client!, NetMachine.Second, data, 7);
            machine.Advance((ulong)random.Next(3) * 1000, 1000);
            while (client!.TryTake(out Frame frame, out _))
            {
                came++;
                Assert.Contains(Convert.ToHexString(NetMachine.Take(ref frame)), sent);
            }
        }
        machine.Advance(100_000);
        Assert.InRange(came, datagrams / 2, datagrams * 2);
        Assert.True(bad.Dropped > 50 && bad.Corrupted > 50 && bad.Duplicated > 50 && bad.KeptBack > 50);
        ulong seen = Enumerable.Range(0, (int)IpCounter.Count).Aggregate(0ul, (sum, i) => sum + first.Counters[(IpCounter)i] + second.Counters[(IpCounter)i]);
        Assert.True(seen >= bad.Corrupted / 2, $"{bad.Corrupted} packets were changed, and {seen} drops counted");
    }

    [Fact]
    public void The_same_seed_gives_the_same_faults()
    {
        Assert.Equal(Faults(5), Faults(5));
        Assert.NotEqual(Faults(5), Faults(6));

        static string Faults(ulong seed)
        {
            using var machine = new NetMachine();
            var loopback = new Loopback(NetMachine.FirstMac);
            var bad = new FaultInjector(loopback, machine.Pool, seed) { Sending = new FaultRates { Drop = 300, Duplicate = 300, Reorder = 300, Corrupt = 100, DelayMicroseconds = 1000 } };
            var port = new List<string>();
            for (byte i = 0; i < 200; i++)
            {
                Frame frame = machine.Packet([i, 1, 2, 3]);
                bad.Transmit(new Span<Frame>(ref frame));
                Frame got = default;
                while (bad.Receive(new Span<Frame>(ref got)) != 0)
                    port.Add(Convert.ToHexString(NetMachine.Take(ref got)));
            }
            bad.Clear();
            return string.Join(' ', port);
        }
    }

    [Fact]
    public void The_tap_records_what_goes_by_and_forgets_what_does_not_fit()
    {
        using var machine = new NetMachine();
        var loopback = new Loopback(NetMachine.FirstMac, 9014);
        var ring = new PcapRing();
        var tap = new PcapTap(loopback, ring);
        byte[] memory = GC.AllocateArray<byte>(4096, pinned: true);
        unsafe
        {
            fixed (byte* start = memory)
                ring.UseMemory(start, (uint)memory.Length);
        }
        ring.Start();
        byte[] one = IpTests.Bytes(100), tagged = IpTests.Bytes(60), large = IpTests.Bytes(3000);
        foreach ((byte[] bytes, ushort tag) in ((byte[], ushort)[])[(one, 0), (tagged, 0x2005), (large, 0), (large, 0)])
        {
            Frame frame = machine.Packet(bytes, 1000);
            frame.SetFlags(tag != 0 ? FrameFlags.Vlan : FrameFlags.None, tag);
            Assert.Equal(1, tap.Transmit(new Span<Frame>(ref frame)));
        }
        Assert.Equal((3ul, 1ul), (ring.Recorded, ring.LeftOut));
        byte[] file = new byte[5000];
        file = file[..ring.Read(file)];
        Assert.Equal("D4C3B2A1020004000000000000000000FFFF000001000000", Convert.ToHexString(file[..24]));
        int at = 24;
        byte[][] expected = [one, [.. tagged[..12], 0x81, 0, 0x20, 5, .. tagged[12..]], large];
        foreach (byte[] bytes in expected)
        {
            Assert.Equal((bytes.Length, bytes.Length), (BitConverter.ToInt32(file, at + 8), BitConverter.ToInt32(file, at + 12)));
            Assert.Equal(bytes, file[(at + 16)..(at + 16 + bytes.Length)]);
            at += 16 + bytes.Length;
        }
        Assert.Equal(file.Length, at);
        ring.Stop();
        Frame[] frames = new Frame[4];
        Assert.Equal(4, tap.Receive(frames));
        for (int i = 0; i < 4; i++)
            frames[i].Free();
        Assert.False(ring.HasBytes);
    }
}
