using System;

namespace Sluice.Console;

/// <summary>What a key stands for, as a serial terminal would send it: up to four bytes; none for keys that only change others.</summary>
internal readonly struct KeyBytes
{
    private readonly uint _bytes;

    private KeyBytes(uint bytes, int count)
    {
        _bytes = bytes;
        Count = count;
    }

    /// <summary>How many bytes.</summary>
    public int Count { get; }

    /// <summary>A byte, in the order of sending.</summary>
    public byte this[int index] => (byte)(_bytes >> (8 * index));

    public static KeyBytes Of(byte value) => new(value, 1);

    /// <summary>ESC [ and a letter: arrows and their like.</summary>
    public static KeyBytes Sequence(char final) => new(0x1B | (uint)'[' << 8 | (uint)final << 16, 3);

    /// <summary>ESC [ digit ~: keys that the first terminals lacked.</summary>
    public static KeyBytes Numbered(char digit) => new(0x1B | (uint)'[' << 8 | (uint)digit << 16 | (uint)'~' << 24, 4);
}

/// <summary>Which codes a keyboard sends.</summary>
internal enum ScanCodeSet : byte
{
    /// <summary>The PC's first, and what a keyboard controller makes of set 2.</summary>
    One,

    /// <summary>What keyboards send unless told otherwise.</summary>
    Two,
}

/// <summary>
/// Keys from a PC keyboard's scan codes, US layout. Remembers shift, control, caps lock and num lock; any byte may come at any time.
/// Source: Microsoft, Keyboard Scan Code Specification 1.3a, appendices A to C. Pure: hosted tests compile this file, too.
/// </summary>
internal struct ScanCodes(ScanCodeSet set)
{
    private const byte Extended = 0xE0, Paused = 0xE1, Released = 0xF0, BreakBit = 0x80;
    private const byte ControlKey = 0x1D, LeftShift = 0x2A, RightShift = 0x36, AltKey = 0x38, CapsLock = 0x3A, NumLock = 0x45;
    private const byte KeypadSlash = 0x35, KeypadFirst = 0x47, KeypadLast = 0x53, ExtraKey = 0x56;

    private readonly ScanCodeSet _set = set;
    private bool _extended, _released, _shiftLeft, _shiftRight, _controlLeft, _controlRight, _caps, _num;
    private byte _skip;

    // By code of set 1, from 0x00; a zero byte is a key without a character.
    private static ReadOnlySpan<byte> Plain => "\0\e1234567890-=\x7F\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 "u8;

    private static ReadOnlySpan<byte> Shifted => "\0\e!@#$%^&*()_+\x7F\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 "u8;

    // By code of set 1, from 0x47.
    private static ReadOnlySpan<byte> KeypadNumbers => "789-456+1230."u8;

    // Codes of set 2 by code of set 1, from 0x01: what the controller's translation undoes.
    private static ReadOnlySpan<byte> SetTwo =>
    [
        0x76, 0x16, 0x1E, 0x26, 0x25, 0x2E, 0x36, 0x3D, 0x3E, 0x46, 0x45, 0x4E, 0x55, 0x66, 0x0D,
        0x15, 0x1D, 0x24, 0x2D, 0x2C, 0x35, 0x3C, 0x43, 0x44, 0x4D, 0x54, 0x5B, 0x5A, 0x14, 0x1C, 0x1B,
        0x23, 0x2B, 0x34, 0x33, 0x3B, 0x42, 0x4B, 0x4C, 0x52, 0x0E, 0x12, 0x5D, 0x1A, 0x22, 0x21, 0x2A,
        0x32, 0x31, 0x3A, 0x41, 0x49, 0x4A, 0x59, 0x7C, 0x11, 0x29, 0x58, 0x05, 0x06, 0x04, 0x0C, 0x03,
        0x0B, 0x83, 0x0A, 0x01, 0x09, 0x77, 0x7E, 0x6C, 0x75, 0x7D, 0x7B, 0x6B, 0x73, 0x74, 0x79, 0x69,
        0x72, 0x7A, 0x70, 0x71, 0x84, 0x60, 0x61, 0x78, 0x07,
    ];

    /// <summary>Takes a byte from the keyboard; the result is empty unless it completes the press of a key that sends something.</summary>
    public KeyBytes Feed(byte code)
    {
        switch (code)
        {
            case 0x00 or 0xFF:                              // the keyboard lost codes: nothing is known to be held
                this = new ScanCodes(_set) { _caps = _caps, _num = _num };
                return default;
            case Extended:
                _extended = true;
                return default;
            case Paused:                                    // Pause: two codes follow, and two more behind the next E1
                _skip = 2;
                return default;
            case Released when _set == ScanCodeSet.Two:
                _released = true;
                return default;
        }
        bool extended = _extended, released = _released;
        _extended = _released = false;
        if (_set == ScanCodeSet.One)
        {
            released = (code & BreakBit) != 0;
            code &= unchecked((byte)~BreakBit);
        }
        else
        {
            code = FromSetTwo(code);
        }
        if (_skip > 0)
        {
            _skip--;
            return default;
        }
        return IsModifier(code, extended, !released) || released ? default : Press(code, extended);
    }

    private static byte FromSetTwo(byte code)
    {
        for (int i = 0; i < SetTwo.Length; i++)
        {
            if (SetTwo[i] == code)
                return (byte)(i + 1);
        }
        return 0;
    }

    private bool IsModifier(byte code, bool extended, bool pressed)
    {
        switch (code)
        {
            case LeftShift or RightShift when extended:     // made up by the keyboard around some keys
                return true;
            case LeftShift:
                _shiftLeft = pressed;
                return true;
            case RightShift:
                _shiftRight = pressed;
                return true;
            case ControlKey when extended:
                _controlRight = pressed;
                return true;
            case ControlKey:
                _controlLeft = pressed;
                return true;
            case AltKey:
                return true;
            case CapsLock:
                _caps ^= pressed;
                return true;
            case NumLock when !extended:
                _num ^= pressed;
                return true;
            default:
                return false;
        }
    }

    private readonly KeyBytes Press(byte code, bool extended)
    {
        bool shift = _shiftLeft || _shiftRight;
        if (code is >= KeypadFirst and <= KeypadLast)
        {
            bool sign = code is 0x4A or 0x4E;
            return !extended && (sign || _num != shift) ? KeyBytes.Of(KeypadNumbers[code - KeypadFirst]) : Navigation(code);
        }
        if (extended && code is not (KeypadSlash or 0x1C))
            return default;
        if (extended && code == KeypadSlash)
            return KeyBytes.Of((byte)'/');
        byte character = code == ExtraKey ? (shift ? (byte)'|' : (byte)'\\') : code < Plain.Length ? (shift ? Shifted : Plain)[code] : (byte)0;
        if (character == 0)
            return default;
        bool letter = (character | 0x20) is >= 'a' and <= 'z';
        if (letter && _caps)
            character ^= 0x20;
        if ((_controlLeft || _controlRight) && character is >= (byte)' ' and <= (byte)'~')
        {
            // The control characters are the columns of letters, less their upper bits. Source: ECMA-6, section 6.
            if (character < '@')
                return default;
            character &= 0x1F;
        }
        return KeyBytes.Of(character);
    }

    private static KeyBytes Navigation(byte code) => code switch
    {
        0x47 => KeyBytes.Sequence('H'),
        0x48 => KeyBytes.Sequence('A'),
        0x49 => KeyBytes.Numbered('5'),
        0x4B => KeyBytes.Sequence('D'),
        0x4D => KeyBytes.Sequence('C'),
        0x4F => KeyBytes.Sequence('F'),
        0x50 => KeyBytes.Sequence('B'),
        0x51 => KeyBytes.Numbered('6'),
        0x52 => KeyBytes.Numbered('2'),
        0x53 => KeyBytes.Numbered('3'),
        _ => default,
    };
}
