using System;

namespace Sluice.FireWire.Core;

/// <summary>What is wrong with a ROM that is used all the same.</summary>
[Flags]
public enum RomFaults : byte
{
    None = 0,

    /// <summary>A block's check does not fit; many devices on sale are like that.</summary>
    BadCrc = 1 << 0,

    /// <summary>A block goes on behind the end of the ROM.</summary>
    TooLong = 1 << 1,

    /// <summary>An entry refers to a place outside of the ROM, or to the bus information block.</summary>
    OutOfRange = 1 << 2,

    /// <summary>An entry refers to a block that was read before, perhaps the one that it is in.</summary>
    Loop = 1 << 3,

    /// <summary>More blocks are referred to than are kept in mind.</summary>
    TooMany = 1 << 4,
}

/// <summary>
/// Another node's configuration ROM, as far as it was read. Nothing in it is believed: whatever is looked for is looked for within the 256
/// quadlets, and in each directory once. Source: IEEE 1212-2001, section 7.
/// </summary>
public sealed class RomImage
{
    internal readonly uint[] Quadlets = new uint[Rom.Quadlets];

    // A bit for each quadlet that was read.
    private readonly ulong[] _known = new ulong[Rom.Quadlets / 64];

    /// <summary>Its node's EUI-64; 0 if it has none.</summary>
    public ulong Guid => IsKnown(4) ? (ulong)Quadlets[3] << 32 | Quadlets[4] : 0;

    /// <summary>What its node can.</summary>
    public BusOptions Options => new(IsKnown(2) ? Quadlets[2] : 0);

    /// <summary>What was wrong with it.</summary>
    public RomFaults Faults { get; internal set; }

    /// <summary>Where the root directory is.</summary>
    public int Root => 1 + (int)(Quadlets[0] >> 24);

    /// <summary>One quadlet; 0 if it was not read.</summary>
    public uint this[int index] => (uint)index < Rom.Quadlets && IsKnown(index) ? Quadlets[index] : 0;

    /// <summary>The entries of the root directory, or of one found there.</summary>
    public RomEntries Entries(int directory) => new(this, directory);

    /// <summary>The value of the first entry with a key in a directory.</summary>
    public bool TryFind(int directory, byte key, out uint value)
    {
        RomEntries entries = Entries(directory);
        while (entries.TryNext(out RomEntry entry))
        {
            if (entry.Key != key)
                continue;
            value = entry.Value;
            return true;
        }
        value = 0;
        return false;
    }

    /// <summary>The next unit directory of the root directory, from <paramref name="entries"/> on, that has this specifier and version.</summary>
    public bool TryFindUnit(ref RomEntries entries, uint specifier, uint version, out int unit)
    {
        while (entries.TryNext(out RomEntry entry))
        {
            unit = entry.Target;
            if (entry.Key == RomKey.UnitDirectory && TryFind(unit, RomKey.Specifier, out uint by) && by == specifier
                && TryFind(unit, RomKey.Version, out uint which) && which == version)
                return true;
        }
        unit = 0;
        return false;
    }

    /// <summary>The text behind the first entry with a key: <see cref="RomKey.Vendor"/>, <see cref="RomKey.Model"/>.</summary>
    /// <returns>Bytes of <paramref name="text"/> that were filled; printable ASCII only.</returns>
    public int TextOf(int directory, byte key, Span<byte> text)
    {
        RomEntries entries = Entries(directory);
        bool isBehind = false;
        while (entries.TryNext(out RomEntry entry))
        {
            if (isBehind)
                return entry.Key == RomKey.TextLeaf ? Text(entry.Target, text) : 0;
            isBehind = entry.Key == key;
        }
        return 0;
    }

    /// <summary>The text of a leaf: ASCII alone is understood. Source: IEEE 1212-2001, section 7.5.4.1.</summary>
    public int Text(int leaf, Span<byte> text)
    {
        if (this[leaf + 1] != 0 || this[leaf + 2] != 0)
            return 0;
        int end = Math.Min(leaf + 1 + (int)(this[leaf] >> 16), Rom.Quadlets), length = 0;
        for (int i = leaf + 3; i < end; i++)
        {
            for (int shift = 24; shift >= 0; shift -= 8)
            {
                byte character = (byte)(this[i] >> shift);
                if (character == 0 || length == text.Length)
                    return length;
                text[length++] = character is >= 0x20 and < 0x7F ? character : (byte)'?';
            }
        }
        return length;
    }

    internal bool IsKnown(int index) => (_known[index / 64] >> index % 64 & 1) != 0;

    internal void Set(int index, uint value)
    {
        Quadlets[index] = value;
        _known[index / 64] |= 1ul << index % 64;
    }

    internal void Clear()
    {
        Faults = RomFaults.None;
        new Span<ulong>(_known).Clear();
    }
}

/// <summary>An entry of a directory.</summary>
public readonly struct RomEntry(uint quadlet, int at)
{
    /// <summary>Type in bits 7:6, identifier in 5:0.</summary>
    public byte Key => (byte)(quadlet >> 24);

    /// <summary>24 bits: a value, or an offset in quadlets.</summary>
    public uint Value => quadlet & 0xFF_FFFF;

    /// <summary>Leaves and directories: where in the ROM; 0 for all others, and if it is outside.</summary>
    public int Target => Key >= 0x80 && Value < (uint)(Rom.Quadlets - at) ? at + (int)Value : 0;
}

/// <summary>Goes through a directory once; entries that were not read end it.</summary>
public ref struct RomEntries
{
    private readonly RomImage _image;
    private readonly int _end;
    private int _next;

    internal RomEntries(RomImage image, int directory)
    {
        _image = image;
        _next = directory + 1;
        _end = directory < 1 ? _next : Math.Min(_next + (int)(image[directory] >> 16), Rom.Quadlets);
    }

    public bool TryNext(out RomEntry entry)
    {
        if (_next >= _end || !_image.IsKnown(_next))
        {
            entry = default;
            return false;
        }
        entry = new RomEntry(_image.Quadlets[_next], _next);
        _next++;
        return true;
    }
}
