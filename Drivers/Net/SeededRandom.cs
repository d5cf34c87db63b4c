namespace Sluice.Net;

/// <summary>Numbers that look random and are the same for the same seed: SplitMix64. Not for secrets.</summary>
public struct SeededRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        ulong value = _state += 0x9E37_79B9_7F4A_7C15;
        value = (value ^ value >> 30) * 0xBF58_476D_1CE4_E5B9;
        value = (value ^ value >> 27) * 0x94D0_49BB_1331_11EB;
        return value ^ value >> 31;
    }

    /// <summary>A number from 0 to below <paramref name="limit"/>; a little uneven for large ones.</summary>
    public uint Below(uint limit) => (uint)((Next() >> 32) * limit >> 32);
}
