using System;
using Sluice.Console;
using Sluice.Net;
using Sluice.Runtime;

namespace Sluice.Shell;

/// <summary>What the network's commands share.</summary>
internal static class NetworkTools
{
    private const byte CtrlC = 3;

    /// <summary>Made once, as commands make no objects.</summary>
    public static Pinger Pinger { get; private set; } = null!;

    /// <inheritdoc cref="Pinger"/>
    public static TftpClient Tftp { get; private set; } = null!;

    /// <inheritdoc cref="Pinger"/>
    public static HashingSink Sink { get; private set; } = null!;

    /// <summary>Once, while starting.</summary>
    public static void Initialize()
    {
        Pinger = new Pinger();
        Tftp = new TftpClient();
        Sink = new HashingSink();
        PcapCommand.Initialize();
    }

    /// <summary>Reads a host and finds the way there; says what is wrong with it otherwise.</summary>
    public static bool TryFindHost(ReadOnlySpan<byte> text, out Ipv4Address host, out IpInterface? way)
    {
        way = null;
        if (!Ipv4Address.TryParse(text, out host))
        {
            Terminal.WriteLine($"  {text} is no IPv4 address (names are not looked up)");
            return false;
        }
        way = Network.RouteTo(host);
        if (way == null)
            Terminal.WriteLine($"  no way to {host}: {(Network.Interfaces.Length == 0 ? "there is no network card"u8 : "no card has an address and a gateway yet; net shows them"u8)}");
        else if (!way.Device.Link.IsUp)
            Terminal.WriteLine($"  {way.Device.Name}: the link is down; is the cable in?");
        return way != null;
    }

    /// <summary>Reads a number that may be left out; false if it is none or out of range.</summary>
    public static bool TryReadNumber(ref CommandWords words, ulong low, ulong high, ref ulong number) =>
        !words.TryNext(out ReadOnlySpan<byte> word) || NumberParse.TryParse(word, out number) && number >= low && number <= high;

    /// <summary>Whether Ctrl-C was typed; other keys are lost.</summary>
    public static bool IsGivenUp()
    {
        while (Terminal.TryRead(out byte key))
        {
            if (key == CtrlC)
                return true;
        }
        return false;
    }
}

/// <summary>Hashes what comes.</summary>
internal sealed class HashingSink : ITftpSink
{
    public Sha256 Hash;

    /// <inheritdoc/>
    public void Take(ReadOnlySpan<byte> data) => Hash.Add(data);
}

/// <summary>An Ethernet address as text.</summary>
internal readonly struct MacText(MacAddress address) : IUtf8Formattable
{
    public void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format)
    {
        for (int i = 0; i < MacAddress.Bytes; i++)
        {
            if (i != 0)
                writer.Append((byte)':');
            writer.Append(address.Number >> (8 * i) & 0xFF, "x2");
        }
    }
}
