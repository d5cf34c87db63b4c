using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Mm;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Bench;

/// <summary>
/// What packets cost, with two cards of one model on one QEMU hub. QEMU delivers while the sender's tail register is written: what a card
/// sends is in the other's memory when Transmit returns, so nothing is waited for, and each figure is all that the kernel executes for a packet:
/// taking the frame, the driver, giving the frame back. Bursts of 32, interrupts off, as Linux's are measured (linux-peer/init-net): there,
/// too, a packet's bytes are written once, before.
/// </summary>
internal static unsafe class NetworkBench
{
    private const int Burst = 32, Bursts = 200, Rounds = Burst * Bursts, Prepared = 4 * Burst;
    private const uint Short = 60, Long = 1514;
    private const ulong LinkMicroseconds = 3_000_000;

    private static readonly Frame[] _frames = new Frame[Burst];
    private static INetworkDevice _sender = null!, _receiver = null!;
    private static uint _length;

    // Cards that keep a descriptor in front of what they receive: frames that they had do not begin as they were made, so that is done again,
    // and counted.
    private static bool _rewrites;

    /// <summary>Measures the first two cards of each model.</summary>
    public static void Measure(ref Run run)
    {
        ReadOnlySpan<Driver> drivers = DriverTable.Drivers;
        for (int i = 0; i < drivers.Length; i++)
        {
            // The second of its model, with none but one before it.
            int first = First(drivers, i), second = first + 1;
            while (second < i && !drivers[second].Name.SequenceEqual(drivers[i].Name))
                second++;
            if (drivers[i] is not INetworkDevice receiver || first == i || second != i)
                continue;
            (_sender, _receiver) = ((INetworkDevice)drivers[first], receiver);
            MeasureModel(ref run, drivers[first]);
        }
    }

    private static int First(ReadOnlySpan<Driver> drivers, int model)
    {
        int first = 0;
        while (!drivers[first].Name.SequenceEqual(drivers[model].Name))
            first++;
        return first;
    }

    private static void MeasureModel(ref Run run, Driver driver)
    {
        Deadline end = Deadline.In(LinkMicroseconds);
        while ((!_sender.Link.IsUp || !_receiver.Link.IsUp) && !end.Passed)
            WorkLoop.Turn(end);
        // Whoever listens to the cards does not, meanwhile.
        WorkItem? senders = _sender.Listener, receivers = _receiver.Listener;
        (_sender.Listener, _receiver.Listener) = (null, null);
        FramePool pool = driver.Function.Dma.Frames;
        ReadOnlySpan<byte> path = driver.Function.Dma.IsForcedToBounce ? "-bounced"u8 : default;
        _rewrites = false;
        Drain();
        Fill(pool, MacAddress.FromNumber(0x9900_0000_0002));
        _length = Short;
        Measure(ref run, driver, pool, "send-60-burst-32"u8, path, &Send);
        _length = Long;
        Measure(ref run, driver, pool, "send-1514"u8, path, &Send);
        Fill(pool, _receiver.Address);
        _length = Short;
        _rewrites = driver is Drivers.I8255x.I8255x;
        Measure(ref run, driver, pool, "send-receive-60"u8, path, &SendAndReceive);
        // What the second card gets goes out at the first, and so back to the second: a burst that never ends.
        Send(Burst);
        Measure(ref run, driver, pool, "forward-60"u8, path, &Forward);
        Drain();
        (_sender.Listener, _receiver.Listener) = (senders, receivers);
        senders?.Mark();
        receivers?.Mark();
    }

    private static void Measure(ref Run run, Driver driver, FramePool pool, ReadOnlySpan<byte> what, ReadOnlySpan<byte> path, delegate*<int, void> body)
    {
        Utf8Message name = $"{driver.Name}-{what}{path}";
        if (!run.Wants(name.Text))
            return;
        // Twice around all rings, so that all is where it stays.
        body(1024);
        ulong dropped = Dropped;
        Count before = Count.Now(pool);
        run.Measure(name.Text, Rounds, body);
        Count after = Count.Now(pool);
        Bug.If(before.Total != after.Total || before.Pages != after.Pages, "sending and receiving allocated memory"u8);
        Bug.If(Dropped != dropped, "packets were dropped while they were counted"u8);
    }

    private static ulong Dropped
    {
        get
        {
            NetworkCounters sender = _sender.Counters, receiver = _receiver.Counters;
            return sender.SendDropped + receiver.SendDropped + receiver.NoFrames + receiver.Missed + receiver.BadLength + receiver.ReceiveErrors;
        }
    }

    private static void Send(int packets)
    {
        FramePool pool = Boot.DmaStart.System.Frames;
        Span<Frame> frames = _frames;
        uint length = _length;
        for (; packets > 0; packets -= Burst)
        {
            if (pool.Take(frames, length) != Burst)
                Bug.Stop("there are no frames for a burst"u8);
            if (_rewrites)
                Address(frames, _receiver.Address.Number);
            if (_sender.Transmit(frames) != Burst)
                Bug.Stop("a burst was not sent"u8);
        }
    }

    private static void Address(Span<Frame> frames, ulong destination)
    {
        foreach (ref Frame frame in frames)
            Unsafe.WriteUnaligned(ref MemoryMarshal.GetReference(frame.Bytes), destination);
    }

    private static void SendAndReceive(int packets)
    {
        Span<Frame> frames = _frames;
        for (; packets > 0; packets -= Burst)
        {
            Send(Burst);
            if (_receiver.Receive(frames) != Burst)
                Bug.Stop("a burst did not arrive"u8);
            foreach (ref Frame frame in frames)
                frame.Free();
        }
    }

    private static void Forward(int packets)
    {
        Span<Frame> frames = _frames;
        for (; packets > 0; packets -= Burst)
        {
            if (_receiver.Receive(frames) != Burst || _sender.Transmit(frames) != Burst)
                Bug.Stop("a burst was not forwarded"u8);
        }
    }

    // The frames that will be sent begin like this: those that were freed last are taken first.
    private static void Fill(FramePool pool, MacAddress destination)
    {
        Frame all = default;
        for (int i = 0; i < Prepared && pool.TryTake(out Frame frame); i++)
        {
            frame.SetLength(Long);
            frame.Bytes.Clear();
            destination.Write(frame.Bytes);
            _sender.Address.Write(frame.Bytes[6..]);
            // An experimental type, IEEE 802.
            (frame.Bytes[12], frame.Bytes[13]) = (0x88, 0xB5);
            if (!all.IsEmpty)
                frame.Append(ref all);
            all = Own.Move(ref frame);
        }
        if (!all.IsEmpty)
            all.Free();
    }

    private static void Drain()
    {
        Span<Frame> frames = _frames;
        for (int count = 1; count != 0;)
        {
            count = _receiver.Receive(frames);
            foreach (ref Frame frame in frames[..count])
                frame.Free();
        }
    }

    // What must not change while packets come and go.
    private readonly struct Count(int total, ulong pages)
    {
        public int Total { get; } = total;

        public ulong Pages { get; } = pages;

        public static Count Now(FramePool pool)
        {
            ulong pages = 0;
            for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
                pages += Sluice.Mm.Pages.Allocator.Report(zone).Used;
            return new Count(pool.Total, pages);
        }
    }
}
