using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// Partial hand-overs: buffers divided into parts that change sides one by one. The record knows who has each part, so whatever goes
/// wrong stops the machine with the device's name. Any context but interrupt handlers.
/// </summary>
[OwnershipInternals("here a handle becomes another")]
public static unsafe class Parts
{
    /// <summary>Most parts of one buffer.</summary>
    public const int Most = 256;

    internal static bool LinesMove => !CacheLines.AreCoherent;

    /// <summary>
    /// Divides what the device has of a buffer; the device has all the parts. A buffer without a record of its own gets one, and keeps it
    /// when it is joined.
    /// </summary>
    /// <param name="buffer">Emptied if it succeeds.</param>
    /// <param name="partBytes">Bytes of each part: a multiple of the cache line. The last part has what is left.</param>
    /// <param name="divided">Empty on an error.</param>
    /// <returns>
    /// <see cref="Error.NotSupported"/> if parts would share cache lines, <see cref="Error.TooLarge"/> if there would be more than
    /// <see cref="Most"/>, <see cref="Error.NoResources"/> if records ran out. Then everything is as before.
    /// </returns>
    public static Error TryDivide<TDirection>(this ref DeviceBuffer<TDirection> buffer, uint partBytes, out DividedBuffer<TDirection> divided)
        where TDirection : struct, IDirection
    {
        divided = default;
        Mapping* mapping = buffer.Mapping;
        DmaDevice device = mapping->Device.Target;
        uint count = partBytes == 0 ? 0 : (buffer.Given - 1) / partBytes + 1;
        if (count == 0 || ((partBytes | (uint)buffer.Address.Value) & (CacheLines.Bytes - 1)) != 0)
            return Error.NotSupported;
        if (count > Most)
            return Error.TooLarge;
        if (!device.System.Parts.TryTake(out PartSides* sides))
            return Error.NoResources;
        if (!mapping->HasWork)
        {
            mapping = device.TryRecordGiven(buffer.Origin, buffer.Room, default(TDirection).Kind);
            if (mapping == null)
            {
                device.System.Parts.Give(ref sides);
                return Error.NoResources;
            }
        }
        else if ((mapping->Side != Side.Device && mapping->Side != Side.Watched) || mapping->Origin != buffer.Origin)
        {
            Misuse.StaleHandle(mapping);
        }
        mapping->Given = buffer.Given;
        mapping->Side = Side.Parts;
        mapping->PartBytes = partBytes;
        mapping->PartCount = count;
        mapping->PartLeast = buffer.Given - (count - 1) * partBytes;
        mapping->Sides = sides;
        bool moves = !device.IsCoherent || mapping->Path.Target != device.System.Direct;
        for (uint index = 0; index < count; index++)
            sides->Of[index] = (byte)(moves ? PartSide.DeviceWithWork : PartSide.Device);
        buffer = default;
        divided.Mapping = mapping;
        return Error.None;
    }

    /// <summary>
    /// Allocates a ring of descriptors: parts as <see cref="DmaDevice.TryAllocateNoncoherent"/> allocates them all in a row, zeroed, never
    /// bounced. The device has them all. Any context but interrupt handlers.
    /// </summary>
    /// <param name="device">Whose they are.</param>
    /// <param name="partBytes">Bytes of each part: a multiple of the cache line.</param>
    /// <param name="count">1 to <see cref="Most"/>.</param>
    /// <param name="divided">Empty on an error; <see cref="Free"/> gives the memory back.</param>
    /// <param name="method">For the checker's reports, as <paramref name="line"/>: the compiler fills them in.</param>
    /// <param name="line"></param>
    /// <returns>As of the allocation and <see cref="TryDivide"/>; then nothing was taken.</returns>
    [NotInInterrupt]
    public static Error TryAllocateParts(this DmaDevice device, uint partBytes, int count, out DividedBuffer<Both> divided,
        [CallerMemberName] string method = "", [CallerLineNumber] int line = 0)
    {
        divided = default;
        Error error = device.TryAllocateNoncoherent(partBytes * (uint)count, out CpuBuffer<Both> memory, method, line);
        if (error != Error.None)
            return error;
        DeviceBuffer<Both> given = memory.GiveToDevice();
        error = given.TryDivide(partBytes, out divided);
        if (error != Error.None)
        {
            memory = given.TakeBack(written: 0);
            memory.Free();
        }
        return error;
    }

    /// <summary>
    /// Gives the memory of a divided buffer back. The device must no longer use it. Stops the machine if the CPU has a part still. Any
    /// context but interrupt handlers.
    /// </summary>
    /// <param name="divided">Emptied.</param>
    [NotInInterrupt]
    public static void Free(this ref DividedBuffer<Both> divided)
    {
        DeviceBuffer<Both> given = divided.Join();
        CpuBuffer<Both> memory = given.TakeBack(written: 0);
        memory.Free();
    }

    /// <summary>Makes the buffer whole again: the device has it. Stops the machine, and says which part, if the CPU has one still.</summary>
    /// <param name="divided">Emptied.</param>
    public static DeviceBuffer<TDirection> Join<TDirection>(this ref DividedBuffer<TDirection> divided) where TDirection : struct, IDirection
    {
        Mapping* mapping = divided.Mapping;
        if (mapping->Side != Side.Parts)
            Misuse.StaleHandle(mapping);
        for (int index = 0; index < (int)mapping->PartCount; index++)
        {
            if (mapping->Sides->Of[index] < (byte)PartSide.Device)
                Stop(mapping, index, "was not back when the buffer was joined"u8);
        }
        divided = default;
        DmaSystem system = mapping->Device.Target.System;
        system.Parts.Give(ref mapping->Sides);
        mapping->Sides = system.NoParts;
        mapping->PartCount = 0;
        mapping->Side = mapping->Checked == 0 ? Side.Device : Side.Watched;
        DeviceBuffer<TDirection> joined;
        joined.Origin = mapping->Origin;
        joined.Room = mapping->Room;
        joined.Given = mapping->Given;
        joined.Mapping = mapping;
        return joined;
    }

    /// <summary>Takes a part that the device only read. The machine stops if the CPU has it already, or there is none of that number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BufferPart<ToDevice> TakePart(this in DividedBuffer<ToDevice> divided, int index) => Take<ToDevice>(divided.Mapping, index, 0);

    /// <summary>
    /// Takes a part of which the device wrote the front. The machine stops if the CPU has it already, or there is none of that number.
    /// </summary>
    /// <param name="divided">Keeps the other parts.</param>
    /// <param name="index">Which, from 0.</param>
    /// <param name="written">Bytes, as the device says. More than the part has are not believed.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BufferPart<FromDevice> TakePart(this in DividedBuffer<FromDevice> divided, int index, uint written) =>
        Take<FromDevice>(divided.Mapping, index, written);

    /// <inheritdoc cref="TakePart(in DividedBuffer{FromDevice}, int, uint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BufferPart<Both> TakePart(this in DividedBuffer<Both> divided, int index, uint written) =>
        Take<Both>(divided.Mapping, index, written);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static BufferPart<TDirection> Take<TDirection>(Mapping* mapping, int index, uint written) where TDirection : struct, IDirection
    {
        BufferPart<TDirection> part;
        part.Mapping = mapping;
        part.Index = (uint)index;
        part.Valid = written;
        if ((uint)index < Most && mapping->Sides->Of[index] == (byte)PartSide.Device)
            mapping->Sides->Of[index] = (byte)PartSide.Cpu;
        else
            MoveToCpu(mapping, index, written);
        return part;
    }

    internal static uint Length(Mapping* mapping, uint index)
    {
        Bug.If(index >= mapping->PartCount, "a part of a divided buffer that is not there"u8);
        return Math.Min(mapping->PartBytes, mapping->Given - index * mapping->PartBytes);
    }

    // What is not done by changing the side, or is wrong.
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void MoveToDevice(Mapping* mapping, Mapping* of, uint index)
    {
        if (of != mapping || mapping->Sides->Of[index] != (byte)PartSide.CpuWithWork)
            NotOfBuffer(mapping, of, index);
        mapping->Sides->Of[index] = (byte)PartSide.DeviceWithWork;
        mapping->Path.Target.ForDevice(mapping, index * mapping->PartBytes, Length(mapping, index));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void MoveToCpu(Mapping* mapping, int index, uint written)
    {
        if ((uint)index >= Most || mapping->Sides->Of[index] != (byte)PartSide.DeviceWithWork)
            NotWithDevice(mapping, index);
        mapping->Sides->Of[index] = (byte)PartSide.CpuWithWork;
        uint length = Length(mapping, (uint)index);
        if (written > length)
        {
            Misuse.Overlong(mapping);
            written = length;
        }
        if (mapping->Checked != 0)
        {
            bool isInput = mapping->Direction == DmaDirection.ToDevice;
            mapping->Device.Target.System.Checker!.Path.TakeBack(mapping, (uint)index * mapping->PartBytes, length, isInput ? 0 : written);
            return;
        }
        if (written != 0 && mapping->Direction != DmaDirection.ToDevice)
            mapping->Path.Target.ForCpu(mapping, (uint)index * mapping->PartBytes, written);
    }

    [DoesNotReturn]
    internal static void NotWithDevice(Mapping* mapping, int index)
    {
        if ((uint)index < mapping->PartCount)
            Stop(mapping, index, "is with the CPU already"u8);
        Stop(mapping, index, mapping->Side == Side.Parts ? "is not there"u8 : "is of a buffer that was joined meanwhile"u8);
    }

    [DoesNotReturn]
    internal static void NotOfBuffer(Mapping* mapping, Mapping* of, uint index)
    {
        if (of == null)
            Stop(mapping, (int)index, "was given twice: the handle is empty"u8);
        Stop(mapping, (int)index, of == mapping ? "is with the device already"u8 : "is of another buffer than it was given to"u8);
    }

    [DoesNotReturn]
    private static void Stop(Mapping* mapping, int index, ReadOnlySpan<byte> what)
    {
        mapping->Device.Target.System.Checker?.ReportHandle(DmaFault.Part, mapping);
        Utf8Message message = $"dma: {mapping->Device.Target.Name}: part {index} {what}";
        Bug.Stop(message.Text);
    }
}

/// <summary>Who has a part. Those who only note it are told from those whose hand-overs have more to do.</summary>
internal enum PartSide : byte
{
    None,
    Cpu,
    CpuWithWork,
    Device,
    DeviceWithWork,
}

/// <summary>A <see cref="PartSide"/> for each part.</summary>
internal unsafe struct PartSides
{
    public fixed byte Of[Parts.Most];
}
