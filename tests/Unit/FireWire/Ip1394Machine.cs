using System;
using System.Collections.Generic;
using Sluice.Drivers.Ip1394;
using Sluice.FireWire.Core;
using Sluice.Net;
using Sluice.Tests.Dma;
using Sluice.Tests.Net;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>A node of ours with IPv4 on it.</summary>
internal sealed class Ip1394Host
{
    public Ip1394Host(CoreNode node)
    {
        Node = node;
        Nodes = new RemoteNodes(node.Core);
        Manager = new BusManager(node.Core);
        Device = new Ip1394Device(node.Core, Nodes, CoreMachine.Frames, "ip1394"u8.ToArray());
        node.Listener = Device;
        Ip = new IpInterface(Device, CoreMachine.Frames, node.Guid);
    }

    public CoreNode Node { get; }

    public RemoteNodes Nodes { get; }

    public BusManager Manager { get; }

    public Ip1394Device Device { get; }

    public IpInterface Ip { get; }
}

/// <summary>A bus with nodes that speak IPv4. What is left of its frames at its end is a failure.</summary>
internal sealed class Ip1394Machine : IDisposable
{
    private readonly List<Ip1394Host> _hosts = [];

    public Ip1394Machine(MachineKind kind = default) => Core = new CoreMachine(kind: kind);

    public CoreMachine Core { get; }

    /// <summary>Puts a host on the bus, with the next address of 10.0.0.0/24.</summary>
    public Ip1394Host Host(Model.Speed speed = Model.Speed.S400)
    {
        var host = new Ip1394Host(new CoreNode((ulong)_hosts.Count + 1));
        _hosts.Add(host);
        Core.Add(host.Node, speed: speed);
        host.Ip.Configure(NetMachine.Ip($"10.0.0.{_hosts.Count}"), 24, default);
        return host;
    }

    /// <summary>Two hosts, each of which knows the other, with links that are up.</summary>
    public (Ip1394Host One, Ip1394Host Two) Pair(Model.Speed speed = Model.Speed.S400)
    {
        (Ip1394Host one, Ip1394Host two) = (Host(speed), Host(speed));
        Settle();
        return (one, two);
    }

    /// <summary>Lets managers, ROMs and the broadcast channel be done with.</summary>
    public void Settle()
    {
        Core.Pass(8_000_000, 1000);
        foreach (Ip1394Host host in _hosts)
            Assert.True(host.Device.Link.IsUp);
    }

    /// <summary>Lets time pass until something holds.</summary>
    public void Until(Func<bool> condition, ulong most = 5_000_000)
    {
        Core.Settle();
        for (ulong passed = 0; !condition(); passed += 250)
        {
            Assert.True(passed < most, $"not within {most} us");
            Core.Pass(250);
        }
    }

    /// <summary>One echo, each byte compared.</summary>
    public void Ping(Ip1394Host from, Ip1394Host to, Pinger pinger, uint bytes)
    {
        pinger.Start(from.Ip, bytes);
        Assert.True(pinger.TrySend(to.Ip.Address, 0));
        PingReply reply = default;
        Until(() => pinger.TryTake(0, out reply));
        Assert.True(reply.IsRight && reply.Bytes == bytes && reply.From == to.Ip.Address, $"{bytes} bytes");
        pinger.Stop();
    }

    public void Dispose()
    {
        foreach (Ip1394Host host in _hosts)
        {
            host.Ip.Clear();
            host.Device.Clear();
        }
        Core.Pass(200_000);
        int used = CoreMachine.Frames.Used;
        Core.Dispose();
        Assert.Equal(0, used);
    }
}
