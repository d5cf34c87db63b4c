using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Sluice.Tests.Boot.Harness;

/// <summary>Sends random datagrams of random sizes to a UDP echo server and compares every byte that comes back.</summary>
internal static class UdpSoak
{
    private const int Window = 16, MostBytes = 1472;

    /// <summary>What came of it.</summary>
    public readonly record struct Result(long Sent, long Lost);

    /// <summary>Runs for a time; stops at the first wrong byte.</summary>
    public static Result Run(string host, int port, TimeSpan time, int seed)
    {
        using var socket = new UdpClient();
        socket.Connect(IPAddress.Parse(host), port);
        socket.Client.ReceiveTimeout = 2000;
        var random = new Random(seed);
        var waiting = new Dictionary<uint, byte[]>();
        var watch = Stopwatch.StartNew();
        long sent = 0, lost = 0;
        while (watch.Elapsed < time)
        {
            while (waiting.Count < Window)
            {
                byte[] data = new byte[4 + random.Next(MostBytes - 3)];
                random.NextBytes(data);
                BitConverter.TryWriteBytes(data, (uint)sent);
                socket.Send(data);
                waiting[(uint)sent++] = data;
            }
            try
            {
                IPEndPoint? from = null;
                byte[] back = socket.Receive(ref from);
                uint number = back.Length >= 4 ? BitConverter.ToUInt32(back) : uint.MaxValue;
                if (!waiting.Remove(number, out byte[]? data) || !data.AsSpan().SequenceEqual(back))
                    throw new InvalidOperationException($"seed {seed}: a datagram of {back.Length} bytes came back that was not sent");
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
            {
                lost += waiting.Count;
                waiting.Clear();
            }
        }
        return new Result(sent, lost);
    }
}
