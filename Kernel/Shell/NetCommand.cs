using System;
using Sluice.Boot;
using Sluice.Console;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Shell;

/// <summary>Network cards and what is on them.</summary>
internal static class NetCommand
{
    public static bool Run(CommandWords words)
    {
        if (words.TryNext(out _))
            return false;
        foreach (IpInterface ip in Network.Interfaces)
            Write(ip);
        if (Network.Interfaces.Length == 0)
            Terminal.WriteLine($"  no network card (or net=none)");
        Terminal.WriteLine($"  frames: {DmaStart.System.Frames.Used} in use of {DmaStart.System.Frames.Total}, at most {DmaStart.System.Frames.Most}; {DmaStart.System.Frames.Refused} were wanted in vain");
        if (NetworkStart.Syslog is { } syslog)
            Terminal.WriteLine($"  syslog: {syslog.Sent} lines sent, {syslog.LeftOut} left out{(syslog.IsIdle ? default : ", more to come"u8)}");
        if (Network.Recorder.IsOn)
            Terminal.WriteLine($"  pcap: {Network.Recorder.Recorded} packets recorded, {Network.Recorder.LeftOut} left out");
        return true;
    }

    private static void Write(IpInterface ip)
    {
        INetworkDevice device = ip.Device;
        LinkState link = device.Link;
        Terminal.Write($"  \e[1m{device.Name}\e[0m {new MacText(device.Address)}, ");
        if (link.IsUp)
            Terminal.WriteLine($"link up, {link.Megabits} Mb/s {(link.IsFullDuplex ? "full"u8 : "half"u8)} duplex");
        else
            Terminal.WriteLine($"link down");
        if (ip.Address.IsNone)
        {
            Terminal.WriteLine($"    no address; DHCP: {NameOf(ip.Dhcp.State)}");
        }
        else
        {
            ip.Mask.TryGetPrefix(out int prefix).Ignore("it was made of a prefix"u8);
            Terminal.Write($"    address {ip.Address}/{prefix}, gateway ");
            if (ip.Gateway.IsNone)
                Terminal.Write("none"u8);
            else
                Terminal.Write($"{ip.Gateway}");
            if (ip.Vlan != 0)
                Terminal.Write($", VLAN {ip.Vlan}");
            Terminal.WriteLine($"");
            WriteLease(ip.Dhcp);
        }
        WriteSockets(ip);
        for (int i = 0; i < ip.NeighbourCount; i++)
        {
            ip.DescribeNeighbour(i, out Ipv4Address neighbour, out MacAddress hardware);
            if (hardware.IsStation)
                Terminal.WriteLine($"    neighbour {neighbour} at {new MacText(hardware)}");
            else
                Terminal.WriteLine($"    neighbour {neighbour} is asked for");
        }
        WriteCounters(ip, device.Counters);
    }

    private static void WriteLease(DhcpClient dhcp)
    {
        if (!dhcp.HasLease)
            return;
        ulong now = Clock.Microseconds;
        Terminal.Write($"    lease from {dhcp.Server}, {NameOf(dhcp.State)}, renewed {dhcp.Renewals} times, ");
        if (dhcp.LeaseEnds == ulong.MaxValue)
            Terminal.WriteLine($"for good");
        else
            Terminal.WriteLine($"{SecondsTo(dhcp.LeaseEnds, now)} s left, to be renewed in {SecondsTo(dhcp.RenewAt, now)} s");
    }

    private static void WriteSockets(IpInterface ip)
    {
        foreach (UdpSocket socket in ip.Sockets)
        {
            if (socket.Port != 0)
                Terminal.WriteLine($"    UDP port {socket.Port}{(socket.IsEcho ? " (echo)"u8 : default)}: {socket.Received} received, {socket.Sent} sent, {socket.Waiting} wait, {socket.Dropped} dropped");
        }
    }

    private static void WriteCounters(IpInterface ip, NetworkCounters card)
    {
        Terminal.WriteLine($"    card: {card.Received} frames ({new ByteSize(card.ReceivedBytes)}) received, {card.Sent} ({new ByteSize(card.SentBytes)}) sent, {card.LinkChanges} link changes");
        Terminal.WriteLine($"    card: {card.Interrupts} interrupts, {card.SpuriousInterrupts} spurious, {card.Resets} resets, {card.FailedResets} failed");
        if ((card.ReceiveErrors | card.BadLength | card.BadDescriptors | card.Missed | card.NoFrames | card.SendDropped) != 0)
            Terminal.WriteLine(
                $"    card: dropped {card.ReceiveErrors} with errors, {card.BadLength} of wrong length, {card.BadDescriptors} with bad descriptors, {card.Missed} missed, {card.NoFrames} times no frame, {card.SendDropped} not sent");
        Terminal.WriteLine(
            $"    IPv4: {ip.Counters.Received} received, {ip.Counters.Sent} frames sent, {ip.Counters.EchoesAnswered} pings and {ip.Counters.ArpAnswered} ARP requests answered, {ip.Counters.DatagramsEchoed} datagrams echoed");
        for (IpCounter counter = 0; counter < IpCounter.Count; counter++)
        {
            if (ip.Counters[counter] != 0)
                Terminal.WriteLine($"    {ip.Counters[counter],10}  {IpCounters.NameOf(counter)}");
        }
    }

    private static ulong SecondsTo(ulong time, ulong now) => time > now ? (time - now) / 1_000_000 : 0;

    // In the order of the states.
    private static ReadOnlySpan<byte> NameOf(DhcpState state) => NameList.At(
        "off\nbegins\nasks for offers\ntakes an offer\nlooks whether the address is free\nbound\nrenewing\nrebinding\nrebooting\n"u8, (int)state);
}
