using System;

namespace Sluice.FireWire.Core;

/// <summary>A directory that is being written.</summary>
public struct RomDirectory
{
    internal int Start, Next, End;
}

/// <summary>
/// Writes blocks of a configuration ROM one behind the other: a directory has as many places as announced, and what its entries refer to
/// follows. What does not fit is left out, and <see cref="IsFull"/>. Source: IEEE 1212-2001, sections 7.5 and 7.6.
/// </summary>
public ref struct RomWriter(Span<uint> image)
{
    private readonly Span<uint> _image = image;

    /// <summary>Quadlets written.</summary>
    public int Used { get; private set; }

    /// <summary>Something was left out.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Writes the bus information block, first of all. Source: IEEE 1394a-2000, section 8.3.2.5.4.</summary>
    public void BusBlock(ulong guid, BusOptions options)
    {
        Used = Rom.BusBlock;
        _image[1] = Rom.BusName;
        _image[2] = options.Quadlet;
        _image[3] = (uint)(guid >> 32);
        _image[4] = (uint)guid;
        _image[0] = 4u << 24 | 4u << 16 | Rom.Crc(_image.Slice(1, 4));
    }

    /// <summary>Begins the root directory, right behind the bus information block.</summary>
    public RomDirectory Root(int entries) => Begin(entries);

    /// <summary>An entry with a value of 24 bits.</summary>
    public readonly void Value(ref RomDirectory directory, byte key, uint value) => Put(ref directory, key, value & 0xFF_FFFF);

    /// <summary>Text that describes the entry before it: ASCII. Source: IEEE 1212-2001, section 7.5.4.1.</summary>
    public void Text(ref RomDirectory directory, ReadOnlySpan<byte> text)
    {
        int quadlets = 2 + (text.Length + 3) / 4;
        if (!Refer(ref directory, RomKey.TextLeaf, quadlets, out int start))
            return;
        // Type 0, specifier 0; width, character set and language 0: one byte a character, ASCII.
        _image[start + 1] = _image[start + 2] = 0;
        for (int i = 0; i < quadlets - 2; i++)
        {
            uint quadlet = 0;
            for (int j = 4 * i; j < 4 * i + 4; j++)
                quadlet = quadlet << 8 | (j < text.Length ? text[j] : 0u);
            _image[start + 3 + i] = quadlet;
        }
        Close(start, quadlets);
    }

    /// <summary>A directory inside.</summary>
    public RomDirectory Directory(ref RomDirectory directory, byte key, int entries)
    {
        if (!Refer(ref directory, key, entries, out int start))
            return default;
        return new RomDirectory { Start = start, Next = start + 1, End = start + 1 + entries };
    }

    /// <summary>All entries of a directory are there.</summary>
    public readonly void Finish(in RomDirectory directory)
    {
        if (directory.Start == 0)
            return;
        Bug.If(directory.Next != directory.End, "a ROM directory has another number of entries than announced"u8);
        Close(directory.Start, directory.End - directory.Start - 1);
    }

    private RomDirectory Begin(int entries)
    {
        int start = Used;
        if (!TryTake(1 + entries))
            return default;
        return new RomDirectory { Start = start, Next = start + 1, End = start + 1 + entries };
    }

    // An entry, and the place that it refers to: the offset counts from the entry.
    private bool Refer(ref RomDirectory directory, byte key, int quadlets, out int start)
    {
        start = Used;
        if (directory.Start == 0 || !TryTake(1 + quadlets))
        {
            Put(ref directory, 0, 0);
            return false;
        }
        Put(ref directory, key, (uint)(start - directory.Next));
        return true;
    }

    private readonly void Put(ref RomDirectory directory, byte key, uint value)
    {
        if (directory.Start == 0)
            return;
        Bug.If(directory.Next >= directory.End, "a ROM directory has more entries than announced"u8);
        _image[directory.Next++] = (uint)key << 24 | value;
    }

    private bool TryTake(int quadlets)
    {
        if (quadlets > _image.Length - Used)
        {
            IsFull = true;
            return false;
        }
        Used += quadlets;
        return true;
    }

    private readonly void Close(int start, int length) =>
        _image[start] = (uint)length << 16 | Rom.Crc(_image.Slice(start + 1, length));
}
