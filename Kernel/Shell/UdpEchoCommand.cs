using System;
using Sluice.Console;
using Sluice.Net;

namespace Sluice.Shell;

/// <summary>A UDP echo server on all interfaces, in the background; source: RFC 862.</summary>
internal static class UdpEchoCommand
{
    public static bool Run(CommandWords words)
    {
        ulong port = 0;
        if (!NetworkTools.TryReadNumber(ref words, 1, ushort.MaxValue, ref port) || port == 0 || words.TryNext(out _))
            return false;
        if (Stop((ushort)port))
            return true;
        foreach (IpInterface ip in Network.Interfaces)
        {
            bool opened = ip.TryOpen((ushort)port, out _, isEcho: true);
            Terminal.WriteLine($"  {ip.Device.Name}: {(opened ? "echoes UDP on port"u8 : "cannot have port"u8)} {port}");
        }
        if (Network.Interfaces.Length == 0)
            Terminal.WriteLine($"  there is no network card");
        return true;
    }

    // Whether there was one.
    private static bool Stop(ushort port)
    {
        bool any = false;
        foreach (IpInterface ip in Network.Interfaces)
        {
            foreach (UdpSocket socket in ip.Sockets)
            {
                if (socket.Port != port || !socket.IsEcho)
                    continue;
                Terminal.WriteLine($"  {ip.Device.Name}: no more on port {port}; {socket.Received} datagrams were echoed");
                socket.Close();
                any = true;
            }
        }
        return any;
    }
}
