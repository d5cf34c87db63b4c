using System;
using System.IO;

namespace Sluice.FireWire.Dv;

/// <summary>What a camcorder plays: frames of a file of raw DV, over and over, or <see cref="DvFrame"/>s without end.</summary>
public sealed class DvTape
{
    private readonly byte[]? _file;

    /// <summary>A tape of drawn frames.</summary>
    public DvTape(DvSystem system) => System = system;

    /// <summary>A tape of a file's frames.</summary>
    /// <exception cref="InvalidDataException">The file is no raw DV: whole frames, each with the right headers.</exception>
    public DvTape(byte[] file)
    {
        // The header of the first DIF block tells the system.
        System = file.Length > 3 && (file[3] & 0x80) != 0 ? DvSystem.Pal : DvSystem.Ntsc;
        if (file.Length == 0 || file.Length % System.FrameBytes != 0)
            throw new InvalidDataException($"raw DV of this kind has {System.FrameBytes} bytes a frame");
        for (int at = 0; at < file.Length; at += DvSystem.BlockBytes)
        {
            int block = at / DvSystem.BlockBytes % DvSystem.BlocksOfSequence, sequence = at / DvSystem.BlockBytes / DvSystem.BlocksOfSequence % System.Sequences;
            (int section, int index) = DvFrame.Place(block);
            if (file[at] >> 5 != section || file[at + 1] >> 4 != sequence || file[at + 2] != index)
                throw new InvalidDataException($"byte {at} of the file is not where DIF block {section}/{index} of sequence {sequence} begins");
        }
        _file = file;
    }

    public DvSystem System { get; }

    /// <summary>Puts a frame's bytes where they are asked for.</summary>
    public void Read(long number, Span<byte> frame)
    {
        if (_file == null)
            DvFrame.Draw(System, number, frame);
        else
            _file.AsSpan((int)(number % (_file.Length / System.FrameBytes)) * System.FrameBytes, System.FrameBytes).CopyTo(frame);
    }
}
