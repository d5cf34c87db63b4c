using System;
using System.Runtime.InteropServices;
using Sluice.Platform;

namespace Sluice.Mm;

/// <summary>
/// What is kept for each page: 4 bytes; with <see cref="Chunk"/> that makes 4.4 bytes a page. Only the first page of
/// a run in use has <see cref="InUse"/> set, so any page tells whether a run starts there.
/// </summary>
[StructLayout(LayoutKind.Explicit)]
internal struct Page
{
    /// <summary>Bits 3:0 order, 5:4 zone of the run that starts here, while in use.</summary>
    public const uint IndexMask = 0x3F;

    public const uint OrderMask = 0xF;

    public const int ZoneShift = 4;

    /// <summary>A run that was handed out starts here.</summary>
    public const uint InUse = 1 << 6;

    /// <summary>
    /// Bits 15:7 differ each time a run is handed out, so that a stale copy of a handle is told from the present one.
    /// </summary>
    public const int GenerationShift = 7;

    /// <summary>State of a page that holds the poison pattern; it is not in use then.</summary>
    public const ushort Poisoned = 1;

    /// <summary>All of it: what the handle of the run that starts here has, too.</summary>
    [FieldOffset(0)] public uint Word;

    /// <summary>The bits above. 0 for a page where no run starts.</summary>
    [FieldOffset(0)] public ushort State;

    /// <summary>Id of the <see cref="OwnerTag"/>, the last one's when not in use.</summary>
    [FieldOffset(2)] public ushort Owner;
}

/// <summary>
/// What is kept for 64 consecutive pages. Runs of up to 32 pages come from the bits of <see cref="Free"/>; whole chunks
/// are the unit of larger ones. So the six lowest levels of the buddy system are one word, and merging in it is free.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Chunk
{
    /// <summary>Pages of a chunk, as a power of two; the order of a chunk that is free as a whole.</summary>
    public const int Order = 6;

    /// <summary>A link that leads nowhere.</summary>
    public const uint None = uint.MaxValue;

    /// <summary>A bit for each free page, while some but not all are free. 0 while the chunk is part of a larger run.</summary>
    public ulong Free;

    /// <summary>Neighbours in the free list, by chunk number.</summary>
    public uint Next, Previous;

    /// <summary>
    /// 0 if in no free list, else 1 + the list's order: that of the largest run which can be taken from this chunk, or,
    /// from <see cref="Order"/> on, that of the free block which starts with it.
    /// </summary>
    public byte List;
}

/// <summary>
/// Where metadata is found. Memory is cut into sections of 64 MiB. A section's metadata lies in that section itself and
/// is written only when the section is first taken from.
/// </summary>
internal unsafe struct SectionTable(byte* memory, uint count)
{
    /// <summary>Pages of a section, as a power of two.</summary>
    public const int Order = 14;

    /// <summary>Pages of a section.</summary>
    public const uint Frames = 1 << Order;

    private const int ChunkShift = Order - Chunk.Order;

    /// <summary>For each section where the metadata of its pages is, biased to be indexed by frame; null if it is not open.</summary>
    public readonly Page** Pages = (Page**)memory;

    /// <summary>The same for chunks.</summary>
    public readonly Chunk** Chunks = (Chunk**)(memory + count * (ulong)sizeof(Page*));

    /// <summary>Number of sections, up to the highest page.</summary>
    public readonly ulong Count = count;

    /// <summary>Bytes of a section's metadata.</summary>
    public static uint MetadataBytes => Frames * (uint)sizeof(Page) + (Frames >> Chunk.Order) * (uint)sizeof(Chunk);

    /// <summary>Pages that a section's metadata takes: 18.</summary>
    public static uint MetadataFrames => (MetadataBytes + (uint)PhysAddr.PageSize - 1) / (uint)PhysAddr.PageSize;

    /// <summary>Bytes of cleared memory that a table needs.</summary>
    public static ulong Bytes(uint count) => count * (ulong)(sizeof(Page*) + sizeof(Chunk*));

    /// <summary>The metadata of a page in an open section.</summary>
    public readonly Page* PageAt(uint frame) => Pages[frame >> Order] + frame;

    /// <summary>The metadata of a chunk in an open section.</summary>
    public readonly Chunk* ChunkAt(uint number) => Chunks[number >> ChunkShift] + number;

    /// <summary>Whether a section's metadata has been laid out.</summary>
    public readonly bool IsOpen(uint section) => section < Count && Pages[section] != null;

    /// <summary>Clears memory for a section's metadata and enters it in the table.</summary>
    public readonly void Open(uint section, byte* metadata)
    {
        new Span<byte>(metadata, (int)MetadataBytes).Clear();
        Pages[section] = (Page*)metadata - ((nint)section << Order);
        Chunks[section] = (Chunk*)(metadata + Frames * (uint)sizeof(Page)) - ((nint)section << ChunkShift);
    }
}
