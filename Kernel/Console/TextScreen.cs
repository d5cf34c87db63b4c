using System;

namespace Sluice.Console;

/// <summary>
/// A terminal on a display: UTF-8 text, control characters, colours and cursor movements change cells in memory;
/// <see cref="Flush"/> draws those that differ from what the display shows. So scrolling never reads the display, and what was
/// scrolled by several lines is drawn once. Source: ECMA-48, section 8. Pure: hosted tests compile this file, too.
/// </summary>
internal sealed partial class TextScreen
{
    private const int TabWidth = 8;

    private readonly CellDisplay _display;
    private readonly int _columns, _rows;

    // Rows of _wanted form a ring from _top, so that scrolling moves no cell; _shown is as the display has it.
    private readonly Cell[] _wanted, _shown;
    private int _top;

    // In _column == _columns the next character wraps first: a full line does not scroll before it must.
    private int _row, _column;
    private int _dirtyFirst, _dirtyLast, _cursorRow = -1;
    private bool _cursor;
    private AnsiDecoder _decoder;
    private Style _style;

    /// <summary>An empty screen; clears the display. Allocates, so while starting.</summary>
    public TextScreen(CellDisplay display)
    {
        _display = display;
        _columns = display.Columns;
        _rows = display.Rows;
        _wanted = new Cell[_columns * _rows];
        _shown = new Cell[_columns * _rows];
        _style = Style.Default;
        new Span<Cell>(_wanted).Fill(_style.Empty);
        new Span<Cell>(_shown).Fill(_style.Empty);
        _dirtyFirst = _rows;
        _dirtyLast = -1;
        display.Clear();
    }

    /// <summary>Cells in a row.</summary>
    public int Columns => _columns;

    /// <summary>Rows of cells.</summary>
    public int Rows => _rows;

    /// <summary>Whether all of the font's glyphs can be seen on it.</summary>
    public bool HasAllGlyphs => _display.HasAllGlyphs;

    /// <summary>Pixels that can be drawn over the text; 0 if none can.</summary>
    public int PixelWidth => _display.PixelWidth;

    /// <inheritdoc cref="PixelWidth"/>
    public int PixelHeight => _display.PixelHeight;

    /// <summary>Where the cursor stands.</summary>
    public int Row => _row;

    /// <summary>Where the cursor stands; equal to <see cref="Columns"/> behind a full line.</summary>
    public int Column => _column;

    /// <summary>Whether the cursor shows; takes effect with the next <see cref="Flush"/>.</summary>
    public bool CursorVisible
    {
        get => _cursor;
        set
        {
            _cursor = value;
            Touch(_row);
        }
    }

    /// <summary>What should stand in a cell.</summary>
    public Cell this[int row, int column] => _wanted[RowStart(row) + column];

    /// <summary>Takes output. Nothing is drawn yet.</summary>
    public void Write(ReadOnlySpan<byte> text)
    {
        for (int i = 0; i < text.Length;)
        {
            byte value = text[i];
            if (value is >= (byte)' ' and <= (byte)'~' && _decoder.IsGround)
            {
                Put(Font.GlyphOf(value));
                i++;
                continue;
            }
            switch (_decoder.Feed(value, out bool again))
            {
                case AnsiEvent.Print:
                    Put(Font.GlyphOf(_decoder.Rune));
                    break;
                case AnsiEvent.Control:
                    Control(_decoder.Rune);
                    break;
                case AnsiEvent.Sequence:
                    Sequence();
                    break;
            }
            if (!again)
                i++;
        }
    }

    /// <summary>Forgets a half-read sequence and colours: what comes next is plain text, on a line of its own.</summary>
    public void Reset()
    {
        _decoder = default;
        _style = Style.Default;
        if (!IsBlank(_row))
            NewLine();
        _column = 0;
        Erase(_row, 0, _columns);
    }

    /// <summary>Draws what changed.</summary>
    public void Flush()
    {
        if (_cursorRow >= 0)
            Touch(_cursorRow);
        _cursorRow = -1;
        int cursor = -1;
        if (_cursor)
        {
            cursor = RowStart(_row) + (_column < _columns ? _column : _columns - 1);
            _wanted[cursor] = _wanted[cursor].Reversed;
            _cursorRow = _row;
            Touch(_row);
        }
        for (int row = _dirtyFirst; row <= _dirtyLast; row++)
            FlushRow(row);
        _dirtyFirst = _rows;
        _dirtyLast = -1;
        if (cursor >= 0)
            _wanted[cursor] = _wanted[cursor].Reversed;
    }

    /// <summary>Draws pixels over the text at once, 0xRRGGBB each; what does not fit is left out. <see cref="Restore"/> shows the text again.</summary>
    public void DrawPixels(int x, int y, ReadOnlySpan<uint> rgb)
    {
        if ((uint)x < (uint)PixelWidth && (uint)y < (uint)PixelHeight)
            _display.DrawPixels(x, y, rgb.Slice(0, Math.Min(rgb.Length, PixelWidth - x)));
    }

    /// <summary>Draws all text anew, whatever the display shows.</summary>
    public void Restore()
    {
        new Span<Cell>(_shown).Fill(Cell.Unknown);
        _dirtyFirst = 0;
        _dirtyLast = _rows - 1;
        Flush();
    }

    private void FlushRow(int row)
    {
        ReadOnlySpan<Cell> wanted = new(_wanted, RowStart(row), _columns);
        Span<Cell> shown = new(_shown, row * _columns, _columns);
        for (int column = 0; column < wanted.Length; column++)
        {
            if (wanted[column].Bits == shown[column].Bits)
                continue;
            int start = column;
            while (column < wanted.Length && wanted[column].Bits != shown[column].Bits)
            {
                shown[column] = wanted[column];
                column++;
            }
            _display.Draw(row, start, wanted.Slice(start, column - start));
        }
    }

    private bool IsBlank(int row)
    {
        ReadOnlySpan<Cell> cells = new(_wanted, RowStart(row), _columns);
        foreach (Cell cell in cells)
        {
            if (cell.Glyph != Font.Blank)
                return false;
        }
        return true;
    }

    private int RowStart(int row)
    {
        int at = _top + row;
        return (at >= _rows ? at - _rows : at) * _columns;
    }

    private void Touch(int row)
    {
        if (row < _dirtyFirst)
            _dirtyFirst = row;
        if (row > _dirtyLast)
            _dirtyLast = row;
    }

    private void Put(ushort glyph)
    {
        if (_column >= _columns)
            NewLine();
        _wanted[RowStart(_row) + _column++] = _style.Apply(glyph);
        Touch(_row);
    }

    private void Control(uint character)
    {
        switch (character)
        {
            case '\n':
                NewLine();
                break;
            case '\r':
                _column = 0;
                break;
            case '\b' when _column > 0:
                _column--;
                break;
            case '\t':
                int next = (_column | (TabWidth - 1)) + 1;
                _column = next < _columns ? next : _columns - 1;
                break;
        }
    }

    private void NewLine()
    {
        _column = 0;
        if (++_row < _rows)
            return;
        _row = _rows - 1;
        if (++_top == _rows)
            _top = 0;
        Erase(_row, 0, _columns);
        Touch(0);
    }

    private void Erase(int row, int from, int to)
    {
        if (from >= to)
            return;
        new Span<Cell>(_wanted, RowStart(row) + from, to - from).Fill(_style.Empty);
        Touch(row);
    }
}
