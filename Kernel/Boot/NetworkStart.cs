using System;
using Sluice.Console;
using Sluice.Drivers;
using Sluice.Net;
using Sluice.Pci;
using Sluice.Platform;
using Sluice.Shell;

namespace Sluice.Boot;

/// <summary>Puts IPv4 on each network card, then on each FireWire bus, as the boot arguments <c>net</c> and <c>syslog</c> want it.</summary>
internal static unsafe class NetworkStart
{
    // For the server's neighbour to answer, and for what is left to be said.
    private const ulong FlushMicroseconds = 10_000_000, LastMicroseconds = 100_000;

    private static Syslog? _syslog;

    /// <summary>The client of the syslog server; null if there is none.</summary>
    public static Syslog? Syslog => _syslog;

    /// <summary>
    /// Once, when the drivers work. Returns at once: servers are asked for addresses in the background. Allocates.
    /// </summary>
    public static void Initialize()
    {
        NetworkOptions options = new(BootArguments.Text(Argument.Net));
        bool isFirst = true;
        foreach (Driver driver in DriverTable.Drivers)
        {
            if (driver is not INetworkDevice device)
                continue;
            Start(device, driver.Function.Address, in options, ref isFirst);
        }
        foreach (FireWireCard card in FireWireStart.Cards)
            Start(card.Ip, card.Controller.Function.Address, in options, ref isFirst);
        NetworkTools.Initialize();
        StartSyslog();
    }

    /// <summary>Has what is left for the syslog server sent, before the machine ends; waits at most ten seconds, and only if there is such a server.</summary>
    public static void Flush()
    {
        if (_syslog == null)
            return;
        Deadline end = Deadline.In(FlushMicroseconds);
        while (!_syslog.IsIdle && !end.Passed)
            WorkLoop.Turn(end);
        // The card sends it by itself.
        end = Deadline.In(LastMicroseconds);
        while (!end.Passed)
            WorkLoop.Turn(end);
    }

    private static void Start(INetworkDevice device, PciAddress address, ref readonly NetworkOptions options, ref bool isFirst)
    {
        Utf8Message place = $"{address}";
        CardOptions card = options.For(place.Text, isFirst, out ReadOnlySpan<byte> unknown);
        if (isFirst && !unknown.IsEmpty)
            Log.Warn($"boot argument net: {unknown}: there is no such word");
        isFirst = false;
        if (card.Use == NetworkUse.None)
            return;
        var ip = new IpInterface(new PcapTap(device, Network.Recorder), DmaStart.System.Frames, Cpu.Timestamp());
        if (!Network.TryAdd(ip))
        {
            Log.Warn($"{device.Name}: too many network cards");
            return;
        }
        ip.Vlan = card.Vlan;
        if (card.Use == NetworkUse.Static)
            ip.Configure(card.Address, card.Prefix, card.Gateway);
        else if (!ip.Dhcp.TryStart())
            Log.Warn($"{device.Name}: no socket for DHCP");
    }

    private static void StartSyslog()
    {
        ReadOnlySpan<byte> target = BootArguments.Text(Argument.Syslog);
        if (target.IsEmpty)
            return;
        ushort port = Syslog.UsualPort;
        if (!NetworkOptions.TryParseEndpoint(target, out Ipv4Address server, ref port))
        {
            Log.Warn($"boot argument syslog: {target}: no address");
            return;
        }
        _syslog = new Syslog(server, port);
        Results.Listener = &TakeResult;
    }

    private static void TakeResult(ReadOnlySpan<byte> line) => _syslog!.Add(line);
}
