using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>Who may touch a mapping's memory now.</summary>
internal enum Side : byte
{
    /// <summary>Nobody: the record is free.</summary>
    None,
    Cpu,
    Device,

    /// <summary>Each of its parts is on a side of its own.</summary>
    Parts,

    /// <summary>Both at once: coherent memory.</summary>
    Shared,

    /// <summary>The device, and the checker is to see the end of its turn.</summary>
    Watched,
}

/// <summary>
/// What is known of one mapping. A device has one record for all memory that it reaches where it lies: with it, hand-overs have
/// nothing to do. All other mappings have a record of their own. In unmanaged memory; fields are written by whoever owns the handle.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Mapping
{
    /// <summary>Side, direction and family, and whether hand-overs have something to do: each tests it, so it comes first.</summary>
    public MappingKind Kind;

    /// <summary>Bytes that were mapped.</summary>
    public uint Room;

    /// <summary>Where the CPU's bytes lie.</summary>
    public ulong Memory;

    /// <summary>Where the device sees them.</summary>
    public ulong Address;

    /// <summary>What the memory goes back to, as in the handles.</summary>
    public ulong Origin;

    public StableReference<DmaDevice> Device;
    public StableReference<DmaPath> Path;

    /// <summary>Bytes that the device has now or, when they were taken back, that it wrote.</summary>
    public uint Given;

    /// <summary>Of the device's record for memory where it lies: mappings that live now.</summary>
    public ulong Live;

    /// <summary>Of a free record: the next one.</summary>
    public Mapping* Next;

    /// <summary>Of shared memory: how the CPU caches it.</summary>
    public CacheMode Cache;

    /// <summary>When it was made: the time stamp.</summary>
    public ulong Since;

    /// <summary>The bounce slots that it holds.</summary>
    public BounceArea* Area;
    public ushort FirstSlot;
    public byte SlotOrder;

    /// <summary>Whether it keeps its slots when it ends; the device takes it from a list at hand.</summary>
    public bool IsReady;

    /// <summary>A divided buffer's parts: how many, 0 for any other buffer, and bytes of each but the last, which may be shorter.</summary>
    public uint PartCount, PartBytes;

    /// <summary>Bytes that each part has at least: those of the last one.</summary>
    public uint PartLeast;

    /// <summary>Who has each part; all <see cref="PartSide.None"/> after it was joined.</summary>
    public PartSides* Sides;

    /// <summary>The checker's <see cref="CheckRecord"/>; 0 if it is off, and in free records.</summary>
    public ulong Checked;

    public readonly bool HasWork => Kind.HasWork;

    /// <summary>Whether it is somebody's mapping: neither free nor a device's record for memory where it lies.</summary>
    public readonly bool IsLive => Kind.Side != Side.None;

    public readonly DmaDirection Direction => Kind.Direction;

    /// <summary>Whether it has slots at hand and is on the CPU's side.</summary>
    public readonly bool IsIdleReady => IsReady && Kind.Side == Side.Cpu;

    /// <summary>Notes that the device has all of it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void GiveAll()
    {
        Kind.Side = Side.Device;
        Given = Room;
    }

    public Side Side
    {
        readonly get => Kind.Side;
        set => Kind.Side = value;
    }
}

/// <summary>What a mapping is, in one word that is written at once.</summary>
[StructLayout(LayoutKind.Explicit)]
internal struct MappingKind
{
    [FieldOffset(0)] private uint _word;

    /// <summary>False only in a device's record for memory where it lies. Whoever uses a free one is found out on the general way.</summary>
    [FieldOffset(0)] public bool HasWork;
    [FieldOffset(1)] public Side Side;
    [FieldOffset(2)] public DmaDirection Direction;
    [FieldOffset(3)] public DmaFamily Family;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public MappingKind(uint word)
    {
        Unsafe.SkipInit(out this);
        _word = word;
    }

    private const byte Marked = 0x80;

    /// <summary>Whether it lived at the last mark; a new mapping has a word of its own.</summary>
    public bool IsMarked
    {
        readonly get => ((byte)Family & Marked) != 0;
        set => Family = (DmaFamily)((byte)PlainFamily | (value ? Marked : 0));
    }

    /// <summary>The family, marked or not.</summary>
    public readonly DmaFamily PlainFamily => (DmaFamily)((byte)Family & ~Marked);

    /// <summary>The word of memory that both sides use.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SharedWord(DmaFamily family) => 1 | (uint)Side.Shared << 8 | (uint)DmaDirection.Both << 16 | (uint)family << 24;

    /// <summary>Of a record that nobody uses.</summary>
    public static MappingKind Ended => new(1);

    /// <summary>The word of a mapping with work, on the CPU's side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Word(DmaDirection direction, DmaFamily family) => 1 | (uint)Side.Cpu << 8 | (uint)direction << 16 | (uint)family << 24;
}

/// <summary>How a mapping came to be.</summary>
public enum DmaFamily : byte
{
    /// <summary>Memory of the caller's, mapped.</summary>
    Mapped,
    Pages,
    Noncoherent,
    Noncontiguous,
    Coherent,
    Pool,

    /// <summary>Pages without a kernel mapping.</summary>
    Hidden,

    /// <summary>Another device's registers.</summary>
    Mmio,
}
