using System;
using System.Runtime.CompilerServices;

namespace Sluice.Pci;

/// <summary>A register in a function's configuration space, as wide as the type of its bits: 1, 2 or 4 bytes.</summary>
public readonly struct ConfigurationRegister<TBits>(PciFunction function, uint offset) where TBits : unmanaged, Enum
{
    public TBits Read()
    {
        uint value = function.Read(offset, (uint)Unsafe.SizeOf<TBits>());
        return Unsafe.As<uint, TBits>(ref value);
    }

    public void Write(TBits bits) => function.Write(offset, (uint)Unsafe.SizeOf<TBits>(), Number(bits));

    /// <summary>Reads, changes the bits and writes; returns what was there before.</summary>
    public TBits Change(TBits clear, TBits set)
    {
        uint size = (uint)Unsafe.SizeOf<TBits>(), before = function.Read(offset, size);
        function.Write(offset, size, before & ~Number(clear) | Number(set));
        return Unsafe.As<uint, TBits>(ref before);
    }

    private static uint Number(TBits bits)
    {
        uint value = 0;
        Unsafe.As<uint, TBits>(ref value) = bits;
        return value;
    }
}

/// <summary>Offsets in every function's configuration space. Source: PCI Local Bus 3.0, section 6.1, figure 6-1.</summary>
public static class ConfigurationOffsets
{
    public const uint VendorId = 0x00, DeviceId = 0x02, Command = 0x04, Status = 0x06, Revision = 0x08, HeaderType = 0x0E,
        FirstBar = 0x10, SubsystemVendorId = 0x2C, SubsystemId = 0x2E, Capabilities = 0x34, InterruptLine = 0x3C, InterruptPin = 0x3D;

    /// <summary>Bridges: numbers of the bus above, the bus below, and the last one below that. Source: PCI-to-PCI Bridge 1.2, section 3.2.</summary>
    public const uint PrimaryBus = 0x18, SecondaryBus = 0x19, SubordinateBus = 0x1A;

    /// <summary>CardBus bridges have it elsewhere. Source: PCI to PCMCIA CardBus Bridge Register Description, section 2.3.</summary>
    public const uint CardBusCapabilities = 0x14;
}

/// <summary>What a function may do. Source: PCI Local Bus 3.0, section 6.2.2.</summary>
[Flags]
public enum PciCommand : ushort
{
    PortSpace = 1 << 0,
    MemorySpace = 1 << 1,
    BusMaster = 1 << 2,
    ParityResponse = 1 << 6,
    SystemError = 1 << 8,
    InterruptDisable = 1 << 10,

    /// <summary>What a register reads as when nobody answers.</summary>
    Gone = 0xFFFF,
}

/// <summary>What happened to a function. Source: PCI Local Bus 3.0, section 6.2.3.</summary>
[Flags]
public enum PciStatus : ushort
{
    Interrupt = 1 << 3,
    HasCapabilities = 1 << 4,
    MasterAbort = 1 << 13,
    TargetAbort = 1 << 12,
    Gone = 0xFFFF,
}
