using System;
using Sluice.Boot;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Bench;

/// <summary>
/// What a packet costs in the stack: datagrams of 1,472 bytes that an interface sends back, 32 at once. Counted is one turn of the interface's
/// work, from the device's receiving to its sending: on a loopback device, and where two cards of one model are on a hub, on the second of them. QEMU
/// delivers while the sender's register is written, so nothing is waited for.
/// </summary>
internal static unsafe class NetBench
{
    private const int Burst = 32, Rounds = 132, Warm = 32;
    private const uint Data = 1472, Link = 14, Network = 20, Transport = 8;
    private const ushort Port = 7, ClientPort = 4000;
    private const ulong LinkMicroseconds = 3_000_000;

    private static Frame[]? _burst;
    private static byte* _summed;

    public static void Measure(ref Run run)
    {
        FramePool pool = DmaStart.System.Frames;
        _burst ??= new Frame[Burst];
        MeasureLoopback(ref run, "loopback-udp-echo-1472"u8, NetworkFeatures.VerifiesChecksums, pool);
        MeasureLoopback(ref run, "loopback-udp-echo-1472-summed"u8, NetworkFeatures.None, pool);
        ReadOnlySpan<Driver> drivers = DriverTable.Drivers;
        for (int i = 1; i < drivers.Length; i++)
        {
            if (drivers[i] is not INetworkDevice second || drivers[i - 1] is not INetworkDevice first || !drivers[i].Name.SequenceEqual(drivers[i - 1].Name))
                continue;
            Utf8Message name = $"{drivers[i].Name}-udp-echo-1472{(drivers[i].Function.Dma.IsForcedToBounce ? "-bounced"u8 : default)}";
            if (run.Wants(name.Text))
                MeasureCards(ref run, name.Text, first, second, pool);
        }
        if (!pool.TryTake(out Frame frame))
            return;
        frame.SetLength(Frame.PageBytes);
        _summed = Packet.Data(ref frame) + 26;
        run.Measure("internet-checksum-1480"u8, 1000, &Sum);
        frame.Free();
    }

    private static void MeasureLoopback(ref Run run, scoped ReadOnlySpan<byte> name, NetworkFeatures features, FramePool pool)
    {
        if (!run.Wants(name))
            return;
        var client = new Loopback(MacAddress.FromNumber(0x0102_0304_0002), features: features);
        var server = new Loopback(MacAddress.FromNumber(0x0102_0304_0102), features: features) { Peer = client };
        client.Peer = server;
        Measure(ref run, name, new Echo(client, server, pool), pool);
    }

    // Whoever listens to the cards does not, meanwhile.
    private static void MeasureCards(ref Run run, scoped ReadOnlySpan<byte> name, INetworkDevice first, INetworkDevice second, FramePool pool)
    {
        Deadline end = Deadline.In(LinkMicroseconds);
        while ((!first.Link.IsUp || !second.Link.IsUp) && !end.Passed)
            WorkLoop.Turn(end);
        WorkItem? firsts = first.Listener, seconds = second.Listener;
        first.Listener = null;
        for (int count = 1; count != 0;)
        {
            count = first.Receive(_burst);
            for (int i = 0; i < count; i++)
                _burst![i].Free();
        }
        Measure(ref run, name, new Echo(first, second, pool), pool);
        (first.Listener, second.Listener) = (firsts, seconds);
        firsts?.Mark();
        seconds?.Mark();
    }

    private static void Sum(int rounds)
    {
        for (int i = 0; i < rounds; i++)
            System.Threading.Volatile.Write(ref _sum, InternetChecksum.Sum(_summed, 1480));
    }

    private static ulong _sum;

    private static void Measure(ref Run run, scoped ReadOnlySpan<byte> name, Echo echo, FramePool pool)
    {
        int have = 0;
        while (have < Burst && TryMake(pool, echo, out _burst![have]))
            have++;
        ulong ticks = 0, echoed = echo.Server.Counters.DatagramsEchoed;
        int rounds = 0;
        bool interrupts = Cpu.DisableInterrupts();
        for (; rounds < Rounds && have == Burst; rounds++)
        {
            echo.Client.Transmit(_burst);
            ulong start = Cpu.Timestamp();
            echo.Server.Work(WorkLoop.Budget);
            ulong end = Cpu.Timestamp();
            // Twice around all rings first, so that all is where it stays.
            if (rounds >= Warm)
                ticks += end - start;
            have = echo.Client.Receive(_burst);
            for (int i = 0; i < have; i++)
                Rewrite(ref _burst![i], echo);
        }
        Cpu.RestoreInterrupts(interrupts);
        for (int i = 0; i < have; i++)
            _burst![i].Free();
        if (have == Burst && echo.Server.Counters.DatagramsEchoed - echoed == Rounds * Burst)
            run.Report(name, ticks, (Rounds - Warm) * Burst);
        else
            Log.Warn($"{name}: {echo.Server.Counters.DatagramsEchoed - echoed} datagrams came back of {Rounds * Burst}");
    }

    private static bool TryMake(FramePool pool, Echo echo, out Frame frame)
    {
        if (!pool.TryTake(out frame))
            return false;
        frame.SetLength(Link + Network + Transport + Data);
        for (int i = 0; i < frame.Bytes.Length; i++)
            frame.Bytes[i] = (byte)(i * 7);
        frame.SetFlags(FrameFlags.None);
        Rewrite(ref frame, echo);
        return true;
    }

    // A datagram from the client to the server, with its checksums.
    private static void Rewrite(ref Frame frame, Echo echo)
    {
        Span<byte> bytes = frame.Bytes;
        echo.Server.Device.Address.Write(bytes);
        echo.Client.Address.Write(bytes.Slice(6));
        ReadOnlySpan<byte> header =
        [
            0x08, 0x00,
            0x45, 0, (byte)((Network + Transport + Data) >> 8), (byte)((Network + Transport + Data) & 0xFF), 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 9, 9, 2, 10, 9, 9, 1,
            ClientPort >> 8, ClientPort & 0xFF, 0, (byte)Port, (byte)((Transport + Data) >> 8), (byte)((Transport + Data) & 0xFF), 0, 0,
        ];
        header.CopyTo(bytes.Slice(12));
        byte* data = Packet.Data(ref frame);
        *(ushort*)(data + 24) = InternetChecksum.Finish(InternetChecksum.Sum(data + Link, Network));
        ulong pseudo = (17 << 8) + (ulong)Big16.RawOf((ushort)(Transport + Data));
        *(ushort*)(data + 40) = InternetChecksum.Finish(pseudo + InternetChecksum.Sum(data + 26, 8 + Transport + Data));
    }

    // A server on one end of a wire, and the other end.
    private sealed class Echo
    {
        public Echo(INetworkDevice client, INetworkDevice server, FramePool pool)
        {
            Client = client;
            Server = new IpInterface(server, pool, 1);
            Server.Configure(Ipv4Address.FromNumber(10 << 24 | 9 << 16 | 9 << 8 | 1), 24, default);
            Server.TryOpen(Port, out _, isEcho: true).Ignore("it has no other socket"u8);
            Server.Work(WorkLoop.Budget);
        }

        public INetworkDevice Client { get; }

        public IpInterface Server { get; }
    }
}
