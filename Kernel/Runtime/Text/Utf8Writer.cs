using System;
using System.Runtime.CompilerServices;
using Sluice.Runtime;

namespace Sluice;

/// <summary>Something that can write itself as text.</summary>
public interface IUtf8Formattable
{
    /// <summary>Appends the value; <paramref name="format"/> is what stands behind the colon, or empty.</summary>
    void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format);
}

/// <summary>
/// Builds UTF-8 text in memory of the caller's. What does not fit is cut off and <see cref="IsTruncated"/> tells; nothing is
/// allocated. Any context.
/// </summary>
public ref struct Utf8Writer(Span<byte> buffer)
{
    private readonly Span<byte> _buffer = buffer;
    private int _length;

    /// <summary>What was written so far.</summary>
    public readonly ReadOnlySpan<byte> Written => _buffer.Slice(0, _length);

    /// <summary>Bytes written so far.</summary>
    public readonly int Length => _length;

    /// <summary>Whether something did not fit.</summary>
    public bool IsTruncated { get; private set; }

    /// <summary>Starts again at the front.</summary>
    public void Clear()
    {
        _length = 0;
        IsTruncated = false;
    }

    /// <summary>Appends one byte.</summary>
    public void Append(byte character)
    {
        if (_length < _buffer.Length)
            _buffer[_length++] = character;
        else
            IsTruncated = true;
    }

    /// <summary>Appends UTF-8 text.</summary>
    public void Append(scoped ReadOnlySpan<byte> text)
    {
        int fits = _buffer.Length - _length;
        if (text.Length > fits)
        {
            IsTruncated = true;
            text = text.Slice(0, fits);
        }
        text.CopyTo(_buffer.Slice(_length));
        _length += text.Length;
    }

    /// <summary>Appends UTF-16 text; lone surrogates become U+FFFD.</summary>
    public void Append(scoped ReadOnlySpan<char> text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            uint rune = text[i];
            if (rune is >= 0xD800 and < 0xE000)
            {
                bool pair = rune < 0xDC00 && i + 1 < text.Length && text[i + 1] is >= (char)0xDC00 and < (char)0xE000;
                rune = pair ? 0x10000 + ((rune - 0xD800) << 10) + (text[++i] - 0xDC00u) : 0xFFFD;
            }
            AppendRune(rune);
        }
    }

    /// <summary>Appends a decimal number.</summary>
    public void Append(long value)
    {
        Digits digits = default;
        Append(NumberFormat.Decimal(value, digits));
    }

    /// <summary>Appends a decimal number.</summary>
    public void Append(ulong value)
    {
        Digits digits = default;
        Append(NumberFormat.Decimal(value, digits));
    }

    /// <summary>
    /// Appends a number: decimal, or by format: <c>x8</c>, <c>X8</c> at least 8 hexadecimal digits, <c>d8</c> decimal ones.
    /// </summary>
    public void Append(ulong value, scoped ReadOnlySpan<char> format)
    {
        Digits digits = default;
        Span<byte> text = IsHexadecimal(format, out int minimum)
            ? NumberFormat.Hexadecimal(value, minimum, format[0] == 'X', digits)
            : NumberFormat.Decimal(value, digits);
        Repeat((byte)'0', minimum - text.Length);
        Append(text);
    }

    /// <summary>Appends that many times a byte.</summary>
    public void Repeat(byte character, int count)
    {
        for (; count > 0; count--)
            Append(character);
    }

    /// <summary>Makes what was written since <paramref name="start"/> at least |alignment| wide: to the right if positive, else left.</summary>
    public void Align(int start, int alignment)
    {
        int width = alignment < 0 ? -alignment : alignment;
        int missing = width - (_length - start);
        if (missing <= 0)
            return;
        int end = _length;
        Repeat((byte)' ', missing);
        if (alignment > 0 && !IsTruncated)
        {
            _buffer.Slice(start, end - start).CopyTo(_buffer.Slice(start + missing));
            _buffer.Slice(start, missing).Fill((byte)' ');
        }
    }

    /// <summary>Whether a format asks for hexadecimal digits; and how many digits (1 to 64) it asks for at least.</summary>
    public static bool IsHexadecimal(scoped ReadOnlySpan<char> format, out int minimum)
    {
        minimum = 1;
        if (format.IsEmpty)
            return false;
        int digits = 0;
        for (int i = 1; i < format.Length && format[i] is >= '0' and <= '9' && digits < 100; i++)
            digits = digits * 10 + format[i] - '0';
        minimum = digits < 1 ? 1 : digits > NumberFormat.MaxDigits ? NumberFormat.MaxDigits : digits;
        return (format[0] | 0x20) == 'x';
    }

    /// <summary>Appends a code point.</summary>
    public void AppendRune(uint rune)
    {
        if (rune < 0x80)
        {
            Append((byte)rune);
            return;
        }
        if (rune < 0x800)
        {
            Append((byte)(0xC0 | rune >> 6));
        }
        else
        {
            if (rune < 0x10000)
            {
                Append((byte)(0xE0 | rune >> 12));
            }
            else
            {
                Append((byte)(0xF0 | rune >> 18));
                Append((byte)(0x80 | rune >> 12 & 0x3F));
            }
            Append((byte)(0x80 | rune >> 6 & 0x3F));
        }
        Append((byte)(0x80 | rune & 0x3F));
    }

    [InlineArray(NumberFormat.MaxDigits)]
    private struct Digits
    {
        private byte _first;
    }
}
