using System;
using System.Collections.Generic;
using System.Linq;
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

/// <summary>A computer with a controller, and the bus that it is on.</summary>
internal sealed unsafe class OhciMachine : IDisposable, ITransactionHandler
{
    public const ulong Guid = 0x0052_5400_0000_0001;

    public OhciMachine(string kind = "coherent", string card = "fw643", Model.Speed speed = Model.Speed.S400, Model.PhyTraits? phy = null,
        ulong guid = Guid)
    {
        Dma = new DmaMachine(MachineMap.Of((0x10_0000, 31 << 20)), MachineKind.All.Single(known => known.ToString() == kind));
        Dma.System.Frames = Frames = new FramePool(Dma.System, 200);
        Function = ControllerFunction.Make(OhciCard.Find(card), Dma.Ram, guid);
        Bus = new Model.FireWireBus(Simulator, 1);
        Phy = Bus.Add("ours", Function.Link, phy ?? new Model.PhyTraits(3, speed, IsContender: true));
        Memory = (byte*)System.Runtime.InteropServices.NativeMemory.AllocZeroed(65536);
    }

    public static TheoryData<string> Kinds => [.. MachineKind.All.Select(kind => kind.ToString())];

    public PciMachine Pci { get; } = new();

    public SimulatedClock Clock { get; } = new() { PauseMicroseconds = 5 };

    public Simulator Simulator { get; } = new();

    public DmaMachine Dma { get; }

    public FramePool Frames { get; }

    public ControllerFunction Function { get; }

    /// <summary>The controller, where it is the model of tests/FireWireModel.</summary>
    public OhciController Controller => ((OhciFunction)Function).Controller;

    public Model.FireWireBus Bus { get; }

    public Model.Phy Phy { get; }

    /// <summary>Memory for data.</summary>
    public byte* Memory { get; }

    /// <summary>Transactions in the order in which they ended.</summary>
    public List<Transaction> Done { get; } = [];

    public void OnDone(Transaction transaction) => Done.Add(transaction);

    /// <summary>Reads a register of the controller.</summary>
    public uint Read(uint offset) => (uint)Function.ReadBar(0, offset, 4);

    /// <summary>Writes a register of the controller.</summary>
    public void Write(uint offset, uint value) => Function.WriteBar(0, offset, 4, value);

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

    /// <summary>The controller's driver, with its bus up after so long at the latest.</summary>
    public Ohci Probe(ulong microseconds = 500_000)
    {
        Assert.Equal(Error.None, TryProbe(out Ohci? driver));
        Pass(microseconds);
        Assert.True(driver!.Bus.IsUp);
        return driver;
    }

    /// <summary>Likewise; it is the root, after resets to come too, and cycle master.</summary>
    public Ohci ProbeRoot()
    {
        Phy.HoldsForRoot = true;
        Ohci driver = Probe();
        driver.SetCycleMaster(true);
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
        // One that takes small turns needs more of them; a driver may have work for ever where the controller is broken.
        int most = Function is OhciFunction ? 1_000 : 100_000;
        for (int i = 0; i < most; i++)
        {
            Simulator.RunActivity(Function.Turn());
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
        if (Function is OhciFunction)
            Controller.Faults = OhciFaults.None;
        Function.IsGone = true;
        Pass(1_100_000);
        Assert.Empty(Function.Complaints);
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
