using System;
using Sluice.Boot;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Bench;

/// <summary>
/// What IPv4 datagrams of 1,500 bytes cost over FireWire, with a node that has 10.13.94.2: all that the CPU executes from a UDP socket to the
/// bus and back, checksums included, its sleep left out, as Linux's are measured (linux-peer/ip1394.c). As for transactions, idle time must pass.
/// </summary>
internal static class Ip1394Bench
{
    private const int Rounds = 3000, WarmUp = 64, AtOnce = 16;
    private const uint Data = 1472;
    private const ushort Echo = 7, Discard = 9;
    private const ulong Look = 100_000, Patience = 20_000_000, Quiet = 2_000_000;

    private static readonly Ipv4Address _own = Ipv4Address.FromNumber(10 << 24 | 13 << 16 | 94 << 8 | 1), _peer = Ipv4Address.FromNumber(10 << 24 | 13 << 16 | 94 << 8 | 2);

    private static IpInterface? _ip;
    private static UdpSocket _socket = null!;

    /// <summary>Measures the first controller's bus, if there is one with such a node.</summary>
    public static void Measure(ref Run run)
    {
        if (FireWireStart.Cards.Length == 0 || !run.Wants("ip1394-datagram-1500"u8) && !run.Wants("ip1394-datagram-1500-send-16"u8))
            return;
        FireWireCard card = FireWireStart.Cards[0];
        if (_ip == null)
        {
            _ip = new IpInterface(card.Ip, DmaStart.System.Frames, 1);
            _ip.Configure(_own, 24, default);
            _ip.TryOpen(0, out UdpSocket? socket).Ignore("it has no other socket"u8);
            _socket = socket!;
        }
        if (!IsThere(card.Bus))
            return;
        Measure(ref run, "ip1394-datagram-1500"u8, echoes: true);
        Measure(ref run, "ip1394-datagram-1500-send-16"u8, echoes: false);
    }

    private static void Measure(ref Run run, ReadOnlySpan<byte> name, bool echoes)
    {
        if (!run.Wants(name))
            return;
        Exchange(echoes, WarmUp);
        FramePool frames = DmaStart.System.Frames;
        int total = frames.Total;
        ulong idle = Machine.IdleTicks, start = Cpu.Timestamp();
        Exchange(echoes, Rounds);
        ulong ticks = Cpu.Timestamp() - start - (Machine.IdleTicks - idle);
        Bug.If(frames.Total != total, "datagrams allocated memory"u8);
        Bug.If(FireWireStart.Cards[0].Ip.Drops.NotTaken != 0, "datagrams were not taken while they were counted"u8);
        run.Report(name, ticks, Rounds);
    }

    // After the last reset of the bus manager's, and once the neighbour has said where he is.
    private static bool IsThere(FireWireBus bus)
    {
        Deadline end = Deadline.In(Patience);
        while (Clock.Microseconds - bus.LastReset < Quiet || !_ip!.IsReady(_peer))
        {
            if (end.Passed)
                return false;
            WorkLoop.Turn(Deadline.In(Look));
        }
        return true;
    }

    // One by one there and back, or so many at once that nobody answers.
    private static void Exchange(bool echoes, int rounds)
    {
        FireWireBus bus = FireWireStart.Cards[0].Bus;
        for (int done = 0; done < rounds;)
        {
            ulong sent = _ip!.Counters.Sent;
            int now = echoes ? 1 : Math.Min(AtOnce, rounds - done);
            for (int i = 0; i < now; i++)
                Send(echoes ? Echo : Discard);
            while (echoes ? _socket.Waiting == 0 : _ip.Counters.Sent - sent < (uint)now || bus.UnderWay != 0)
                WorkLoop.Turn(Deadline.Never);
            while (_socket.TryTake(out Frame came, out _))
            {
                Bug.If(came.Length != Data, "a datagram came back shorter than it went"u8);
                came.Free();
            }
            done += now;
        }
    }

    private static void Send(ushort port)
    {
        if (!_ip!.TryTakeFrame(out Frame frame))
            Bug.Stop("there is no frame for a datagram"u8);
        frame.SetLength(Data);
        _socket.TrySend(ref frame, _peer, port).Ignore("nobody waits for what does not come back"u8);
    }
}
