using System;

namespace Sluice.Console;

/// <summary>What a byte of input did to the line.</summary>
internal enum LineEvent
{
    /// <summary>The line goes on.</summary>
    None,

    /// <summary>Return: <see cref="LineEditor.Line"/> is ready.</summary>
    Line,

    /// <summary>Return, but more was typed than a line holds; none of it counts.</summary>
    TooLong,

    /// <summary>Ctrl-C: the line is given up.</summary>
    Interrupted,
}

/// <summary>
/// Edits one line over a terminal: moves, insertion, deletion, history. Takes the bytes that terminals and <see cref="ScanCodes"/>
/// send and writes what the terminal must show. The line is UTF-8 without control characters at any time, whatever comes in; one
/// wider than the terminal scrolls sideways. Pure: hosted tests compile this file, too.
/// </summary>
internal sealed partial class LineEditor
{
    /// <summary>Bytes that a line may have.</summary>
    public const int MaxBytes = 200;

    /// <summary>Bytes that one input byte makes the terminal receive at most.</summary>
    public const int MaxEcho = 2 * (MaxBytes + 64);

    private const byte Backspace = 0x08, Delete = 0x7F;

    private readonly byte[] _line = new byte[MaxBytes];
    private readonly byte[] _prompt = new byte[32];
    private readonly LineHistory _history = new();
    private readonly int _promptLength, _width;

    // Positions in bytes; _scrolled is the first one that shows.
    private int _length, _cursor, _scrolled;
    private bool _overflowed, _afterReturn;
    private AnsiDecoder _decoder;

    /// <summary>An editor for lines behind a prompt (ASCII and colours) on a terminal so many columns wide. Allocates.</summary>
    public LineEditor(ReadOnlySpan<byte> prompt, int columns)
    {
        _promptLength = prompt.Length < _prompt.Length ? prompt.Length : _prompt.Length;
        prompt.Slice(0, _promptLength).CopyTo(_prompt);
        // The last column stays empty: terminals differ in what they do there.
        _width = columns - 1;
        for (int i = 0; i < _promptLength;)
        {
            int next = Colours.Skip(prompt, i);
            _width -= next == i ? 1 : 0;
            i = next == i ? i + 1 : next;
        }
        if (_width < 8)
            _width = 8;
    }

    /// <summary>The line so far; whole after <see cref="LineEvent.Line"/>, until <see cref="Begin"/>.</summary>
    public ReadOnlySpan<byte> Line => new(_line, 0, _length);

    /// <summary>Where the cursor is, in bytes from the line's start.</summary>
    public int Cursor => _cursor;

    /// <summary>Starts an empty line and shows the prompt.</summary>
    public void Begin(ref Utf8Writer echo)
    {
        _length = _cursor = _scrolled = 0;
        _overflowed = false;
        _history.Leave();
        ShowLine(ref echo);
    }

    /// <summary>Shows prompt and line again, where the cursor's line is.</summary>
    public void Show(ref Utf8Writer echo) => ShowLine(ref echo);

    /// <summary>Takes a byte of input.</summary>
    public LineEvent Feed(byte value, ref Utf8Writer echo)
    {
        LineEvent result = LineEvent.None;
        bool again;
        do
        {
            switch (_decoder.Feed(value, out again))
            {
                case AnsiEvent.Print when _decoder.Rune != Utf8Decoder.Replacement:
                    Insert(_decoder.Rune, ref echo);
                    break;
                case AnsiEvent.Control:
                    result = Control((byte)_decoder.Rune, ref echo);
                    break;
                case AnsiEvent.Sequence:
                    Sequence(ref echo);
                    break;
                case AnsiEvent.None when value == Delete && _decoder.IsGround:
                    DeleteBack(ref echo);
                    break;
            }
        }
        while (again);
        _afterReturn = value == '\r';
        return result;
    }

    private LineEvent Control(byte character, ref Utf8Writer echo)
    {
        switch (character)
        {
            case (byte)'\n' when _afterReturn:              // the second half of a line end
                return LineEvent.None;
            case (byte)'\r' or (byte)'\n':
                return End(ref echo);
            case Backspace:
                DeleteBack(ref echo);
                break;
            case 'A' & 0x1F:
                MoveTo(0, ref echo);
                break;
            case 'B' & 0x1F:
                MoveTo(Previous(_cursor), ref echo);
                break;
            case 'C' & 0x1F:
                echo.Append("^C\n"u8);
                return LineEvent.Interrupted;
            case 'D' & 0x1F:
                Remove(_cursor, Next(_cursor), ref echo);
                break;
            case 'E' & 0x1F:
                MoveTo(_length, ref echo);
                break;
            case 'F' & 0x1F:
                MoveTo(Next(_cursor), ref echo);
                break;
            case 'K' & 0x1F:
                Remove(_cursor, _length, ref echo);
                break;
            case 'L' & 0x1F:
                echo.Append("\e[H\e[2J"u8);
                ShowLine(ref echo);
                break;
            case 'N' & 0x1F:
                Recall(older: false, ref echo);
                break;
            case 'P' & 0x1F:
                Recall(older: true, ref echo);
                break;
            case 'U' & 0x1F:
                Remove(0, _cursor, ref echo);
                break;
            case 'W' & 0x1F:
                Remove(WordStart(), _cursor, ref echo);
                break;
        }
        return LineEvent.None;
    }

    private void Sequence(ref Utf8Writer echo)
    {
        switch (_decoder.Final)
        {
            case (byte)'A':
                Recall(older: true, ref echo);
                break;
            case (byte)'B':
                Recall(older: false, ref echo);
                break;
            case (byte)'C':
                MoveTo(Next(_cursor), ref echo);
                break;
            case (byte)'D':
                MoveTo(Previous(_cursor), ref echo);
                break;
            case (byte)'H':
                MoveTo(0, ref echo);
                break;
            case (byte)'F':
                MoveTo(_length, ref echo);
                break;
            case (byte)'~':
                Numbered(_decoder.Parameter(0), ref echo);
                break;
        }
    }

    private void Numbered(int key, ref Utf8Writer echo)
    {
        switch (key)
        {
            case 1 or 7:
                MoveTo(0, ref echo);
                break;
            case 3:
                Remove(_cursor, Next(_cursor), ref echo);
                break;
            case 4 or 8:
                MoveTo(_length, ref echo);
                break;
        }
    }

    private LineEvent End(ref Utf8Writer echo)
    {
        echo.Append((byte)'\n');
        if (_overflowed)
            return LineEvent.TooLong;
        _history.Add(Line);
        return LineEvent.Line;
    }

    private void Recall(bool older, ref Utf8Writer echo)
    {
        if (!(older ? _history.TryOlder(Line, out ReadOnlySpan<byte> line) : _history.TryNewer(out line)))
            return;
        line.CopyTo(_line);
        _length = _cursor = line.Length;
        _scrolled = 0;
        _overflowed = false;
        ShowLine(ref echo);
    }
}
