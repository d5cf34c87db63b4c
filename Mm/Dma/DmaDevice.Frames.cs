using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

// Hand-overs of frames. Devices that reach all frames where they lie, with nothing to do at hand-overs, have one record in common: a frame
// that one of them had changes sides by a comparison with that, also from one to another. All other frames are mapped when they are given and
// unmapped when they are taken, by the path that serves them.
public sealed unsafe partial class DmaDevice
{
    // What a frame's record names while hand-overs have nothing to do: the common record, or the device's own.
    private Mapping* _passing;

    /// <summary>The short way for frames that go over with nothing to do, and whose like is in a pool. Good until its driver changes the masks.</summary>
    public FramePass PassWith(FramePool pool) => new(_passing, pool.State);

    /// <summary>
    /// Gives a frame to the device to be sent, with the data that it has. Of a packet in parts, this part: take the rest off first. Any
    /// context but interrupt handlers.
    /// </summary>
    /// <param name="frame">Emptied if it succeeds.</param>
    /// <param name="given">Empty if it fails.</param>
    /// <param name="method">For the checker's reports, as <paramref name="line"/>: the compiler fills them in.</param>
    /// <param name="line"></param>
    /// <returns><see cref="Error.NoResources"/> if bounce slots or records ran out; then everything is as before.</returns>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [OwnershipInternals("here a handle becomes another")]
    public Error TryGiveToSend(ref Frame frame, out DeviceFrame given, [CallerMemberName] string method = "", [CallerLineNumber] int line = 0)
    {
        FrameRecord* record = frame.Record;
        if (record->Mapping != _passing)
        {
            Error error = OpenFrame<ToDevice>(record, record->Extent.Length, method, line);
            if (error != Error.None)
            {
                given = default;
                return error;
            }
        }
        frame.Record = null;
        given = new DeviceFrame(record);
        return Error.None;
    }

    /// <summary>Gives a frame to the device to be filled. Any context but interrupt handlers.</summary>
    /// <param name="room">Bytes that the device may write from where the data will begin.</param>
    /// <inheritdoc cref="TryGiveToSend" path="/param|/returns"/>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [OwnershipInternals("here a handle becomes another")]
    public Error TryGiveToFill(ref Frame frame, uint room, out DeviceFrame given, [CallerMemberName] string method = "", [CallerLineNumber] int line = 0)
    {
        FrameRecord* record = frame.Record;
        if (record->Mapping != _passing)
        {
            Error error = OpenFrame<FromDevice>(record, room, method, line);
            if (error != Error.None)
            {
                given = default;
                return error;
            }
        }
        frame.Record = null;
        given = new DeviceFrame(record);
        return Error.None;
    }

    /// <summary>Takes a frame back that the device only read. Any context but interrupt handlers.</summary>
    /// <param name="given">Emptied.</param>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [OwnershipInternals("here a handle becomes another")]
    public Frame TakeSent(ref DeviceFrame given)
    {
        FrameRecord* record = given.Record;
        given.Record = null;
        if (record->Mapping != _passing)
            CloseFrame(record, 0);
        return new Frame(record);
    }

    /// <summary>Takes a frame back whose front the device wrote; that is its data now. Any context but interrupt handlers.</summary>
    /// <param name="given">Emptied.</param>
    /// <param name="written">Bytes, as the device says. More than it was given room for are not believed, and counted.</param>
    /// <param name="room">As it was when the frame was given.</param>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [OwnershipInternals("here a handle becomes another")]
    public Frame TakeFilled(ref DeviceFrame given, uint written, uint room)
    {
        FrameRecord* record = given.Record;
        given.Record = null;
        if (written > room)
            written = OverlongFrame(room);
        record->Extent.Length = (ushort)written;
        if (record->Mapping != _passing)
            CloseFrame(record, written);
        return new Frame(record);
    }

    /// <summary>Takes frames back that the device only read, and gives them to their pools. Any context but interrupt handlers.</summary>
    /// <param name="given">None empty; emptied.</param>
    [NotInInterrupt]
    [OwnershipInternals("here handles end")]
    public void FreeSent(Span<DeviceFrame> given)
    {
        if (given.IsEmpty)
            return;
        // Those of one pool, with nothing to do, are strung together first.
        FramePoolState* pool = given[0].Record->Pool;
        FrameRecord* free = pool->Free;
        Mapping* passing = _passing;
        ref DeviceFrame at = ref MemoryMarshal.GetReference(given);
        ref DeviceFrame end = ref Unsafe.Add(ref at, given.Length);
        while (Unsafe.IsAddressLessThan(ref at, ref end))
        {
            FrameRecord* record = at.Record;
            if (record->Mapping != passing || record->Pool != pool)
                break;
            at.Record = null;
            record->Next = free;
            free = record;
            at = ref Unsafe.Add(ref at, 1);
        }
        pool->Free = free;
        var count = (int)((uint)Unsafe.ByteOffset(ref MemoryMarshal.GetReference(given), ref at) / (uint)sizeof(DeviceFrame));
        pool->FreeCount = pool->FreeCount + (uint)count;
        if (count < given.Length)
            FreeOtherSent(given[count..]);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeOtherSent(Span<DeviceFrame> given)
    {
        foreach (ref DeviceFrame sent in given)
        {
            Frame frame = TakeSent(ref sent);
            frame.Free();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint OverlongFrame(uint room)
    {
        Counters.Overlong++;
        _system.Checker?.Report(DmaFault.Overlong, this, $"{DmaFault.Overlong.Text}: a frame with room for {room} bytes");
        return room;
    }

    // From the page's start to the end of what the device may touch, as a buffer like any other.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [OwnershipInternals("the frame's record is the owner")]
    private Error OpenFrame<TDirection>(FrameRecord* record, uint bytes, string method, int line) where TDirection : struct, IDirection
    {
        uint end = record->Extent.Offset + bytes;
        Bug.If(bytes == 0 || end > Frame.PageBytes, "a frame was given to a device without data or room, or with more than a page has"u8);
        // Whoever had it where it lies has taken it back.
        if (_passing != _direct)
        {
            record->Mapping = _passing;
            record->Address = record->Origin >> 32 << 12;
            return Error.None;
        }
        record->Mapping = null;
        var run = new PageRun(record->Origin);
        Error error = TryMap(ref run, end, out CpuBuffer<TDirection> buffer, method, line);
        if (error != Error.None)
            return error;
        DeviceBuffer<TDirection> given = buffer.GiveToDevice();
        record->Mapping = given.Mapping;
        CheckedPath.NoteFront(given.Mapping, record->Extent.Offset);
        record->Address = given.Mapping->HasWork ? given.Mapping->Address : record->Origin >> 32 << 12;
        // Where nothing is to be done it stays with the device from now on, and counts as the pool's.
        if (!given.Mapping->HasWork)
            _direct->Live--;
        return Error.None;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [OwnershipInternals("the frame's record is the owner")]
    private void CloseFrame(FrameRecord* record, uint written)
    {
        Mapping* mapping = record->Mapping;
        if (mapping == null || mapping->Device.Target != this)
            Bug.Stop("a frame was taken back from a device that does not have it"u8);
        record->Mapping = null;
        if (mapping->Direction == DmaDirection.FromDevice)
        {
            var given = new DeviceBuffer<FromDevice> { Origin = record->Origin, Room = mapping->Room, Given = mapping->Given, Mapping = mapping };
            CpuBuffer<FromDevice> buffer = given.TakeBack(written == 0 ? 0 : record->Extent.Offset + written);
            buffer.Unmap();
            return;
        }
        var sent = new DeviceBuffer<ToDevice> { Origin = record->Origin, Room = mapping->Room, Given = mapping->Given, Mapping = mapping };
        CpuBuffer<ToDevice> back = sent.TakeBack();
        back.Unmap();
    }
}
