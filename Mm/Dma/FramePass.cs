using System.Runtime.CompilerServices;
using System.Threading;
using Sluice.Platform;

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

    /// <summary>
    /// Reads a word in front of the data of a frame that the device has. Where <see cref="TryExchange"/> has frames to exchange this is
    /// all that there is to <see cref="DmaDevice.Look(in DeviceFrame, uint)"/>; elsewhere it may see what the CPU wrote there last. Any context but interrupt handlers.
    /// </summary>
    /// <param name="given">Stays the device's.</param>
    /// <param name="offset">From the page's start: a multiple of 4, in the room that <see cref="Frame.Reserve"/> left.</param>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Read(in DeviceFrame given, uint offset) => Volatile.Read(ref *(uint*)At(given, offset));

    /// <summary>
    /// Writes what lies in front of the data of a frame that the device has, as <see cref="DmaDevice.WriteHeader"/> does. Only after
    /// <see cref="TryExchange"/> has worked with a frame of this device: then lines need not be shown to it. Any context but interrupt handlers.
    /// </summary>
    /// <param name="given">Stays the device's.</param>
    /// <param name="offset">From the page's start.</param>
    /// <param name="value">Of at most 8 bytes if the device may look at it meanwhile: then it is one access.</param>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write<T>(in DeviceFrame given, uint offset, T value) where T : unmanaged => *(T*)At(given, offset) = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* At(in DeviceFrame given, uint offset) => PhysicalMemory.At(new PhysAddr(given.Record->Address + offset));

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
