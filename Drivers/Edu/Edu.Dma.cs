using System;
using Sluice.Dma;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Drivers.Edu;

// DMA. A transfer moves bytes between memory and the device's own; one at a time, about 100 ms each.
//
// Whoever calls has the buffer on the CPU's side, before and after: the device owns it for as long as a transfer takes. A transfer
// cannot be called off, so when one does not end in time, or the device falls silent, the function loses the right to be bus master.
// What was under way has then ended (the read back of the command register waits for it), and nothing new can begin: the memory is
// provably quiet and goes back to the caller, though what is in it means nothing. The device is Busy until it says that the transfer is
// over; only then does it become bus master again. A function that keeps the right, against the standard, keeps the memory too, for
// good: the caller's handle is empty then.
public sealed partial class Edu
{
    /// <summary>Cause that the device gives when a transfer is done.</summary>
    public const uint TransferDone = 0x100;

    /// <summary>
    /// Bytes of the device's own memory that transfers may use. It has one more, but QEMU 7.2 takes a transfer that ends with that
    /// one for out of range, and ends the virtual machine; newer ones do not check at all.
    /// </summary>
    public const uint MemoryBytes = 4095;

    // QEMU's dma_mask; the device does not tell if it was started with another.
    private const int AddressBits = 28;

    // By QEMU's virtual clock it takes 100 ms; that clock goes on while a loaded host does not let the device work.
    private const ulong TransferMicroseconds = 2_000_000;

    // The interrupt ends the wait. How often the register is looked at all the same, and how long the interrupt may come after it.
    private const ulong LookMicroseconds = 20_000, InterruptMicroseconds = 1_000;

    private bool _isStopped;

    /// <summary>Transfers that ended without the interrupt that they were to end with.</summary>
    public uint LostInterrupts { get; private set; }

    /// <summary>Transfers that did not end in time, or during which the device fell silent.</summary>
    public uint FailedTransfers { get; private set; }

    /// <summary>Buffers that stay with the device for good, as nothing proves that it leaves them alone.</summary>
    public uint Abandoned { get; private set; }

    /// <summary>
    /// Copies the first bytes of a buffer into the device's own memory. Waits, asleep, at most two seconds. Not in interrupt handlers.
    /// </summary>
    /// <param name="buffer">Stays the caller's; empty only if the device could not be stopped: then the device keeps it.</param>
    /// <param name="bytes">1 to all of the buffer.</param>
    /// <param name="deviceOffset">Where in the device's memory; offset and bytes at most <see cref="MemoryBytes"/> together.</param>
    /// <returns>
    /// <see cref="Error.TooLarge"/>, and nothing was begun; <see cref="Error.Busy"/>, as an earlier transfer has not ended;
    /// <see cref="Error.Timeout"/>, <see cref="Error.DeviceGone"/>: what the device's memory holds is not known.
    /// </returns>
    public Error Send(ref CpuBuffer<ToDevice> buffer, uint bytes, uint deviceOffset = 0)
    {
        Error error = Prepare(bytes, buffer.Capacity, deviceOffset);
        if (error != Error.None)
            return error;
        DeviceBuffer<ToDevice> given = buffer.GiveToDevice(bytes);
        error = FromMemory(given.Address, bytes, deviceOffset);
        if (error == Error.None || TryStop())
            buffer = given.TakeBack();
        else
            Abandon(ref given);
        return error;
    }

    /// <inheritdoc cref="Send(ref CpuBuffer{ToDevice}, uint, uint)"/>
    public Error Send(ref CpuBuffer<Both> buffer, uint bytes, uint deviceOffset = 0)
    {
        Error error = Prepare(bytes, buffer.Capacity, deviceOffset);
        if (error != Error.None)
            return error;
        DeviceBuffer<Both> given = buffer.GiveToDevice(bytes);
        error = FromMemory(given.Address, bytes, deviceOffset);
        if (error == Error.None || TryStop())
            buffer = given.TakeBack(written: 0);
        else
            Abandon(ref given);
        return error;
    }

    /// <summary>
    /// Copies bytes of the device's own memory into the front of a buffer, which then shows just these. Waits, asleep, at most two
    /// seconds. Not in interrupt handlers.
    /// </summary>
    /// <returns>As of <see cref="Send(ref CpuBuffer{ToDevice}, uint, uint)"/>; after an error the buffer shows no bytes.</returns>
    /// <inheritdoc cref="Send(ref CpuBuffer{ToDevice}, uint, uint)" path="/param"/>
    public Error Receive(ref CpuBuffer<FromDevice> buffer, uint bytes, uint deviceOffset = 0)
    {
        Error error = Prepare(bytes, buffer.Capacity, deviceOffset);
        if (error != Error.None)
            return error;
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice(bytes);
        error = ToMemory(given.Address, bytes, deviceOffset);
        if (error == Error.None || TryStop())
            buffer = given.TakeBack(error == Error.None ? bytes : 0);
        else
            Abandon(ref given);
        return error;
    }

    /// <returns>As of <see cref="Send(ref CpuBuffer{ToDevice}, uint, uint)"/>; after an error the front holds nobody knows what.</returns>
    /// <inheritdoc cref="Receive(ref CpuBuffer{FromDevice}, uint, uint)"/>
    public Error Receive(ref CpuBuffer<Both> buffer, uint bytes, uint deviceOffset = 0)
    {
        Error error = Prepare(bytes, buffer.Capacity, deviceOffset);
        if (error != Error.None)
            return error;
        DeviceBuffer<Both> given = buffer.GiveToDevice(bytes);
        error = ToMemory(given.Address, bytes, deviceOffset);
        if (error == Error.None || TryStop())
            buffer = given.TakeBack(error == Error.None ? bytes : 0);
        else
            Abandon(ref given);
        return error;
    }

    /// <summary>Copies elements of coherent memory into the device's own. Waits, asleep, at most two seconds. Not in interrupt handlers.</summary>
    /// <param name="memory">Empty afterwards only if the device could not be stopped: then the device keeps it.</param>
    /// <param name="first">The first element.</param>
    /// <param name="count">How many, at least one.</param>
    /// <param name="deviceOffset">Where in the device's memory, in bytes.</param>
    /// <returns>As of <see cref="Send(ref CpuBuffer{ToDevice}, uint, uint)"/>.</returns>
    public unsafe Error Send<T>(ref Coherent<T> memory, int first, int count, uint deviceOffset = 0) where T : unmanaged
    {
        Error error = Prepare(memory, first, count, deviceOffset);
        if (error != Error.None)
            return error;
        error = FromMemory(memory.AddressOf(first), (uint)(count * sizeof(T)), deviceOffset);
        if (error != Error.None && !TryStop())
            Abandon(ref memory);
        return error;
    }

    /// <summary>Copies bytes of the device's own memory into elements of coherent memory; otherwise as its counterpart.</summary>
    /// <inheritdoc cref="Send{T}(ref Coherent{T}, int, int, uint)"/>
    public unsafe Error Receive<T>(ref Coherent<T> memory, int first, int count, uint deviceOffset = 0) where T : unmanaged
    {
        Error error = Prepare(memory, first, count, deviceOffset);
        if (error != Error.None)
            return error;
        error = ToMemory(memory.AddressOf(first), (uint)(count * sizeof(T)), deviceOffset);
        if (error != Error.None && !TryStop())
            Abandon(ref memory);
        return error;
    }

    private unsafe Error Prepare<T>(in Coherent<T> memory, int first, int count, uint deviceOffset) where T : unmanaged
    {
        if (first < 0 || count <= 0 || first > memory.Count - count || count > MemoryBytes / sizeof(T))
            return Error.TooLarge;
        uint bytes = (uint)(count * sizeof(T));
        return Prepare(bytes, bytes, deviceOffset);
    }

    // Whether a transfer fits, and the device can begin with it.
    private Error Prepare(uint bytes, uint room, uint deviceOffset)
    {
        if (bytes - 1 >= room || deviceOffset > MemoryBytes || bytes > MemoryBytes - deviceOffset)
            return Error.TooLarge;
        EduTransfer state = _registers.Transfer.Read();
        if (state == EduTransfer.Gone)
            return Error.DeviceGone;
        if ((state & EduTransfer.Start) != 0)
            return Error.Busy;
        if (!_isStopped)
            return Error.None;
        // What kept it from being trusted is over.
        Error error = Function.EnableMemoryAndBusMaster();
        _isStopped = error != Error.None;
        return error;
    }

    private Error FromMemory(DmaAddr memory, uint bytes, uint deviceOffset)
    {
        _registers.Source.Write(memory);
        _registers.Destination.WriteOwn(deviceOffset);
        return Run(EduTransfer.FromMemory, bytes);
    }

    private Error ToMemory(DmaAddr memory, uint bytes, uint deviceOffset)
    {
        _registers.Source.WriteOwn(deviceOffset);
        _registers.Destination.Write(memory);
        return Run(EduTransfer.ToMemory, bytes);
    }

    private Error Run(EduTransfer direction, uint bytes)
    {
        TakeCauses(TransferDone);
        _registers.Count.Write(bytes);
        _registers.Transfer.Write(EduTransfer.Start | EduTransfer.Interrupt | direction);
        Error error = WaitUntilIdle(out bool interrupted);
        if (error != Error.None)
            FailedTransfers++;
        else if (!interrupted && WaitForCause(TransferDone, InterruptMicroseconds) != Error.None)
            LostInterrupts++;
        return error;
    }

    // The register decides; the interrupt, which may be somebody else's doing or get lost, only says when to look.
    private Error WaitUntilIdle(out bool interrupted)
    {
        interrupted = false;
        Deadline end = Deadline.In(TransferMicroseconds);
        while (true)
        {
            bool last = end.Passed;
            EduTransfer state = _registers.Transfer.Read();
            if (state == EduTransfer.Gone)
                return Error.DeviceGone;
            if ((state & EduTransfer.Start) == 0)
                return Error.None;
            if (last)
                return Error.Timeout;
            interrupted |= WaitForCause(TransferDone, LookMicroseconds) == Error.None;
        }
    }

    // Whether the device surely no longer touches memory: it lost the right to, or is gone.
    private bool TryStop()
    {
        _isStopped = true;
        Function.DisableBusMaster();
        return (Function.Command.Read() & PciCommand.BusMaster) == 0 || Function.IsGone;
    }

    private void Abandon<THandle>(ref THandle memory) where THandle : struct
    {
        NoteAbandoned();
        Own.KeepForGood(ref memory);
    }

    private void NoteAbandoned()
    {
        Abandoned++;
        Log.Warn($"edu: {Function.Address} cannot be kept from memory; it keeps what it has");
    }
}
