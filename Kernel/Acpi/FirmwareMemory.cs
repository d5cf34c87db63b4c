using System;

namespace Sluice.Acpi;

/// <summary>How firmware's tables are reached by their physical address; tests have one over made-up memory.</summary>
internal abstract class FirmwareMemory
{
    /// <summary>
    /// The bytes at a physical address. False if they are not memory, or no page table is left to reach them. They stay readable for
    /// good.
    /// </summary>
    public abstract bool TryRead(PhysAddr start, uint bytes, out ReadOnlySpan<byte> data);
}
