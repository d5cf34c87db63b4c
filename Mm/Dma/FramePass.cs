using System.Runtime.CompilerServices;

namespace Sluice.Dma;

/// <summary>
/// The short way between a device and a pool, for loops that are to call nothing and stay in registers: only frames whose hand-over has
/// nothing to do take it. For all others it does nothing and says so: then <see cref="DmaDevice"/>'s way is to be taken.
/// </summary>
public readonly unsafe struct FramePass
{
    private readonly Mapping* _passing;
    private readonly FramePoolState* _pool;

    internal FramePass(Mapping* passing, FramePoolState* pool)
    {
        _passing = passing;
        _pool = pool;
    }

    /// <summary>Gives a frame to the device, to be sent or filled. Any context but interrupt handlers.</summary>
    /// <param name="frame">Emptied if it succeeds.</param>
    /// <param name="given">Empty if it fails.</param>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [OwnershipInternals("here a handle becomes another")]
    public bool TryGive(ref Frame frame, out DeviceFrame given)
    {
        FrameRecord* record = frame.Record;
        if (record->Mapping != _passing)
        {
            given = default;
            return false;
        }
        frame.Record = null;
        given = new DeviceFrame(record);
        return true;
    }

    /// <summary>
    /// Takes a frame that the device filled, and gives it one of the pool in its place. False also if none is at hand. Any context but
    /// interrupt handlers.
    /// </summary>
    /// <param name="slot">The filled one, then the other.</param>
    /// <param name="written">Bytes, no more than there was room for.</param>
    /// <param name="filled">Empty if it fails.</param>
    /// <param name="reserve">How far behind its page's start the other's data will begin.</param>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [OwnershipInternals("here handles become others")]
    public bool TryExchange(ref DeviceFrame slot, uint written, out Frame filled, uint reserve = 0)
    {
        FrameRecord* fresh = _pool->Free, record = slot.Record;
        if (fresh == null || fresh->Mapping != _passing || record->Mapping != _passing)
        {
            filled = default;
            return false;
        }
        _pool->Free = fresh->Next;
        _pool->FreeCount = _pool->FreeCount - 1;
        // The data's beginning is the lowest part of it.
        *(ulong*)&fresh->Extent = reserve;
        slot.Record = fresh;
        record->Extent.Length = (ushort)written;
        filled = new Frame(record);
        return true;
    }
}
