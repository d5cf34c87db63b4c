using System;
using Sluice.Console;
using Sluice.Mm;

namespace Sluice.Shell;

/// <summary>
/// All of physical memory at a glance: in colours, two rows of tiles in each line of text; or in letters, for plain serial terminals.
/// Rows without memory are left out.
/// </summary>
internal static class MemoryPicture
{
    private const int LabelColumns = 11, MostTiles = 128, LettersInRow = 64;
    private const ulong LeastTile = PhysAddr.PageSize;

    /// <summary>Draws it on all outputs.</summary>
    public static void Draw()
    {
        if (Terminal.Screen is TextScreen screen)
            DrawColours(screen.Columns, screen.Rows, Outputs.Screen);
        if (Terminal.SerialColours)
            DrawColours(80, 24, Outputs.Serial);
        else
            DrawLetters();
    }

    private static void DrawColours(int columns, int lines, Outputs outputs)
    {
        uint row = MostTiles;
        while (row > 32 && row + LabelColumns >= columns)
            row /= 2;
        uint tile = TileFrames(row * 2 * (uint)Math.Max(lines - 14, 8));
        Span<byte> room = stackalloc byte[4096];
        Span<byte> upper = stackalloc byte[MostTiles], lower = stackalloc byte[MostTiles];
        MemoryTiles tiles = new(Pages.Allocator.Walk(), tile);
        while (!tiles.IsAtEnd)
        {
            if (tiles.SkipEmpty(2 * row) > 0)
            {
                Terminal.WriteLine($"\e[90m        …\e[0m", outputs);
                continue;
            }
            Utf8Writer line = new(room);
            Utf8Message label = $"{new ByteSize(tiles.Next * PhysAddr.PageSize),10} ";
            line.Append("\e[90m"u8);
            line.Append(label.Text);
            for (int i = 0; i < row; i++)
                upper[i] = ColourOf(tiles.Take());
            for (int i = 0; i < row; i++)
                lower[i] = ColourOf(tiles.Take());
            AppendRows(ref line, upper.Slice(0, (int)row), lower.Slice(0, (int)row));
            Terminal.Write(line.Written, outputs);
        }
        DrawLegend(tile, outputs);
    }

    // A half block has two colours: the letter's is the upper tile, the ground's the lower one.
    private static void AppendRows(ref Utf8Writer line, ReadOnlySpan<byte> upper, ReadOnlySpan<byte> lower)
    {
        for (int i = 0; i < upper.Length; i++)
        {
            if (i == 0 || upper[i] != upper[i - 1] || lower[i] != lower[i - 1])
            {
                line.Append("\e[38;5;"u8);
                line.Append((ulong)upper[i]);
                line.Append(";48;5;"u8);
                line.Append((ulong)lower[i]);
                line.Append((byte)'m');
            }
            line.AppendRune('▀');
        }
        line.Append("\e[0m\n"u8);
    }

    private static void DrawLegend(uint tileFrames, Outputs outputs)
    {
        Terminal.Write($"\n  one tile {new ByteSize(tileFrames * PhysAddr.PageSize)}  ", outputs);
        for (byte level = 1; level <= 4; level++)
            Terminal.Write($"\e[38;5;{ColourOf(new MemoryTile(PieceKind.Used, level))}m█", outputs);
        Terminal.Write("\e[0m in use, up to ¼ ½ ¾ 1"u8, outputs);
        Terminal.Write("\n  "u8, outputs);
        for (PieceKind kind = 0; kind < PieceKind.Used; kind++)
            Terminal.Write($"\e[38;5;{ColourOf(new MemoryTile(kind, 0))}m██\e[0m {NameOf(kind)}  ", outputs);
        Terminal.Write("\n"u8, outputs);
    }

    private static void DrawLetters()
    {
        uint tile = TileFrames(LettersInRow * 16);
        Span<byte> room = stackalloc byte[LettersInRow];
        MemoryTiles tiles = new(Pages.Allocator.Walk(), tile);
        while (!tiles.IsAtEnd)
        {
            if (tiles.SkipEmpty(LettersInRow) > 0)
            {
                Terminal.WriteLine($"        ...", Outputs.Serial);
                continue;
            }
            ulong start = tiles.Next * PhysAddr.PageSize;
            for (int i = 0; i < LettersInRow; i++)
                room[i] = LetterOf(tiles.Take());
            Terminal.WriteLine($"{new ByteSize(start),10} {room}", Outputs.Serial);
        }
        Terminal.WriteLine($"  one letter {new ByteSize(tile * PhysAddr.PageSize)}; 1 to 4 quarters in use", Outputs.Serial);
        for (PieceKind kind = 0; kind < PieceKind.Used; kind++)
            Terminal.Write($"  {(char)LetterOf(new MemoryTile(kind, 0))} {NameOf(kind)}", Outputs.Serial);
        Terminal.Write("\n"u8, Outputs.Serial);
    }

    // A power of two, so that memory fits into so many tiles; holes take none.
    private static uint TileFrames(uint tiles)
    {
        ulong frames = 0;
        foreach (MemoryPiece piece in Pages.Allocator.Walk())
            frames += piece.Kind == PieceKind.NotRam ? 0 : piece.Frames;
        uint tile = (uint)(LeastTile / PhysAddr.PageSize);
        while (tile < 1U << 28 && frames / tile > tiles)
            tile *= 2;
        return tile;
    }

    // Of the palette: greens are free, warm colours in use, the rest is nobody's to take.
    private static byte ColourOf(MemoryTile tile) => tile.Kind switch
    {
        PieceKind.NotRam => 236,
        PieceKind.Reserved => 97,
        PieceKind.Metadata => 67,
        PieceKind.Unusable => 245,
        PieceKind.Untouched => 23,
        PieceKind.Free => 71,
        PieceKind.Cached => 79,
        _ => tile.Level switch { 1 => 229, 2 => 221, 3 => 214, _ => 202 },
    };

    private static byte LetterOf(MemoryTile tile) => tile.Kind switch
    {
        PieceKind.NotRam => (byte)' ',
        PieceKind.Reserved => (byte)'R',
        PieceKind.Metadata => (byte)'M',
        PieceKind.Unusable => (byte)'x',
        PieceKind.Untouched => (byte)'.',
        PieceKind.Free => (byte)'-',
        PieceKind.Cached => (byte)'c',
        _ => (byte)('0' + tile.Level),
    };

    private static ReadOnlySpan<byte> NameOf(PieceKind kind) => kind switch
    {
        PieceKind.NotRam => "no memory"u8,
        PieceKind.Reserved => "kernel and firmware"u8,
        PieceKind.Metadata => "records"u8,
        PieceKind.Unusable => "too scattered"u8,
        PieceKind.Untouched => "never used"u8,
        PieceKind.Free => "free"u8,
        PieceKind.Cached => "free, kept by a CPU"u8,
        _ => "in use"u8,
    };
}
