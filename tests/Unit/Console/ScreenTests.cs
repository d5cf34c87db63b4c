using System;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using FsCheck.Fluent;
using Sluice.Console;
using Xunit;

namespace Sluice.Tests.Terminals;

public sealed class ScreenTests
{
    private static string RowText(TextScreen screen, int row) =>
        string.Concat(Enumerable.Range(0, screen.Columns).Select(column => char.ConvertFromUtf32((int)Font.RuneOf(screen[row, column].Glyph)))).TrimEnd();

    private static string AllText(TextScreen screen) => string.Join('\n', Enumerable.Range(0, screen.Rows).Select(row => RowText(screen, row))).TrimEnd();

    private static void Write(TextScreen screen, string text)
    {
        screen.Write(Encoding.UTF8.GetBytes(text));
        screen.Flush();
    }

    private static void AssertShown(Picture picture, TextScreen screen)
    {
        for (int row = 0; row < screen.Rows; row++)
        {
            for (int column = 0; column < screen.Columns; column++)
            {
                bool cursor = screen.CursorVisible && row == screen.Row && column == Math.Min(screen.Column, screen.Columns - 1);
                picture.AssertShows(row, column, cursor ? screen[row, column].Reversed : screen[row, column]);
            }
        }
        picture.AssertGuards();
    }

    [Fact]
    public void Text_wraps_and_scrolls()
    {
        using Picture picture = new(160, 64, Picture.Xrgb32);                 // 20 by 4
        TextScreen screen = new(picture.Display);
        Write(screen, "one\ntwo\nthree\n12345678901234567890");
        Assert.Equal("one\ntwo\nthree\n12345678901234567890", AllText(screen));
        Write(screen, "\nfour");                                              // the full line has not scrolled by itself
        Assert.Equal("two\nthree\n12345678901234567890\nfour", AllText(screen));
        Write(screen, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        Assert.Equal("three\n12345678901234567890\nfourABCDEFGHIJKLMNOP\nQRSTUVWXYZ", AllText(screen));
        AssertShown(picture, screen);
    }

    [Theory]
    [InlineData("abc\rX", "Xbc")]
    [InlineData("abc\b\bX", "aXc")]
    [InlineData("\b\bX", "X")]
    [InlineData("a\tb\tc", "a       b       c")]
    [InlineData("abcdef\e[3DX", "abcXef")]
    [InlineData("abc\e[2CX", "abc  X")]
    [InlineData("abc\e[1GX", "Xbc")]
    [InlineData("abc\e[3;2HX", "abc\n\n X")]
    [InlineData("a\nb\e[AX", "aX\nb")]
    [InlineData("abcdef\e[3G\e[K", "ab")]
    [InlineData("abcdef\e[3G\e[1K", "   def")]
    [InlineData("abcdef\e[2K", "")]
    [InlineData("ab\ncd\nef\e[2;1H\e[J", "ab")]
    [InlineData("ab\ncd\nef\e[2;2H\e[1J", "\n\nef")]
    [InlineData("ab\ncd\e[2J", "")]
    [InlineData("a\e[?25lb\e[5nc", "abc")]
    [InlineData("a\0\a\u007F\u0001b", "ab")]
    [InlineData("héllo €1", "héllo €1")]
    [InlineData("a😀b", "a\uFFFDb")]
    [InlineData("x\e]8;;http://example\ay", "xy")]
    public void Control_characters_and_sequences_do_what_they_say(string text, string expected)
    {
        using Picture picture = new(320, 64, Picture.Xrgb32);
        TextScreen screen = new(picture.Display);
        Write(screen, text);
        Assert.Equal(expected, AllText(screen));
        AssertShown(picture, screen);
    }

    [Theory]
    [InlineData("\e[31mX", Palette.Red, Palette.Background, false)]
    [InlineData("\e[1;97;44mX", Palette.BrightWhite, Palette.Blue, true)]
    [InlineData("\e[7mX", Palette.Background, Palette.Foreground, false)]
    [InlineData("\e[7m\e[27mX", Palette.Foreground, Palette.Background, false)]
    [InlineData("\e[38;5;208mX", 208, Palette.Background, false)]
    [InlineData("\e[48;2;255;0;0mX", Palette.Foreground, 196, false)]
    [InlineData("\e[31;1mY\e[0mX", Palette.Foreground, Palette.Background, false)]
    [InlineData("\e[91;102m\e[39;49mX", Palette.Foreground, Palette.Background, false)]
    [InlineData("\e[38;5mX", Palette.Black, Palette.Background, false)]
    public void Colours_are_followed(string text, int foreground, int background, bool bold)
    {
        using Picture picture = new(160, 64, Picture.Xrgb32);
        TextScreen screen = new(picture.Display);
        Write(screen, text);
        Cell cell = screen[0, screen.Column - 1];
        Assert.Equal((foreground, background, bold), (cell.Foreground, cell.Background, cell.IsBold));
        AssertShown(picture, screen);
    }

    [Fact]
    public void Any_bytes_leave_the_display_as_the_cells_say()
    {
        foreach (PixelLayout layout in new[] { Picture.Xrgb32, Picture.Rgb24, Picture.Rgb565 })
        {
            using Picture picture = new(200, 100, layout, padding: 8);        // 25 by 6, with pixels left over
            TextScreen screen = new(picture.Display);
            Properties.ForAll(DecoderTests.HostileBytes.Two(), pair =>
            {
                screen.Write(pair.Item1);
                screen.CursorVisible = pair.Item1.Length % 2 == 0;
                screen.Write(pair.Item2);
                screen.Flush();
                Assert.InRange(screen.Row, 0, screen.Rows - 1);
                Assert.InRange(screen.Column, 0, screen.Columns);
                AssertShown(picture, screen);
            }, 150);
        }
    }

    [Fact]
    public void Only_what_changed_is_drawn()
    {
        CountingDisplay display = new(40, 10);
        TextScreen screen = new(display);
        Write(screen, "hello");
        Assert.Equal(5, display.Drawn);
        Write(screen, "\rhellO");
        Assert.Equal(6, display.Drawn);
        Write(screen, "\e[31m   \e[0m   \n\n");                               // blanks look alike in any colour
        Assert.Equal(6, display.Drawn);
        Write(screen, string.Concat(Enumerable.Repeat("same\n", 200)));
        Assert.InRange(display.Drawn, 6, 6 + 10 * 10);
    }

    [Fact]
    public void The_cursor_leaves_no_trace()
    {
        using Picture picture = new(160, 64, Picture.Xrgb32);
        TextScreen screen = new(picture.Display) { CursorVisible = true };
        foreach (string text in new[] { "ab", "\n", "12345678901234567890", "\n\n\n\n", "\e[H", "\e[2J", "x" })
        {
            Write(screen, text);
            AssertShown(picture, screen);
        }
        screen.CursorVisible = false;
        screen.Flush();
        AssertShown(picture, screen);
    }

    [Fact]
    public void Reset_makes_the_next_text_plain_whatever_came_before() =>
        Properties.ForAll(DecoderTests.HostileBytes, bytes =>
        {
            CountingDisplay display = new(40, 5);
            TextScreen screen = new(display);
            screen.Write(bytes);
            screen.Reset();
            screen.Write("PANIC"u8);
            Assert.Equal("PANIC", RowText(screen, screen.Row));
            Assert.Equal((Palette.Foreground, Palette.Background), (screen[screen.Row, 0].Foreground, screen[screen.Row, 0].Background));
        });

    [Fact]
    public void Wide_screens_get_larger_letters()
    {
        using Picture picture = new(2560, 128, Picture.Xrgb32, scale: 2);
        TextScreen screen = new(picture.Display);
        Assert.Equal((160, 4), (screen.Columns, screen.Rows));
        Write(screen, "Big\e[7m letters");
        AssertShown(picture, screen);
    }

    [Theory]
    [InlineData(0u, 0u, 0u)]
    [InlineData(100u, 100u, 400u)]                                            // too narrow
    [InlineData(800u, 40u, 3200u)]                                            // too low
    [InlineData(800u, 600u, 3196u)]                                           // lines overlap
    [InlineData(0xFFFFFFFFu, 600u, 3200u)]
    [InlineData(800u, 0x80000000u, 3200u)]
    [InlineData(0x40000001u, 600u, 4u)]                                       // times four wraps
    [InlineData(800u, 600u, 0xFFFFFFFFu)]
    public unsafe void Impossible_framebuffers_are_refused(uint width, uint height, uint pitch) =>
        Assert.False(FramebufferDisplay.TryCreate(null, pitch, width, height, Picture.Xrgb32, 0, out _));

    [Fact]
    public unsafe void Impossible_pixels_are_refused()
    {
        Channel good = new(0, 8);
        PixelLayout[] bad = [default, new(1, good, good, good), new(5, good, good, good), new(4, new(25, 8), good, good), new(4, good, new(0, 0), good),
            new(2, good, good, new(10, 8)), new(4, new(200, 100), good, good)];
        Assert.All(bad, layout => Assert.False(FramebufferDisplay.TryCreate(null, 8192, 800, 600, layout, 0, out _)));
    }

    [Fact]
    public void Pixels_are_packed_as_the_masks_say()
    {
        Assert.Equal(0x123456u, Picture.Xrgb32.Pack(0x123456));
        Assert.Equal(0xFFFFu, Picture.Rgb565.Pack(0xFFFFFF));
        Assert.Equal(0x0F800u >> 0, Picture.Rgb565.Pack(0xFF0000));
        Assert.Equal(0x563412u, new PixelLayout(4, new(0, 8), new(8, 8), new(16, 8)).Pack(0x123456));
        Assert.Equal(0x3FFFFFFFu, new PixelLayout(4, new(20, 10), new(10, 10), new(0, 10)).Pack(0xFFFFFF));
    }

    [Fact]
    public unsafe void Text_memory_gets_characters_of_code_page_437_and_attributes()
    {
        ushort[] memory = new ushort[80 * 25 + 1];
        memory[^1] = 0xA7A7;
        fixed (ushort* start = memory)
        {
            TextScreen screen = new(new VgaTextDisplay((byte*)start, 80, 25));
            Write(screen, "A\e[31mé\e[94;43m█\e[38;5;208m┌\e[0m☃");
            Assert.Equal([0x0741, 0x0482, 0x69DB, 0x6CDA, 0x073F], memory[..5]);
            Properties.ForAll(DecoderTests.HostileBytes, bytes =>
            {
                screen.Write(bytes);
                screen.Flush();
            });
        }
        Assert.Equal(0xA7A7, memory[^1]);
    }

    private sealed class CountingDisplay(int columns, int rows) : CellDisplay(columns, rows)
    {
        public int Drawn { get; private set; }

        public override bool HasAllGlyphs => true;

        public override void Clear()
        {
        }

        public override void Draw(int row, int column, ReadOnlySpan<Cell> cells)
        {
            Assert.InRange(row, 0, Rows - 1);
            Assert.InRange(column, 0, Columns - cells.Length);
            Drawn += cells.Length;
        }
    }
}
