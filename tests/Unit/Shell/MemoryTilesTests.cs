using System;
using System.Collections.Generic;
using System.Linq;
using FsCheck.Fluent;
using Sluice.Mm;
using Sluice.Shell;
using Sluice.Tests.Mm;
using Xunit;

namespace Sluice.Tests.Shells;

public sealed class MemoryTilesTests
{
    private static readonly MachineMap _holes = MachineMap.Of(
        (0, 640 << 10), (1 << 20, 63 << 20), (100 << 20, 3 << 20), (512 << 20, 64 << 20), (4UL << 30, 130 << 20));

    // Each frame's kind, the slow way.
    private static List<PieceKind> Frames(PageAllocator pages)
    {
        List<PieceKind> kinds = [];
        foreach (MemoryPiece piece in pages.Walk())
            kinds.AddRange(Enumerable.Repeat(piece.Kind, (int)piece.Frames));
        return kinds;
    }

    private static (PieceKind Kind, int Level) Expected(List<PieceKind> frames, ulong first, uint count)
    {
        PieceKind[] kinds = [.. frames.Skip((int)first).Take((int)count)];
        int used = kinds.Count(kind => kind == PieceKind.Used);
        if (used > 0)
            return (PieceKind.Used, (int)((used * 4 + count - 1) / count));
        var memory = kinds.Where(kind => kind != PieceKind.NotRam).GroupBy(kind => kind).OrderByDescending(group => group.Count()).ThenBy(group => group.Key);
        return (memory.FirstOrDefault()?.Key ?? PieceKind.NotRam, 0);
    }

    [Fact]
    public void Tiles_show_what_the_frames_are() =>
        Properties.ForAll(
            from shift in Gen.Choose(4, 15)
            from row in Gen.Choose(1, 64)
            from orders in Gen.Choose(0, 9).ListOf(40)
            select (1u << shift, (uint)row, orders),
            input =>
            {
                (uint tileFrames, uint row, IEnumerable<int> orders) = input;
                using Machine machine = new(_holes);
                foreach (int order in orders)
                    machine.Pages.TryTake(order, (Zone)(order % 3), OwnerTag.None, out _);
                List<PieceKind> frames = Frames(machine.Pages);
                MemoryTiles tiles = new(machine.Pages.Walk(), tileFrames);
                int shown = 0;
                while (!tiles.IsAtEnd)
                {
                    ulong before = tiles.Next, skipped = tiles.SkipEmpty(row);
                    Assert.Equal(before + skipped * row * tileFrames, tiles.Next);
                    Assert.All(frames.Skip((int)before).Take((int)(tiles.Next - before)), kind => Assert.Equal(PieceKind.NotRam, kind));
                    for (int i = 0; i < row; i++)
                    {
                        (PieceKind kind, int level) = Expected(frames, tiles.Next, tileFrames);
                        MemoryTile tile = tiles.Take();
                        Assert.Equal((kind, level), (tile.Kind, tile.Level));
                        shown++;
                    }
                }
                Assert.True(tiles.Next >= (ulong)frames.Count);
                Assert.True(shown > 0);
            }, 25);

    [Fact]
    public void Beyond_the_end_there_is_nothing()
    {
        using Machine machine = new(MachineMap.Of((0, 16 << 20)));
        MemoryTiles tiles = new(machine.Pages.Walk(), 1 << 12);
        Assert.NotEqual(PieceKind.NotRam, tiles.Take().Kind);
        Assert.True(tiles.IsAtEnd);
        Assert.Equal(PieceKind.NotRam, tiles.Take().Kind);
        Assert.Equal(0ul, tiles.SkipEmpty(1));
    }
}
