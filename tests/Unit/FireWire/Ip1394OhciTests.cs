using System;
using Sluice.Dma;
using Sluice.Drivers.Ip1394;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Ohci;
using Sluice.Net;
using Sluice.Tests.Net;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>IPv4 over the controller's driver and the model's controller, with a good node on the other end.</summary>
public sealed unsafe class Ip1394OhciTests
{
    public static TheoryData<string> Kinds => OhciMachine.Kinds;

    [Theory, MemberData(nameof(Kinds))]
    public void Pings_both_ways_and_packets_to_all_arrive_whatever_the_memory(string kind)
    {
        using var machine = new OhciMachine(kind);
        var host = new Host(machine);
        var pinger = new Pinger();
        // It asks to all where we are.
        host.Ping(host.Peer.Ip, host.Ip, pinger, 56);
        foreach (uint bytes in (uint[])[0, 1, 1472, 2016, 2017, 4000])
        {
            host.Ping(host.Ip, host.Peer.Ip, pinger, bytes);
            host.Ping(host.Peer.Ip, host.Ip, pinger, bytes);
        }
        Assert.True(host.Ip.TryOpen(5001, out UdpSocket? receiver));
        Assert.True(host.Peer.Ip.TryOpen(5000, out UdpSocket? sender));
        // More than the receiver has buffers, and so round and round.
        for (int i = 0; i < 40; i++)
        {
            byte[] data = IpTests.Bytes(1 + i * 37);
            IpTests.Send(host.Peer.Ip, sender!, Ipv4Address.Broadcast, data, 5001);
            host.Until(() => receiver!.Waiting != 0);
            Assert.True(receiver!.TryTake(out Frame frame, out _));
            Assert.Equal(data, NetMachine.Take(ref frame));
        }
        Assert.Equal((0ul, 0ul), (host.Receiver.Bad, host.Receiver.Ended));
        Assert.Equal((0ul, 0ul), (host.Device.Drops.NotTaken, host.Device.Drops.UnknownSource));
        host.End();
    }

    [Fact]
    public void A_card_that_is_pulled_gives_all_memory_back_and_the_link_goes()
    {
        using var machine = new OhciMachine();
        var host = new Host(machine);
        host.Ping(host.Ip, host.Peer.Ip, new Pinger(), 4000);
        host.Ip.Clear();
        host.End();
        Assert.Equal(1ul, host.Receiver.Ended);
    }

    [Fact]
    public void Bus_resets_do_not_end_what_is_said_to_all()
    {
        using var machine = new OhciMachine();
        var host = new Host(machine);
        Assert.True(host.Ip.TryOpen(5001, out UdpSocket? receiver));
        Assert.True(host.Peer.Ip.TryOpen(5000, out UdpSocket? sender));
        for (int i = 0; i < 5; i++)
        {
            host.Peer.Node.Phy.InitiateReset(isLong: i % 2 == 0);
            machine.Pass(3_000_000);
            IpTests.Send(host.Peer.Ip, sender!, Ipv4Address.Broadcast, IpTests.Bytes(1000), 5001);
            host.Until(() => receiver!.Waiting != 0);
            Assert.True(receiver!.TryTake(out Frame frame, out _));
            frame.Free();
        }
        Assert.Equal((0ul, 0ul), (host.Receiver.Bad, host.Receiver.Ended));
        host.End();
    }

    [Fact]
    public void A_stream_of_another_kind_on_the_channel_is_counted()
    {
        using var machine = new OhciMachine();
        var host = new Host(machine);
        var stream = new StreamPacket(new Nobody());
        ulong foreign = host.Device.Drops.ForeignGasp;
        foreach (int bytes in (int[])[4, 8, 1500, 2048])
        {
            host.Peer.Node.Core.Send(stream.Fill(host.Peer.Node.Core.Generation, Ip1394Device.Channel, GaspHeader.Tag, 0, BusSpeed.S400, machine.Memory, bytes));
            machine.Pass(2000);
        }
        // Another tag is not received at all.
        host.Peer.Node.Core.Send(stream.Fill(host.Peer.Node.Core.Generation, Ip1394Device.Channel, 0, 0, BusSpeed.S400, machine.Memory, 100));
        machine.Pass(2000);
        Assert.Equal((foreign + 4, 0ul), (host.Device.Drops.ForeignGasp, host.Receiver.Bad));
        host.Ping(host.Peer.Ip, host.Ip, new Pinger(), 4000);
        host.End();
    }

    [Fact]
    public void A_receiver_that_ended_has_no_memory_when_the_card_is_pulled()
    {
        using var machine = new OhciMachine("coherent, checked");
        var host = new Host(machine);
        var stream = new StreamPacket(new Nobody());
        machine.Controller.Faults = OhciFaults.DeadContext;
        for (int i = 0; i < 20 && host.Receiver.Ended == 0; i++)
        {
            if (!stream.IsUnderWay)
                host.Peer.Node.Core.Send(stream.Fill(host.Peer.Node.Core.Generation, Ip1394Device.Channel, GaspHeader.Tag, 0, BusSpeed.S400, machine.Memory, 64));
            machine.Pass(100_000);
        }
        Assert.Equal(1ul, host.Receiver.Ended);
        host.Ip.Clear();
        host.End();
        Assert.Equal(1ul, host.Receiver.Ended);
    }

    private sealed class Nobody : IStreamHandler
    {
        public void OnSent(StreamPacket packet)
        {
        }
    }

    // Our controller with IPv4 on it, and a node of another kind of controller, both of one machine.
    private sealed class Host
    {
        private readonly OhciMachine _machine;
        private readonly Ohci _driver;

        public Host(OhciMachine machine)
        {
            _machine = machine;
            CoreMachine.Frames = machine.Frames;
            Peer = new Ip1394Host(new CoreNode(2));
            machine.Add(Peer.Node);
            _driver = machine.Probe();
            var nodes = new RemoteNodes(_driver.Bus);
            _ = new BusManager(_driver.Bus);
            Device = new Ip1394Device(_driver.Bus, nodes, machine.Frames, "ip1394"u8.ToArray());
            Receiver = new BroadcastReceiver(Device, _driver.Bus, _driver, _driver.Function.Dma);
            Ip = new IpInterface(Device, machine.Frames, 1);
            Ip.Configure(NetMachine.Ip("10.0.0.1"), 24, default);
            Peer.Ip.Configure(NetMachine.Ip("10.0.0.2"), 24, default);
            machine.Pass(8_000_000);
            Assert.True(Device.Link.IsUp);
            Assert.True(Peer.Device.Link.IsUp);
        }

        public Ip1394Host Peer { get; }

        public Ip1394Device Device { get; }

        public BroadcastReceiver Receiver { get; }

        public IpInterface Ip { get; }

        public void Until(Func<bool> condition)
        {
            _machine.Settle();
            for (int i = 0; !condition(); i++)
            {
                Assert.True(i < 20_000, "not within 5 s");
                _machine.Pass(250);
            }
        }

        public void Ping(IpInterface from, IpInterface to, Pinger pinger, uint bytes)
        {
            pinger.Start(from, bytes);
            Assert.True(pinger.TrySend(to.Address, 0));
            PingReply reply = default;
            Until(() => pinger.TryTake(0, out reply));
            Assert.True(reply.IsRight && reply.Bytes == bytes && reply.From == to.Address, $"{bytes} bytes");
            pinger.Stop();
        }

        // All that is left belongs to somebody.
        public void End()
        {
            Ip.Clear();
            Peer.Ip.Clear();
            Device.Clear();
            Peer.Device.Clear();
            _machine.Pass(100_000);
            _machine.CheckNothingLeaks(_driver);
        }
    }
}
