using System;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Drivers.Edu;

/// <summary>Registers of QEMU's educational device. Source: QEMU, docs/specs/edu (MMIO area spec).</summary>
internal readonly struct EduRegisters(RegisterBlock bar)
{
    /// <summary>Bytes of them.</summary>
    public const uint Bytes = 0xA0;

    /// <summary>0xRRrr00ED: major and minor version.</summary>
    public ReadOnlyRegister<uint> Identification => new(bar, 0x00);

    /// <summary>Gives back the complement of what was written.</summary>
    public Register<uint> Liveness => new(bar, 0x04);

    /// <summary>Takes a number, gives its factorial modulo 2^32 when <see cref="EduStatus.Computing"/> has gone out.</summary>
    public Register<uint> Factorial => new(bar, 0x08);

    public Register<EduStatus> Status => new(bar, 0x20);

    /// <summary>Causes of the interrupt that stands; 0 if none does.</summary>
    public ReadOnlyRegister<uint> Causes => new(bar, 0x24);

    /// <summary>Raises an interrupt with the bits written as causes.</summary>
    public WriteOnlyRegister<uint> Raise => new(bar, 0x60);

    /// <summary>Clears the causes written; needed by messages too.</summary>
    public WriteOnlyRegister<uint> Acknowledge => new(bar, 0x64);

    /// <summary>Where a transfer reads. Of these three, nothing is changed while a transfer runs.</summary>
    public TransferAddress Source => new(bar, 0x80);

    /// <summary>Where a transfer writes.</summary>
    public TransferAddress Destination => new(bar, 0x88);

    /// <summary>Bytes of a transfer.</summary>
    public Register<uint> Count => new(bar, 0x90);

    /// <summary>Starts a transfer; <see cref="EduTransfer.Start"/> goes out when it is over. It cannot be called off.</summary>
    public Register<EduTransfer> Transfer => new(bar, 0x98);
}

/// <summary>One end of a transfer, 64 bits: in memory, or in the device's own.</summary>
internal readonly struct TransferAddress(RegisterBlock bar, uint offset)
{
    // Where the device's own memory begins for it.
    private const ulong DeviceMemory = 0x40000;

    public void Write(DmaAddr memory) => bar.Write64(offset, memory.Value);

    public void WriteOwn(uint deviceOffset) => bar.Write64(offset, DeviceMemory + deviceOffset);
}

/// <summary>A transfer's command.</summary>
[Flags]
internal enum EduTransfer : uint
{
    FromMemory = 0,
    Start = 1 << 0,
    ToMemory = 1 << 1,

    /// <summary>Interrupt when it is over, with <see cref="Edu.TransferDone"/>.</summary>
    Interrupt = 1 << 2,

    /// <summary>All ones: the device no longer answers.</summary>
    Gone = uint.MaxValue,
}

/// <summary>The device's status.</summary>
[Flags]
internal enum EduStatus : uint
{
    Computing = 1 << 0,

    /// <summary>Set by software: interrupt when a factorial is done.</summary>
    InterruptWhenDone = 1 << 7,

    /// <summary>All ones: the device no longer answers.</summary>
    Gone = uint.MaxValue,
}
