using System;

namespace Sluice.FireWire.Dv;

/// <summary>
/// Frames to test with: right headers, time code and recording date in the subcode, silence, and a picture of bars (<see cref="TestBars"/>);
/// what a decoder does not look at is different in each frame and block, so no two are alike.
/// Source: IEC 61834-2 (DIF blocks, section 5.3; compressed macro blocks, section 7), IEC 61834-4 (packs).
/// </summary>
public static class DvFrame
{
    private const int Header = 0, Subcode = 1, Vaux = 2, Audio = 3, Video = 4;
    private const int FirstAudio = 6, AudioEvery = 16, LuminanceBytes = 14, ChrominanceBytes = 10;
    private const byte TimeCode = 0x13, RecordingDate = 0x62, RecordingTime = 0x63, VauxSource = 0x60, VauxControl = 0x61, AauxSource = 0x50, AauxControl = 0x51, AauxDate = 0x52, AauxTime = 0x53;

    /// <summary>Draws a frame.</summary>
    /// <param name="frame">As many bytes as the system's frames have.</param>
    public static void Draw(DvSystem system, long number, Span<byte> frame)
    {
        for (int sequence = 0; sequence < system.Sequences; sequence++)
        {
            for (int i = 0; i < DvSystem.BlocksOfSequence; i++)
            {
                Span<byte> block = frame.Slice(((sequence * DvSystem.BlocksOfSequence) + i) * DvSystem.BlockBytes, DvSystem.BlockBytes);
                (int section, int index) = Place(i);
                block.Fill(0xFF);
                // Section 7:5, sequence number of the tracks 3:0; DIF sequence 7:4; number within the section.
                (block[0], block[1], block[2]) = ((byte)((section << 5) | 0x1F), (byte)((sequence << 4) | 7), (byte)index);
                Fill(system, section, index, sequence, number, block);
            }
        }
    }

    /// <summary>Which section a block of a sequence is of, and which one there.</summary>
    public static (int Section, int Index) Place(int block) => block switch
    {
        0 => (Header, 0),
        < 3 => (Subcode, block - 1),
        < FirstAudio => (Vaux, block - 3),
        _ when (block - FirstAudio) % AudioEvery == 0 => (Audio, (block - FirstAudio) / AudioEvery),
        _ => (Video, block - FirstAudio - ((block - FirstAudio) / AudioEvery) - 1),
    };

    /// <summary>A time code's pack: frames, seconds, minutes, hours in BCD.</summary>
    public static uint TimeOf(DvSystem system, long number)
    {
        long seconds = number / system.FramesPerSecond;
        return Bcd(number % system.FramesPerSecond) | (Bcd(seconds % 60) << 8) | (Bcd(seconds / 60 % 60) << 16) | (Bcd(seconds / 3600 % 24) << 24);
    }

    private static uint Bcd(long value) => (uint)((value / 10 << 4) | (value % 10));

    private static void Fill(DvSystem system, int section, int index, int sequence, long number, Span<byte> block)
    {
        switch (section)
        {
            case Header:
                block[3] = (byte)((system.Flag << 7) | 0x3F);
                // APT, AP1, AP2, AP3: consumer digital video; all of them valid.
                block[4] = block[5] = block[6] = block[7] = 0x78;
                break;
            case Subcode:
                for (int i = 0; i < 6; i++)
                    FillSync(system, (index * 6) + i, sequence, number, block.Slice(3 + (i * 8), 8));
                break;
            case Vaux:
                // Source: no channel, color, 50/60 and standard definition; control: copying is free.
                Pack(block[3..], VauxSource, 0xFF, 0xFF, (byte)(0xC0 | (system.Flag << 5)), 0xFF);
                Pack(block[8..], VauxControl, 0x03, 0x80, 0xFC, 0xFF);
                break;
            case Audio:
                FillAux(system, index - ((sequence & 1) == 0 ? 3 : 0), number, block[3..8]);
                block[8..].Clear();
                break;
            default:
                FillVideo(system, sequence, index, number, block[3..]);
                break;
        }
    }

    // The packs of the main area are in four audio blocks, the fourth to the seventh of even sequences, the first of odd ones.
    private static void FillAux(DvSystem system, int index, long number, Span<byte> pack)
    {
        uint time = TimeOf(system, number);
        switch (index)
        {
            case 0:
                // Locked, two channels of 48 kHz and 16 bits without emphasis.
                Pack(pack, AauxSource, (byte)(system == DvSystem.Pal ? 0x58 : 0x54), 0x30, (byte)(0xC0 | (system.Flag << 5)), 0xC0);
                break;
            case 1:
                // Copying is free; forward, at normal speed; no genre.
                Pack(pack, AauxControl, 0x03, 0xCF, 0xA0, 0xFF);
                break;
            case 2:
                Pack(pack, AauxDate, 0xFF, 0x01, 0x01, 0x05);
                break;
            case 3:
                Pack(pack, AauxTime, 0xFF, (byte)(time >> 8), (byte)(time >> 16), (byte)(time >> 24));
                break;
        }
    }

    private static void FillSync(DvSystem system, int index, int sequence, long number, Span<byte> sync)
    {
        uint time = TimeOf(system, number);
        // First half of the sequences, and the number of the sync block.
        (sync[0], sync[1], sync[2]) = ((byte)(sequence < system.Sequences / 2 ? 0x0F : 0x8F), (byte)(0xF0 | index), 0xFF);
        if (index % 3 == 0)
            Pack(sync[3..], TimeCode, (byte)time, (byte)(time >> 8), (byte)(time >> 16), (byte)(time >> 24));
        else if (index % 3 == 1)
            Pack(sync[3..], RecordingDate, 0xFF, 0x01, 0x01, 0x05);
        else
            Pack(sync[3..], RecordingTime, 0xFF, (byte)(time >> 8), (byte)(time >> 16), (byte)(time >> 24));
    }

    private static void Pack(Span<byte> at, byte kind, byte one, byte two, byte three, byte four) =>
        (at[0], at[1], at[2], at[3], at[4]) = (kind, one, two, three, four);

    // Four blocks of luminance and two of chrominance, each a DC value of nine bits, no motion, class 0, and the end code 0110.
    private static void FillVideo(DvSystem system, int sequence, int index, long number, Span<byte> block)
    {
        block[0] = 0x0F;
        ulong chance = ((ulong)number << 20) | ((uint)sequence << 12) | (uint)index;
        for (int i = 1; i < block.Length; i++)
        {
            chance = (chance * 6364136223846793005) + 1442695040888963407;
            block[i] = (byte)(chance >> 56);
        }
        (int x, int y, bool isSquare) = TestBars.PlaceOf(system, sequence, index);
        (int blue, int red) = TestBars.Differences(system, x, y);
        for (int i = 0, at = 1; i < 6; at += i < 4 ? LuminanceBytes : ChrominanceBytes, i++)
        {
            int level = i switch
            {
                < 4 => TestBars.Luminance(system, number, x + (isSquare ? i % 2 : i), y + (isSquare ? i / 2 : 0)),
                4 => red,
                _ => blue,
            };
            // Twice what it is above 128.
            uint bits = ((uint)((level - 128) * 2) & 0x1FF) << 7;
            (block[at], block[at + 1]) = ((byte)(bits >> 8), (byte)((bits & 0x80) | 0x06));
        }
    }
}
