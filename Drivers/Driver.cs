using System;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Drivers;

/// <summary>
/// What drives one device. Made by the probe that its line in <see cref="DriverTable"/> names; lives until the machine ends.
/// </summary>
public abstract class Driver(PciFunction function) : IInterruptHandler
{
    /// <summary>The function that it drives.</summary>
    public PciFunction Function { get; } = function;

    /// <summary>Its name: that of the line in the driver table.</summary>
    public abstract ReadOnlySpan<byte> Name { get; }

    /// <inheritdoc/>
    public abstract bool OnInterrupt();

    /// <summary>
    /// Makes the device silent before the machine is restarted or switched off: no DMA, no interrupts. It may be gone, or not answer:
    /// waiting is bounded, nothing is reported. Interrupts are on; called once; nothing else is called afterwards.
    /// </summary>
    public abstract void Quiesce();
}
