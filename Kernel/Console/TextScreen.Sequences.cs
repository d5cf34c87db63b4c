namespace Sluice.Console;

/// <summary>The control sequences that the screen follows. Source: ECMA-48, sections 8.3.14 to 8.3.117.</summary>
internal sealed partial class TextScreen
{
    private void Sequence()
    {
        int count = _decoder.CountParameter(0);
        switch (_decoder.Final)
        {
            case (byte)'A':
                Move(_row - count, _column);
                break;
            case (byte)'B':
                Move(_row + count, _column);
                break;
            case (byte)'C':
                Move(_row, _column + count);
                break;
            case (byte)'D':
                Move(_row, _column - count);
                break;
            case (byte)'G':
                Move(_row, count - 1);
                break;
            case (byte)'H' or (byte)'f':
                Move(count - 1, _decoder.CountParameter(1) - 1);
                break;
            case (byte)'J':
                EraseScreen(_decoder.Parameter(0));
                break;
            case (byte)'K':
                EraseLine(_decoder.Parameter(0));
                break;
            case (byte)'m':
                for (int i = 0; i < _decoder.Count;)
                    _style.Change(in _decoder, ref i);
                break;
        }
    }

    private void Move(int row, int column)
    {
        _row = row < 0 ? 0 : row < _rows ? row : _rows - 1;
        _column = column < 0 ? 0 : column < _columns ? column : _columns - 1;
    }

    // 0 from the cursor on, 1 up to it, 2 all.
    private void EraseScreen(int which)
    {
        EraseLine(which);
        int first = which == 0 ? _row + 1 : 0, last = which == 1 ? _row - 1 : _rows - 1;
        for (int row = first; row <= last; row++)
            Erase(row, 0, _columns);
    }

    private void EraseLine(int which)
    {
        int upToCursor = _column < _columns ? _column + 1 : _columns;
        Erase(_row, which == 0 ? _column : 0, which == 1 ? upToCursor : _columns);
    }

    /// <summary>How the next characters look. Source: ECMA-48, 8.3.117 (SGR); 38 and 48: ISO 8613-6.</summary>
    private struct Style
    {
        private byte _foreground, _background;
        private bool _bold, _reverse;

        public static Style Default => new() { _foreground = Palette.Foreground, _background = Palette.Background };

        /// <summary>A cell without a character.</summary>
        public readonly Cell Empty => Apply(Font.Blank);

        public readonly Cell Apply(ushort glyph)
        {
            Cell cell = new(glyph, _bold, _foreground, _background);
            if (_reverse)
                cell = cell.Reversed;
            // A blank has no foreground: one that looks like another is equal to it, and is not drawn again.
            return glyph == Font.Blank ? new Cell(Font.Blank, false, Palette.Foreground, cell.Background) : cell;
        }

        /// <summary>Follows the parameter at <paramref name="i"/> and moves behind it and what belongs to it.</summary>
        public void Change(ref readonly AnsiDecoder sequence, ref int i)
        {
            int value = sequence.Parameter(i++);
            switch (value)
            {
                case 0:
                    this = Default;
                    break;
                case 1:
                    _bold = true;
                    break;
                case 7:
                    _reverse = true;
                    break;
                case 22:
                    _bold = false;
                    break;
                case 27:
                    _reverse = false;
                    break;
                case >= 30 and <= 37:
                    _foreground = (byte)(value - 30);
                    break;
                case 38:
                    Extended(in sequence, ref i, ref _foreground);
                    break;
                case 39:
                    _foreground = Palette.Foreground;
                    break;
                case >= 40 and <= 47:
                    _background = (byte)(value - 40);
                    break;
                case 48:
                    Extended(in sequence, ref i, ref _background);
                    break;
                case 49:
                    _background = Palette.Background;
                    break;
                case >= 90 and <= 97:
                    _foreground = (byte)(value - 90 + 8);
                    break;
                case >= 100 and <= 107:
                    _background = (byte)(value - 100 + 8);
                    break;
            }
        }

        // 5 and a number of the palette, or 2 and red, green, blue.
        private static void Extended(ref readonly AnsiDecoder sequence, ref int i, ref byte colour)
        {
            switch (sequence.Parameter(i++))
            {
                case 5:
                    colour = (byte)sequence.Parameter(i++);
                    break;
                case 2:
                    colour = Palette.Nearest(sequence.Parameter(i), sequence.Parameter(i + 1), sequence.Parameter(i + 2));
                    i += 3;
                    break;
            }
        }
    }
}
