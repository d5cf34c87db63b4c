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

    [Fact]
    public void Blanks_separate_words() =>
        Properties.ForAll(Gen.Elements(' ', 'a', 'ü', '*').ArrayOf(), characters =>
            Assert.Equal(new string(characters).Split(' ').Where(word => word != ""), Split(new string(characters))));
}
