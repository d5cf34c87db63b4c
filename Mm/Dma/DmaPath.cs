using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// A way between a device and memory. Drivers never see which one it is. Each method is called for a mapping whose record says all:
/// direction, memory, device. Any context but interrupt handlers.
/// </summary>
internal abstract unsafe class DmaPath
{
    /// <summary>What people call it.</summary>
    public abstract System.ReadOnlySpan<byte> Name { get; }

    /// <summary>Makes the memory reachable and notes where in <see cref="Mapping.Address"/>; on an error everything is as before.</summary>
    public abstract Error Open(Mapping* mapping);

    /// <summary>Makes the device see what the CPU wrote in a part, or, where only the device writes, lets it write there.</summary>
    public abstract void ForDevice(Mapping* mapping, uint offset, uint bytes);

    /// <summary>Makes the CPU see what the device wrote in a part. Not called where the device only reads.</summary>
    public abstract void ForCpu(Mapping* mapping, uint offset, uint bytes);

    /// <summary>Ends it: the device must no longer reach the memory. The CPU has it.</summary>
    public abstract void Close(Mapping* mapping);
}

/// <summary>The device reaches the memory where it lies; where it does not see the CPU's caches, lines move at hand-overs.</summary>
internal sealed unsafe class DirectPath : DmaPath
{
    public override System.ReadOnlySpan<byte> Name => "direct"u8;

    public override Error Open(Mapping* mapping)
    {
        mapping->Address = mapping->Memory;
        return Error.None;
    }

    public override void ForDevice(Mapping* mapping, uint offset, uint bytes)
    {
        // Also where only the device writes: a line that the CPU has written must not be written back over what comes.
        if (!mapping->Device.Target.IsCoherent)
            CacheLines.Clean(new PhysAddr(mapping->Memory + offset), bytes);
    }

    public override void ForCpu(Mapping* mapping, uint offset, uint bytes)
    {
        // All that the device had may have changed, and no line of it is the CPU's.
        if (!mapping->Device.Target.IsCoherent)
            CacheLines.Invalidate(new PhysAddr(mapping->Memory + offset), bytes);
    }

    public override void Close(Mapping* mapping)
    {
    }
}
