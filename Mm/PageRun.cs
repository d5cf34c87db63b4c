using System;
using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Mm;

/// <summary>
/// The handle of 2^order consecutive pages, aligned to their size, that the page allocator handed out. Whoever has it
/// owns them, and gives them back with it once; <see cref="Pages.Give"/> empties it. A copy that
/// is given, too, stops the machine.
/// </summary>
[NonCopyable]
public readonly unsafe struct PageRun
{
    // Bits 63:32 number of the first page; 31:0 what Page.Word of that page is while this run is in use. 0 if empty.
    private readonly ulong _value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal PageRun(ulong value) => _value = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal PageRun(uint frame, uint word) => _value = (ulong)frame << 32 | word;

    internal ulong Value
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _value;
    }

    internal uint Word
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (uint)_value;
    }

    /// <summary>Number of the first page.</summary>
    public uint Frame
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (uint)(_value >> 32);
    }

    /// <summary>Whether it holds no pages.</summary>
    public bool IsEmpty => _value == 0;

    /// <summary>Where the run starts in physical memory.</summary>
    public PhysAddr Start => PhysAddr.FromFrame(_value >> 32);

    /// <summary>The number of pages as a power of two.</summary>
    public int Order => (int)(_value & Page.OrderMask);

    /// <summary>The zone it came from.</summary>
    public Zone Zone => (Zone)((_value & Page.IndexMask) >> Page.ZoneShift);

    /// <summary>On whose behalf it is held.</summary>
    public OwnerTag Owner => OwnerTag.FromId((int)((uint)_value >> 16));

    /// <summary>Bytes in the run; 0 if it is empty.</summary>
    public ulong Bytes => IsEmpty ? 0 : PhysAddr.PageSize << Order;

    /// <summary>The CPU's pointer to the first byte.</summary>
    public byte* Address
    {
        get
        {
            Bug.If(IsEmpty, "the memory of an empty page run"u8);
            return PhysicalMemory.At(Start);
        }
    }

    /// <summary>The run's memory. Not zeroed when taken. Must not be used after the run is given back.</summary>
    public Span<byte> Memory => new(Address, (int)Bytes);
}
