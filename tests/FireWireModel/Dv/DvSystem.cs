namespace Sluice.FireWire.Dv;

/// <summary>One of the two television systems that DV has. Source: IEC 61834-2, tables 1 and 8; IEC 61883-2 for the packets.</summary>
/// <param name="Sequences">DIF sequences of a frame, 150 DIF blocks each.</param>
/// <param name="FramesPer1001Seconds">Frames a second, times 1,001.</param>
/// <param name="FramesPerSecond">As time codes count them.</param>
public sealed record DvSystem(string Name, int Sequences, int FramesPer1001Seconds, int FramesPerSecond)
{
    public const int BlockBytes = 80, BlocksOfSequence = 150, BlocksOfPacket = 6, PacketBytes = BlockBytes * BlocksOfPacket;

    /// <summary>525 lines, 60 fields: NTSC.</summary>
    public static DvSystem Ntsc { get; } = new("ntsc", 10, 30_000, 30);

    /// <summary>625 lines, 50 fields: PAL.</summary>
    public static DvSystem Pal { get; } = new("pal", 12, 25 * 1001, 25);

    /// <summary>Bytes of a frame.</summary>
    public int FrameBytes => Sequences * BlocksOfSequence * BlockBytes;

    /// <summary>Packets of a frame, besides empty ones.</summary>
    public int FramePackets => FrameBytes / PacketBytes;

    /// <summary>The bit of headers that tells them apart: DSF in a DIF header, 50/60 in a CIP header.</summary>
    public int Flag => this == Pal ? 1 : 0;
}
