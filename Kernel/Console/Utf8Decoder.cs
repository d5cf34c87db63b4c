namespace Sluice.Console;

/// <summary>
/// Code points from UTF-8, byte by byte; what is no UTF-8 becomes U+FFFD, one for each maximal part of a sequence, as in .NET and
/// web browsers. Source: The Unicode Standard 15.0, section 3.9, tables 3-7 and 3-8. Pure: hosted tests compile this file, too.
/// </summary>
internal struct Utf8Decoder
{
    /// <summary>What stands for a malformed sequence.</summary>
    public const uint Replacement = 0xFFFD;

    private uint _rune;
    private byte _missing, _low, _high;

    /// <summary>Whether a sequence has begun and not ended.</summary>
    public readonly bool IsInside => _missing != 0;

    /// <summary>
    /// Takes a byte; true if <paramref name="rune"/> is now known. <paramref name="again"/>: the byte broke a sequence, which gave
    /// the replacement; feed the same byte once more.
    /// </summary>
    public bool Feed(byte value, out uint rune, out bool again)
    {
        again = false;
        if (_missing == 0)
            return Begin(value, out rune);
        if (value < _low || value > _high)
        {
            _missing = 0;
            again = true;
            rune = Replacement;
            return true;
        }
        _low = 0x80;
        _high = 0xBF;
        rune = _rune = _rune << 6 | value & 0x3Fu;
        return --_missing == 0;
    }

    private bool Begin(byte value, out uint rune)
    {
        rune = value;
        if (value < 0x80)
            return true;
        if (value is < 0xC2 or > 0xF4)                      // continuation, overlong, or above U+10FFFF
        {
            rune = Replacement;
            return true;
        }
        _missing = (byte)(value < 0xE0 ? 1 : value < 0xF0 ? 2 : 3);
        _rune = value & (0x3Fu >> _missing);
        _low = value switch { 0xE0 => 0xA0, 0xF0 => 0x90, _ => 0x80 };      // no overlong forms
        _high = value switch { 0xED => 0x9F, 0xF4 => 0x8F, _ => 0xBF };     // no surrogates, nothing above U+10FFFF
        return false;
    }
}
