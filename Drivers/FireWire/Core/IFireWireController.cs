using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>
/// What the bus needs of a controller. It calls <see cref="IFireWireBus"/>, always from work in the CPU's loop. One CPU; nothing here waits
/// for longer than a register takes.
/// </summary>
public interface IFireWireController
{
    /// <summary>Its EUI-64.</summary>
    ulong Guid { get; }

    /// <summary>What it can: the third quadlet of a ROM, the generation left 0.</summary>
    BusOptions Options { get; }

    /// <summary>Seconds 31:25, cycles 24:12, offset 11:0. Source: IEEE 1394-1995, section 8.3.2.3.1.</summary>
    uint CycleTime { get; }

    /// <summary>
    /// Sends a packet, once; its hardware may retry while the other side is busy. The packet is the controller's until it calls
    /// <see cref="IFireWireBus.PacketSent"/>, which it does for each, also when a reset or its own end came in between. Requests of another
    /// generation than the present are not sent (<see cref="AckCode.Flushed"/>).
    /// </summary>
    /// <returns>False if it has no room now: <see cref="IFireWireBus.PacketSent"/> of another, never called in here, will tell.</returns>
    [PacketPath]
    bool TrySend(OutPacket packet);

    /// <summary>Sends a packet between PHYs, its own PHY included.</summary>
    [MustUse]
    Error SendPhy(PhyPacket packet);

    /// <summary>Begins a bus reset.</summary>
    /// <param name="isLong">Short ones wait for the bus (1394a-2000, section 4.3.4); long ones reach any PHY.</param>
    [MustUse]
    Error Reset(bool isLong);

    /// <summary>Sends cycle starts whenever it is the root, or stops.</summary>
    void SetCycleMaster(bool isMaster);

    /// <summary>
    /// What others are to see from the next bus reset on: up to <see cref="Rom.Quadlets"/> quadlets, copied. False in a reset, also one that the
    /// bus has not heard of: then they go on seeing what they saw, and it is to be said again after <see cref="IFireWireBus.ResetEnded"/>.
    /// </summary>
    [MustUse]
    bool TrySetNextRom(ReadOnlySpan<uint> rom);

    /// <summary>
    /// Compare-swap of its own register of an isochronous resource manager, which also others change. A bus reset sets them anew: nobody
    /// manages, all is free. Source: IEEE 1394-1995, sections 8.3.2.3.6 to 8.3.2.3.8.
    /// </summary>
    /// <param name="register">0 bus manager, 1 bandwidth, 2 channels 0 to 31, 3 channels 32 to 63.</param>
    /// <param name="old">What it was; it is <paramref name="value"/> now if that is <paramref name="expected"/>.</param>
    [MustUse]
    Error LockRegister(int register, uint expected, uint value, out uint old);

    /// <summary>For which nodes the controller itself may read and write our memory, a bit each; 0 after every bus reset.</summary>
    ulong OpenNodes { get; set; }
}

/// <summary>What a controller tells the bus.</summary>
public interface IFireWireBus
{
    /// <summary>A bus reset has begun: nothing goes out any more. Packets under way are still to be reported.</summary>
    void ResetBegan();

    /// <summary>A bus reset is over.</summary>
    /// <param name="generation">Of the controller; packets received tell which one they belong to.</param>
    /// <param name="local">Our physical ID; 63 if the PHY says none.</param>
    /// <param name="selfIds">The first quadlets of all self-ID packets (<see cref="Topology.Unpair"/>), valid in this call.</param>
    void ResetEnded(byte generation, int local, ReadOnlySpan<uint> selfIds);

    /// <summary>
    /// A request or response arrived. It is reported after the sending of what it answers, if the controller knows; the bus bears both orders.
    /// </summary>
    /// <param name="data">Its payload, valid in this call, read once; quadlets are in the header.</param>
    [PacketPath]
    void PacketReceived(in PacketHeader header, ReadOnlySpan<byte> data, in Arrival arrival);

    /// <summary>What should be a response arrived: as <see cref="PacketReceived"/>, without what only matters for requests.</summary>
    [PacketPath]
    void ResponseReceived(in PacketHeader header, ReadOnlySpan<byte> data, byte generation);

    /// <summary>A packet is the bus's again. Streams are never acknowledged: <see cref="AckCode.Complete"/> or <see cref="AckCode.Missing"/>, they were sent.</summary>
    [PacketPath]
    void PacketSent(OutPacket packet, AckCode ack);

    /// <summary>A packet between PHYs arrived from the bus, followed by its inverse, outside of the self-ID phase.</summary>
    [PacketPath]
    void PhyPacketReceived(PhyPacket packet);
}

/// <summary>How a packet arrived.</summary>
public readonly struct Arrival(byte generation, BusSpeed speed, bool isAnswered, ushort time)
{
    public readonly byte Generation = generation;
    public readonly BusSpeed Speed = speed;

    /// <summary>It was acknowledged as complete: nobody waits for a response.</summary>
    public readonly bool IsAnswered = isAnswered;

    /// <summary>When: seconds 15:13, cycles 12:0 (the cycle timer's bits 27:12).</summary>
    public readonly ushort Time = time;
}

/// <summary>
/// A packet to be sent: made while starting, used again and again. Up to 16 bytes of data are inside, to be copied; more is in a frame, which
/// the controller gives to its device and puts back before it reports the packet.
/// </summary>
public unsafe class OutPacket
{
    private Words _inline;
    private PacketHeader _header;

    /// <summary>More data than 16 bytes; else empty.</summary>
    public Frame Payload;

    /// <summary>On the bus as it is.</summary>
    public ref readonly PacketHeader Header => ref _header;

    /// <summary>What its header is like, see <see cref="CodeFacts.ShapeOf"/>.</summary>
    public byte Shape { get; private set; }

    /// <summary>How fast it goes.</summary>
    public BusSpeed Speed { get; internal set; }

    /// <summary>The bus that it is for.</summary>
    public byte Generation { get; internal set; }

    /// <summary>Bytes of data; 0 for quadlets, which are in the header.</summary>
    public int DataBytes { get; internal set; }

    /// <summary>Responses: when it is too late to send it, as <see cref="Arrival.Time"/>.</summary>
    public ushort Expires { get; internal set; }

    /// <summary>The controller's, while it has the packet.</summary>
    public uint Tag { get; set; }

    /// <summary>Whether it answers a request of another node.</summary>
    public bool IsResponse { get; protected init; }

    internal bool IsControllers { get; set; }

    // Data that is copied when the packet is given to the bus; null if there is none, or a frame has it.
    internal byte* From { get; set; }

    internal OutPacket? Next { get; set; }

    /// <summary>The data.</summary>
    public ReadOnlySpan<byte> Bytes => Payload.IsEmpty ? Inline[..DataBytes] : Payload.Bytes;

    /// <summary>Bytes that are inside at most.</summary>
    internal const int InlineBytes = 16;

    internal Span<byte> Inline
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => MemoryMarshal.CreateSpan(ref InlineFirst, InlineBytes);
    }

    internal ref byte InlineFirst => ref Unsafe.As<ulong, byte>(ref _inline.First);

    // The first four bytes inside, first byte highest, end the header.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void TakeQuadlet() => Unsafe.AsRef(in _header.Q3) = BinaryPrimitives.ReverseEndianness((uint)_inline.First);

    // Of a response whose header is there: how it ended, and what ends the header.
    internal void SetResult(ResponseCode code, uint last)
    {
        Unsafe.AsRef(in _header.Q1) = _header.Q1 & 0xFFFF_0000 | (uint)code << 12;
        Unsafe.AsRef(in _header.Q3) = last;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void SetHeader(in PacketHeader header, byte shape)
    {
        _header = header;
        Shape = shape;
    }

    // Who sends it, and by which label; the rest stays as it is, where it is.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void SetSource(ushort source, int label)
    {
        PacketHeader header = _header.From(source, label);
        Unsafe.AsRef(in _header.Q0) = header.Q0;
        Unsafe.AsRef(in _header.Q1) = header.Q1;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void FreePayload()
    {
        if (!Payload.IsEmpty)
            Payload.Free();
    }

    private struct Words
    {
        public ulong First, Second;
    }
}
