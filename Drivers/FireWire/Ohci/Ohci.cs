using System;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>
/// A FireWire controller. Source: 1394 Open Host Controller Interface Specification, release 1.1. It carries packets and tells of bus resets;
/// what they mean is the bus's (<see cref="FireWireBus"/>). All but the interrupt handler is work of the CPU's loop.
/// A packet's way: AsyncTransmit.cs, AsyncReceive.cs, Ohci.Packets.cs; what surrounds it: start, interrupts, bus resets, PHY, the watchdog.
/// </summary>
public sealed unsafe partial class Ohci : Driver, IFireWireController
{
    // The page that the controller reads and writes beside packets: two images of the ROM, and the self-IDs. All are aligned to their size.
    private const int RomQuadlets = 256, SelfIdQuadlets = 512, SelfIdStart = 2 * RomQuadlets;

    private readonly OhciRegisters _registers;
    private readonly OhciQuirks _quirks;
    private readonly DmaDevice _dma;
    private readonly AsyncTransmit _requests, _responses;
    private readonly AsyncReceive _requestsIn, _responsesIn;
    private FireWireBus _bus = null!;
    private Coherent<Shared<uint>> _page;

    private Ohci(PciFunction function, OhciRegisters registers) : base(function)
    {
        _registers = registers;
        _dma = function.Dma;
        _quirks = OhciQuirkTable.Of(function);
        _requests = new AsyncTransmit(_dma, registers, registers.RequestTransmit, DescriptorControl.Interrupt);
        _responses = new AsyncTransmit(_dma, registers, registers.ResponseTransmit, DescriptorControl.InterruptIfNotTaken);
        _requestsIn = new AsyncReceive(registers.RequestReceive);
        _responsesIn = new AsyncReceive(registers.ResponseReceive);
        _work = new Worker(this);
    }

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Name => "ohci1394"u8;

    /// <summary>What happened.</summary>
    public OhciCounters Counters;

    /// <summary>What it is the controller of.</summary>
    public FireWireBus Bus => _bus;

    /// <inheritdoc/>
    public ulong Guid { get; private set; }

    /// <inheritdoc/>
    public BusOptions Options { get; private set; }

    /// <summary>The version of the specification that it follows, as 16 bits: 0x0110 for 1.10.</summary>
    public ushort Version { get; private set; }

    /// <summary>Resets the controller, claims it and puts it on the bus; on an error it is left quiet and without the right to read and write memory.</summary>
    public static Error Probe(PciFunction pci, out Driver? driver)
    {
        driver = null;
        if (!pci.TryMapRegisters(0, OhciRegisters.Bytes, out RegisterBlock bar))
            return Error.NotSupported;
        var controller = new Ohci(pci, new OhciRegisters(bar));
        Error error = controller.Start();
        if (error == Error.None)
            driver = controller;
        else
            controller.GiveUp();
        return error;
    }
}
