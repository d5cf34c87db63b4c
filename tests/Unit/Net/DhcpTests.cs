using System;
using System.Buffers.Binary;
using System.Linq;
using Sluice.Net;
using Xunit;

namespace Sluice.Tests.Net;

/// <summary>The DHCP client against a server, good and bad.</summary>
public sealed class DhcpTests
{
    private const ulong Second = 1_000_000;

    [Fact]
    public void It_gets_an_address_checks_it_keeps_it_and_gives_it_back()
    {
        using var machine = new NetMachine();
        (IpInterface ip, DhcpServer server) = Start(machine);
        Serve(machine, server, () => ip.Dhcp.State == DhcpState.Bound);
        Assert.Equal((server.Offered, server.Server, NetMachine.Ip("255.255.255.0")), (ip.Address, ip.Gateway, ip.Mask));
        Assert.Equal([1, 3], server.Kinds);
        // Renewed after half of the time, by a datagram to the server alone.
        server.Kinds.Clear();
        Serve(machine, server, () => ip.Dhcp.Renewals == 1, 700 * Second, Second);
        Assert.Equal([3], server.Kinds);
        Assert.Equal(ip.Address, Wires.Address(server.Last.AsSpan(12)));
        Assert.Null(DhcpServer.Option(server.Last, 54));
        ip.Dhcp.Stop();
        machine.Run();
        server.Serve();
        Assert.Equal(7, server.Kinds[^1]);
        Assert.True(ip.Address.IsNone);
        Assert.Equal(DhcpState.Off, ip.Dhcp.State);
    }

    [Fact]
    public void Questions_are_repeated_later_and_later()
    {
        using var machine = new NetMachine();
        (IpInterface ip, DhcpServer server) = Start(machine);
        server.Change = (_, _) => null;
        int seen = 0;
        ulong last = machine.Clock.ElapsedMicroseconds;
        ulong[] expected = [4, 8, 16, 32, 64, 64];
        foreach ((int index, ulong seconds) in expected.Prepend(0ul).Index())
        {
            Serve(machine, server, () => server.Kinds.Count > seen, 70 * Second);
            ulong now = machine.Clock.ElapsedMicroseconds;
            if (index != 0)
                Assert.InRange(now - last, (seconds - 1) * Second - 50_000, (seconds + 1) * Second + 50_000);
            (seen, last) = (server.Kinds.Count, now);
        }
        Assert.All(server.Kinds, kind => Assert.Equal(1, kind));
    }

    [Fact]
    public void An_address_that_somebody_has_is_declined()
    {
        using var machine = new NetMachine();
        (IpInterface ip, DhcpServer server) = Start(machine);
        server.IsTaken = true;
        Serve(machine, server, () => server.Kinds.Contains(4));
        Assert.Equal(1ul, ip.Counters[IpCounter.DhcpConflict]);
        Assert.True(ip.Address.IsNone);
        Assert.Equal(server.Offered, Wires.Address(DhcpServer.Option(server.Last, 50)));
        server.IsTaken = false;
        server.Offered = NetMachine.Ip("10.0.0.51");
        Serve(machine, server, () => ip.Address == server.Offered);
    }

    [Fact]
    public void When_the_server_is_gone_any_server_is_asked_and_the_lease_ends()
    {
        using var machine = new NetMachine();
        (IpInterface ip, DhcpServer server) = Start(machine);
        Serve(machine, server, () => ip.Dhcp.State == DhcpState.Bound);
        server.Change = (_, _) => null;
        Serve(machine, server, () => ip.Dhcp.State == DhcpState.Rebinding, 1000 * Second, Second);
        Assert.Equal(server.Offered, ip.Address);
        Serve(machine, server, () => ip.Address.IsNone, 300 * Second, Second);
        Assert.InRange(machine.Clock.ElapsedMicroseconds, 995 * Second, 1010 * Second);
        server.Change = (_, message) => message;
        Serve(machine, server, () => ip.Dhcp.State == DhcpState.Bound, 100 * Second);
    }

    [Fact]
    public void A_refusal_begins_anew()
    {
        using var machine = new NetMachine();
        (IpInterface ip, DhcpServer server) = Start(machine);
        bool refuse = true;
        server.Change = (kind, message) =>
        {
            if (kind == 5 && refuse)
                message[242] = 6;
            return message;
        };
        Serve(machine, server, () => ip.Counters[IpCounter.DhcpRefused] == 2);
        Assert.True(ip.Address.IsNone);
        refuse = false;
        Serve(machine, server, () => ip.Dhcp.State == DhcpState.Bound);
    }

    [Fact]
    public void After_the_link_was_down_the_lease_is_asked_for_again()
    {
        using var machine = new NetMachine();
        (Loopback device, Loopback other) = NetMachine.Wire();
        IpInterface ip = machine.Interface(device);
        var port = new TestPort(machine, other);
        machine.AtEnd(port.Clear);
        var server = new DhcpServer(port);
        Assert.True(ip.Dhcp.TryStart());
        Serve(machine, server, () => ip.Dhcp.State == DhcpState.Bound);
        server.Kinds.Clear();
        device.Link = default;
        ip.Wake();
        machine.Run();
        device.Link = new LinkState(1000, true);
        ip.Wake();
        machine.Run();
        Assert.Equal(DhcpState.Rebooting, ip.Dhcp.State);
        Serve(machine, server, () => ip.Dhcp.State == DhcpState.Bound);
        Assert.Equal([3], server.Kinds);
        Assert.Equal(server.Offered, Wires.Address(DhcpServer.Option(server.Last, 50)));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(2u)]
    [InlineData(uint.MaxValue)]
    public void Leases_of_any_length_ask_at_most_once_a_second(uint lease)
    {
        using var machine = new NetMachine();
        (IpInterface ip, DhcpServer server) = Start(machine);
        server.Lease = lease;
        Serve(machine, server, () => ip.Dhcp.State == DhcpState.Bound || machine.Clock.ElapsedMicroseconds > 5 * Second);
        Assert.Equal(lease != 0, !ip.Address.IsNone);
        server.Kinds.Clear();
        ulong end = machine.Clock.ElapsedMicroseconds + 100 * Second;
        Serve(machine, server, () => machine.Clock.ElapsedMicroseconds > end, 200 * Second, 100_000);
        Assert.InRange(server.Kinds.Count, lease is uint.MaxValue ? 0 : 1, lease is uint.MaxValue ? 0 : 105);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void A_server_gone_mad_leaves_it_consistent(int seed)
    {
        using var machine = new NetMachine();
        (IpInterface ip, DhcpServer server) = Start(machine);
        var random = new Random(seed);
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        server.Change = (_, message) =>
        {
            switch (random.Next(10))
            {
                case 0: return null;
                case 1: message[242] = (byte)random.Next(10); break;
                case 2: message[random.Next(message.Length)] ^= (byte)(1 << random.Next(8)); break;
                case 3: return message[..random.Next(message.Length)];
                case 4: random.NextBytes(message.AsSpan(240, 30)); break;
                case 5: BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(251), (uint)random.Next(30)); break;
            }
            return message;
        };
        for (int step = 0; step < 3000; step++)
        {
            machine.Advance((ulong)random.Next(2_000_000), 1_000_000);
            server.Serve();
            bool hasAddress = !ip.Address.IsNone;
            Assert.Equal(hasAddress, ip.Dhcp.HasLease);
            Assert.True(!hasAddress || ip.Address.IsHost && machine.Clock.ElapsedMicroseconds < ip.Dhcp.LeaseEnds + 3 * Second);
            Assert.NotEqual(ulong.MaxValue, ip.Dhcp.State == DhcpState.Bound ? 0 : ip.Dhcp.Due);
        }
        server.Change = (_, message) => message;
        server.Lease = 100;
        Serve(machine, server, () => ip.Address == server.Offered, 400 * Second, 100_000);
    }

    [Fact]
    public void Options_may_go_on_in_the_file_and_name_fields()
    {
        byte[] message = DhcpServer.Message(2, 2, 7, NetMachine.FirstMac, NetMachine.First, NetMachine.Second, 100, NetMachine.Second);
        byte[] options = message[240..272];
        message.AsSpan(240).Clear();
        new byte[] { 52, 1, 3, 255 }.CopyTo(message, 240);
        options.AsSpan(0, 15).CopyTo(message.AsSpan(108));
        message[123] = 255;
        options.AsSpan(15).CopyTo(message.AsSpan(44));
        Assert.True(DhcpMessage.TryParse(message, false, out DhcpMessage parsed));
        Assert.Equal((DhcpKind.Offer, NetMachine.Second, 100u, NetMachine.Second, NetMachine.Ip("255.255.255.0")), (parsed.Kind, parsed.Server, parsed.Lease, parsed.Router, parsed.Mask));
    }

    private static (IpInterface, DhcpServer) Start(NetMachine machine)
    {
        (IpInterface ip, TestPort port) = machine.Station();
        Assert.True(ip.Dhcp.TryStart());
        return (ip, new DhcpServer(port));
    }

    private static void Serve(NetMachine machine, DhcpServer server, Func<bool> until, ulong most = 60 * Second, ulong step = 10_000)
    {
        machine.Until(() =>
        {
            server.Serve();
            machine.Run();
            server.Serve();
            return until();
        }, most, step);
    }
}
