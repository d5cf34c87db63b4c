using System;
using System.Runtime.CompilerServices;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>What else is wanted of a place of a buffer.</summary>
[Flags]
public enum IsoSendOptions : byte
{
    None = 0,

    /// <summary>In a cycle that is lost its packet is left out; else it goes out late, in the next.</summary>
    Dropped = 1,

    /// <summary>It interrupts when it had its cycle: <see cref="IIsoTransmitHandler.OnProgress"/>. It is never left out.</summary>
    Interrupt = 2,

    /// <summary>The controller writes down that it came to this place, and nobody is interrupted: <see cref="IsoTransmitBuffer.Progress"/>.</summary>
    Progress = 4,
}

/// <summary>
/// Packets of a stream to be sent, one a cycle, a place for each: the CPU's or the controller's as a whole, read where it lies. Made while the
/// kernel starts; its memory comes and goes.
/// </summary>
public abstract class IsoTransmitBuffer
{
    /// <summary>Pieces that its memory may be in.</summary>
    protected const int MostSegments = 256;

    private CpuNoncontiguous<ToDevice> _cpu;
    private DeviceNoncontiguous<ToDevice> _device;

    /// <summary>Places for packets.</summary>
    public int Packets { get; private set; }

    /// <summary>Bytes of each place.</summary>
    public int PacketBytes { get; private set; }

    /// <summary>Whether it has memory.</summary>
    public bool IsMade => !_cpu.IsEmpty || !_device.IsEmpty;

    /// <summary>Whether it is the controller's.</summary>
    public bool IsQueued { get; protected set; }

    /// <summary>The data of a place. Not to be used after the buffer was queued or its memory given back.</summary>
    public Span<byte> this[int place] => _cpu.Bytes.Slice(place * PacketBytes, PacketBytes);

    /// <summary>Takes memory; places are cycles without a packet until they are set. It must have none.</summary>
    /// <param name="dma">The controller's.</param>
    /// <param name="packets">Places, 65,536 at most.</param>
    /// <param name="packetBytes">Bytes of each, 4 to 4,096, a multiple of 4.</param>
    /// <param name="method">For the checker's reports, as <paramref name="line"/>: the compiler fills them in.</param>
    /// <param name="line"></param>
    /// <returns>As of <see cref="DmaDevice.TryAllocateNoncontiguous"/>; then it has none.</returns>
    public Error TryMake(DmaDevice dma, int packets, int packetBytes, [CallerMemberName] string method = "", [CallerLineNumber] int line = 0)
    {
        if (IsMade)
            Bug.Stop("a buffer of a stream gets memory twice"u8);
        if (packets < 1 || packetBytes is < 4 or > 4096 || (packetBytes & 3) != 0)
            return Error.TooLarge;
        Error error = dma.TryAllocateNoncontiguous((uint)packets * (uint)packetBytes, MostSegments, out _cpu, method, line);
        if (error != Error.None)
            return error;
        Packets = packets;
        PacketBytes = packetBytes;
        error = TryMakeProgram(dma, _cpu.Segments);
        if (error != Error.None)
            Free();
        return error;
    }

    /// <summary>Says what goes out in a place's cycle: the front of its data, with a header.</summary>
    /// <param name="bytes">Of data; 0 for a header alone, up to <see cref="PacketBytes"/>.</param>
    public abstract void Set(int place, int bytes, int channel, int tag, int sync, BusSpeed speed, IsoSendOptions options = IsoSendOptions.None);

    /// <summary>Says that nothing goes out in a place's cycle; it is left out if that is lost and the place does not interrupt.</summary>
    public abstract void SetEmpty(int place, IsoSendOptions options = IsoSendOptions.None);

    /// <summary>
    /// Places before the last one with <see cref="IsoSendOptions.Progress"/> that the controller has come to, as it says: they had their cycle, but for a few if it
    /// works ahead. 0 as long as it came to none, while the buffer is the CPU's, and when it has to be begun anew. A read of memory; any context of the CPU.
    /// </summary>
    public abstract int Progress { get; }

    /// <summary>
    /// Whether a place had its cycle; when: seconds 15:13, cycles 12:0. While the buffer is the CPU's; before, of places that were told of
    /// (<see cref="IIsoTransmitHandler.OnProgress"/>).
    /// </summary>
    public abstract bool WasSent(int place, out uint time);

    /// <summary>Gives the memory back; the transmitter has been stopped since the buffer was queued.</summary>
    public void Free()
    {
        if (IsQueued)
            Bug.Stop("a buffer of a stream is freed while the controller has it"u8);
        FreeProgram();
        if (!_cpu.IsEmpty)
            _cpu.Free();
    }

    /// <summary>Tells the controller of all the memory, once for each.</summary>
    protected abstract Error TryMakeProgram(DmaDevice dma, ReadOnlySpan<DmaSegment> segments);

    /// <summary>Ends that; there may be none.</summary>
    protected abstract void FreeProgram();

    /// <summary>All goes to the controller.</summary>
    protected void GiveAll()
    {
        IsQueued = true;
        _device = _cpu.GiveToDevice();
    }

    /// <summary>All comes back.</summary>
    protected void TakeBack()
    {
        IsQueued = false;
        _cpu = _device.TakeBack();
    }

    /// <summary>The controller cannot be kept from the memory: it stays its for good.</summary>
    protected void Abandon()
    {
        IsQueued = false;
        Own.KeepForGood(ref _device);
    }
}
