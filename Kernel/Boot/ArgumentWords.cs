using System;

namespace Sluice.Boot;

/// <summary>
/// A command line's words. Blanks separate them; between double or single quotes a blank is part of the word, and a backslash
/// makes the next byte (not inside single quotes) stand for itself: as GRUB writes what it hands over.
/// Pure: hosted tests compile this file, too.
/// </summary>
internal ref struct ArgumentWords(ReadOnlySpan<byte> line)
{
    private readonly ReadOnlySpan<byte> _line = line;
    private int _at;

    /// <summary>
    /// Takes the next word, without its quotes; false at the end. <paramref name="whole"/>: it fitted into the buffer; if not, the rest
    /// of it is passed over.
    /// </summary>
    public bool TryNext(scoped Span<byte> buffer, out int length, out bool whole)
    {
        length = 0;
        whole = true;
        while (_at < _line.Length && IsBlank(_line[_at]))
            _at++;
        if (_at == _line.Length)
            return false;
        byte quote = 0;
        for (; _at < _line.Length; _at++)
        {
            byte value = _line[_at];
            if (quote == 0 && IsBlank(value))
                break;
            if (quote == 0 && value is (byte)'"' or (byte)'\'')
            {
                quote = value;
                continue;
            }
            if (value == quote)
            {
                quote = 0;
                continue;
            }
            if (value == '\\' && quote != '\'' && _at + 1 < _line.Length)
                value = _line[++_at];
            if (length < buffer.Length)
                buffer[length++] = value;
            else
                whole = false;
        }
        return true;
    }

    private static bool IsBlank(byte value) => value is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n' or 0;
}
