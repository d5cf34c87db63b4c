using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using Sluice.Devices;
using Sluice.Devices.Pci;
using Sluice.FireWire.Ohci;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>A model's controller as a PCI function in this process.</summary>
internal abstract class ControllerFunction : SimulatedFunction, IOhciHost
{
    private static readonly AsyncLocal<Func<OhciCard, IDeviceMemory, ulong, ControllerFunction>?> _maker = new();

    private IDeviceMemory? _memory;

    protected ControllerFunction(OhciCard card, IDeviceMemory? memory) : base(card.Vendor, card.Device, 0x0C_0010)
    {
        Set(8, card.Revision, 1);
        Memory = memory;
        WithBar(0, BarShape.Memory32, OhciRegister.BarBytes, 0xFEA0_0000);
        WithPin(1, 11);
        WithMsi();
        HasMessages = (card.Quirks & Sluice.FireWire.Ohci.OhciQuirks.NoMessages) == 0;
    }

    /// <summary>Makes those that this test makes from now on; null: the model of tests/FireWireModel.</summary>
    public static Func<OhciCard, IDeviceMemory, ulong, ControllerFunction>? Maker
    {
        set => _maker.Value = value;
    }

    /// <summary>The controller's side of the cable.</summary>
    public abstract Model.Link Link { get; }

    /// <summary>Requests that were answered from memory without software.</summary>
    public abstract long PhysicalRequests { get; }

    /// <summary>Packets of streams for which the controller had no room.</summary>
    public abstract long IsochronousLost { get; }

    /// <summary>What software did to it that the specification forbids.</summary>
    public virtual IReadOnlyList<string> Complaints => [];

    /// <summary>How many things happen on the bus before the CPU has its turn.</summary>
    public virtual int Turn() => int.MaxValue;

    /// <summary>What it reads and writes, by 32 bits of address.</summary>
    protected IDeviceMemory? Memory
    {
        set => _memory = value == null ? null : new NarrowBus(value, 32);
    }

    private bool HasMessages { get; }

    public static ControllerFunction Make(OhciCard card, IDeviceMemory memory, ulong guid) =>
        _maker.Value is { } maker ? maker(card, memory, guid) : new OhciFunction(card, memory, guid);

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

/// <summary>The model of tests/FireWireModel as a PCI function.</summary>
internal class OhciFunction : ControllerFunction
{
    public OhciFunction(OhciCard card, IDeviceMemory? memory, ulong guid) : base(card, memory) =>
        Controller = new OhciController(this, new OhciTraits(guid, Quirks: card.Quirks));

    public OhciController Controller { get; }

    public override Model.Link Link => Controller;

    public override long PhysicalRequests => Controller.PhysicalRequests;

    public override long IsochronousLost => Controller.IsochronousLost;

    public override ulong ReadBar(int bar, uint offset, int bytes) => Controller.Read(offset);

    public override void WriteBar(int bar, uint offset, int bytes, ulong value) => Controller.Write(offset, (uint)value);
}
