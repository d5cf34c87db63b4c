using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// Neighbouring parts of a divided buffer that the CPU has, taken and given back as one: a row of descriptors.
/// <see cref="PartRows.GiveParts"/> ends it. Do not copy it.
/// </summary>
[NonCopyable]
public unsafe struct BufferParts<TDirection> where TDirection : struct, IDirection
{
    internal Mapping* Mapping;
    internal byte* Start;
    internal uint First, Length;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty => Mapping == null;

    /// <summary>How many parts.</summary>
    public readonly int Count => (int)Length;

    /// <summary>Bytes from one part to the next.</summary>
    public readonly nint Stride => (nint)Mapping->PartBytes;
}

/// <summary>
/// Rows of parts. Each part changes sides as it does alone; where hand-overs have nothing to do, eight of them at a time. Any context but
/// interrupt handlers.
/// </summary>
[OwnershipInternals("here a handle becomes another")]
public static unsafe class PartRows
{
    // A side in each byte.
    private const ulong Eight = 0x0101_0101_0101_0101;

    extension(in BufferParts<Both> row)
    {
        /// <summary>
        /// The front of a part as a descriptor, by its place in the row. The machine stops if there is no such part, or some part of the
        /// buffer is shorter. Not to be used after the row was given back.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ref T As<T>(int index) where T : unmanaged
        {
            Mapping* mapping = row.Mapping;
            if ((uint)index >= row.Length || (uint)sizeof(T) > mapping->PartLeast)
                Bug.Stop("a part that is not in the row, or too short for what it was taken for"u8);
            return ref *(T*)(row.Start + (uint)index * (ulong)mapping->PartBytes);
        }
    }

    /// <summary>
    /// Takes parts to be written: what the device wrote there is not wanted. The machine stops if the CPU has one already, or there are not so many.
    /// </summary>
    /// <param name="divided">Keeps the other parts.</param>
    /// <param name="first">Which, from 0.</param>
    /// <param name="count">How many, at least one.</param>
    public static BufferParts<Both> TakeParts(this in DividedBuffer<Both> divided, int first, int count)
    {
        Mapping* mapping = divided.Mapping;
        if ((uint)first >= mapping->PartCount || (uint)(count - 1) >= mapping->PartCount - (uint)first)
            Bug.Stop("a row of parts that are not all there"u8);
        byte* side = mapping->Sides->Of + first, end = side + count;
        while (end - side >= 8 && *(ulong*)side == Eight * (byte)PartSide.Device)
        {
            *(ulong*)side = Eight * (byte)PartSide.Cpu;
            side += 8;
        }
        for (; side != end; side++)
        {
            BufferPart<Both> part = divided.TakePart((int)(side - mapping->Sides->Of), written: 0);
            Own.KeepForGood(ref part);
        }
        BufferParts<Both> row;
        row.Mapping = mapping;
        row.Start = PhysicalMemory.At(new PhysAddr(mapping->Memory + (uint)first * (ulong)mapping->PartBytes));
        row.First = (uint)first;
        row.Length = (uint)count;
        return row;
    }

    /// <summary>
    /// Gives a row of parts back to the device, with whatever the path needs, and empties the handle. The machine stops if they are of
    /// another buffer, or one is with the device already.
    /// </summary>
    public static void GiveParts(this in DividedBuffer<Both> divided, ref BufferParts<Both> row)
    {
        Mapping* mapping = divided.Mapping;
        if (row.Mapping != mapping)
            Parts.NotOfBuffer(mapping, row.Mapping, row.First);
        byte* side = mapping->Sides->Of + row.First, end = side + row.Length;
        row = default;
        while (end - side >= 8 && *(ulong*)side == Eight * (byte)PartSide.Cpu)
        {
            *(ulong*)side = Eight * (byte)PartSide.Device;
            side += 8;
        }
        for (; side != end; side++)
        {
            BufferPart<Both> part = default;
            part.Mapping = mapping;
            part.Index = (uint)(side - mapping->Sides->Of);
            divided.GivePart(ref part);
        }
    }
}
