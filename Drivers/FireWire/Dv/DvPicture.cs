using System;
using Sluice.Drivers.Video;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Drivers.Dv;

/// <summary>
/// The picture of a frame, of which the mean of each block of 8 by 8 pixels is shown: its DC coefficient, which is at a fixed place, while the
/// others have variable lengths. Nothing in a frame can lead out of it or of the picture. Source: IEC 61834-2, sections 6 and 7; SMPTE 314M, section 5.
/// </summary>
internal sealed class DvPicture(PageAllocator pages)
{
    // 1 MiB: two bytes for each pixel.
    private const int Order = 8;

    // Of a macroblock's bytes: identifier and quantization, four blocks of luminance, then red and blue difference.
    private const int FirstBlock = 4, LuminanceBlocks = 4, LuminanceBytes = 14, DifferenceBytes = 10;

    private PageRun _pages;

    /// <summary>Takes memory; it may have some already.</summary>
    public bool TryMake() => !_pages.IsEmpty || pages.TryTake(Order, Zone.Any, OwnerTag.None, out _pages);

    /// <summary>Gives it back.</summary>
    public void Free()
    {
        if (!_pages.IsEmpty)
            pages.Give(ref _pages);
    }

    /// <summary>Draws a frame, whole; valid until the next.</summary>
    public VideoPicture Decode(ReadOnlySpan<byte> frame)
    {
        bool is50 = frame.Length == DvSystem.MostFrameBytes;
        var canvas = new DvCanvas(_pages.Memory, is50);
        for (int sequence = 0; sequence < DvSystem.Sequences(is50); sequence++)
        {
            for (int number = 0; number < DvSystem.VideoBlocks; number++)
            {
                int at = (sequence * DvSystem.SequenceBlocks + DvSystem.VideoPlace(number)) * DvSystem.BlockBytes;
                Draw(canvas, frame.Slice(at, DvSystem.BlockBytes), new MacroblockPlace(is50, sequence, number));
            }
        }
        return canvas.Picture;
    }

    private static void Draw(in DvCanvas canvas, ReadOnlySpan<byte> macroblock, in MacroblockPlace place)
    {
        int at = FirstBlock;
        for (int i = 0; i < LuminanceBlocks; i++, at += LuminanceBytes)
            canvas.FillLuminance(place.X + (place.IsSquare ? i % 2 : i), place.Y + (place.IsSquare ? i / 2 : 0), MeanOf(macroblock.Slice(at)));
        canvas.FillDifference(place, isRed: true, MeanOf(macroblock.Slice(at)));
        canvas.FillDifference(place, isRed: false, MeanOf(macroblock.Slice(at + DifferenceBytes)));
    }

    // Nine bits, signed: twice what the mean is above 128.
    private static int MeanOf(ReadOnlySpan<byte> block) => ((short)(block[0] << 8 | block[1] & 0x80) >> 8) + 128;
}
