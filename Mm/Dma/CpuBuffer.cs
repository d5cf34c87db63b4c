using System;
using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// A buffer of one device that the CPU owns: bytes, no address. <see cref="HandOver"/> gives it to the device, <see cref="Release"/>
/// ends it; each empties the handle. Do not copy it.
/// </summary>
/// <typeparam name="TDirection"><see cref="ToDevice"/>, <see cref="FromDevice"/> or <see cref="Both"/>.</typeparam>
[NonCopyable]
public unsafe struct CpuBuffer<TDirection> where TDirection : struct, IDirection
{
    // What the memory goes back to: a page run's value, or 0 if the record says it. A buffer that the device reaches where it
    // lies has no record of its own, so these four are all there is: they fit in registers.
    internal ulong Origin;
    internal uint Room;
    internal uint Valid;
    internal Mapping* Mapping;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty => Mapping == null;

    /// <summary>Bytes that were mapped or allocated.</summary>
    public readonly uint Capacity => Room;

    // What the device says it wrote, but no more than it had.
    internal readonly uint Written
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Math.Min(Valid, Mapping->HasWork ? Mapping->Given : Room);
    }

    internal readonly byte* Start
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PhysicalMemory.At(new PhysAddr(Mapping->HasWork ? Mapping->Memory : Origin >> 32 << 12));
    }
}

/// <summary>A buffer that the device owns: an address, no bytes. <see cref="HandOver"/> takes it back. Do not copy it.</summary>
/// <typeparam name="TDirection">As of the <see cref="CpuBuffer{TDirection}"/> that it was.</typeparam>
[NonCopyable]
public unsafe struct DeviceBuffer<TDirection> where TDirection : struct, IDirection
{
    internal ulong Origin;
    internal uint Room;
    internal uint Given;
    internal Mapping* Mapping;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty => Mapping == null;

    /// <summary>What to tell the device.</summary>
    public readonly DmaAddr Address
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Mapping->HasWork ? Mapping->Address : Origin >> 32 << 12);
    }

    /// <summary>Bytes that the device may read or write from there on.</summary>
    public readonly uint Length => Given;
}

/// <summary>
/// The bytes of buffers: what the direction allows, and no more. They must not be used after the buffer was handed over or released.
/// </summary>
public static unsafe class BufferBytes
{
    extension(in CpuBuffer<ToDevice> buffer)
    {
        /// <summary>All <see cref="CpuBuffer{T}.Capacity"/> bytes; zero when allocated, as they were when mapped.</summary>
        public Span<byte> Bytes => new(buffer.Start, (int)buffer.Room);
    }

    extension(in CpuBuffer<Both> buffer)
    {
        /// <summary>All <see cref="CpuBuffer{T}.Capacity"/> bytes; the device wrote the first <c>WrittenBytes</c>.</summary>
        public Span<byte> Bytes => new(buffer.Start, (int)buffer.Room);

        /// <summary>Bytes that the device wrote, as was said when the buffer was taken back.</summary>
        public uint WrittenBytes => buffer.Written;
    }

    extension(in CpuBuffer<FromDevice> buffer)
    {
        /// <summary>What the device wrote, as long as was said when the buffer was taken back; nothing before.</summary>
        public ReadOnlySpan<byte> Bytes => new(buffer.Start, (int)buffer.Written);
    }
}
