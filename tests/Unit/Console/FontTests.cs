using System;
using System.IO;
using System.Linq;
using FsCheck.Fluent;
using Sluice.Build;
using Sluice.Console;
using Xunit;

namespace Sluice.Tests.Terminals;

public sealed class FontTests
{
    private const string Folder = "/usr/share/fonts/opentype/terminus/";

    private static byte[] File(string name) =>
        System.IO.File.ReadAllBytes(Path.Combine(Environment.GetEnvironmentVariable("TerminusFolder") ?? Folder, name));

    [Fact]
    public void The_kernels_tables_hold_the_fonts_glyphs()
    {
        BitmapFont regular = BitmapFont.Read(File("terminus-normal.otb")), bold = BitmapFont.Read(File("terminus-bold.otb"));
        int compared = 0;
        foreach ((int codePoint, byte[] glyph) in regular.Glyphs)
        {
            // Blocks are drawn by rule.
            if (!Font.Has((uint)codePoint) || codePoint is (>= 0x2580 and <= 0x2590) or (>= 0x2594 and <= 0x259F))
                continue;
            Assert.Equal(glyph, Font.Rows(Font.GlyphOf((uint)codePoint), bold: false).ToArray());
            Assert.Equal(codePoint < 0x180 ? bold.Glyphs[codePoint] : glyph, Font.Rows(Font.GlyphOf((uint)codePoint), bold: true).ToArray());
            compared++;
        }
        Assert.InRange(compared, 600, 2000);
    }

    [Fact]
    public void What_the_console_needs_is_there()
    {
        int[] needed =
        [
            .. Enumerable.Range(0x20, 95), .. Enumerable.Range(0xA0, 96), .. Enumerable.Range(0x2190, 4),
            .. "─│┌┐└┘├┤┬┴┼═║╔╗╚╝╠╣╦╩╬░▒▓█▀▄▌▐▖▗▘▙▚▛▜▝▞▟✓✗●".Select(character => (int)character), 0xFFFD,
        ];
        Assert.All(needed, codePoint => Assert.True(Font.Has((uint)codePoint), $"U+{codePoint:X4}"));
    }

    [Fact]
    public void What_the_shell_writes_can_be_shown()
    {
        string root = AppContext.BaseDirectory;
        while (!System.IO.File.Exists(Path.Combine(root, "Kernel.sln")))
            root = Path.GetDirectoryName(root)!;
        string[] sources = Directory.GetFiles(Path.Combine(root, "Kernel", "Shell"), "*.cs");
        Assert.NotEmpty(sources);
        foreach (string source in sources)
            Assert.All(System.IO.File.ReadAllText(source).Where(character => character > '~'), character => Assert.True(Font.Has(character), $"{source}: {character}"));
    }

    [Fact]
    public void Numbers_and_code_points_of_glyphs_belong_together()
    {
        for (int glyph = 0; glyph < Font.Count; glyph++)
            Assert.Equal(glyph, Font.GlyphOf(Font.RuneOf(glyph)));
        Assert.Equal(Font.Blank, Font.GlyphOf(' '));
        Assert.Equal(0xFFFDu, Font.RuneOf(Font.Replacement));
        Assert.Equal(0xFFFDu, Font.RuneOf(Font.Count));
        Assert.Equal(0xFFFDu, Font.RuneOf(-1));
    }

    [Fact]
    public void What_the_font_lacks_shows_as_the_replacement()
    {
        foreach (uint missing in new uint[] { 0, 0x1F, 0x7F, 0x4E00, 0xFFFE, 0x1F600, uint.MaxValue })
            Assert.Equal(Font.Replacement, Font.GlyphOf(missing));
        Assert.Equal(Font.Rows(Font.Replacement, false).ToArray(), Font.Rows(0x7FFF, false).ToArray());
    }

    [Fact]
    public void Blocks_have_no_seams()
    {
        Assert.All(Font.Rows(Font.GlyphOf('█'), false).ToArray(), row => Assert.Equal(0xFF, row));
        foreach ((char part, char rest) in new[] { ('▀', '▄'), ('▌', '▐'), ('▘', '▟'), ('▝', '▙'), ('▖', '▜'), ('▗', '▛'), ('▚', '▞') })
        {
            byte[] one = Font.Rows(Font.GlyphOf(part), false).ToArray(), other = Font.Rows(Font.GlyphOf(rest), false).ToArray();
            Assert.All(one.Zip(other), pair => Assert.Equal(0xFF, pair.First ^ pair.Second));
        }
        Assert.Equal(0x80, Font.Rows(Font.GlyphOf('▏'), false)[0]);
        Assert.Equal([0, 0xFF], Font.Rows(Font.GlyphOf('▁'), false)[13..15].ToArray());
    }

    [Fact]
    public void A_damaged_font_file_is_refused_in_words()
    {
        byte[] whole = File("terminus-normal.otb");
        Properties.ForAll(
            from cut in Gen.Choose(0, whole.Length)
            from hits in Gen.Choose(0, 400).Two().ListOf(20)
            select (cut, hits),
            damage =>
            {
                byte[] file = whole[..damage.cut];
                foreach ((int at, int value) in damage.hits)
                {
                    if (at < file.Length)
                        file[at] = (byte)value;
                }
                try
                {
                    Assert.NotEmpty(BitmapFont.Read(file).Glyphs);
                }
                catch (InvalidDataException)
                {
                }
            });
    }

    [Fact]
    public void A_font_without_ASCII_is_refused()
    {
        byte[] file = File("terminus-normal.otb");
        BitmapFont font = BitmapFont.Read(file), poor = BitmapFont.Read(file);
        ((System.Collections.Generic.IDictionary<int, byte[]>)poor.Glyphs).Remove('A');
        Assert.Contains("U+0041", Assert.Throws<InvalidDataException>(() => FontConverter.Convert(poor, font)).Message);
    }
}
