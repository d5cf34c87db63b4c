using System;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Runtime;
using Xunit;

namespace Sluice.Tests.Runtime;

/// <summary>Numbers to text and back, beside what the BCL makes of them.</summary>
public sealed class NumberTextTests
{
    [Fact]
    public void Decimal_digits_are_the_BCLs() => Properties.ForAll(BitAlgorithmsTests.Numbers, value =>
    {
        byte[] room = new byte[NumberFormat.MaxDigits];
        Assert.Equal(value.ToString(CultureInfo.InvariantCulture), Text(NumberFormat.Decimal(value, room)));
        Assert.Equal(((long)value).ToString(CultureInfo.InvariantCulture), Text(NumberFormat.Decimal((long)value, room)));
    }, times: 2000);

    [Fact]
    public void Hexadecimal_digits_are_the_BCLs() => Properties.ForAll(BitAlgorithmsTests.Numbers.Zip(Gen.Choose(1, 64)), input =>
    {
        (ulong value, int minimum) = input;
        byte[] room = new byte[NumberFormat.MaxDigits];
        Assert.Equal(value.ToString("x" + minimum, CultureInfo.InvariantCulture), Text(NumberFormat.Hexadecimal(value, minimum, false, room)));
        Assert.Equal(value.ToString("X" + minimum, CultureInfo.InvariantCulture), Text(NumberFormat.Hexadecimal(value, minimum, true, room)));
    }, times: 2000);

    [Fact]
    public void What_was_formatted_is_parsed() => Properties.ForAll(BitAlgorithmsTests.Numbers, value =>
    {
        Assert.True(NumberParse.TryParse(Encoding.UTF8.GetBytes($"{value}"), out ulong fromDecimal));
        Assert.Equal(value, fromDecimal);
        Assert.True(NumberParse.TryParse(Encoding.UTF8.GetBytes($"0x{value:x}"), out ulong fromHexadecimal));
        Assert.Equal(value, fromHexadecimal);
        Assert.True(NumberParse.TryParse(Encoding.UTF8.GetBytes($"0X{value:X20}"), out fromHexadecimal));
        Assert.Equal(value, fromHexadecimal);
    }, times: 2000);

    [Fact]
    public void Texts_are_numbers_where_the_BCL_says_so()
    {
        Gen<string> texts = Gen.OneOf(
            Gen.Elements('0', '1', '9', 'a', 'F', 'x', 'g', ' ', '-', '+', '/', ':', '@', '`', '\u0660').ArrayOf().Select(characters => new string(characters)),
            Gen.Choose('0', '9').Select(character => (char)character).ArrayOf(20).Select(characters => new string(characters)),
            Gen.Elements("", "0x", "0x0", "18446744073709551615", "18446744073709551616", "99999999999999999999999", "0x10000000000000000"));
        Properties.ForAll(texts, text =>
        {
            bool hexadecimal = text.Length > 2 && text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
            bool expected = hexadecimal
                ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
                : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
            Assert.Equal(expected, NumberParse.TryParse(Encoding.UTF8.GetBytes(text), out ulong actual));
            Assert.Equal(expected ? value : 0, actual);
        }, times: 5000);
    }

    [Fact]
    public void UTF16_becomes_the_UTF8_that_the_BCL_makes()
    {
        Gen<string> texts = Gen.OneOf(Gen.Choose(0, 0xFFFF), Gen.Choose(0xD7F0, 0xE010), Gen.Choose(0x20, 0x7F), Gen.Choose(0x7F, 0x900))
            .Select(unit => (char)unit).ArrayOf().Select(units => new string(units));
        Properties.ForAll(texts, text =>
        {
            Utf8Writer writer = new(new byte[4 * text.Length]);
            writer.Append(text.AsSpan());
            Assert.Equal(Encoding.UTF8.GetBytes(text), writer.Written.ToArray());
            Assert.False(writer.IsTruncated);
        }, times: 2000);
    }

    [Fact]
    public void Interpolation_aligns_as_the_BCLs() => Properties.ForAll(BitAlgorithmsTests.Numbers.Zip(Gen.Choose(-30, 30)), input =>
    {
        (ulong value, int alignment) = input;
        Utf8Writer writer = new(new byte[200]);
        writer.Append((byte)'[');
        int start = writer.Length;
        writer.Append(value);
        writer.Align(start, alignment);
        Assert.Equal(string.Format(CultureInfo.InvariantCulture, "[{0," + alignment + "}", value), Text(writer.Written));
    }, times: 1000);

    [Fact]
    public void Whatever_the_room_a_prefix_is_written()
    {
        Gen<(int Room, string Text)> inputs =
            from room in Gen.Choose(0, 40)
            from text in Gen.Choose(0x20, 0x7E).Select(character => (char)character).ArrayOf().Select(characters => new string(characters))
            select (room, text);
        Properties.ForAll(inputs, input =>
        {
            Utf8Writer writer = new(new byte[input.Room]);
            writer.Append(Encoding.UTF8.GetBytes(input.Text));
            int fits = Math.Min(input.Room, input.Text.Length);
            Assert.Equal(input.Text[..fits], Text(writer.Written));
            Assert.Equal(input.Text.Length > input.Room, writer.IsTruncated);
        }, times: 1000);
    }

    [Fact]
    public void Globs_match_as_regular_expressions_of_the_same_meaning()
    {
        Gen<(string Pattern, string Name)> inputs =
            from pattern in Gen.Elements('a', 'b', '*', '?', '*').ArrayOf().Select(characters => new string(characters))
            from name in Gen.Elements('a', 'b').ArrayOf().Select(characters => new string(characters))
            select (pattern, name);
        Properties.ForAll(inputs, input =>
        {
            string expression = "^" + input.Pattern.Replace("*", ".*", StringComparison.Ordinal).Replace("?", ".", StringComparison.Ordinal) + "$";
            bool expected = Regex.IsMatch(input.Name, expression, RegexOptions.NonBacktracking);
            Assert.Equal(expected, Glob.Matches(Encoding.UTF8.GetBytes(input.Pattern), Encoding.UTF8.GetBytes(input.Name)));
        }, times: 1000);
    }

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
}
