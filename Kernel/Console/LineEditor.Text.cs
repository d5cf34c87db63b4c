using System;

namespace Sluice.Console;

/// <summary>The line's text and how it shows.</summary>
internal sealed partial class LineEditor
{
    private void Insert(uint rune, ref Utf8Writer echo)
    {
        Span<byte> bytes = stackalloc byte[4];
        Utf8Writer encoded = new(bytes);
        encoded.AppendRune(rune);
        if (_length + encoded.Length > MaxBytes)
        {
            _overflowed = true;
            echo.Append((byte)'\a');
            return;
        }
        Span<byte> line = _line;
        line.Slice(_cursor, _length - _cursor).CopyTo(line.Slice(_cursor + encoded.Length));
        encoded.Written.CopyTo(line.Slice(_cursor));
        _length += encoded.Length;
        _cursor += encoded.Length;
        // The common case, typing at the end, needs no more than the character itself.
        if (_cursor == _length && _scrolled == 0 && ColumnsBetween(0, _length) <= _width)
            echo.Append(encoded.Written);
        else
            ShowLine(ref echo);
    }

    private void DeleteBack(ref Utf8Writer echo)
    {
        int start = Previous(_cursor);
        bool last = _cursor == _length && start != _cursor && _scrolled == 0 && ColumnsBetween(0, _length) <= _width;
        if (!last)
        {
            Remove(start, _cursor, ref echo);
            return;
        }
        _length = _cursor = start;
        _overflowed = false;
        echo.Append("\b \b"u8);
    }

    private void Remove(int from, int to, ref Utf8Writer echo)
    {
        if (from == to)
            return;
        Span<byte> line = _line;
        line.Slice(to, _length - to).CopyTo(line.Slice(from));
        _length -= to - from;
        _cursor = from;
        _overflowed = false;
        ShowLine(ref echo);
    }

    private void MoveTo(int position, ref Utf8Writer echo)
    {
        if (position == _cursor)
            return;
        _cursor = position;
        ShowLine(ref echo);
    }

    // From the start of the terminal's line: no terminal goes back over the edge of a line that it has wrapped.
    private void ShowLine(ref Utf8Writer echo)
    {
        if (_cursor < _scrolled)
            _scrolled = _cursor;
        while (ColumnsBetween(_scrolled, _cursor) > _width)
            _scrolled = Next(_scrolled);
        int end = _scrolled;
        for (int column = 0; end < _length && column < _width; column++)
            end = Next(end);
        echo.Append((byte)'\r');
        echo.Append(new ReadOnlySpan<byte>(_prompt, 0, _promptLength));
        echo.Append(new ReadOnlySpan<byte>(_line, _scrolled, end - _scrolled));
        echo.Append("\e[K"u8);
        int back = ColumnsBetween(_cursor, end);
        if (back == 0)
            return;
        echo.Append("\e["u8);
        echo.Append((ulong)back);
        echo.Append((byte)'D');
    }

    private int ColumnsBetween(int from, int to)
    {
        int columns = 0;
        for (int i = from; i < to; i++)
        {
            if (!IsContinuation(_line[i]))
                columns++;
        }
        return columns;
    }

    private int Previous(int position)
    {
        if (position == 0)
            return 0;
        do
            position--;
        while (position > 0 && IsContinuation(_line[position]));
        return position;
    }

    private int Next(int position)
    {
        if (position == _length)
            return position;
        do
            position++;
        while (position < _length && IsContinuation(_line[position]));
        return position;
    }

    private int WordStart()
    {
        int position = _cursor;
        while (position > 0 && _line[position - 1] == ' ')
            position--;
        while (position > 0 && _line[position - 1] != ' ')
            position--;
        return position;
    }

    private static bool IsContinuation(byte value) => (value & 0xC0) == 0x80;
}
