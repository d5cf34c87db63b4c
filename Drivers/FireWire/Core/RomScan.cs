using System;

namespace Sluice.FireWire.Core;

/// <summary>How reading a ROM ended, or goes on.</summary>
public enum RomResult : byte
{
    /// <summary>Read the next quadlet.</summary>
    More,

    /// <summary>The bus information block is there: who it is can be looked up before the rest is read.</summary>
    Identified,

    /// <summary>All is read.</summary>
    Done,

    /// <summary>The first quadlet is 0: the node is not ready yet. Begin again later.</summary>
    NotReady,

    /// <summary>A node with a vendor's number alone, as simple ones have (IEEE 1212-2001, section 7.2).</summary>
    Minimal,

    /// <summary>The bus information block is not one of IEEE 1394, or too short for a GUID.</summary>
    NotThisBus,

    /// <summary>The GUID is all zeros or all ones.</summary>
    NoGuid,
}

/// <summary>
/// Which quadlets of another node's ROM to read: the bus information block, then what can be reached from the root directory. No quadlet is read twice,
/// so a ROM cannot contradict itself, and one that refers in circles or has huge blocks costs 256 reads. It knows nothing
/// of transactions. Source: IEEE 1212-2001, sections 7.2 to 7.6.
/// </summary>
public sealed class RomScan
{
    // Blocks that wait to be read; more than one directory refers to in any device known.
    private const int MostBlocks = 32;

    private readonly short[] _blocks = new short[MostBlocks];
    private RomImage? _image;
    private int _waiting, _start, _end;
    private bool _isDirectory;

    /// <summary>The quadlet to be read next.</summary>
    public int Next { get; private set; }

    /// <summary>Where what is read goes.</summary>
    public RomImage Image => _image!;

    /// <summary>Begins a ROM.</summary>
    public void Begin(RomImage image)
    {
        _image = image;
        image.Clear();
        _waiting = 0;
        Next = 0;
    }

    /// <summary>Goes on behind <see cref="RomResult.Identified"/>: reads the root directory.</summary>
    public RomResult ReadRest()
    {
        if (_image!.Root < Rom.Quadlets)
            return TryBegin(_image.Root, isDirectory: true) ? RomResult.More : RomResult.Done;
        _image.Faults |= RomFaults.OutOfRange;
        return RomResult.Done;
    }

    /// <summary>A quadlet was read; anything but <see cref="RomResult.More"/> ends the scan, <see cref="RomResult.Identified"/> until <see cref="ReadRest"/>.</summary>
    public RomResult Take(uint quadlet)
    {
        RomImage image = _image!;
        image.Set(Next, quadlet);
        if (Next < Rom.BusBlock)
            return TakeBusBlock(quadlet);
        if (Next == _start)
            MeasureBlock(quadlet);
        else if (_isDirectory)
            Refer(new RomEntry(quadlet, Next));
        if (++Next < _end)
            return RomResult.More;
        Check(_start, _end);
        while (_waiting > 0)
        {
            int block = _blocks[--_waiting];
            if (TryBegin(block & 0xFFF, (block & 0x1000) != 0))
                return RomResult.More;
        }
        return RomResult.Done;
    }

    private RomResult TakeBusBlock(uint quadlet)
    {
        RomImage image = _image!;
        switch (Next++)
        {
            case 0 when quadlet == 0:
                return RomResult.NotReady;
            case 0 when quadlet >> 24 == 1:
                return RomResult.Minimal;
            case 0 when quadlet >> 24 < Rom.BusBlock - 1:
                return RomResult.NotThisBus;
            case 1 when quadlet != Rom.BusName:
                return RomResult.NotThisBus;
            case Rom.BusBlock - 1:
                // The check covers crc_length quadlets; here only those of this block are there.
                if ((image.Quadlets[0] >> 16 & 0xFF) == Rom.BusBlock - 1)
                    Compare(image.Quadlets[0], 1, Rom.BusBlock);
                return image.Guid is 0 or ulong.MaxValue ? RomResult.NoGuid : RomResult.Identified;
            default:
                return RomResult.More;
        }
    }

    private bool TryBegin(int start, bool isDirectory)
    {
        if (_image!.IsKnown(start))
        {
            _image.Faults |= RomFaults.Loop;
            return false;
        }
        _start = Next = start;
        _end = start + 1;
        _isDirectory = isDirectory;
        return true;
    }

    private void MeasureBlock(uint header)
    {
        int end = _start + 1 + (int)(header >> 16);
        if (end > Rom.Quadlets)
        {
            _image!.Faults |= RomFaults.TooLong;
            end = Rom.Quadlets;
        }
        // Blocks that overlap: what is known already is not read again.
        for (int i = _start + 1; i < end; i++)
        {
            if (!_image!.IsKnown(i))
                continue;
            _image.Faults |= RomFaults.Loop;
            end = i;
        }
        _end = end;
    }

    private void Refer(in RomEntry entry)
    {
        int type = RomKey.TypeOf(entry.Key);
        if (type < RomKey.Leaf)
            return;
        if (entry.Target < Rom.BusBlock || entry.Value == 0)
            _image!.Faults |= entry.Value == 0 ? RomFaults.Loop : RomFaults.OutOfRange;
        else if (_waiting == MostBlocks)
            _image!.Faults |= RomFaults.TooMany;
        else
            _blocks[_waiting++] = (short)(entry.Target | (type == RomKey.Directory ? 0x1000 : 0));
    }

    private void Check(int start, int end)
    {
        if (end - start - 1 == (int)(_image!.Quadlets[start] >> 16))
            Compare(_image.Quadlets[start], start + 1, end);
    }

    private void Compare(uint header, int start, int end)
    {
        if ((ushort)header != Rom.Crc(new ReadOnlySpan<uint>(_image!.Quadlets, start, end - start)))
            _image.Faults |= RomFaults.BadCrc;
    }
}
