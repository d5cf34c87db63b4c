using System;

namespace Sluice.VfioUser;

/// <summary>
/// A PCI function that a guest sees. Who writes one derives from this: says in the constructor what it is, and serves accesses to its
/// registers. Accesses come one at a time, from the thread that serves the guest; a device with threads of its own locks.
/// </summary>
public abstract class PciDevice : IDisposable
{
    /// <summary>A function without BARs, pin or capabilities: add them in the constructor.</summary>
    protected PciDevice(PciIdentity identity)
    {
        Configuration = new ConfigurationSpace(identity);
        Interrupt = new DeviceInterrupt(Configuration);
    }

    /// <summary>Its configuration space.</summary>
    public ConfigurationSpace Configuration { get; }

    /// <summary>The guest's memory.</summary>
    public GuestMemory Memory { get; } = new();

    /// <summary>Its interrupt.</summary>
    public DeviceInterrupt Interrupt { get; }

    /// <summary>The guest reads a register.</summary>
    /// <param name="bar">Which BAR.</param>
    /// <param name="offset">In bytes, inside of the BAR, a multiple of the size.</param>
    /// <param name="bytes">1, 2, 4 or 8.</param>
    protected internal abstract ulong Read(int bar, uint offset, int bytes);

    /// <summary>The guest writes a register.</summary>
    /// <inheritdoc cref="Read" path="/param"/>
    protected internal abstract void Write(int bar, uint offset, int bytes, ulong value);

    /// <summary>The function is reset: as after power was switched on. Configuration space has been, already.</summary>
    protected internal abstract void Reset();

    /// <summary>The guest's side is gone: its memory, too. A reset follows before anybody else comes.</summary>
    protected internal virtual void Disconnected()
    {
    }

    /// <summary>The guest wrote to configuration space, here and there.</summary>
    protected internal virtual void ConfigurationWritten(int offset, int bytes)
    {
    }

    public virtual void Dispose()
    {
        Interrupt.Dispose();
        Memory.Clear();
        GC.SuppressFinalize(this);
    }
}
