using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Devices;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Drivers.I8255x;
using Sluice.Net;
using Sluice.Pci;
using Sluice.Platform;
using Sluice.Tests.Dma;
using Sluice.Tests.Mm;
using Sluice.Tests.Pci;
using Xunit;

namespace Sluice.Tests.Drivers;

/// <summary>A machine with a card of the 8255x family, and whoever uses its frames.</summary>
internal sealed unsafe class I8255xMachine : IDisposable
{
    private const int AddressLines = 32;

    private readonly Stack<Alarm> _alarms = [];

    /// <param name="kind">One of <see cref="Kinds"/>.</param>
    /// <param name="frames">Frames that there are.</param>
    /// <param name="frameBits">Address bits of the frames' pool.</param>
    /// <param name="usable">RAM: start and length of each range; 31 MiB if there is none.</param>
    public I8255xMachine(string kind = "coherent", int frames = 400, int frameBits = 32, params (ulong Start, ulong Bytes)[] usable)
    {
        if (usable.Length == 0)
            usable = [(0x10_0000, 31 << 20)];
        Dma = new DmaMachine(MachineMap.Of(usable), MachineKind.All.Single(known => known.ToString() == kind));
        Dma.System.Frames = new FramePool(Dma.System, frames, frameBits);
        Device.Memory = new NarrowBus(Dma.Ram, AddressLines);
        Device.After = After;
    }

    /// <summary>The kinds of machine that every driver's DMA is tested on, by name.</summary>
    public static TheoryData<string> Kinds => [.. MachineKind.All.Select(kind => kind.ToString())];

    public PciMachine Pci { get; } = new();

    public SimulatedClock Clock { get; } = new();

    public Simulated8255x Device { get; } = new();

    public DmaMachine Dma { get; }

    public FramePool Frames => Dma.System.Frames;

    /// <summary>Tries to start the driver.</summary>
    public Error TryProbe(out I8255x? card)
    {
        PciFunction function = Pci.ScanFor(Device);
        function.AttachDma(Dma.System.NewDevice("00:03.0"u8, Dma.Kind.Bounced));
        Error error = I8255x.Probe(function, out Driver? driver);
        card = driver as I8255x;
        return error;
    }

    /// <summary>The driver of <see cref="Device"/>.</summary>
    public I8255x Probe()
    {
        Assert.Equal(Error.None, TryProbe(out I8255x? card));
        return Assert.IsType<I8255x>(card);
    }

    /// <summary>Lets the work run that is marked, and time pass.</summary>
    public void Run(ulong microseconds)
    {
        while (Sluice.Platform.Machine.Work.Run(WorkLoop.Budget))
        {
        }
        for (ulong passed = 0; passed < microseconds; passed += 1_000)
        {
            Clock.Advance(Math.Min(1_000, microseconds - passed));
            while (Sluice.Platform.Machine.Work.Run(WorkLoop.Budget))
            {
            }
        }
    }

    /// <summary>A frame with such bytes.</summary>
    public Frame Make(ReadOnlySpan<byte> bytes)
    {
        Assert.True(Frames.TryTake(out Frame frame));
        frame.SetLength((uint)bytes.Length);
        bytes.CopyTo(frame.Bytes);
        return frame;
    }

    /// <summary>Has the card send some frames; what it does not take is freed.</summary>
    public int Send(I8255x card, params ReadOnlySpan<byte[]> packets)
    {
        var frames = new Frame[packets.Length];
        for (int i = 0; i < packets.Length; i++)
            frames[i] = Make(packets[i]);
        int taken = card.Transmit(frames);
        for (int i = 0; i < frames.Length; i++)
        {
            Assert.Equal(i < taken, frames[i].IsEmpty);
            if (!frames[i].IsEmpty)
                frames[i].Free();
        }
        return taken;
    }

    /// <summary>All frames that the card has received, by bytes.</summary>
    public List<byte[]> ReceiveAll(I8255x card, int batch = 32)
    {
        var all = new List<byte[]>();
        var frames = new Frame[batch];
        int count;
        do
        {
            count = card.Receive(frames);
            for (int i = 0; i < count; i++)
            {
                all.Add(frames[i].Bytes.ToArray());
                Assert.False(frames[i].HasRest);
                frames[i].Free();
            }
        }
        while (count != 0);
        return all;
    }

    /// <summary>A packet to a station, of bytes that follow from a seed.</summary>
    public static byte[] Packet(int length, int seed, MacAddress to)
    {
        byte[] packet = new byte[length];
        new Random(seed).NextBytes(packet);
        to.Write(packet);
        return packet;
    }

    /// <summary>Nothing is in use on behalf of the card when it was stopped: no frame, no page, no mapping.</summary>
    public void CheckNothingLeft()
    {
        Assert.Equal(0, Frames.Used);
        int live = 0;
        for (int i = 0; i < Dma.System.Table.Count; i++)
            live += Dma.System.Table.At(i)->IsLive ? 1 : 0;
        Assert.Equal(0, live);
        Assert.Empty(Device.Violations);
        Assert.Empty(Dma.Ram.Faults);
    }

    public void Dispose()
    {
        Clock.Dispose();
        Pci.Dispose();
        Dma.Dispose();
    }

    private void After(ulong microseconds, Action then)
    {
        if (!_alarms.TryPop(out Alarm? alarm))
            alarm = new Alarm(_alarms);
        alarm.Set(microseconds, then);
    }

    private sealed class Alarm : ITimerHandler
    {
        private readonly Stack<Alarm> _free;
        private readonly Timer _timer;
        private Action _then = () => { };

        public Alarm(Stack<Alarm> free)
        {
            _free = free;
            _timer = new Timer(this);
        }

        public void Set(ulong microseconds, Action then)
        {
            _then = then;
            _timer.Start(microseconds);
        }

        public void OnTimer(Timer timer)
        {
            _free.Push(this);
            _then();
        }
    }
}
