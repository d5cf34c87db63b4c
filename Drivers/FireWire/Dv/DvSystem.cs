namespace Sluice.Drivers.Dv;

/// <summary>
/// The two television systems, and how their frames consist of DIF blocks. Source: IEC 61834-2 and SMPTE 314M, sections on the digital
/// interface: sequences of 150 blocks, each a header, two of subcode, three of auxiliary video, and nine of audio with 15 of video behind each.
/// </summary>
internal static class DvSystem
{
    public const int BlockBytes = 80, SequenceBlocks = 150, PacketBlocks = 6, VideoBlocks = 135;

    /// <summary>Of the video's pictures.</summary>
    public const int Width = 720, Lines60 = 480, Lines50 = 576;

    /// <summary>Frames of 625/50; those of 525/60 are shorter.</summary>
    public const int MostFrameBytes = 12 * SequenceBlocks * BlockBytes, FrameBytes60 = 10 * SequenceBlocks * BlockBytes;

    // Section types, and where the first block of each section is.
    private const int Subcode = 1, AuxiliaryVideo = 2, Audio = 3, Video = 4, FirstSubcode = 1, FirstAuxiliary = 3, FirstAudio = 6;
    private const int AudioBlocks = 9, VideoOfAudio = 15;

    /// <summary>Sequences of a frame.</summary>
    public static int Sequences(bool is50) => is50 ? 12 : 10;

    /// <summary>Which of a frame's blocks has an identifier (three bytes); -1 if none has.</summary>
    public static int PlaceOf(bool is50, byte first, byte second, byte third)
    {
        int sequence = second >> 4, number = third;
        // The bit below is for streams of twice as many blocks.
        if (sequence >= Sequences(is50) || (second & 8) != 0)
            return -1;
        int place = (first >> 5) switch
        {
            0 when number == 0 => 0,
            Subcode when number < 2 => FirstSubcode + number,
            AuxiliaryVideo when number < 3 => FirstAuxiliary + number,
            Audio when number < AudioBlocks => FirstAudio + number * (VideoOfAudio + 1),
            Video when number < VideoBlocks => VideoPlace(number),
            _ => -1,
        };
        return place < 0 ? place : sequence * SequenceBlocks + place;
    }

    /// <summary>Where in its sequence a block of video is.</summary>
    public static int VideoPlace(int number) => FirstAudio + 1 + number + number / VideoOfAudio;
}
