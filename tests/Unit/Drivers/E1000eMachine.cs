using System;
using System.Linq;
using Sluice.Devices;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Drivers.E1000e;
using Sluice.Net;
using Sluice.Pci;
using Sluice.Platform;
using Sluice.Tests.Dma;
using Sluice.Tests.Mm;
using Sluice.Tests.Pci;
using Xunit;

namespace Sluice.Tests.Drivers;

/// <summary>A machine with a card of the 82574's family, memory, PCI, and a clock that it works by.</summary>
internal sealed unsafe class E1000eMachine : IDisposable
{
    /// <summary>Frames that the machine may have.</summary>
    public const int Frames = 600;

    /// <param name="kind">One of <see cref="Kinds"/>.</param>
    /// <param name="device">PCI's number of the card.</param>
    /// <param name="usable">RAM: start and length of each range; 31 MiB if there is none.</param>
    public E1000eMachine(string kind = "coherent", ushort device = 0x10D3, params (ulong Start, ulong Bytes)[] usable)
    {
        if (usable.Length == 0)
            usable = [(0x10_0000, 31 << 20)];
        Device = new Simulated82574(device: device);
        Dma = new DmaMachine(MachineMap.Of(usable), MachineKind.All.Single(known => known.ToString() == kind));
        Dma.System.Frames = Pool = new FramePool(Dma.System, Frames);
        Device.Memory = Dma.Ram;
    }

    /// <summary>The kinds of machine that every driver's DMA is tested on, by name.</summary>
    public static TheoryData<string> Kinds => [.. MachineKind.All.Select(kind => kind.ToString())];

    public PciMachine Pci { get; } = new();

    public SimulatedClock Clock { get; } = new();

    public Simulated82574 Device { get; }

    public DmaMachine Dma { get; }

    public FramePool Pool { get; }

    /// <summary>The card as its driver gets it.</summary>
    public PciFunction Scan()
    {
        PciFunction function = Pci.ScanFor(Device);
        function.AttachDma(Dma.System.NewDevice("00:03.0"u8, Dma.Kind.Bounced));
        return function;
    }

    /// <summary>The card's driver, at work.</summary>
    public E1000e Probe()
    {
        Assert.Equal(Error.None, E1000e.Probe(Scan(), out Driver? driver));
        return Assert.IsType<E1000e>(driver);
    }

    /// <summary>Frames that somebody has, mappings with work that live, and pages in use.</summary>
    public (int Frames, int Mappings) InUse
    {
        get
        {
            int mappings = 0;
            for (int i = 0; i < Dma.System.Table.Count; i++)
                mappings += Dma.System.Table.At(i)->IsLive ? 1 : 0;
            return (Pool.Used, mappings);
        }
    }

    /// <summary>Lets marked work be done, and time pass.</summary>
    public void Advance(ulong microseconds)
    {
        for (ulong passed = 0; passed < microseconds;)
        {
            while (Sluice.Platform.Machine.Work.Run(WorkLoop.Budget))
            {
            }
            ulong step = Math.Min(1000, microseconds - passed);
            Clock.Advance(step);
            passed += step;
        }
        while (Sluice.Platform.Machine.Work.Run(WorkLoop.Budget))
        {
        }
    }

    /// <summary>A frame of bytes, in as many parts of some length as it takes.</summary>
    public Frame Make(ReadOnlySpan<byte> bytes, int partBytes = 4096)
    {
        Frame packet = default;
        for (int at = 0; at < bytes.Length || at == 0; at += partBytes)
        {
            Assert.True(Pool.TryTake(out Frame part));
            ReadOnlySpan<byte> piece = bytes[at..Math.Min(bytes.Length, at + partBytes)];
            part.SetLength((uint)piece.Length);
            piece.CopyTo(part.Bytes);
            part.SetFlags(FrameFlags.None);
            if (packet.IsEmpty)
                packet = Own.Move(ref part);
            else
                packet.Append(ref part);
        }
        return packet;
    }

    /// <summary>Sends one packet; returns whether it was taken.</summary>
    public static bool Send(E1000e card, Frame frame)
    {
        Frame[] frames = [frame];
        int taken = card.Transmit(frames);
        Assert.Equal(taken == 1, frames[0].IsEmpty);
        if (taken == 0)
            frames[0].Free();
        return taken == 1;
    }

    /// <summary>Receives all there is, and frees it: each packet's bytes.</summary>
    public static byte[][] ReceiveAll(E1000e card, int most = 64)
    {
        Frame[] frames = new Frame[most];
        int count = card.Receive(frames);
        byte[][] packets = new byte[count][];
        for (int i = 0; i < count; i++)
        {
            packets[i] = Bytes(frames[i]);
            frames[i].Free();
        }
        Assert.All(frames, frame => Assert.True(frame.IsEmpty));
        return packets;
    }

    /// <summary>All bytes of a packet, of all its parts.</summary>
    public static byte[] Bytes(Frame packet)
    {
        byte[] bytes = packet.Bytes.ToArray();
        if (!packet.HasRest)
            return bytes;
        Frame rest = packet.TakeRest();
        bytes = [.. bytes, .. Bytes(rest)];
        packet.Append(ref rest);
        return bytes;
    }

    /// <summary>A frame for the card, from somebody, with bytes by a seed.</summary>
    public static byte[] Packet(E1000e card, int length, int seed)
    {
        byte[] packet = new byte[length];
        new Random(seed).NextBytes(packet);
        card.Address.Write(packet);
        packet[6] = 2;
        (packet[12], packet[13]) = (0x88, 0xB5);
        return packet;
    }

    /// <summary>Ends the driver's hold on the card as a failure would, and checks that all is given back.</summary>
    public void CheckNothingLeaks(E1000e card)
    {
        Device.IsGone = true;
        Advance(1_100_000);
        Assert.False(card.IsRunning);
        Assert.Equal((0, 0), InUse);
        Assert.Empty(Dma.Ram.Faults);
    }

    public void Dispose()
    {
        Clock.Dispose();
        Pci.Dispose();
        Dma.Dispose();
    }
}
