using System;

namespace Sluice.Console;

/// <summary>Something that shows cells of text in rows and columns. It is written to and never read.</summary>
internal abstract class CellDisplay(int columns, int rows)
{
    /// <summary>Cells in a row.</summary>
    public int Columns { get; } = columns;

    /// <summary>Rows of cells.</summary>
    public int Rows { get; } = rows;

    /// <summary>Whether it shows all glyphs of <see cref="Font"/>; else some come out as others or as <c>?</c>.</summary>
    public abstract bool HasAllGlyphs { get; }

    /// <summary>What of it can show pixels, too; 0 if it cannot.</summary>
    public virtual int PixelWidth => 0;

    /// <inheritdoc cref="PixelWidth"/>
    public virtual int PixelHeight => 0;

    /// <summary>Shows background everywhere.</summary>
    public abstract void Clear();

    /// <summary>Shows cells side by side. They fit into the row: the caller sees to it.</summary>
    public abstract void Draw(int row, int column, ReadOnlySpan<Cell> cells);

    /// <summary>Shows pixels side by side, 0xRRGGBB each. They fit into <see cref="PixelWidth"/> and <see cref="PixelHeight"/>.</summary>
    public virtual void DrawPixels(int x, int y, ReadOnlySpan<uint> rgb)
    {
    }
}
