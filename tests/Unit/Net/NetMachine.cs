using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;
using Sluice.Tests.Dma;
using Sluice.Tests.Mm;
using Xunit;

namespace Sluice.Tests.Net;

/// <summary>A machine with a clock of its own and a pool of frames. What is left of them at its end is a failure.</summary>
internal sealed class NetMachine : IDisposable
{
    public static readonly MacAddress FirstMac = MacAddress.FromNumber(0x01_00_00_54_52), SecondMac = MacAddress.FromNumber(0x02_00_00_54_52);

    public static readonly Ipv4Address First = Ip("10.0.0.1"), Second = Ip("10.0.0.2");

    private readonly List<Action> _clear = [];

    public NetMachine(string kind = "coherent")
    {
        Sluice.Platform.Machine.Reset();
        Dma = new DmaMachine(MachineMap.Of((0x10_0000, 31 << 20)), MachineKind.All.Single(known => known.ToString() == kind));
        Pool = new FramePool(Dma.System, 512);
    }

    public static TheoryData<string> Kinds => [.. MachineKind.All.Select(kind => kind.ToString())];

    public SimulatedClock Clock { get; } = new();

    public DmaMachine Dma { get; }

    public FramePool Pool { get; }

    public static Ipv4Address Ip(string text)
    {
        Assert.True(Ipv4Address.TryParse(System.Text.Encoding.UTF8.GetBytes(text), out Ipv4Address address), text);
        return address;
    }

    /// <summary>An interface that is emptied before frames are counted.</summary>
    public IpInterface Interface(INetworkDevice device, ulong seed = 1)
    {
        var ip = new IpInterface(device, Pool, seed);
        _clear.Add(ip.Clear);
        return ip;
    }

    /// <summary>Two devices with a wire between.</summary>
    public static (Loopback First, Loopback Second) Wire(uint longest = 1514, NetworkFeatures features = NetworkFeatures.None)
    {
        var first = new Loopback(FirstMac, longest, features);
        var second = new Loopback(SecondMac, longest, features);
        first.Peer = second;
        second.Peer = first;
        return (first, second);
    }

    /// <summary>Two interfaces with addresses and a wire between.</summary>
    public (IpInterface First, IpInterface Second) Pair(uint longest = 1514, NetworkFeatures features = NetworkFeatures.None)
    {
        (Loopback one, Loopback other) = Wire(longest, features);
        IpInterface first = Interface(one), second = Interface(other, 2);
        first.Configure(First, 24, default);
        second.Configure(Second, 24, default);
        return (first, second);
    }

    /// <summary>A device that a test plays the other side of.</summary>
    public (IpInterface Ip, TestPort Port) Station()
    {
        (Loopback device, Loopback other) = Wire();
        IpInterface ip = Interface(device);
        var port = new TestPort(this, other);
        _clear.Add(port.Clear);
        return (ip, port);
    }

    /// <summary>Has something done before frames are counted.</summary>
    public void AtEnd(Action clear) => _clear.Add(clear);

    /// <summary>Does all work that is marked, until nothing is.</summary>
    public void Run()
    {
        for (int turn = 0; Sluice.Platform.Machine.Work.Run(WorkLoop.Budget); turn++)
            Assert.True(turn < 10_000, "the work never ends");
    }

    /// <summary>Lets time pass in steps, with the work that comes due.</summary>
    public void Advance(ulong microseconds, ulong step = 10_000)
    {
        Run();
        for (ulong passed = 0; passed < microseconds; passed += step)
        {
            Clock.Advance(Math.Min(step, microseconds - passed));
            Run();
        }
    }

    /// <summary>Lets time pass until a condition holds.</summary>
    public void Until(Func<bool> condition, ulong most = 60_000_000, ulong step = 10_000)
    {
        Run();
        for (ulong passed = 0; !condition(); passed += step)
        {
            Assert.True(passed < most, $"not within {most} us");
            Clock.Advance(step);
            Run();
        }
    }

    /// <summary>A frame with these bytes, in as many pages as it takes, or of so many bytes each.</summary>
    public Frame Packet(ReadOnlySpan<byte> bytes, int piece = 4096)
    {
        Assert.True(Pool.TryTake(out Frame packet));
        int here = Math.Min(bytes.Length, piece);
        packet.SetLength((uint)here);
        packet.SetFlags(FrameFlags.None);
        bytes[..here].CopyTo(packet.Bytes);
        if (here != bytes.Length)
        {
            Frame rest = Packet(bytes[here..], piece);
            packet.Append(ref rest);
        }
        return packet;
    }

    /// <summary>A packet's bytes; it is freed.</summary>
    public static byte[] Take(ref Frame packet)
    {
        byte[] bytes = new byte[packet.PacketLength];
        Assert.Equal(bytes.Length, Sluice.Net.Packet.CopyTo(ref packet, 0, bytes));
        packet.Free();
        return bytes;
    }

    public void Dispose()
    {
        foreach (Action clear in _clear)
            clear();
        int used = Pool.Used;
        Clock.Dispose();
        Dma.Dispose();
        Sluice.Platform.Machine.Reset();
        Assert.Equal(0, used);
    }
}

/// <summary>The other end of a wire, in a test's hands: frames as bytes.</summary>
internal sealed class TestPort(NetMachine machine, Loopback device)
{
    public MacAddress Mac => device.Address;

    /// <summary>Sends a frame, in pieces if wanted.</summary>
    public void Send(ReadOnlySpan<byte> bytes, int piece = 4096, FrameFlags flags = FrameFlags.None, ushort tag = 0)
    {
        Frame frame = machine.Packet(bytes, piece);
        frame.SetFlags(flags, tag);
        Assert.Equal(1, device.Transmit(new Span<Frame>(ref frame)));
        machine.Run();
    }

    /// <summary>The next frame that came; null if none did.</summary>
    public byte[]? Receive()
    {
        Frame frame = default;
        return device.Receive(new Span<Frame>(ref frame)) == 0 ? null : NetMachine.Take(ref frame);
    }

    /// <summary>All that came.</summary>
    public List<byte[]> ReceiveAll()
    {
        var all = new List<byte[]>();
        while (Receive() is { } bytes)
            all.Add(bytes);
        return all;
    }

    public void Clear() => ReceiveAll();
}
