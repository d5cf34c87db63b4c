using System;
using System.Linq;
using Sluice.Devices;
using Sluice.Devices.Pci;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Drivers.Edu;
using Sluice.Pci;
using Sluice.Platform;
using Sluice.Tests.Dma;
using Sluice.Tests.Mm;
using Sluice.Tests.Pci;
using Xunit;

namespace Sluice.Tests.Drivers;

/// <summary>A machine with an edu: memory that it sees through 28 address lines, PCI, and a clock that it works by.</summary>
internal sealed unsafe class EduMachine : IDisposable
{
    private const int AddressLines = 28;

    /// <param name="kind">One of <see cref="Kinds"/>.</param>
    /// <param name="usable">RAM: start and length of each range; 31 MiB if there is none.</param>
    public EduMachine(string kind = "coherent", params (ulong Start, ulong Bytes)[] usable)
    {
        if (usable.Length == 0)
            usable = [(0x10_0000, 31 << 20)];
        Dma = new DmaMachine(MachineMap.Of(usable), MachineKind.All.Single(known => known.ToString() == kind));
        Device.Memory = new NarrowBus(Dma.Ram, AddressLines);
        Device.After = new Alarm().Set;
    }

    /// <summary>The kinds of machine that every driver's DMA is tested on, by name.</summary>
    public static TheoryData<string> Kinds => [.. MachineKind.All.Select(kind => kind.ToString())];

    public PciMachine Pci { get; } = new();

    public SimulatedClock Clock { get; } = new();

    public SimulatedEdu Device { get; } = new();

    public DmaMachine Dma { get; }

    /// <summary>The functions that are plugged in, each with its DMA.</summary>
    public PciFunction[] Scan()
    {
        PciFunction[] functions = Pci.Scan().Functions.ToArray();
        foreach (PciFunction function in functions)
            function.AttachDma(Dma.System.NewDevice("00:03.0"u8, Dma.Kind.Bounced));
        return functions;
    }

    /// <summary>A device as its driver gets it.</summary>
    public PciFunction ScanFor(SimulatedFunction device)
    {
        PciFunction function = Pci.ScanFor(device);
        function.AttachDma(Dma.System.NewDevice("00:03.0"u8, Dma.Kind.Bounced));
        return function;
    }

    /// <summary>The driver of <see cref="Device"/>.</summary>
    public Edu Probe()
    {
        Assert.Equal(Error.None, Edu.Probe(ScanFor(Device), out Driver? driver));
        return Assert.IsType<Edu>(driver);
    }

    /// <summary>What is in use on behalf of devices: pages, and mappings that live.</summary>
    public (ulong Pages, int Mappings) InUse(Edu edu)
    {
        int mappings = (int)edu.Function.Dma.LiveDirect;
        MappingTable table = Dma.System.Table;
        for (int i = 0; i < table.Count; i++)
            mappings += table.At(i)->IsLive ? 1 : 0;
        return (Dma.PagesUsed, mappings);
    }

    public void Dispose()
    {
        Clock.Dispose();
        Pci.Dispose();
        Dma.Dispose();
    }

    // What the device waits for; one thing at a time.
    private sealed class Alarm : ITimerHandler
    {
        private readonly Timer _timer;
        private Action _then = () => { };

        public Alarm() => _timer = new Timer(this);

        public void Set(ulong microseconds, Action then)
        {
            _then = then;
            _timer.Start(microseconds);
        }

        public void OnTimer(Timer timer) => _then();
    }
}
