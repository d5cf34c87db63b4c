using Sluice.Platform;

namespace Sluice.Pci;

/// <summary>
/// Configuration through two ports: 256 bytes a function, segment 0 alone. Source: PCI Local Bus 3.0, section 3.2.2.3.2.
/// </summary>
public sealed class LegacyConfiguration : ConfigurationAccess
{
    private const ushort AddressPort = 0xCF8, DataPort = 0xCFC;
    private const uint Enable = 1U << 31;

    // Two accesses belong together, on this CPU (interrupts off) and on others (the lock).
    private SpinLock _lock;

    /// <summary>Whether the machine has these ports: the address register keeps what is written.</summary>
    public static bool IsPresent()
    {
        bool interrupts = Cpu.DisableInterrupts();
        uint before = PortIo.In32(AddressPort);
        PortIo.Out32(AddressPort, Enable);
        bool present = PortIo.In32(AddressPort) == Enable;
        PortIo.Out32(AddressPort, before);
        Cpu.RestoreInterrupts(interrupts);
        return present;
    }

    public override uint Reach(PciAddress function) => function.Segment == 0 ? ConventionalBytes : 0;

    protected override uint ReadReached(PciAddress function, uint offset, uint bytes)
    {
        var port = (ushort)(DataPort + (offset & 3));
        bool interrupts = Begin(function, offset);
        uint value = bytes switch { 1 => PortIo.In8(port), 2 => PortIo.In16(port), _ => PortIo.In32(port) };
        End(interrupts);
        return value;
    }

    protected override void WriteReached(PciAddress function, uint offset, uint bytes, uint value)
    {
        var port = (ushort)(DataPort + (offset & 3));
        bool interrupts = Begin(function, offset);
        switch (bytes)
        {
            case 1:
                PortIo.Out8(port, (byte)value);
                break;
            case 2:
                PortIo.Out16(port, (ushort)value);
                break;
            default:
                PortIo.Out32(port, value);
                break;
        }
        End(interrupts);
    }

    private bool Begin(PciAddress function, uint offset)
    {
        bool interrupts = Cpu.DisableInterrupts();
        _lock.Acquire();
        PortIo.Out32(AddressPort, Enable | (uint)function.RequesterId << 8 | (offset & 0xFC));
        return interrupts;
    }

    private void End(bool interrupts)
    {
        _lock.Release();
        Cpu.RestoreInterrupts(interrupts);
    }
}
