using System;
using Sluice.Console;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Shell;

/// <summary>Fetches a file and says what it is; the bytes are not kept.</summary>
internal static class TftpCommand
{
    private const ulong Look = 20_000, Progress = 1_000_000;

    public static bool Run(CommandWords words)
    {
        if (!words.TryNext(out ReadOnlySpan<byte> host) || !words.TryNext(out ReadOnlySpan<byte> file) || words.TryNext(out _))
            return false;
        if (NetworkTools.TryFindHost(host, out Ipv4Address address, out IpInterface? way))
            Fetch(way!, address, file);
        return true;
    }

    private static void Fetch(IpInterface way, Ipv4Address server, ReadOnlySpan<byte> file)
    {
        TftpClient client = NetworkTools.Tftp;
        NetworkTools.Sink.Hash.Start();
        ulong began = Clock.Microseconds, told = began, now = began;
        client.Start(way, server, file, NetworkTools.Sink);
        while (client.Poll(now = Clock.Microseconds))
        {
            if (now - told >= Progress)
            {
                told = now;
                if (client.Bytes == 0)
                    Terminal.WriteLine($"  no answer for {(now - began) / Progress} s (Ctrl-C gives up)");
                else if (client.Promised == 0)
                    Terminal.WriteLine($"  {new ByteSize(client.Bytes)}");
                else
                    Terminal.WriteLine($"  {new ByteSize(client.Bytes)} of {new ByteSize(client.Promised)}, {client.Bytes * 100 / client.Promised} %");
            }
            WorkLoop.Turn(Deadline.In(Math.Min(Look, client.Due > now ? client.Due - now : 0)));
            if (NetworkTools.IsGivenUp())
                client.Stop();
        }
        Tell(client, file, now - began);
        client.Stop();
    }

    private static void Tell(TftpClient client, ReadOnlySpan<byte> file, ulong microseconds)
    {
        if (client.Result != TftpResult.Done)
        {
            // In the order of the results.
            ReadOnlySpan<byte> why = NameList.At(
                "given up\n\n\nthe server says: \nthe server does not answer\nthe server answers what was not asked\n"u8 +
                "the file has another length than the server promised\nno socket, no way, or the name is too long\n"u8, (int)client.Result);
            Terminal.WriteLine($"  {file}: not fetched: {why}{client.ServerError} ({client.Bytes} bytes came)");
            return;
        }
        Span<byte> hash = stackalloc byte[Sha256.HashBytes];
        NetworkTools.Sink.Hash.Finish(hash);
        Span<byte> room = stackalloc byte[2 * Sha256.HashBytes];
        Utf8Writer text = new(room);
        foreach (byte value in hash)
            text.Append(value, "x2");
        ulong rate = client.Bytes * 1_000_000 / Math.Max(microseconds, 1);
        Terminal.WriteLine($"  {file}: {client.Bytes} bytes in {microseconds / 1_000_000}.{microseconds / 1000 % 1000:d3} s, {new ByteSize(rate)}/s, {client.Retransmissions} retransmissions");
        Terminal.WriteLine($"  SHA-256 {text.Written}");
    }
}
