namespace Sluice.Platform;

/// <summary>
/// Cache lines of memory that a device reads and writes without asking the CPU's caches. No x86-64 machine has such devices (PCI
/// transactions are snooped), so nothing here is ever called with anything to do; the hosted tests have machines where it has.
/// </summary>
public static unsafe class CacheLines
{
    /// <summary>Bytes of a line; what small buffers are aligned to.</summary>
    public const uint Bytes = 64;

    /// <summary>Whether devices see what the CPU wrote, and the CPU what devices wrote, without further ado.</summary>
    public const bool AreCoherent = true;

    /// <summary>Writes back what the CPU wrote, so that devices see it and no line is written back later. Whole lines.</summary>
    public static void Clean(PhysAddr start, ulong bytes)
    {
    }

    /// <summary>Forgets what the CPU has cached, so that it sees what devices wrote. Whole lines.</summary>
    public static void Invalidate(PhysAddr start, ulong bytes)
    {
    }

    /// <summary>Makes the CPU go past its caches for whole pages, or end that. Before, no line of them may be left: clean and invalidate.</summary>
    public static void SetUncached(PhysAddr start, ulong bytes, bool uncached)
    {
    }
}
