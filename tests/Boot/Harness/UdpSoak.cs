using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;

namespace Sluice.Tests.Boot.Harness;

/// <summary>Sends random datagrams of random sizes to a UDP echo server and compares every byte that comes back.</summary>
internal static class UdpSoak
{
    // On their way at once: what Linux's receive buffers hold, with all that it counts as theirs, also while nobody looks.
    private const int Window = 16, WindowBytes = 64 * 1024;

    // Far longer than a machine that does not run for a while on a busy host.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    /// <summary>What came of it: all that was sent came back.</summary>
    public readonly record struct Result(long Sent, long Bytes);

    /// <summary>Runs for a time, and until the last answer.</summary>
    /// <param name="mostBytes">Sizes are from 4 to this.</param>
    /// <exception cref="IOException">A byte was wrong, something came twice, or did not come.</exception>
    public static Result Run(string host, int port, TimeSpan time, int mostBytes, int seed)
    {
        using var socket = new UdpClient();
        socket.Connect(IPAddress.Parse(host), port);
        socket.Client.ReceiveBufferSize = 4 * WindowBytes;
        socket.Client.ReceiveTimeout = (int)_patience.TotalMilliseconds;
        var random = new Random(seed);
        var waiting = new Dictionary<uint, byte[]>();
        var watch = Stopwatch.StartNew();
        long sent = 0, bytes = 0, underWay = 0;
        while (watch.Elapsed < time || waiting.Count != 0)
        {
            while (watch.Elapsed < time && waiting.Count < Window && underWay + mostBytes <= WindowBytes)
            {
                byte[] data = new byte[4 + random.Next(mostBytes - 3)];
                random.NextBytes(data);
                BitConverter.TryWriteBytes(data, (uint)sent);
                socket.Send(data);
                waiting[(uint)sent++] = data;
                bytes += data.Length;
                underWay += data.Length;
            }
            if (waiting.Count == 0) break;
            byte[] back;
            try
            {
                IPEndPoint? from = null;
                back = socket.Receive(ref from);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
            {
                throw new IOException($"seed {seed}: after {watch.Elapsed} and {sent} datagrams {waiting.Count} did not come back, the first of {First(waiting)} bytes", e);
            }
            uint number = back.Length >= 4 ? BitConverter.ToUInt32(back) : uint.MaxValue;
            if (!waiting.Remove(number, out byte[]? was) || !was.AsSpan().SequenceEqual(back))
                throw new IOException($"seed {seed}: after {watch.Elapsed} and {sent} datagrams one of {back.Length} bytes came back that was not sent");
            underWay -= back.Length;
        }
        return new Result(sent, bytes);
    }

    private static int First(Dictionary<uint, byte[]> waiting)
    {
        foreach (byte[] data in waiting.Values) return data.Length;
        return 0;
    }
}
