using System.Runtime.CompilerServices;
using Sluice.Mm;

namespace Sluice.Dma;

/// <summary>
/// The end of buffers, from the CPU's side. It does not matter whether they were mapped or allocated. Any context but interrupt handlers.
/// </summary>
[OwnershipInternals("here handles end")]
public static unsafe class Release
{
    /// <summary>Ends the mapping and gives the pages back to the caller. Stops the machine if the buffer is no page run.</summary>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PageRun Unmap<TDirection>(this ref CpuBuffer<TDirection> buffer) where TDirection : struct, IDirection
    {
        Mapping* mapping = buffer.Mapping;
        ulong origin = buffer.Origin;
        buffer = default;
        if (mapping->Kind.HasWork)
            DmaDevice.CloseRun(mapping, origin);
        else
            mapping->Live = mapping->Live - 1;
        return new PageRun(origin);
    }

    /// <summary>Ends the mapping and gives the block back to the caller. Stops the machine if the buffer is no block.</summary>
    [NotInInterrupt]
    public static SlabBlock UnmapBlock<TDirection>(this ref CpuBuffer<TDirection> buffer) where TDirection : struct, IDirection
    {
        Mapping* mapping = buffer.Mapping;
        ulong origin = buffer.Origin;
        buffer = default;
        if (!mapping->HasWork || !SlabBlock.IsOrigin(origin))
            Misuse.NotBlock(mapping);
        ulong memory = mapping->Memory;
        DmaDevice.Close(mapping, origin);
        return SlabBlock.From(memory, origin);
    }

    /// <summary>Ends the mapping and frees the memory, wherever it came from.</summary>
    [NotInInterrupt]
    public static void Free<TDirection>(this ref CpuBuffer<TDirection> buffer) where TDirection : struct, IDirection
    {
        Mapping* mapping = buffer.Mapping;
        ulong origin = buffer.Origin;
        buffer = default;
        DmaDevice.FreeBuffer(mapping, origin);
    }
}
