using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using FsCheck.Fluent;
using Sluice.Console;
using Xunit;

namespace Sluice.Tests.Terminals;

public sealed class LineEditorTests
{
    private const string Prompt = "sluice> ";
    private const int Columns = 60;

    /// <summary>An editor, and a terminal that shows what it echoes.</summary>
    private sealed class Session
    {
        public Session()
        {
            Screen = new TextScreen(new NoDisplay());
            Editor = new LineEditor("\e[1;92msluice>\e[0m "u8, Columns);
            Utf8Writer echo = new(new byte[LineEditor.MaxEcho]);
            Editor.Begin(ref echo);
            Screen.Write(echo.Written);
        }

        public LineEditor Editor { get; }

        public TextScreen Screen { get; }

        public List<string> Lines { get; } = [];

        public LineEvent Last { get; private set; }

        public string Line => Encoding.UTF8.GetString(Editor.Line);

        public string Shown =>
            string.Concat(Enumerable.Range(0, Screen.Columns).Select(column => char.ConvertFromUtf32((int)Font.RuneOf(Screen[Screen.Row, column].Glyph)))).TrimEnd();

        public Session Type(string text) => Type(Encoding.UTF8.GetBytes(text));

        public Session Type(ReadOnlySpan<byte> bytes)
        {
            foreach (byte value in bytes)
                TypeByte(value);
            return this;
        }

        public void TypeByte(byte value)
        {
            Utf8Writer echo = new(new byte[LineEditor.MaxEcho]);
            LineEvent what = Editor.Feed(value, ref echo);
            Assert.False(echo.IsTruncated);
            Screen.Write(echo.Written);
            if (what == LineEvent.None)
                return;
            Last = what;
            Lines.Add(what == LineEvent.Line ? Line : what.ToString());
            echo.Clear();
            Editor.Begin(ref echo);
            Screen.Write(echo.Written);
        }
    }

    private sealed class NoDisplay() : CellDisplay(LineEditorTests.Columns, 10)
    {
        public override bool HasAllGlyphs => true;

        public override void Clear()
        {
        }

        public override void Draw(int row, int column, ReadOnlySpan<Cell> cells)
        {
        }
    }

    [Theory]
    [InlineData("help", "help")]
    [InlineData("hepl\b\blp", "help")]
    [InlineData("hepl\u007F\u007Flp", "help")]
    [InlineData("elp\u0001h", "help")]
    [InlineData("elp\e[Hh", "help")]
    [InlineData("elp\e[1~h\e[4~!", "help!")]
    [InlineData("hlp\e[D\e[De", "help")]
    [InlineData("hlp\eOD\eODe", "help")]
    [InlineData("helXp\e[D\e[D\e[3~", "help")]
    [InlineData("wrong\u0015help", "help")]
    [InlineData("two words\u0017", "two ")]
    [InlineData("abcdef\e[D\e[D\u000B", "abcd")]
    [InlineData("grün\e[D\b", "grn")]
    [InlineData("a€\b", "a")]
    [InlineData("abc\e[D\u0004", "ab")]
    [InlineData("\b\b\u0004\e[3~\e[D\e[C\e[A\e[B\u0015\u000B\u0017ok", "ok")]
    [InlineData("a\0\u0002\u0006\e[5~\e[24~\e[1;5Pb", "ab")]
    public void Keys_edit_the_line(string typed, string line)
    {
        Session session = new Session().Type(typed);
        Assert.Equal(line, session.Line);
        Assert.Equal((Prompt + line).TrimEnd(), session.Shown);
        Assert.Equal([line], session.Type("\r").Lines);
    }

    [Fact]
    public void Typing_at_the_end_echoes_the_character_alone()
    {
        LineEditor editor = new("> "u8, Columns);
        Utf8Writer echo = new(new byte[LineEditor.MaxEcho]);
        editor.Begin(ref echo);
        echo.Clear();
        foreach (byte value in "help"u8)
            editor.Feed(value, ref echo);
        Assert.Equal("help", Encoding.UTF8.GetString(echo.Written));
    }

    [Theory]
    [InlineData("one\rtwo\r", new[] { "one", "two" })]
    [InlineData("one\r\ntwo\r\n", new[] { "one", "two" })]
    [InlineData("one\ntwo\n\n", new[] { "one", "two", "" })]
    [InlineData("one\u0003two\r", new[] { "Interrupted", "two" })]
    [InlineData("one\rtwo\r\e[A\r", new[] { "one", "two", "two" })]
    [InlineData("one\rtwo\r\e[A\e[A\r", new[] { "one", "two", "one" })]
    [InlineData("one\rtwo\r\e[A\e[A\e[A\e[A\r", new[] { "one", "two", "one" })]
    [InlineData("one\rtwo\rthr\e[A\e[Bee\r", new[] { "one", "two", "three" })]
    [InlineData("one\rone\rtwo\r\r\e[A\e[A\e[A\r", new[] { "one", "one", "two", "", "one" })]
    [InlineData("one\r\u0010!\r\e[A\r", new[] { "one", "one!", "one!" })]
    public void Lines_end_and_come_back(string typed, string[] lines) => Assert.Equal(lines, new Session().Type(typed).Lines);

    [Fact]
    public void History_keeps_the_last_lines()
    {
        Session session = new();
        for (int i = 0; i < 100; i++)
            session.Type($"line {i}\r");
        for (int back = 0; back < LineHistory.Capacity + 5; back++)
            session.Type("\e[A");
        Assert.Equal($"line {100 - LineHistory.Capacity}", session.Line);
        for (int back = 0; back < LineHistory.Capacity + 5; back++)
            session.Type("\e[B");
        Assert.Equal("", session.Line);
    }

    [Fact]
    public void Too_much_is_refused_as_a_whole()
    {
        Session session = new Session().Type(new string('x', LineEditor.MaxBytes));
        Assert.Equal(new string('x', LineEditor.MaxBytes), session.Line);
        session.Type("\r");
        Assert.Equal(LineEvent.Line, session.Last);
        session.Type(new string('y', LineEditor.MaxBytes + 1)).Type("\r");
        Assert.Equal(LineEvent.TooLong, session.Last);
        session.Type(new string('z', LineEditor.MaxBytes + 1)).Type("\b\r");    // the user saw it and made it shorter
        Assert.Equal(LineEvent.Line, session.Last);
        Assert.Equal("short", session.Type("short\r").Lines[^1]);
    }

    [Fact]
    public void A_long_line_scrolls_sideways()
    {
        string text = string.Concat(Enumerable.Range(0, 100).Select(i => (char)('a' + i % 26)));
        Session session = new Session().Type(text);
        Assert.Equal(Prompt + text[^(Columns - 1 - Prompt.Length)..], session.Shown);
        session.Type("\u0001");
        Assert.Equal(Prompt + text[..(Columns - 1 - Prompt.Length)], session.Shown);
        Assert.Equal(Prompt.Length, session.Screen.Column);
    }

    [Fact]
    public void Ctrl_L_clears_the_screen_and_keeps_the_line()
    {
        Session session = new Session().Type("one\rtwo\u000C");
        Assert.Equal(0, session.Screen.Row);
        Assert.Equal(Prompt + "two", session.Shown);
    }

    [Fact]
    public void Whatever_is_typed_the_line_is_text_and_shows_with_the_cursor_where_it_is() =>
        Properties.ForAll(Gen.Elements(_pieces).ArrayOf(), pieces =>
        {
            Session session = new();
            foreach (byte[] piece in pieces)
            {
                foreach (byte value in piece)
                    session.TypeByte(value);
                string line = new UTF8Encoding(false, true).GetString(session.Editor.Line);
                Assert.DoesNotContain(line, char.IsControl);
                Assert.InRange(session.Editor.Cursor, 0, session.Editor.Line.Length);
                int before = Encoding.UTF8.GetString(session.Editor.Line[..session.Editor.Cursor]).EnumerateRunes().Count();
                string shown = session.Shown.PadRight(Columns);
                Assert.StartsWith(Prompt, shown);
                int at = session.Screen.Column - Prompt.Length;
                // What shows is a piece of the line, and the cursor stands in both at the same place.
                Rune[] runes = [.. line.EnumerateRunes()];
                int first = before - at;
                Assert.InRange(first, 0, runes.Length);
                string part = string.Concat(runes.Skip(first).Take(Columns - 1 - Prompt.Length).Select(Visible));
                Assert.Equal(part.TrimEnd(), shown[Prompt.Length..].TrimEnd());
            }
        }, 500);

    private static string Visible(Rune rune) => Font.Has((uint)rune.Value) ? rune.ToString() : "\uFFFD";

    private static readonly byte[][] _pieces =
    [
        [.. "a"u8], [.. "word "u8], [.. "a long piece of text, longer than half of the line is wide"u8], [.. "ü"u8], [.. "€"u8], [.. "😀"u8], [0xC3], [0xFF], [0xE2, 0x82],
        [.. "\r"u8], [.. "\n"u8], [.. "\b"u8], [0x7F], [1], [2], [3], [4], [5], [6], [11], [12], [14], [16], [21], [23], [0], [0x1B],
        [.. "\e[A"u8], [.. "\e[B"u8], [.. "\e[C"u8], [.. "\e[D"u8], [.. "\e[H"u8], [.. "\e[F"u8], [.. "\e[3~"u8], [.. "\eOA"u8], [.. "\e[99;99;99X"u8], [0x9B, 0x41],
    ];
}
