using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Sluice.Devices;
using Sluice.Devices.Pci;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Ohci;
using Sluice.FireWire.Simulation;
using Sluice.Pci;
using Sluice.Platform;
using Sluice.Tests.Dma;
using Sluice.Tests.Mm;
using Sluice.Tests.Pci;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>The model's controller as a PCI function in this process.</summary>
internal class OhciFunction : SimulatedFunction, IOhciHost
{
    private IDeviceMemory? _memory;

    public OhciFunction(OhciCard card, IDeviceMemory? memory, ulong guid) : base(card.Vendor, card.Device, 0x0C_0010)
    {
        Set(8, card.Revision, 1);
        Memory = memory;
        WithBar(0, BarShape.Memory32, OhciRegister.BarBytes, 0xFEA0_0000);
        WithPin(1, 11);
        WithMsi();
        HasMessages = (card.Quirks & Sluice.FireWire.Ohci.OhciQuirks.NoMessages) == 0;
        Controller = new OhciController(this, new OhciTraits(guid, Quirks: card.Quirks));
    }

    public OhciController Controller { get; }

    /// <summary>What it reads and writes, by 32 bits of address.</summary>
    protected IDeviceMemory? Memory
    {
        set => _memory = value == null ? null : new NarrowBus(value, 32);
    }

    private bool HasMessages { get; }

    public override ulong ReadBar(int bar, uint offset, int bytes) => Controller.Read(offset);

    public override void WriteBar(int bar, uint offset, int bytes, ulong value) => Controller.Write(offset, (uint)value);

    public virtual bool TryRead(ulong address, Span<byte> bytes)
    {
        if (!IsBusMaster || _memory == null)
            return false;
        _memory.Read(address, bytes);
        return true;
    }

    public bool TryWrite(ulong address, ReadOnlySpan<byte> bytes)
    {
        if (!IsBusMaster || _memory == null)
            return false;
        _memory.Write(address, bytes);
        return true;
    }

    public bool TryRead32(ulong address, out uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        bool isThere = TryRead(address, bytes);
        value = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        return isThere;
    }

    public bool TryWrite32(ulong address, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return TryWrite(address, bytes);
    }

    public void SetInterrupt(bool level)
    {
        if (!level)
            LowerPin();
        else if (HasMessages || Msi is not { IsEnabled: true })
            Interrupt();
    }

    public void InterruptAgain() => SetInterrupt(true);
}

/// <summary>A computer with a controller, and the bus that it is on.</summary>
internal sealed unsafe class OhciMachine : IDisposable, ITransactionHandler
{
    public const ulong Guid = 0x0052_5400_0000_0001;

    public OhciMachine(string kind = "coherent", string card = "fw643")
    {
        Dma = new DmaMachine(MachineMap.Of((0x10_0000, 31 << 20)), MachineKind.All.Single(known => known.ToString() == kind));
        Dma.System.Frames = Frames = new FramePool(Dma.System, 200);
        Function = new OhciFunction(OhciCard.Find(card), Dma.Ram, Guid);
        Bus = new Model.FireWireBus(Simulator, 1);
        Phy = Bus.Add("ours", Function.Controller, new Model.PhyTraits(3, Model.Speed.S400, IsContender: true));
        Memory = (byte*)System.Runtime.InteropServices.NativeMemory.AllocZeroed(65536);
    }

    public static TheoryData<string> Kinds => [.. MachineKind.All.Select(kind => kind.ToString())];

    public PciMachine Pci { get; } = new();

    public SimulatedClock Clock { get; } = new() { PauseMicroseconds = 5 };

    public Simulator Simulator { get; } = new();

    public DmaMachine Dma { get; }

    public FramePool Frames { get; }

    public OhciFunction Function { get; }

    public Model.FireWireBus Bus { get; }

    public Model.Phy Phy { get; }

    /// <summary>Memory for data.</summary>
    public byte* Memory { get; }

    /// <summary>Transactions in the order in which they ended.</summary>
    public List<Transaction> Done { get; } = [];

    public void OnDone(Transaction transaction) => Done.Add(transaction);

    /// <summary>Puts a node on the bus, with a cable to the one before.</summary>
    public void Add(Model.Link link, Model.Speed speed = Model.Speed.S400)
    {
        Model.Phy phy = Bus.Add($"{Bus.Phys.Count}", link, new Model.PhyTraits(3, speed, IsContender: true));
        Bus.Connect(phy, Bus.Phys[(Bus.Phys.Count - 2) / 2]);
    }

    /// <summary>The controller's driver, or why there is none.</summary>
    public Error TryProbe(out Ohci? driver)
    {
        PciFunction function = Pci.ScanFor(Function);
        function.AttachDma(Dma.System.NewDevice("00:03.0"u8, Dma.Kind.Bounced));
        Error error = Ohci.Probe(function, out Driver? probed);
        driver = probed as Ohci;
        return error;
    }

    /// <summary>The controller's driver, with its bus up.</summary>
    public Ohci Probe()
    {
        Assert.Equal(Error.None, TryProbe(out Ohci? driver));
        Pass(500_000);
        Assert.True(driver!.Bus.IsUp);
        return driver;
    }

    public TransactionResult Run(Ohci driver, Transaction transaction)
    {
        driver.Bus.Submit(transaction);
        for (int i = 0; i < 10_000 && transaction.IsUnderWay; i++)
            Pass(250);
        Assert.False(transaction.IsUnderWay);
        return transaction.Result;
    }

    /// <summary>Goes on until nothing is to be done at once.</summary>
    public void Settle()
    {
        for (int i = 0; i < 1000; i++)
        {
            Simulator.RunActivity();
            if (!Sluice.Platform.Machine.Work.Run(64) && !Simulator.IsActive)
                return;
        }
    }

    /// <summary>Lets time pass on the bus and in the computer.</summary>
    /// <param name="step">How late the computer may be, in microseconds.</param>
    public void Pass(ulong microseconds, uint step = 250)
    {
        Settle();
        for (ulong passed = 0; passed < microseconds; passed += step)
        {
            Clock.Advance(step);
            Simulator.RunFor(BusTime.Microseconds(step));
            Settle();
        }
    }

    /// <summary>The card is pulled: its driver ends, and all that it had is given back.</summary>
    public void CheckNothingLeaks(Ohci driver)
    {
        Function.Controller.Faults = OhciFaults.None;
        Function.IsGone = true;
        Pass(1_100_000);
        Assert.False(driver.IsRunning);
        Assert.Equal(0, driver.Bus.UnderWay);
        Assert.Equal(0, Frames.Used);
        int mappings = 0;
        for (int i = 0; i < Dma.System.Table.Count; i++)
            mappings += Dma.System.Table.At(i)->IsLive ? 1 : 0;
        Assert.Equal(0, mappings);
    }

    public void Dispose()
    {
        Clock.Dispose();
        Pci.Dispose();
        Dma.Dispose();
    }
}
