namespace Sluice.FireWire.Simulation;

/// <summary>Chance that repeats: the same seed, the same numbers, in every version of .NET. Source: Vigna, SplitMix64.</summary>
public sealed class SeededRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong mixed = (_state ^ (_state >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>A number below a bound.</summary>
    public int Below(int bound) => (int)(Next() % (ulong)bound);

    public bool Coin() => (Next() >> 63) != 0;
}
