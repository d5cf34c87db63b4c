using System.Runtime.CompilerServices;
using System.Threading;
using Sluice.Platform;

namespace Sluice.Dma;

// Frames of devices that find a descriptor in front of the data: on the same page and, where lines move at hand-overs, on the same line.
// The frame as a whole is handed over as ever; while the device has it, words of what Frame.Reserve left room for are looked at and
// written where the device sees them, so no line goes back and forth that was not meant. Each access is one, in program order.
public sealed unsafe partial class DmaDevice
{
    /// <summary>
    /// Reads a word that the device may write at any time, in a frame that the device has and keeps: whether it is done, most of all. The
    /// line is fetched anew where caches are not coherent; the CPU writes none of it meanwhile, so that is all. Any context but interrupt
    /// handlers.
    /// </summary>
    /// <param name="given">Stays the device's.</param>
    /// <param name="offset">From the page's start: a multiple of 4.</param>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Look(in DeviceFrame given, uint offset)
    {
        ulong at = HeaderAt(given, offset, sizeof(uint));
        if (!IsCoherent)
            CacheLines.Invalidate(LineOf(at), CacheLines.Bytes);
        DeviceTurn.BeforeRead();
        return Volatile.Read(ref *(uint*)PhysicalMemory.At(new PhysAddr(at)));
    }

    /// <summary>As <see cref="Look(in DeviceFrame, uint)"/>, of two words of one cache line, the first first.</summary>
    /// <inheritdoc cref="Look(in DeviceFrame, uint)" path="/param"/>
    /// <param name="then">The other's place, in the same 32 bytes.</param>
    /// <param name="other">The other word.</param>
    [NotInInterrupt]
    public uint Look(in DeviceFrame given, uint offset, uint then, out uint other)
    {
        uint word = Look(in given, offset);
        other = Volatile.Read(ref *(uint*)PhysicalMemory.At(new PhysAddr(HeaderAt(given, then, sizeof(uint)))));
        return word;
    }

    /// <summary>
    /// Writes what lies in front of the data of a frame that the device has, and lets the device see it. Only while the device at most
    /// reads it and writes nothing of that frame: it has not come there yet, or stops before it. Any context but interrupt handlers.
    /// </summary>
    /// <param name="given">Stays the device's.</param>
    /// <param name="header">All of it; from the page's start on.</param>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteHeader<THeader>(in DeviceFrame given, THeader header) where THeader : unmanaged
    {
        ulong at = HeaderAt(given, 0, (uint)sizeof(THeader));
        *(THeader*)PhysicalMemory.At(new PhysAddr(at)) = header;
        if (!IsCoherent)
            ShowLines(at, (uint)sizeof(THeader));
    }

    /// <summary>Writes one word as <see cref="WriteHeader"/> does all; words written one by one are seen in that order.</summary>
    /// <inheritdoc cref="Look(in DeviceFrame, uint)" path="/param"/>
    /// <param name="value">The word.</param>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteHeaderWord(in DeviceFrame given, uint offset, uint value)
    {
        ulong at = HeaderAt(given, offset, sizeof(uint));
        Volatile.Write(ref *(uint*)PhysicalMemory.At(new PhysAddr(at)), value);
        if (!IsCoherent)
            ShowLines(at, sizeof(uint));
    }

    /// <summary>Writes two words of one cache line; the device sees both, or the first, or none yet.</summary>
    /// <inheritdoc cref="WriteHeaderWord" path="/param"/>
    /// <param name="then">The other's place, in the same 32 bytes.</param>
    /// <param name="other">The other word.</param>
    [NotInInterrupt]
    public void WriteHeaderWords(in DeviceFrame given, uint offset, uint value, uint then, uint other)
    {
        Volatile.Write(ref *(uint*)PhysicalMemory.At(new PhysAddr(HeaderAt(given, offset, sizeof(uint)))), value);
        WriteHeaderWord(in given, then, other);
    }

    // Where the device sees it, which is memory: the frame's page, or its slot.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong HeaderAt(in DeviceFrame given, uint offset, uint bytes)
    {
        // Offsets are constants, and so is this.
        if (offset + bytes > BounceArea.SlotBytes)
            Bug.Stop("the header of a frame is behind its page's first half"u8);
        return given.Record->Address + offset;
    }

    private static void ShowLines(ulong at, uint bytes)
    {
        PhysAddr first = LineOf(at);
        CacheLines.Clean(first, LineOf(at + bytes - 1).Value - first.Value + CacheLines.Bytes);
    }

    private static PhysAddr LineOf(ulong at) => new(at & ~(ulong)(CacheLines.Bytes - 1));
}
