using System;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Simulation;
using Sluice.VfioUser;

namespace Sluice.FireWire.Ohci;

/// <summary>A controller as the PCI function that a guest sees.</summary>
public sealed class OhciPciDevice : PciDevice, IOhciHost
{
    private const uint OhciClass = 0x0C_0010;

    private readonly Pump _pump;

    /// <summary>A function that is not on the bus yet.</summary>
    /// <param name="pump">Of the bus that <see cref="Controller"/> will be on.</param>
    public OhciPciDevice(Pump pump, ushort vendor, ushort device, byte revision, bool hasMsi, OhciTraits traits)
        : base(new PciIdentity(vendor, device, OhciClass, revision, vendor, device))
    {
        _pump = pump;
        Configuration.AddMemoryBar(0, OhciRegister.BarBytes);
        Configuration.AddPin();
        Configuration.AddPowerManagement();
        if (hasMsi)
            Configuration.AddMsi();
        Controller = new OhciController(this, traits);
    }

    /// <summary>To be put on a bus before a guest comes.</summary>
    public OhciController Controller { get; }

    private bool LosesMessages => Interrupt.UsesMessages && Controller.Has(OhciQuirks.NoMessages);

    bool IOhciHost.TryRead(ulong address, Span<byte> bytes) => Memory.TryRead(address, bytes);

    bool IOhciHost.TryWrite(ulong address, ReadOnlySpan<byte> bytes) => Memory.TryWrite(address, bytes);

    bool IOhciHost.TryRead32(ulong address, out uint value) => Memory.TryRead32(address, out value);

    bool IOhciHost.TryWrite32(ulong address, uint value) => Memory.TryWrite32(address, value);

    void IOhciHost.SetInterrupt(bool level)
    {
        if (!level || !LosesMessages)
            Interrupt.Set(level);
    }

    void IOhciHost.InterruptAgain()
    {
        if (!LosesMessages)
            Interrupt.Again();
    }

    protected override ulong Read(int bar, uint offset, int bytes)
    {
        _pump.Enter();
        ulong value = Controller.Read(offset & ~3u) >> (int)(8 * (offset & 3));
        if (bytes == 8)
            value |= (ulong)Controller.Read(offset + 4) << 32;
        _pump.Leave();
        return value;
    }

    /// <summary>Registers are written as words; less than that is ignored. Source: 1394 OHCI 1.1, section 4.2.</summary>
    protected override void Write(int bar, uint offset, int bytes, ulong value)
    {
        if (bytes < 4)
            return;
        _pump.Enter();
        Controller.Write(offset, (uint)value);
        if (bytes == 8)
            Controller.Write(offset + 4, (uint)(value >> 32));
        _pump.Leave();
    }

    /// <summary>The PHY is reset with it, so the bus is, too.</summary>
    protected override void Reset()
    {
        _pump.Enter();
        Controller.HardReset();
        Controller.Phy.InitiateReset(isLong: true);
        _pump.Leave();
    }
}
