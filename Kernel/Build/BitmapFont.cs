using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace Sluice.Build;

/// <summary>
/// The glyphs of 8 by 16 pixels in an OpenType font that holds bitmaps for several sizes.
/// Source: OpenType 1.9, chapters cmap (format 4), EBLC (index format 2) and EBDT (image format 5).
/// </summary>
public sealed class BitmapFont
{
    /// <summary>Pixels across a glyph.</summary>
    public const int Width = 8;

    /// <summary>Pixels down a glyph, and bytes in one: a byte a row, its top bit leftmost.</summary>
    public const int Height = 16;

    private readonly SortedDictionary<int, byte[]> _glyphs = [];

    /// <summary>Code points and their glyphs, in ascending order.</summary>
    public IReadOnlyDictionary<int, byte[]> Glyphs => _glyphs;

    /// <summary>Reads a font file; <see cref="InvalidDataException"/> says what is wrong with it.</summary>
    public static BitmapFont Read(ReadOnlySpan<byte> file)
    {
        BitmapFont font = new();
        try
        {
            Dictionary<int, byte[]> images = ReadImages(Table(file, "EBLC"), Table(file, "EBDT"));
            foreach ((int codePoint, int glyph) in ReadCharacterMap(Table(file, "cmap")))
            {
                if (images.TryGetValue(glyph, out byte[]? image))
                    font._glyphs[codePoint] = image;
            }
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new InvalidDataException("the font file is cut off or damaged");
        }
        return font._glyphs.Count > 0 ? font : throw new InvalidDataException("the font has no 8 by 16 glyph that a code point names");
    }

    private static ReadOnlySpan<byte> Table(ReadOnlySpan<byte> file, string tag)
    {
        int count = Half(file, 4);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = file.Slice(12 + 16 * i, 16);
            if (Encoding.ASCII.GetString(entry[..4]) == tag)
                return file.Slice(Word(entry, 8), Word(entry, 12));
        }
        throw new InvalidDataException($"the font has no table {tag}");
    }

    private static List<(int CodePoint, int Glyph)> ReadCharacterMap(ReadOnlySpan<byte> map)
    {
        for (int i = 0; i < Half(map, 2); i++)
        {
            ReadOnlySpan<byte> record = map.Slice(4 + 8 * i, 8);
            if (Half(record, 0) == 3 && Half(record, 2) == 1)        // Windows, Unicode BMP
                return ReadSegments(map[Word(record, 4)..]);
        }
        throw new InvalidDataException("the font has no Unicode character map");
    }

    private static List<(int CodePoint, int Glyph)> ReadSegments(ReadOnlySpan<byte> map)
    {
        if (Half(map, 0) != 4)
            throw new InvalidDataException($"character map of format {Half(map, 0)}; this reads format 4");
        List<(int, int)> pairs = [];
        int segments = Half(map, 6) / 2;
        int ends = 14, starts = ends + 2 * segments + 2, deltas = starts + 2 * segments, offsets = deltas + 2 * segments;
        for (int i = 0; i < segments; i++)
        {
            int delta = Half(map, deltas + 2 * i), offset = Half(map, offsets + 2 * i);
            for (int codePoint = Half(map, starts + 2 * i); codePoint <= Half(map, ends + 2 * i) && codePoint < 0xFFFF; codePoint++)
            {
                int glyph = codePoint;
                if (offset != 0)
                    glyph = Half(map, offsets + 2 * i + offset + 2 * (codePoint - Half(map, starts + 2 * i)));
                if (offset == 0 || glyph != 0)
                    glyph = glyph + delta & 0xFFFF;
                if (glyph != 0)
                    pairs.Add((codePoint, glyph));
            }
        }
        return pairs;
    }

    private static Dictionary<int, byte[]> ReadImages(ReadOnlySpan<byte> locations, ReadOnlySpan<byte> data)
    {
        Dictionary<int, byte[]> images = [];
        for (int strike = 0; strike < Word(locations, 4); strike++)
        {
            ReadOnlySpan<byte> size = locations.Slice(8 + 48 * strike, 48);
            if (size[45] != Height || size[46] != 1)                 // pixels per em; bits a pixel
                continue;
            ReadOnlySpan<byte> array = locations[Word(size, 0)..];
            for (int i = 0; i < Word(size, 8); i++)
            {
                ReadOnlySpan<byte> range = array.Slice(8 * i, 8);
                ReadRange(array[Word(range, 4)..], Half(range, 0), Half(range, 2), data, images);
            }
        }
        return images;
    }

    private static void ReadRange(ReadOnlySpan<byte> table, int first, int last, ReadOnlySpan<byte> data, Dictionary<int, byte[]> images)
    {
        // Other forms hold glyphs of other sizes, as the one for "not in the font".
        if (Half(table, 0) != 2 || Half(table, 2) != 5 || Word(table, 8) != Height || table[12] != Height || table[13] != Width)
            return;
        int at = Word(table, 4);
        for (int glyph = first; glyph <= last; glyph++, at += Height)
            images[glyph] = data.Slice(at, Height).ToArray();
    }

    private static int Half(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);

    private static int Word(ReadOnlySpan<byte> bytes, int at)
    {
        uint value = BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);
        return value <= int.MaxValue ? (int)value : throw new InvalidDataException("the font file is cut off or damaged");
    }
}
