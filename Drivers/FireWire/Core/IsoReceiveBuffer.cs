using System;
using System.Runtime.CompilerServices;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>A packet that was received: its header as on the bus, and when it came.</summary>
public readonly struct IsoPacket(uint header, uint time, bool isWhole)
{
    /// <summary>data_length 31:16, tag 15:14, channel 13:8, transaction code 7:4, synchronization code 3:0.</summary>
    public readonly uint Header = header;

    /// <summary>Seconds 15:13, cycles 12:0.</summary>
    public readonly uint Time = time;

    /// <summary>All its data is there; else it was damaged, or longer than its place.</summary>
    public readonly bool IsWhole = isWhole;

    public int DataBytes => (int)(Header >> 16);

    public int Tag => (int)(Header >> 14) & 3;

    public int Channel => (int)(Header >> 8) & 0x3F;

    public int Sync => (int)Header & 0xF;

    // After these times are the same again.
    private const int MostCycles = 8 * 8000;

    /// <summary>Cycles from one packet's time to another's, 0 to 63,999.</summary>
    public static int Cycles(uint from, uint to)
    {
        const int perSecond = 8000;
        int cycles = ((int)(to >> 13 & 7) - (int)(from >> 13 & 7)) * perSecond + (int)(to & 0x1FFF) - (int)(from & 0x1FFF);
        return (cycles % MostCycles + MostCycles) % MostCycles;
    }
}

/// <summary>
/// Memory for so many packets of a stream, a place for each: the CPU's or the controller's as a whole. It is seen by the CPU as one span and
/// by the controller where it lies, never copied. Made while the kernel starts; its memory comes and goes.
/// </summary>
public abstract class IsoReceiveBuffer(IsoReceiveMode mode)
{
    /// <summary>Bytes of a packet's data that are in its place in <see cref="IsoReceiveMode.Divided"/>.</summary>
    public const int FrontBytes = 8;

    // Memory in pieces of half a megabyte or so; more if it is short.
    private const int MostSegments = 256;

    private CpuNoncontiguous<FromDevice> _cpu;
    private DeviceNoncontiguous<FromDevice> _device;

    /// <summary>How packets lie in it.</summary>
    public IsoReceiveMode Mode { get; } = mode;

    /// <summary>Places for packets; of streams only their product with <see cref="PacketBytes"/> matters, the size.</summary>
    public int Packets { get; private set; }

    /// <summary>Bytes of each place: its packet's data, in full or its front.</summary>
    public int PacketBytes { get; private set; }

    /// <summary>Whether it has memory.</summary>
    public bool IsMade => !_cpu.IsEmpty || !_device.IsEmpty;

    /// <summary>Whether it is the controller's.</summary>
    public bool IsQueued { get; protected set; }

    /// <summary>
    /// How many packets came one after the other from the first on, each with as many bytes as there are in a place, and none but the first with the
    /// synchronization code that the receiver knows; of streams all; divided, those whose data
    /// is there in full. Their data is <see cref="Bytes"/>; if the next one came whole and is shorter, its data follows.
    /// </summary>
    public int Whole { get; protected set; }

    /// <summary>The data as <see cref="Whole"/> says. Not to be used after the buffer was queued or its memory given back.</summary>
    public ReadOnlySpan<byte> Bytes => _cpu.Bytes;

    /// <summary>What came in a place; only while the buffer is the CPU's and full, and not of streams. Without headers they say lengths alone.</summary>
    public abstract IsoPacket this[int place] { get; }

    /// <summary>Divided: the first bytes of a packet's data, the first of them lowest.</summary>
    public virtual ulong FrontOf(int place) => 0;

    /// <summary>Divided: where the rest of the first packet begins, behind what the buffer before had no room for.</summary>
    public int FirstRest { get; private protected set; }

    /// <summary>Divided: the bytes of a packet behind the first, in the order of places.</summary>
    /// <param name="at">Where they are: <see cref="FirstRest"/> for the first packet, and left as it is for the next one.</param>
    public ReadOnlySpan<byte> RestOf(in IsoPacket packet, ref int at)
    {
        int rest = Math.Max(packet.DataBytes - FrontBytes, 0), start = at;
        // Headers stand where the controller can change them.
        if (start > Bytes.Length || rest > Bytes.Length - start)
            return default;
        at = start + (rest + 3 & ~3);
        return Bytes.Slice(start, rest);
    }

    /// <summary>Takes memory. It must have none.</summary>
    /// <param name="dma">The controller's.</param>
    /// <param name="packets">Places.</param>
    /// <param name="packetBytes">Bytes of each, 4 to 4,096, a multiple of 4.</param>
    /// <param name="waits">Whether the first packet is to have the receiver's synchronization code: those before it are not taken.</param>
    /// <param name="method">For the checker's reports, as <paramref name="line"/>: the compiler fills them in.</param>
    /// <param name="line"></param>
    /// <returns>As of <see cref="DmaDevice.TryAllocateNoncontiguous"/>; then it has none.</returns>
    public Error TryMake(DmaDevice dma, int packets, int packetBytes, bool waits, [CallerMemberName] string method = "", [CallerLineNumber] int line = 0)
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
        Whole = 0;
        error = TryMakeProgram(dma, _cpu.Segments, waits);
        if (error != Error.None)
            Free();
        return error;
    }

    /// <summary>Gives the memory back; the receiver has been stopped since the buffer was queued.</summary>
    public void Free()
    {
        if (IsQueued)
            Bug.Stop("a buffer of a stream is freed while the controller has it"u8);
        FreeProgram();
        if (!_cpu.IsEmpty)
            _cpu.Free();
    }

    /// <summary>Goes to the controller, behind all that its receiver has: <see cref="IsoReceiver.Queue"/>.</summary>
    [PacketPath]
    protected internal abstract void Enqueue();

    /// <summary>What the controller needs to know of the memory, made once for each.</summary>
    protected abstract Error TryMakeProgram(DmaDevice dma, ReadOnlySpan<DmaSegment> segments, bool waits);

    /// <summary>Ends that; there may be none.</summary>
    protected abstract void FreeProgram();

    /// <summary>All goes to the controller.</summary>
    protected void GiveAll()
    {
        IsQueued = true;
        _device = _cpu.GiveToDevice();
    }

    /// <summary>All comes back, the front of it written.</summary>
    protected void TakeBack(uint written)
    {
        IsQueued = false;
        _cpu = _device.TakeBack(written);
    }

    /// <summary>The controller cannot be kept from the memory: it stays its for good.</summary>
    protected void Abandon()
    {
        IsQueued = false;
        Own.KeepForGood(ref _device);
    }
}
