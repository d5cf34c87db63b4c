using System;
using System.Runtime.CompilerServices;
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
        bool taken = _memory.Pages.TryTake(0, Zone.Any, _owner, out PageRun state);
        Bug.If(!taken, "no memory for a frame pool"u8);
        state.Memory.Clear();
        _state = (FramePoolState*)state.Address;
        Own.KeepForGood(ref state);
    }

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
