using System;

namespace Sluice.Dma;

/// <summary>What people call families and directions.</summary>
public static class DmaNames
{
    extension(DmaFamily family)
    {
        /// <summary>Two words at most.</summary>
        public ReadOnlySpan<byte> Text => family switch
        {
            DmaFamily.Mapped => "mapped memory"u8,
            DmaFamily.Pages => "pages"u8,
            DmaFamily.Noncoherent => "noncoherent"u8,
            DmaFamily.Noncontiguous => "noncontiguous"u8,
            DmaFamily.Coherent => "coherent"u8,
            DmaFamily.Pool => "pool"u8,
            DmaFamily.Hidden => "hidden pages"u8,
            _ => "registers"u8,
        };
    }

    extension(DmaDirection direction)
    {
        /// <summary>Two words.</summary>
        public ReadOnlySpan<byte> Text => direction switch
        {
            DmaDirection.ToDevice => "to device"u8,
            DmaDirection.FromDevice => "from device"u8,
            _ => "both ways"u8,
        };
    }
}
