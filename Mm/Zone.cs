namespace Sluice.Mm;

/// <summary>
/// How far up a device, or whoever asks, can reach. A request is served from its zone or a lower one, never a higher.
/// </summary>
public enum Zone : byte
{
    /// <summary>Below 16 MiB: 24 address bits.</summary>
    Dma,

    /// <summary>Below 4 GiB: 32 address bits.</summary>
    Dma32,

    /// <summary>All memory.</summary>
    Normal,

    /// <summary>All memory, said by those who do not care.</summary>
    Any = Normal,
}

/// <summary>Where the zones end. Both ends are multiples of the largest run, so no run is in two zones.</summary>
internal static class Zones
{
    public const int Count = 3;

    /// <summary>First frame after <see cref="Zone.Dma"/>.</summary>
    public const uint DmaEnd = 16 << (20 - 12);

    /// <summary>First frame after <see cref="Zone.Dma32"/>.</summary>
    public const uint Dma32End = 1 << (32 - 12);

    /// <summary>The zone that a frame is in.</summary>
    public static Zone Of(uint frame) => frame < DmaEnd ? Zone.Dma : frame < Dma32End ? Zone.Dma32 : Zone.Normal;

    /// <summary>First frame after a zone.</summary>
    public static uint End(Zone zone) => zone switch { Zone.Dma => DmaEnd, Zone.Dma32 => Dma32End, _ => MemoryMap.FrameLimit };
}
