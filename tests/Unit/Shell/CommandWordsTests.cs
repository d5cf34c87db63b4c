using System.Collections.Generic;
using System.Linq;
using System.Text;
using FsCheck.Fluent;
using Sluice.Shell;
using Xunit;

namespace Sluice.Tests.Shells;

public sealed class CommandWordsTests
{
    private static List<string> Split(string line)
    {
        List<string> all = [];
        CommandWords words = new(Encoding.UTF8.GetBytes(line));
        while (words.TryNext(out var word))
            all.Add(Encoding.UTF8.GetString(word));
        Assert.False(words.TryNext(out _));
        return all;
    }

    [Theory]
    [InlineData("", true, "*")]
    [InlineData("  ", true, "*")]
    [InlineData(" page* ", true, "page*")]
    [InlineData("one two", false, "one")]
    public void A_pattern_stands_alone_or_is_a_star(string line, bool understood, string expected)
    {
        CommandWords words = new(Encoding.UTF8.GetBytes(line));
        Assert.Equal(understood, words.TryOnlyPattern(out var glob));
        Assert.Equal(expected, Encoding.UTF8.GetString(glob));
    }

    [Fact]
    public void Blanks_separate_words() =>
        Properties.ForAll(Gen.Elements(' ', 'a', 'ü', '*').ArrayOf(), characters =>
            Assert.Equal(new string(characters).Split(' ').Where(word => word != ""), Split(new string(characters))));
}
