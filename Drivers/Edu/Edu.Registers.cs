using System;
using Sluice.Platform;

namespace Sluice.Drivers.Edu;

/// <summary>Registers of QEMU's educational device. Source: QEMU, docs/specs/edu (MMIO area spec).</summary>
internal readonly struct EduRegisters(Mmio bar)
{
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
