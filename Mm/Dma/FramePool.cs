using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// The frames that wander between devices, drivers and whoever uses them: a page each, zeroed once, low enough for the cards that are
/// to reach it without bouncing. It grows up to a limit and does not shrink. Any context but interrupt handlers; one CPU at a time.
/// </summary>
public sealed unsafe class FramePool
{
    // A page of records.
    private const int GrowthFrames = (int)PhysAddr.PageSize / FrameRecord.Bytes;

    private readonly DmaMemory _memory;
    private readonly FramePoolState* _state;
    private readonly ulong _mask;
    private readonly OwnerTag _owner;

    /// <summary>Makes a pool; only while the kernel starts. Takes no memory for frames yet.</summary>
    /// <param name="system">Whose memory it takes.</param>
    /// <param name="most">Frames at most.</param>
    /// <param name="addressBits">24 to 64: no frame lies above these. Cards with fewer bits have theirs bounced.</param>
    public FramePool(DmaSystem system, int most, int addressBits = 32)
    {
        Bug.If(addressBits is < 24 or > 64, "a frame pool below impossible address bits"u8);
        Bug.If(sizeof(FrameRecord) > FrameRecord.Bytes, "a frame's record outgrew its cache line"u8);
        _memory = system.Memory;
        _mask = ulong.MaxValue >> (64 - addressBits);
        _owner = OwnerTag.Register("frames"u8);
        Most = most;
        system.NoteFrames(_mask);
        bool taken = _memory.Pages.TryTake(0, Zone.Any, _owner, out PageRun state);
        Bug.If(!taken, "no memory for a frame pool"u8);
        state.Memory.Clear();
        _state = (FramePoolState*)state.Address;
        Own.KeepForGood(ref state);
    }

    internal FramePoolState* State => _state;

    /// <summary>Frames at most.</summary>
    public int Most { get; }

    /// <summary>Frames that there are now.</summary>
    public int Total { get; private set; }

    /// <summary>Of these, free ones.</summary>
    public int FreeCount => (int)_state->FreeCount;

    /// <summary>Frames that somebody has.</summary>
    public int Used => Total - FreeCount;

    /// <summary>Frames that were wanted when there were none.</summary>
    public ulong Refused { get; private set; }

    /// <summary>
    /// Takes a frame without data, its bytes whatever they were. False, and counted, if the limit is reached or no memory is free.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [NotInInterrupt]
    public bool TryTake(out Frame frame)
    {
        FramePoolState* state = _state;
        FrameRecord* record = state->Free;
        if (record == null && (record = Grow()) == null)
        {
            frame = default;
            return false;
        }
        state->Free = record->Next;
        state->FreeCount = state->FreeCount - 1;
        record->Extent = default;
        frame = new Frame(record);
        return true;
    }

    /// <summary>Takes as many frames as there are empty handles, or as can be had, each with so many bytes of data, whatever they are.</summary>
    /// <returns>How many were filled, from the front.</returns>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Take(Span<Frame> frames, uint length)
    {
        if (length > Frame.PageBytes)
            Bug.Stop("frames longer than their pages were wanted"u8);
        // All that is known of each, in one word: its length.
        ulong extent = (ulong)length << 16;
        FramePoolState* state = _state;
        FrameRecord* free = state->Free;
        ref Frame at = ref MemoryMarshal.GetReference(frames);
        ref Frame end = ref Unsafe.Add(ref at, frames.Length);
        while (Unsafe.IsAddressLessThan(ref at, ref end) && free != null)
        {
            *(ulong*)&free->Extent = extent;
            at.Record = free;
            free = free->Next;
            at = ref Unsafe.Add(ref at, 1);
        }
        state->Free = free;
        var count = (int)((uint)Unsafe.ByteOffset(ref MemoryMarshal.GetReference(frames), ref at) / (uint)sizeof(Frame));
        state->FreeCount = state->FreeCount - (uint)count;
        return count == frames.Length ? count : TakeMore(frames, count, length);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int TakeMore(Span<Frame> frames, int count, uint length)
    {
        for (; count < frames.Length && TryTake(out Frame frame); count++)
        {
            frame.SetLength(length);
            frames[count] = Own.Move(ref frame);
        }
        return count;
    }

    // The first of some free frames more; null if there are none to be had.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [OwnershipInternals("pages become frames' and stay theirs")]
    private FrameRecord* Grow()
    {
        int count = Math.Min(GrowthFrames, Most - Total);
        if (count > 0 && _memory.Pages.TryTake(0, Zone.Any, _owner, out PageRun records))
        {
            records.Memory.Clear();
            int made = 0;
            for (; made < count && _memory.TryTake(0, _mask, _owner, out PageRun page); made++)
            {
                page.Memory.Clear();
                FrameRecord* record = (FrameRecord*)records.Address + made;
                record->Origin = page.Value;
                record->Pool = _state;
                record->Next = _state->Free;
                _state->Free = record;
            }
            if (made == 0)
                _memory.Give(ref records);
            Total += made;
            _state->FreeCount += (uint)made;
        }
        if (_state->Free == null)
            Refused++;
        return _state->Free;
    }
}
