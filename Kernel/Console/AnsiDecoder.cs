using System.Runtime.CompilerServices;

namespace Sluice.Console;

/// <summary>What a byte of terminal output completed.</summary>
internal enum AnsiEvent
{
    None,

    /// <summary>A printable code point: <see cref="AnsiDecoder.Rune"/>.</summary>
    Print,

    /// <summary>A control character below U+0020: <see cref="AnsiDecoder.Rune"/>.</summary>
    Control,

    /// <summary>A control sequence: <see cref="AnsiDecoder.Final"/> and its parameters.</summary>
    Sequence,
}

/// <summary>
/// Splits what programs write to a terminal into text, control characters and control sequences; strings for the terminal (OSC and
/// the like) are swallowed. Never fails and never grows. Source: ECMA-48, section 5.4. Pure: hosted tests compile this file, too.
/// </summary>
internal struct AnsiDecoder
{
    /// <summary>Parameters kept of a sequence; more are dropped.</summary>
    public const int MaxParameters = 16;

    private const int MaxValue = 9999;
    private const byte Escape = 0x1B, Bell = 0x07, Cancel = 0x18, Substitute = 0x1A;

    private Utf8Decoder _utf8;
    private State _state;
    private Values _parameters;
    private int _last;
    private bool _private;

    /// <summary>The code point or control character.</summary>
    public uint Rune { get; private set; }

    /// <summary>The byte that ended a sequence; 0 for one of a kind that this does not know.</summary>
    public byte Final { get; private set; }

    /// <summary>How many parameters a sequence has; at least one.</summary>
    public readonly int Count => _last + 1 < MaxParameters ? _last + 1 : MaxParameters;

    /// <summary>Whether the next byte stands for itself.</summary>
    public readonly bool IsGround => _state == State.Ground && !_utf8.IsInside;

    /// <summary>A parameter; 0 if it was left out.</summary>
    public readonly int Parameter(int index) => index < Count ? _parameters[index] : 0;

    /// <summary>A parameter that counts, where left out and 0 mean 1.</summary>
    public readonly int CountParameter(int index) => Parameter(index) is > 0 and int value ? value : 1;

    /// <summary>Takes a byte. <paramref name="again"/>: feed the same byte once more.</summary>
    public AnsiEvent Feed(byte value, out bool again)
    {
        again = false;
        if (_utf8.IsInside || (_state == State.Ground && value >= 0x80))
        {
            bool known = _utf8.Feed(value, out uint rune, out again);
            Rune = rune;
            // The C1 controls have no use in UTF-8 text, and no glyph.
            return !known ? AnsiEvent.None : rune is >= 0x80 and < 0xA0 ? AnsiEvent.None : AnsiEvent.Print;
        }
        if (value == Escape)
        {
            _state = _state == State.String ? State.StringEscape : State.Escape;
            return AnsiEvent.None;
        }
        return _state switch
        {
            State.Ground => InGround(value),
            State.Escape => InEscape(value),
            State.Sequence => InSequence(value),
            State.Shifted => InShifted(value),
            _ => InString(value),
        };
    }

    private AnsiEvent InGround(byte value)
    {
        Rune = value;
        return value < ' ' ? AnsiEvent.Control : value == 0x7F ? AnsiEvent.None : AnsiEvent.Print;
    }

    private AnsiEvent InEscape(byte value)
    {
        if (value < ' ')
            return ControlInside(value);
        switch (value)
        {
            case (byte)'[':
                _state = State.Sequence;
                _parameters = default;
                _last = 0;
                _private = false;
                return AnsiEvent.None;
            case (byte)']' or (byte)'P' or (byte)'X' or (byte)'^' or (byte)'_':
                _state = State.String;
                return AnsiEvent.None;
            case (byte)'O':
                _state = State.Shifted;
                return AnsiEvent.None;
            case < 0x30:                                    // an intermediate byte; the final one follows
                return AnsiEvent.None;
            default:
                _state = State.Ground;
                return AnsiEvent.None;
        }
    }

    private AnsiEvent InSequence(byte value)
    {
        if (value < ' ')
            return ControlInside(value);
        switch (value)
        {
            case >= (byte)'0' and <= (byte)'9':
                if (_last < MaxParameters)
                {
                    int number = _parameters[_last] * 10 + value - '0';
                    _parameters[_last] = number < MaxValue ? number : MaxValue;
                }
                return AnsiEvent.None;
            case (byte)';' or (byte)':':
                if (_last < MaxParameters)
                    _last++;
                return AnsiEvent.None;
            case < 0x40:                                    // private parameters, intermediate bytes
                _private = true;
                return AnsiEvent.None;
            default:
                _state = State.Ground;
                Final = _private || value > 0x7E ? (byte)0 : value;
                return AnsiEvent.Sequence;
        }
    }

    // ESC O and a letter: how some terminals send arrow keys. Taken as the sequence that others send, ESC [ and the letter.
    private AnsiEvent InShifted(byte value)
    {
        if (value < ' ')
            return ControlInside(value);
        _state = State.Ground;
        _parameters = default;
        _last = 0;
        Final = value;
        return AnsiEvent.Sequence;
    }

    private AnsiEvent InString(byte value)
    {
        if (_state == State.StringEscape)
            _state = value == '\\' ? State.Ground : State.String;
        else if (value is Bell or Cancel or Substitute or (byte)'\n')      // an unended string must not swallow all that follows
            _state = State.Ground;
        return AnsiEvent.None;
    }

    // A control character inside a sequence acts at once; CAN and SUB end the sequence.
    private AnsiEvent ControlInside(byte value)
    {
        if (value is Cancel or Substitute)
        {
            _state = State.Ground;
            return AnsiEvent.None;
        }
        Rune = value;
        return AnsiEvent.Control;
    }

    private enum State : byte
    {
        Ground,
        Escape,
        Sequence,
        Shifted,
        String,
        StringEscape,
    }

    [InlineArray(MaxParameters)]
    private struct Values
    {
        private int _first;
    }
}
