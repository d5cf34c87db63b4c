using System;
using Sluice.Dma;
using Sluice.Drivers.Video;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Iidc;

/// <summary>
/// A camera that sends frames of Format_0, a packet in each cycle, the first of a frame with synchronization code 1. A frame lies where its
/// packets were received. What is done step by step to start it is in <c>Camera.Steps.cs</c>. Source: IIDC 1.31 (1394 Trade Association, TS 2003017).
/// </summary>
/// <param name="dma">The controller's, for the memory.</param>
public sealed partial class Camera(FireWireBus bus, DmaDevice dma) : VideoSource(bus, dma)
{
    // While so many are the controller's, none is lost by waiting.
    private const int LeastQueued = 2;
    private const byte FirstSync = 1;

    /// <summary>What became of frames that were not whole, since it was started.</summary>
    public CameraCounters Drops;

    /// <summary>What it sends.</summary>
    public VideoMode VideoMode { get; private set; }

    /// <summary>1.875 times 2^n frames a second.</summary>
    public int Rate { get; private set; }

    private protected override IsoReceiveMode Mode => IsoReceiveMode.Packets;

    private protected override byte Tags => 1;

    /// <summary>Begins to start it: <see cref="VideoSource.State"/> tells how that goes on. False if it is not idle.</summary>
    /// <param name="mode">Of Format_0: 0 to 6.</param>
    /// <param name="rate">0 to 7.</param>
    public bool TryStart(int mode, int rate)
    {
        if (State != VideoState.Idle || (uint)mode >= VideoMode.Modes || (uint)rate >= VideoMode.Rates)
            return false;
        Drops = default;
        _modeNumber = mode;
        VideoMode = VideoMode.Of(mode);
        Rate = rate;
        Begin();
        return true;
    }

    /// <inheritdoc/>
    public override VideoPicture PictureOf(in VideoFrame frame) => new(VideoMode.Width, VideoMode.Height, VideoMode.Coding, frame.Bytes);

    internal override bool IsMine(RomImage rom, out ulong registers) => CameraUnit.TryFind(rom, out registers);

    [PacketPath]
    private protected override void Take(int place, IsoReceiveBuffer buffer)
    {
        if (buffer.Whole != buffer.Packets)
        {
            CountBad(buffer[buffer.Whole]);
            Queue(buffer);
            return;
        }
        int cycles = IsoPacket.Cycles(buffer[0].Time, buffer[buffer.Packets - 1].Time) - (buffer.Packets - 1);
        if (cycles < 0)
        {
            Drops.Crowded++;
            Queue(buffer);
            return;
        }
        Drops.Gaps += (ulong)cycles;
        Ready(place);
        if (Queued < LeastQueued)
            Skip();
    }

    [PacketPath]
    private protected override ReadOnlySpan<byte> BytesOf(int place) => BufferAt(place).Bytes;

    [PacketPath]
    private protected override void Reuse(int place) => Queue(BufferAt(place));

    private void CountBad(in IsoPacket packet)
    {
        int bytes = VideoMode.PacketBytes(Rate);
        if (packet.DataBytes > bytes)
            Drops.Long++;
        else if (!packet.IsWhole)
            Drops.Damaged++;
        else if (packet.DataBytes < bytes)
            Drops.Short++;
        else
            Drops.Cut++;
    }
}
