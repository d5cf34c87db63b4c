using System;

namespace Sluice.Dma;

/// <summary>What the checker finds.</summary>
public enum DmaFault : byte
{
    /// <summary>A copy of a handle was used after the buffer was handed over.</summary>
    StaleHandle,

    /// <summary>A handle was used, or released again, after the buffer was released.</summary>
    UsedAfterEnd,

    /// <summary>A part of a divided buffer was used that is not there, or is on the other side.</summary>
    Part,

    /// <summary>A buffer was released as what it is not, or to a pool that it is not from.</summary>
    WrongKind,

    /// <summary>A buffer was not released when its driver let go of the device.</summary>
    Leak,

    /// <summary>The device is given more than it takes with one address, or an address beyond its mask or across its boundary.</summary>
    Limits,

    /// <summary>The same bytes were mapped twice.</summary>
    Overlap,

    /// <summary>The CPU wrote to a cache line of a buffer, beside it, while the device had it: where lines move that is lost.</summary>
    SharedLine,

    /// <summary>The CPU wrote to a buffer while the device had it.</summary>
    CpuWrite,

    /// <summary>The device wrote to a buffer that it may only read.</summary>
    DeviceWroteInput,

    /// <summary>The device wrote before or behind a buffer.</summary>
    DeviceWroteOutside,

    /// <summary>The device wrote to a buffer while the CPU had it: a hand-over is missing, or came too early.</summary>
    DeviceWroteEarly,

    /// <summary>The device wrote to memory whose buffer was released.</summary>
    DeviceWroteLate,

    /// <summary>Bytes that the device says it wrote were not written: short, elsewhere, or by fewer address bits than the mask says.</summary>
    NotWritten,

    /// <summary>The device says that it wrote more than it was given.</summary>
    Overlong,

    /// <summary>Bytes that nobody ever wrote were sent to the device.</summary>
    Uninitialised,

    /// <summary>A buffer is so large that there is no room for guards around it.</summary>
    Unguarded,
}

/// <summary>Texts of the classes.</summary>
public static class DmaFaults
{
    /// <summary>Number of classes.</summary>
    public const int Count = (int)DmaFault.Unguarded + 1;

    extension(DmaFault fault)
    {
        /// <summary>What happened, in a few words.</summary>
        public ReadOnlySpan<byte> Text => fault switch
        {
            DmaFault.StaleHandle => "a copy of a handle was used after a hand-over"u8,
            DmaFault.UsedAfterEnd => "a handle was used after the buffer was released"u8,
            DmaFault.Part => "a part was used that is not there, or on the other side"u8,
            DmaFault.WrongKind => "released as what it is not"u8,
            DmaFault.Leak => "not released"u8,
            DmaFault.Limits => "beyond what the device takes"u8,
            DmaFault.Overlap => "the same bytes are mapped twice"u8,
            DmaFault.SharedLine => "the CPU wrote beside it, on its cache line, while the device had it"u8,
            DmaFault.CpuWrite => "the CPU wrote to it while the device had it"u8,
            DmaFault.DeviceWroteInput => "the device wrote to what it may only read"u8,
            DmaFault.DeviceWroteOutside => "the device wrote outside of it"u8,
            DmaFault.DeviceWroteEarly => "the device wrote to it while the CPU had it"u8,
            DmaFault.DeviceWroteLate => "the device wrote to it after its end"u8,
            DmaFault.NotWritten => "the device did not write what it says"u8,
            DmaFault.Overlong => "the device says it wrote more than it was given"u8,
            DmaFault.Uninitialised => "bytes that nobody wrote were sent"u8,
            _ => "too large for guards"u8,
        };
    }
}
