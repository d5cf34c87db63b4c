using System;
using Sluice.Mm;

namespace Sluice.Shell;

/// <summary>What a tile of the memory map shows.</summary>
internal readonly struct MemoryTile(PieceKind kind, byte level)
{
    /// <summary>What most of the tile is; <see cref="PieceKind.Used"/> if any of it is in use.</summary>
    public PieceKind Kind { get; } = kind;

    /// <summary>How much of it is in use: 0 none, 1 up to a quarter, and so on to 4.</summary>
    public byte Level { get; } = level;
}

/// <summary>
/// Physical memory from address 0 in tiles of equal size, ascending; nothing may be taken or given meanwhile.
/// Pure: hosted tests compile this file, too.
/// </summary>
internal ref struct MemoryTiles
{
    private const int Kinds = (int)PieceKind.Used + 1;

    private readonly uint _tileFrames;
    private MemoryWalk _walk;
    private MemoryPiece _piece;
    private ulong _next, _end;
    private bool _more;

    /// <summary>Tiles of so many frames.</summary>
    public MemoryTiles(MemoryWalk walk, uint tileFrames)
    {
        _walk = walk;
        _tileFrames = tileFrames;
        _more = _walk.MoveNext();
        _piece = _walk.Current;
    }

    /// <summary>First frame of the next tile.</summary>
    public readonly ulong Next => _next;

    /// <summary>Whether all memory was seen.</summary>
    public readonly bool IsAtEnd => !_more;

    /// <summary>The next tile; beyond the end of memory there is none.</summary>
    public MemoryTile Take()
    {
        Span<uint> frames = stackalloc uint[Kinds];
        frames.Clear();
        ulong end = _next + _tileFrames;
        while (_more && _next < end)
        {
            ulong upTo = PieceEnd < end ? PieceEnd : end;
            frames[(int)_piece.Kind] += (uint)(upTo - _next);
            _next = upTo;
            Advance();
        }
        if (_next < end)
            frames[(int)PieceKind.NotRam] += (uint)(end - _next);
        _next = end;
        return Summarize(frames);
    }

    /// <summary>Passes over whole groups of tiles that hold no memory; says how many groups. Only at a group's start.</summary>
    public ulong SkipEmpty(uint tiles)
    {
        if (!_more || _piece.Kind != PieceKind.NotRam)
            return 0;
        ulong group = (ulong)tiles * _tileFrames, groups = (PieceEnd - _next) / group;
        _next += groups * group;
        Advance();
        return groups;
    }

    private readonly ulong PieceEnd => (ulong)_piece.First + _piece.Frames;

    private void Advance()
    {
        while (_more && PieceEnd <= _next)
        {
            _more = _walk.MoveNext();
            _piece = _walk.Current;
        }
    }

    private readonly MemoryTile Summarize(ReadOnlySpan<uint> frames)
    {
        uint used = frames[(int)PieceKind.Used];
        if (used > 0)
            return new MemoryTile(PieceKind.Used, (byte)(((ulong)used * 4 + _tileFrames - 1) / _tileFrames));
        int most = 0;
        for (int kind = 1; kind < Kinds; kind++)
        {
            // What is memory is shown where there is any: a page of it in a tile of nothing would be lost.
            if (frames[kind] > 0 && (most == (int)PieceKind.NotRam || frames[kind] > frames[most]))
                most = kind;
        }
        return new MemoryTile((PieceKind)most, 0);
    }
}
