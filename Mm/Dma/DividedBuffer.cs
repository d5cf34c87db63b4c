using System;
using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// A buffer in parts of equal size, each on a side of its own: rings of frames in one allocation, receive buffers that fill page by page.
/// <see cref="Parts.TryDivide"/> makes it of a buffer that the device has; <see cref="Parts.Join"/> makes it whole again. Do not copy it.
/// </summary>
/// <typeparam name="TDirection">As of the buffer that it was.</typeparam>
[NonCopyable]
public unsafe struct DividedBuffer<TDirection> where TDirection : struct, IDirection
{
    internal Mapping* Mapping;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty => Mapping == null;

    /// <summary>Number of parts.</summary>
    public readonly int Count => (int)Mapping->PartCount;

    /// <summary>Bytes of each part but the last, which may be shorter.</summary>
    public readonly uint PartBytes => Mapping->PartBytes;

    /// <summary>
    /// Where the device sees a part that it has. The machine stops if the CPU has it, or there is none of that number: no descriptor may
    /// lead there.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly DmaAddr AddressOf(int index)
    {
        Mapping* mapping = Mapping;
        if ((uint)index >= Parts.Most || mapping->Sides->Of[index] < (byte)PartSide.Device)
            Parts.NotWithDevice(mapping, index);
        return new DmaAddr(mapping->Address + (uint)index * (ulong)mapping->PartBytes);
    }

    /// <summary>
    /// Reads a word that the device may write at any time, in a part that the device has and keeps: whether it is done, most of all. The
    /// line is fetched anew where caches are not coherent; the CPU writes none of it meanwhile, so that is all. The machine stops if the
    /// CPU has the part, or there is none of that number. Any context but interrupt handlers.
    /// </summary>
    /// <param name="index">Which part.</param>
    /// <param name="offset">From its start: a multiple of 4, within the shortest part.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly uint Look(int index, uint offset)
    {
        Mapping* mapping = Mapping;
        if ((uint)index >= Parts.Most || mapping->Sides->Of[index] < (byte)PartSide.Device || offset + sizeof(uint) > mapping->PartLeast)
            Parts.NotWithDevice(mapping, index);
        // Where the device sees it, which is memory: the part itself, or its slot.
        ulong at = mapping->Address + (uint)index * (ulong)mapping->PartBytes + offset;
        if (Parts.LinesMove)
            CacheLines.Invalidate(new PhysAddr(at & ~(ulong)(CacheLines.Bytes - 1)), CacheLines.Bytes);
        DeviceTurn.BeforeRead();
        return System.Threading.Volatile.Read(ref *(uint*)PhysicalMemory.At(new PhysAddr(at)));
    }

    /// <summary>Bytes that the device may read or write from <see cref="AddressOf"/> on.</summary>
    public readonly uint LengthOf(int index) => Parts.Length(Mapping, (uint)index);

    /// <summary>
    /// Gives a part back to the device, with whatever direction and path need, and empties the handle. The machine stops if the part is of
    /// another buffer or is with the device already. Any context but interrupt handlers.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [OwnershipInternals("here the handle ends")]
    public readonly void GivePart(ref BufferPart<TDirection> part)
    {
        Mapping* mapping = Mapping;
        uint index = part.Index;
        bool isMine = part.Mapping == mapping;
        // Whoever has the handle has an index that was checked when the part was taken.
        if (isMine && mapping->Sides->Of[index] == (byte)PartSide.Cpu)
        {
            part = default;
            mapping->Sides->Of[index] = (byte)PartSide.Device;
            return;
        }
        Mapping* of = part.Mapping;
        part = default;
        Parts.MoveToDevice(mapping, of, index);
    }
}

/// <summary>
/// A part of a divided buffer that the CPU has: bytes, no address. <see cref="DividedBuffer{T}.GivePart"/> ends it. Do not copy it.
/// </summary>
[NonCopyable]
public unsafe struct BufferPart<TDirection> where TDirection : struct, IDirection
{
    internal Mapping* Mapping;
    internal uint Index;
    internal uint Valid;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty => Mapping == null;

    /// <summary>Its place among the parts.</summary>
    public readonly int Number => (int)Index;

    internal readonly uint Room => Parts.Length(Mapping, Index);

    internal readonly uint Written => Math.Min(Valid, Room);

    internal readonly byte* Start
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PhysicalMemory.At(new PhysAddr(Mapping->Memory + Index * (ulong)Mapping->PartBytes));
    }
}

/// <summary>
/// The bytes of parts: what the direction allows, and no more. They must not be used after the part was given back.
/// </summary>
public static unsafe class PartBytes
{
    extension(in BufferPart<ToDevice> part)
    {
        /// <summary>All of the part.</summary>
        public Span<byte> Bytes => new(part.Start, (int)part.Room);
    }

    extension(in BufferPart<Both> part)
    {
        /// <summary>All of the part; the device wrote the first <c>WrittenBytes</c>.</summary>
        public Span<byte> Bytes => new(part.Start, (int)part.Room);

        /// <summary>Bytes that the device wrote, as was said when the part was taken.</summary>
        public uint WrittenBytes => part.Written;

        /// <summary>
        /// The front of the part as a descriptor. The machine stops if some part is shorter. Not to be used after the part was given back.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ref T As<T>() where T : unmanaged
        {
            if ((uint)sizeof(T) > part.Mapping->PartLeast)
                Bug.Stop("a part of a divided buffer is too short for what it was taken for"u8);
            return ref *(T*)part.Start;
        }
    }

    extension(in BufferPart<FromDevice> part)
    {
        /// <summary>What the device wrote, as long as was said when the part was taken.</summary>
        public ReadOnlySpan<byte> Bytes => new(part.Start, (int)part.Written);
    }
}
