using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using FsCheck.Fluent;
using Sluice.Console;
using Xunit;

namespace Sluice.Tests.Terminals;

public sealed class DecoderTests
{
    // Bytes that reach all of the decoder's states, more often than chance would.
    internal static readonly byte[] Interesting =
        [.. "\e[;0123456789mHJKABCDGf?>:]P\\\a\t\b\r\n xyz~O"u8, 0x7F, 0x80, 0xBF, 0xC0, 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xED, 0xA0, 0xF0, 0x9F, 0xF4, 0x90, 0xFF, 0x18];

    internal static FsCheck.Gen<byte[]> HostileBytes =>
        Gen.OneOf(Gen.Elements(Interesting), Gen.Choose(0, 255).Select(value => (byte)value)).ArrayOf();

    [Fact]
    public void UTF8_is_decoded_as_dotnet_does() => Properties.ForAll(HostileBytes, AssertAsDotnet, 1000);

    [Fact]
    public void All_short_sequences_are_decoded_as_dotnet_does()
    {
        byte[] edges = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF];
        foreach (byte a in edges)
        {
            foreach (byte b in edges)
            {
                foreach (byte c in edges)
                {
                    foreach (byte d in edges)
                        AssertAsDotnet([a, b, c, d]);
                }
            }
        }
    }

    private static void AssertAsDotnet(byte[] bytes)
    {
        Utf8Decoder decoder = default;
        List<uint> runes = [];
        for (int i = 0; i < bytes.Length;)
        {
            if (decoder.Feed(bytes[i], out uint rune, out bool again))
                runes.Add(rune);
            i += again ? 0 : 1;
        }
        if (decoder.IsInside)
            runes.Add(Utf8Decoder.Replacement);
        Assert.Equal(Encoding.UTF8.GetString(bytes).EnumerateRunes().Select(rune => (uint)rune.Value), runes);
    }

    [Theory]
    [InlineData("\e[31m", 'm', new[] { 31 })]
    [InlineData("\e[m", 'm', new[] { 0 })]
    [InlineData("\e[;5H", 'H', new[] { 0, 5 })]
    [InlineData("\e[38:5:200m", 'm', new[] { 38, 5, 200 })]
    [InlineData("\e[99999999999A", 'A', new[] { 9999 })]
    [InlineData("\eOA", 'A', new[] { 0 })]
    [InlineData("\e[?25l", '\0', new[] { 25 })]
    [InlineData("\e]0;title\a\e[2J", 'J', new[] { 2 })]
    [InlineData("\eP1$q\e\\\e[2K", 'K', new[] { 2 })]
    [InlineData("\e[12\x18\e[3C", 'C', new[] { 3 })]
    public void Sequences_are_taken_apart(string text, char final, int[] parameters)
    {
        AnsiDecoder decoder = default;
        AnsiEvent last = AnsiEvent.None;
        foreach (byte value in Encoding.UTF8.GetBytes(text))
        {
            Assert.Equal(AnsiEvent.None, last);
            last = decoder.Feed(value, out bool again);
            Assert.False(again);
        }
        Assert.Equal(AnsiEvent.Sequence, last);
        Assert.Equal(final, (char)decoder.Final);
        Assert.Equal(parameters, Enumerable.Range(0, decoder.Count).Select(i => decoder.Parameter(i)));
        Assert.True(decoder.IsGround);
    }

    [Fact]
    public void Whatever_came_before_plain_text_shows_after_a_line_end_and_a_reset_of_colours() =>
        Properties.ForAll(HostileBytes, bytes =>
        {
            AnsiDecoder decoder = default;
            foreach (byte value in bytes)
            {
                int turns = 0;
                do
                {
                    AnsiEvent what = decoder.Feed(value, out bool again);
                    Assert.True(what != AnsiEvent.Print || decoder.Rune >= ' ');
                    Assert.True(what != AnsiEvent.Control || decoder.Rune < ' ');
                    Assert.InRange(decoder.Count, 1, AnsiDecoder.MaxParameters);
                    if (!again)
                        break;
                }
                while (++turns < 2);
                Assert.InRange(turns, 0, 1);
            }
            List<char> shown = [];
            foreach (byte value in "\n\e[0mok"u8)
            {
                bool again;
                do
                {
                    if (decoder.Feed(value, out again) == AnsiEvent.Print && !again)
                        shown.Add((char)decoder.Rune);
                }
                while (again);
            }
            Assert.Equal("ok", string.Concat(shown)[^2..]);
        }, 1000);

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("\e[1;92msluice>\e[0m ", "sluice> ")]
    [InlineData("\e[0m", "")]
    [InlineData("a\e[Kb\e[2Jc", "a\e[Kb\e[2Jc")]
    [InlineData("\e[31mred\e[", "red\e[")]
    [InlineData("\e", "\e")]
    public void Colours_are_taken_out_and_nothing_else(string text, string expected)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        List<byte> left = [];
        for (int i = 0; i < bytes.Length;)
        {
            int next = Colours.Skip(bytes, i);
            if (next == i)
                left.Add(bytes[i++]);
            else
                i = next;
        }
        Assert.Equal(expected, Encoding.UTF8.GetString([.. left]));
    }
}
