using System;
using System.Runtime.InteropServices;
using Sluice.Drivers.Video;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Drivers.Dv;

/// <summary>
/// The picture of a frame. Five macroblocks are a segment: codes of blocks that have no room for them lie where others of the macroblock, then of the
/// segment, have some left. Nothing in a frame can lead out of it or of the picture. Source: IEC 61834-2, sections 6 and 7; SMPTE 314M, section 5.
/// </summary>
internal sealed class DvPicture(PageAllocator pages)
{
    // 1 MiB: two bytes for each pixel, and at the end coefficients.
    private const int Order = 8;

    // Of a macroblock's bytes: identifier and quantization, four blocks of luminance, then red and blue difference.
    private const int FirstBlock = 4, LuminanceBlocks = 4, LuminanceBytes = 14, DifferenceBytes = 10;

    private const int Segment = 5, Blocks = 6, Coefficients = 64, CoefficientBytes = Segment * Blocks * Coefficients * 4;

    private readonly DvTables _tables = new();
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
        Span<byte> memory = _pages.Memory;
        Span<int> coefficients = MemoryMarshal.Cast<byte, int>(memory.Slice(memory.Length - CoefficientBytes));
        var canvas = new DvCanvas(memory.Slice(0, memory.Length - CoefficientBytes), is50);
        Span<DvBlock> blocks = stackalloc DvBlock[Segment * Blocks];
        for (int sequence = 0; sequence < DvSystem.Sequences(is50); sequence++)
        {
            ReadOnlySpan<byte> all = frame.Slice(sequence * DvSystem.SequenceBlocks * DvSystem.BlockBytes, DvSystem.SequenceBlocks * DvSystem.BlockBytes);
            for (int number = 0; number < DvSystem.VideoBlocks; number += Segment)
            {
                Read(all, number, blocks, coefficients);
                for (int i = 0; i < blocks.Length; i++)
                    Draw(canvas, new MacroblockPlace(is50, sequence, number + i / Blocks), i % Blocks, blocks[i], coefficients.Slice(i * Coefficients, Coefficients));
            }
        }
        return canvas.Picture;
    }

    // The coefficients of a segment, in three passes.
    private void Read(ReadOnlySpan<byte> sequence, int number, Span<DvBlock> blocks, Span<int> coefficients)
    {
        coefficients.Clear();
        blocks.Clear();
        var spare = new DvSpareBits(stackalloc byte[Segment * DvSystem.BlockBytes]);
        var spareOfOne = new DvSpareBits(stackalloc byte[DvSystem.BlockBytes]);
        for (int macroblock = 0; macroblock < Segment; macroblock++)
        {
            ReadOnlySpan<byte> bytes = sequence.Slice(DvSystem.VideoPlace(number + macroblock) * DvSystem.BlockBytes, DvSystem.BlockBytes);
            Span<DvBlock> ours = blocks.Slice(macroblock * Blocks, Blocks);
            Span<int> coefficientsOfOurs = coefficients.Slice(macroblock * Blocks * Coefficients, Blocks * Coefficients);
            spareOfOne.Clear();
            int at = FirstBlock;
            for (int i = 0; i < Blocks; i++)
            {
                int end = at + (i < LuminanceBlocks ? LuminanceBytes : DifferenceBytes);
                var bits = new DvBits(bytes, at * 8, end * 8);
                ours[i].Begin(ref bits, bytes[FirstBlock - 1] & 0xF, coefficientsOfOurs.Slice(i * Coefficients, Coefficients));
                ours[i].Read(ref bits, _tables, coefficientsOfOurs.Slice(i * Coefficients, Coefficients));
                spareOfOne.Add(bits);
                at = end;
            }
            DvBits left = spareOfOne.Bits;
            for (int i = 0; i < Blocks; i++)
                ours[i].Read(ref left, _tables, coefficientsOfOurs.Slice(i * Coefficients, Coefficients));
            spare.Add(left);
        }
        DvBits last = spare.Bits;
        for (int i = 0; i < blocks.Length; i++)
            blocks[i].Read(ref last, _tables, coefficients.Slice(i * Coefficients, Coefficients));
    }

    private void Draw(in DvCanvas canvas, in MacroblockPlace place, int which, in DvBlock block, Span<int> samples)
    {
        if (block.HasDetail)
            _tables.Transform(samples, block.IsSplit);
        else
            samples.Fill(samples[0] + 4 >> 3);
        if (which < LuminanceBlocks)
            canvas.PutLuminance(place.X + (place.IsSquare ? which % 2 : which), place.Y + (place.IsSquare ? which / 2 : 0), samples);
        else
            canvas.PutDifference(place, isRed: which == LuminanceBlocks, samples);
    }
}
