using System.Runtime.CompilerServices;

namespace Sluice.Dma;

/// <summary>
/// Hand-overs of buffers between CPU and device. Each does whatever the direction and the device's path need (nothing, a copy, cache
/// lines) and empties the handle that it takes. A buffer is on one side at any time. Any context but interrupt handlers.
/// </summary>
[OwnershipInternals("here a handle becomes another")]
public static unsafe class HandOver
{
    /// <summary>Gives all of a buffer to the device.</summary>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static DeviceBuffer<TDirection> GiveToDevice<TDirection>(this ref CpuBuffer<TDirection> buffer) where TDirection : struct, IDirection
    {
        DeviceBuffer<TDirection> given;
        given.Origin = buffer.Origin;
        given.Room = buffer.Room;
        given.Given = buffer.Room;
        given.Mapping = buffer.Mapping;
        buffer = default;
        if (given.Mapping->Kind.HasWork)
        {
            // Nothing goes in where only the device writes.
            if (default(TDirection).Kind == DmaDirection.FromDevice && given.Mapping->IsIdleReady)
                given.Mapping->GiveAll();
            else
                RecordedHandOver.Give(given.Mapping, given.Origin);
        }
        return given;
    }

    /// <summary>Gives the first bytes of a buffer to the device. Stops the machine if it has not so many, or none are given.</summary>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static DeviceBuffer<TDirection> GiveToDevice<TDirection>(this ref CpuBuffer<TDirection> buffer, uint bytes)
        where TDirection : struct, IDirection
    {
        DeviceBuffer<TDirection> given;
        given.Origin = buffer.Origin;
        given.Room = buffer.Room;
        given.Given = bytes;
        given.Mapping = buffer.Mapping;
        buffer = default;
        Bug.If(bytes - 1 >= given.Room, "more bytes of a buffer were given to a device than it has, or none"u8);
        if (given.Mapping->Kind.HasWork)
            RecordedHandOver.GiveFront(given.Mapping, given.Origin, bytes);
        return given;
    }

    /// <summary>Takes a buffer back that the device only read.</summary>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CpuBuffer<ToDevice> TakeBack(this ref DeviceBuffer<ToDevice> buffer) => TakeBack<ToDevice>(ref buffer, 0);

    /// <summary>Takes a buffer back of which the device wrote the front.</summary>
    /// <param name="buffer">Emptied.</param>
    /// <param name="written">Bytes, as the device says. More than it was given are not believed: the buffer has no more bytes.</param>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CpuBuffer<FromDevice> TakeBack(this ref DeviceBuffer<FromDevice> buffer, uint written) =>
        TakeBack<FromDevice>(ref buffer, written);

    /// <inheritdoc cref="TakeBack(ref DeviceBuffer{FromDevice}, uint)"/>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CpuBuffer<Both> TakeBack(this ref DeviceBuffer<Both> buffer, uint written) => TakeBack<Both>(ref buffer, written);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static CpuBuffer<TDirection> TakeBack<TDirection>(ref DeviceBuffer<TDirection> buffer, uint written)
        where TDirection : struct, IDirection
    {
        CpuBuffer<TDirection> taken;
        taken.Origin = buffer.Origin;
        taken.Room = buffer.Room;
        taken.Valid = written;
        taken.Mapping = buffer.Mapping;
        buffer = default;
        if (taken.Mapping->Kind.HasWork)
        {
            // Where the device only read, its turn ends with a note.
            if (default(TDirection).Kind == DmaDirection.ToDevice && taken.Mapping->Kind.Side == Side.Device)
                taken.Mapping->Kind.Side = Side.Cpu;
            else
                RecordedHandOver.Take(taken.Mapping, taken.Origin, written);
        }
        return taken;
    }
}
