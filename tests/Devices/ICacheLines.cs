namespace Sluice.Platform;

/// <summary>Caches that devices do not look into. Addresses are physical; what is asked for part of a line happens to all of it.</summary>
public interface ICacheLines
{
    /// <summary>Bytes of a line, a power of two.</summary>
    uint LineBytes { get; }

    /// <summary>Writes back what the CPU wrote, so that devices see it.</summary>
    void Clean(ulong start, ulong bytes);

    /// <summary>Forgets what the CPU has, so that it sees what devices wrote.</summary>
    void Invalidate(ulong start, ulong bytes);

    /// <summary>Makes the CPU go past its caches, or end that.</summary>
    void SetUncached(ulong start, ulong bytes, bool uncached);
}
