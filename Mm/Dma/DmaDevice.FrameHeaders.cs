using System.Runtime.CompilerServices;
using System.Threading;
using Sluice.Platform;

namespace Sluice.Dma;

// Frames of devices that find a descriptor in front of the data, on the same page and, where lines move at hand-overs, on the same line.
// The frame as a whole is handed over as ever; in between, words of what lies in front of the data are looked at and written where the
// device sees them, so no line goes back and forth that was not meant. Each access is one, in program order.
public sealed unsafe partial class DmaDevice
{
    /// <summary>
    /// Reads a word that the device may write at any time, in a frame that the device has and keeps: whether it is done, most of all. The
    /// line is fetched anew where caches are not coherent; the CPU writes none of it, so that is all. Any context but interrupt handlers.
    /// </summary>
    /// <param name="given">Stays the device's.</param>
    /// <param name="before">How far before the data begins, in bytes: a multiple of 4, of the room that <see cref="Frame.Reserve"/> left.</param>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Look(in DeviceFrame given, uint before)
    {
        ulong at = HeaderAt(given.Record, before);
        if (!IsCoherent)
            CacheLines.Invalidate(LineOf(at), CacheLines.Bytes);
        return Volatile.Read(ref *(uint*)PhysicalMemory.At(new PhysAddr(at)));
    }

    /// <summary>
    /// Writes what lies right before the data of a frame that the device has, and lets the device see it. Only while the device at most
    /// reads it and writes nothing of that frame: it has not come there yet, or stops before it. Any context but interrupt handlers.
    /// </summary>
    /// <param name="given">Stays the device's.</param>
    /// <param name="header">As long as a multiple of 8 bytes, of the room that <see cref="Frame.Reserve"/> left.</param>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteHeader<THeader>(in DeviceFrame given, in THeader header) where THeader : unmanaged
    {
        ulong at = HeaderAt(given.Record, (uint)sizeof(THeader));
        *(THeader*)PhysicalMemory.At(new PhysAddr(at)) = header;
        if (!IsCoherent)
            ShowLines(at, (uint)sizeof(THeader));
    }

    /// <summary>Writes one word in front of the data, as <see cref="WriteHeader"/> does all of it; words written one by one are seen in that order.</summary>
    /// <inheritdoc cref="Look" path="/param"/>
    /// <param name="value">The word.</param>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteHeaderWord(in DeviceFrame given, uint before, uint value)
    {
        ulong at = HeaderAt(given.Record, before);
        Volatile.Write(ref *(uint*)PhysicalMemory.At(new PhysAddr(at)), value);
        if (!IsCoherent)
            ShowLines(at, sizeof(uint));
    }

    // Where the device sees it, which is memory: the frame's page, or its slot.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong HeaderAt(FrameRecord* record, uint before)
    {
        uint offset = record->Extent.Offset;
        if (before > offset)
            Bug.Stop("what lies before a frame's page was taken for its header"u8);
        return record->Address + (offset - before);
    }

    private static void ShowLines(ulong at, uint bytes)
    {
        PhysAddr first = LineOf(at);
        CacheLines.Clean(first, LineOf(at + bytes - 1).Value - first.Value + CacheLines.Bytes);
    }

    private static PhysAddr LineOf(ulong at) => new(at & ~(ulong)(CacheLines.Bytes - 1));
}
