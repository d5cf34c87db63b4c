using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Sluice;

/// <summary>
/// A text of at most 240 bytes built from an interpolated string, on the stack: <c>Log.Info($"{count} pages at {start:x}")</c>.
/// Takes integers, bool, char, strings, UTF-8 spans and everything that is <see cref="IUtf8Formattable"/>.
/// </summary>
[InterpolatedStringHandler]
public ref struct Utf8Message
{
    private Bytes _bytes;
    private int _length;

    /// <summary>Called by the compiler.</summary>
    public Utf8Message(int literalLength, int formattedCount)
    {
        Unsafe.SkipInit(out _bytes);
        _length = 0;
    }

    /// <summary>The text.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Text => ((ReadOnlySpan<byte>)_bytes).Slice(0, _length);

    public void AppendLiteral(string text)
    {
        Utf8Writer writer = Begin();
        writer.Append((ReadOnlySpan<char>)text);
        _length += writer.Length;
    }

    public void AppendFormatted(scoped ReadOnlySpan<byte> text, int alignment = 0, string? format = null)
    {
        Utf8Writer writer = Begin();
        writer.Append(text);
        writer.Align(0, alignment);
        _length += writer.Length;
    }

    public void AppendFormatted(string? text, int alignment = 0, string? format = null)
    {
        Utf8Writer writer = Begin();
        writer.Append((ReadOnlySpan<char>)text);
        writer.Align(0, alignment);
        _length += writer.Length;
    }

    public void AppendFormatted(char character, int alignment = 0, string? format = null)
    {
        Utf8Writer writer = Begin();
        writer.Append(new ReadOnlySpan<char>(in character));
        writer.Align(0, alignment);
        _length += writer.Length;
    }

    public void AppendFormatted(bool value, int alignment = 0, string? format = null) =>
        AppendFormatted(value ? "true"u8 : "false"u8, alignment);

    // Most values have neither alignment nor format: their calls are shorter without.
    public void AppendFormatted(int value) => AppendFormatted((long)value);

    public void AppendFormatted(uint value) => AppendFormatted((ulong)value);

    public void AppendFormatted(scoped ReadOnlySpan<byte> text)
    {
        Utf8Writer writer = Begin();
        writer.Append(text);
        _length += writer.Length;
    }

    public void AppendFormatted(long value)
    {
        Utf8Writer writer = Begin();
        writer.Append(value);
        _length += writer.Length;
    }

    public void AppendFormatted(ulong value)
    {
        Utf8Writer writer = Begin();
        writer.Append(value);
        _length += writer.Length;
    }

    public void AppendFormatted(ulong value, string format) => AppendFormatted(value, 0, format);

    public void AppendFormatted(uint value, string format) => AppendFormatted((ulong)value, 0, format);

    public void AppendFormatted(int value, int alignment = 0, string? format = null) => Number(value, (uint)value, alignment, format);

    public void AppendFormatted(long value, int alignment = 0, string? format = null) => Number(value, (ulong)value, alignment, format);

    public void AppendFormatted(uint value, int alignment = 0, string? format = null) => AppendFormatted((ulong)value, alignment, format);

    public void AppendFormatted(ulong value, int alignment = 0, string? format = null)
    {
        Utf8Writer writer = Begin();
        writer.Append(value, format);
        writer.Align(0, alignment);
        _length += writer.Length;
    }

    public unsafe void AppendFormatted(void* pointer, int alignment = 0, string? format = null) =>
        AppendFormatted((ulong)pointer, alignment, "x16");

    public void AppendFormatted<T>(T value, int alignment = 0, string? format = null) where T : struct, IUtf8Formattable
    {
        Utf8Writer writer = Begin();
        value.Format(ref writer, format);
        writer.Align(0, alignment);
        _length += writer.Length;
    }

    private void Number(long value, ulong bits, int alignment, string? format)
    {
        Utf8Writer writer = Begin();
        if (Utf8Writer.IsHexadecimal(format, out _))
            writer.Append(bits, format);
        else
            writer.Append(value);
        writer.Align(0, alignment);
        _length += writer.Length;
    }

    [UnscopedRef]
    private Utf8Writer Begin() => new(((Span<byte>)_bytes).Slice(_length));

    [InlineArray(240)]
    private struct Bytes
    {
        private byte _first;
    }
}

/// <summary>A number of bytes for people: <c>512 MiB</c>, <c>640 KiB</c>, <c>12 B</c>, with at most one decimal.</summary>
public readonly struct ByteSize(ulong bytes) : IUtf8Formattable
{
    /// <summary>The number.</summary>
    public ulong Bytes { get; } = bytes;

    public void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format)
    {
        int unit = 0;
        ulong whole = Bytes, rest = 0;
        while (whole >= 1024 && unit < 6)
        {
            rest = whole % 1024;
            whole /= 1024;
            unit++;
        }
        writer.Append(whole);
        if (rest != 0)
        {
            writer.Append((byte)'.');
            writer.Append(rest * 10 / 1024);
        }
        writer.Append((byte)' ');
        if (unit > 0)
            writer.Append("KMGTPE"u8[unit - 1]);
        writer.Append(unit > 0 ? "iB"u8 : "B"u8);
    }
}
