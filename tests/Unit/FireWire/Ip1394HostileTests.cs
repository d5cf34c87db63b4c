using System;
using System.Buffers.Binary;
using Sluice.Drivers.Ip1394;
using Sluice.FireWire.Core;
using Sluice.Net;
using Sluice.Tests.Net;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>A node that lies to a host of ours, whom a good one goes on to speak to.</summary>
public sealed unsafe class Ip1394HostileTests : IDisposable, IStreamHandler
{
    private readonly Ip1394Machine _machine;
    private readonly Ip1394Host _host, _friend;
    private readonly CoreNode _liar;
    private readonly Transaction _write;
    private readonly StreamPacket _stream;

    public Ip1394HostileTests()
    {
        _machine = new Ip1394Machine();
        (_host, _friend, _liar) = (_machine.Host(), _machine.Host(), new CoreNode(0x66));
        _machine.Core.Add(_liar);
        _write = new Transaction(_machine.Core);
        _stream = new StreamPacket(this);
        _machine.Settle();
    }

    private ref Ip1394Counters Drops => ref _host.Device.Drops;

    private NetworkCounters Counters => _host.Device.Counters;

    void IStreamHandler.OnSent(StreamPacket packet)
    {
    }

    public void Dispose()
    {
        // Whatever it did: who is good is heard, both ways.
        var pinger = new Pinger();
        _machine.Ping(_friend, _host, pinger, 4000);
        _machine.Ping(_host, _friend, pinger, 4000);
        _machine.Dispose();
    }

    [Fact]
    public void Writes_without_room_for_a_header_or_with_more_than_a_datagram_are_counted()
    {
        for (int bytes = 1; bytes <= 4; bytes++)
            Write(new byte[bytes]);
        // Fragments have eight bytes of header.
        for (int bytes = 5; bytes <= 8; bytes++)
            Write([0x40, 0, 0, 0, .. new byte[bytes - 4]]);
        Assert.Equal((8ul, 0ul), (Drops.BadLength, Counters.Received));
        Write([0xC7, 0xFF, 0x08, 0x00, 0, 0, 0, 0, 1]);
        Write([0x0, 0, 0x86, 0xDD, 1, 2, 3, 4]);
        Assert.Equal((1ul, 1ul, 0ul), (Drops.BadFragment, Drops.BadType, Counters.Received));
        _host.Device.OnStream([]);
        Assert.Equal(1ul, Drops.ForeignGasp);
    }

    [Fact]
    public void Whatever_is_no_datagram_inside_is_for_IPv4_to_count()
    {
        Write([0, 0, 8, 0, 0x45]);
        Write([0, 0, 8, 0, .. new byte[2000]]);
        Assert.Equal((2ul, 1ul, 1ul), (Counters.Received, _host.Ip.Counters[IpCounter.Ipv4Short], _host.Ip.Counters[IpCounter.Ipv4Version]));
    }

    [Fact]
    public void Writes_elsewhere_in_the_window_and_to_all_are_refused()
    {
        Write([0, 0, 8, 0, 1], Ip1394Device.Fifo + 4);
        Assert.Equal((TransactionResult.AddressError, 1ul), (_write.Result, Drops.BadAddress));
        _liar.Core.Submit(_write.WriteBlock(0x3F, _liar.Core.Generation, Ip1394Device.Fifo, _machine.Core.Memory, 100));
        _machine.Core.Pass(1000);
        Assert.Equal((1ul, 0ul), (Drops.Broadcast, Counters.Received));
        foreach (int bytes in (int[])[4, 64])
        {
            _liar.Core.Submit(bytes == 4 ? _write.ReadQuadlet(Node, _liar.Core.Generation, Ip1394Device.Fifo) : _write.ReadBlock(Node, _liar.Core.Generation, Ip1394Device.Fifo, _machine.Core.Memory, bytes));
            _machine.Core.Pass(1000);
            Assert.Equal(TransactionResult.TypeError, _write.Result);
        }
    }

    [Fact]
    public void ARP_packets_that_lie_about_who_or_where_teach_nothing()
    {
        Ipv4Address ours = _host.Ip.Address, its = NetMachine.Ip("10.0.0.66");
        var right = new Arp1394 { Operation = 1, Guid = _liar.Guid, MaxRecord = 10, Speed = 2, Fifo = 0x1_0000_0000, Sender = its, Target = ours };
        foreach (Func<Arp1394, Arp1394> change in (Func<Arp1394, Arp1394>[])[arp => arp with { MaxRecord = 7 }, arp => arp with { MaxRecord = 14 }, arp => arp with { MaxRecord = 255 },
            arp => arp with { Speed = 6 }, arp => arp with { Fifo = 0 }, arp => arp with { Fifo = 0xFFFF_FFFF }, arp => arp with { Fifo = 0xFFFF_EFFF_F001 }, arp => arp with { Fifo = 0xFFFF_F000_0000 }])
            Arp(change(right));
        Assert.Equal(8ul, Drops.BadReach);
        // Another's name: what is for him would be written to where this one says.
        Arp(right with { Guid = _friend.Node.Guid });
        Arp(right with { Guid = _host.Node.Guid });
        Assert.Equal(2ul, Drops.ForeignArp);
        Arp(right with { Operation = 3 });
        Write([0, 0, 8, 6, .. new byte[31]]);
        Assert.Equal((2ul, 0, 0ul), (Drops.BadArp, _host.Ip.NeighbourCount, Counters.Received));
        Arp(right);
        Assert.Equal((1ul, 1), (Counters.Received, _host.Ip.NeighbourCount));
        Assert.Equal(1ul, _host.Ip.Counters.ArpAnswered);
    }

    [Fact]
    public void Packets_to_all_of_another_kind_or_in_the_name_of_nobody_are_counted()
    {
        foreach ((ushort source, uint specifier, uint version) in ((ushort, uint, uint)[])[(0xFFC0, 0x5D, 1), (0xFFC0, 0x5E, 2), (0x0040, 0x5E, 1)])
            Stream(source, specifier, version, [0, 0, 8, 0, 1]);
        Assert.Equal(3ul, Drops.ForeignGasp);
        // Nobody has the number; all have it; it is ours.
        foreach (ushort source in (ushort[])[0xFFC0 | 17, 0xFFFF, _host.Node.Core.NodeId])
            Stream(source, 0x5E, 1, [0, 0, 8, 0, 1]);
        Assert.Equal(3ul, Drops.UnknownSource);
        Stream(_liar.Core.NodeId, 0x5E, 1, []);
        Assert.Equal((1ul, 0ul), (Drops.BadLength, Counters.Received));
    }

    [Fact]
    public void Fragments_that_overlap_end_beyond_or_never_end_take_a_bounded_place_for_a_bounded_time()
    {
        int used = CoreMachine.Frames.Used;
        Write(Fragment(1, 1500, 0, 600));
        Write(Fragment(1, 1500, 500, 600));
        Assert.Equal(1ul, Drops.Overlapping);
        Write(Fragment(1, 1501, 600, 600));
        Assert.Equal(1ul, Drops.SizeChanged);
        Write(Fragment(1, 1500, 1400, 600, LinkFragment.Interior));
        Write(Fragment(1, 1500, 1400, 600, LinkFragment.Last));
        Assert.Equal(2ul, Drops.BadFragment);
        for (ushort label = 0; label < 500; label++)
            Write(Fragment(label, 4000, 0, 600));
        Assert.True(CoreMachine.Frames.Used - used <= Reassembly.MostOfSource, $"{CoreMachine.Frames.Used - used} frames");
        Assert.True(Drops.PushedOut > 400);
        _machine.Core.Pass(2 * Reassembly.Patience, 1000);
        Assert.Equal((used, 0ul), (CoreMachine.Frames.Used, Counters.Received));
        Assert.True(Drops.Incomplete >= Reassembly.MostOfSource, $"{Drops.Incomplete}");
        // And what is under way when the bus is reset is not completed by whoever has the number then.
        Write(Fragment(1, 1500, 0, 600));
        _liar.Phy.InitiateReset(isLong: true);
        _machine.Core.Pass(3_000_000, 1000);
        Assert.Equal((1ul, used), (Drops.LostByReset, CoreMachine.Frames.Used));
    }

    [Fact]
    public void A_datagram_in_fragments_that_is_no_IPv4_is_dropped_as_a_whole()
    {
        Write([0x40, 0x13, 0x08, 0x06, 0, 1, 0, 0, .. new byte[10]]);
        Write([0x80, 0x13, 0x00, 0x0A, 0, 1, 0, 0, .. new byte[10]]);
        Assert.Equal((1ul, 1ul, 0ul), (Drops.Reassembled, Drops.BadType, Counters.Received));
    }

    /// <summary>It says where its datagrams go, and then does not take them.</summary>
    [Fact]
    public void Who_takes_nothing_costs_only_what_was_for_him()
    {
        Arp(new Arp1394 { Operation = 1, Guid = _liar.Guid, MaxRecord = 8, Speed = 0, Fifo = 0x7_0000_0000, Sender = NetMachine.Ip("10.0.0.66"), Target = _host.Ip.Address });
        ulong before = Drops.NotTaken;
        // The answer to the ARP packet was the first.
        Assert.Equal(1ul, before);
        Assert.True(_host.Ip.TryOpen(5000, out UdpSocket? socket));
        for (int i = 0; i < 100; i++)
        {
            IpTests.Send(_host.Ip, socket!, NetMachine.Ip("10.0.0.66"), IpTests.Bytes(1472), 1);
            if (i % 8 == 7)
                _machine.Core.Pass(20_000);
        }
        _machine.Core.Pass(100_000);
        Assert.Equal((before + 300, 0ul), (Drops.NotTaken, Counters.SendDropped));
        // It goes away without a word: the next ones are not even tried.
        _machine.Core.Bus.Disconnect(_liar.Phy);
        _machine.Core.Pass(3_000_000, 1000);
        IpTests.Send(_host.Ip, socket!, NetMachine.Ip("10.0.0.66"), IpTests.Bytes(100), 1);
        _machine.Core.Pass(20_000);
        Assert.Equal(1ul, Drops.NotThere);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Anything_at_all_harms_nobody(int seed)
    {
        var random = new Random(seed);
        int used = CoreMachine.Frames.Used;
        for (int i = 0; i < 3000; i++)
        {
            byte[] data = new byte[1 + random.Next(random.Next(3) == 0 ? 500 : 40)];
            random.NextBytes(data);
            // Mostly something that is nearly right.
            if (data.Length >= 8 && random.Next(8) != 0)
            {
                BinaryPrimitives.WriteUInt32BigEndian(data, (uint)random.Next(4) << 30 | (uint)random.Next(64) << 16 | (random.Next(2) == 0 ? 0x0800u : (uint)random.Next(64)));
                BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(4), (uint)random.Next(3) << 16);
            }
            if (random.Next(2) == 0)
                Write(data);
            else
                Stream((ushort)(0xFFC0 | random.Next(4)), 0x5E, 1, data);
            // What is put together by two hosts, and what waits for an address.
            Assert.True(CoreMachine.Frames.Used - used < 2 * Reassembly.Most + 32);
        }
        Assert.True(Drops.FragmentsReceived > 500);
        _machine.Core.Pass(2 * Reassembly.Patience, 1000);
        Assert.Equal(used, CoreMachine.Frames.Used);
    }

    private int Node => _host.Node.Phy.PhysicalId;

    private static byte[] Fragment(ushort label, int size, int offset, int bytes, LinkFragment? kind = null)
    {
        EncapsulationHeader header = EncapsulationHeader.Fragment(0x800, size, offset, bytes, label);
        byte[] data = new byte[8 + bytes];
        BinaryPrimitives.WriteUInt32BigEndian(data, kind == null ? header.Q0 : header.Q0 & 0x3FFF_FFFF | (uint)kind << 30);
        BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(4), header.Q1);
        return data;
    }

    private void Arp(Arp1394 arp)
    {
        byte[] data = new byte[36];
        BinaryPrimitives.WriteUInt32BigEndian(data, 0x0806);
        arp.Write(data.AsSpan(4));
        Write(data);
    }

    private void Write(byte[] data, ulong at = Ip1394Device.Fifo)
    {
        data.CopyTo(_machine.Core.Bytes(0, data.Length));
        _liar.Core.Submit(_write.WriteBlock(Node, _liar.Core.Generation, at, _machine.Core.Memory, data.Length));
        _machine.Until(() => !_write.IsUnderWay);
    }

    private void Stream(ushort source, uint specifier, uint version, byte[] data)
    {
        GaspHeader header = GaspHeader.Of(source, specifier, version);
        Span<byte> all = _machine.Core.Bytes(0, 8 + data.Length);
        BinaryPrimitives.WriteUInt32BigEndian(all, header.Q0);
        BinaryPrimitives.WriteUInt32BigEndian(all[4..], header.Q1);
        data.CopyTo(all[8..]);
        _liar.Core.Send(_stream.Fill(_liar.Core.Generation, Ip1394Device.Channel, GaspHeader.Tag, 0, BusSpeed.S400, _machine.Core.Memory, all.Length));
        _machine.Until(() => !_stream.IsUnderWay);
    }
}
