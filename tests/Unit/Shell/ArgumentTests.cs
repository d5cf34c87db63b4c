using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using FsCheck.Fluent;
using Sluice.Boot;
using Xunit;

namespace Sluice.Tests.Shells;

public sealed class ArgumentTests
{
    private static List<string> Words(string line, int room = 64)
    {
        List<string> all = [];
        byte[] buffer = new byte[room];
        ArgumentWords words = new(Encoding.UTF8.GetBytes(line));
        while (words.TryNext(buffer, out int length, out bool whole))
            all.Add(Encoding.UTF8.GetString(buffer.AsSpan(0, length)) + (whole ? "" : "..."));
        return all;
    }

    [Theory]
    [InlineData("", new string[0])]
    [InlineData("   ", new string[0])]
    [InlineData("one two", new[] { "one", "two" })]
    [InlineData("  test=*\tafter=exit ", new[] { "test=*", "after=exit" })]
    [InlineData("test=\"a b\" x", new[] { "test=a b", "x" })]
    [InlineData("\"test=a b\"", new[] { "test=a b" })]
    [InlineData("'a \"b\" c'", new[] { "a \"b\" c" })]
    [InlineData("a\\ b \\\"c\\\" 'd\\e'", new[] { "a b", "\"c\"", "d\\e" })]
    [InlineData("\"never closed x", new[] { "never closed x" })]
    [InlineData("\"\" x", new[] { "", "x" })]
    [InlineData("end\\", new[] { "end\\" })]
    public void A_line_falls_into_words(string line, string[] words) => Assert.Equal(words, Words(line));

    [Fact]
    public void A_word_too_long_is_cut_and_told() => Assert.Equal(["ab", "abcd...", "x"], Words("ab abcdefgh x", 4));

    [Fact]
    public void Quoted_words_come_out_as_they_went_in() =>
        Properties.ForAll(Gen.Choose(32, 126).Select(value => (char)value).ArrayOf().ArrayOf(), words =>
        {
            string[] expected = [.. words.Select(word => new string(word))];
            string line = string.Join(' ', expected.Select(word => "\"" + word.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\""));
            Assert.Equal(expected, Words(line, 4096));
        });

    [Theory]
    [InlineData("test", (int)Argument.Test, "*")]
    [InlineData("test=pages/*", (int)Argument.Test, "pages/*")]
    [InlineData("bench=a=b", (int)Argument.Bench, "a=b")]
    [InlineData("panic=null", (int)Argument.Panic, "null")]
    public void Texts(string word, int number, string value)
    {
        var argument = (Argument)number;
        ArgumentSet set = default;
        Assert.Equal("", Encoding.UTF8.GetString(set.Text(argument)));
        Assert.Equal(ArgumentProblem.None, set.Take(Encoding.UTF8.GetBytes(word)));
        Assert.Equal(value, Encoding.UTF8.GetString(set.Text(argument)));
        Assert.True(set.IsGiven(argument));
    }

    [Theory]
    [InlineData("after=exit", (int)Argument.After, (ulong)After.Exit)]
    [InlineData("after=shell", (int)Argument.After, (ulong)After.Shell)]
    [InlineData("log=warn", (int)Argument.Log, (ulong)LogLevel.Warn)]
    [InlineData("serial=off", (int)Argument.Serial, (ulong)SerialUse.Off)]
    [InlineData("poison", (int)Argument.Poison, 1)]
    [InlineData("poison=off", (int)Argument.Poison, 0)]
    [InlineData("screen=off", (int)Argument.Screen, 0)]
    [InlineData("scale=0x2", (int)Argument.Scale, 2)]
    public void Numbers_flags_and_choices(string word, int number, ulong value)
    {
        var argument = (Argument)number;
        ArgumentSet set = default;
        Assert.Equal(ArgumentProblem.None, set.Take(Encoding.UTF8.GetBytes(word)));
        Assert.Equal(value, set.Number(argument));
    }

    [Theory]
    [InlineData("tset=*", (int)ArgumentProblem.Unknown)]
    [InlineData("", (int)ArgumentProblem.Unknown)]
    [InlineData("=", (int)ArgumentProblem.Unknown)]
    [InlineData("Test", (int)ArgumentProblem.Unknown)]
    [InlineData("test=", (int)ArgumentProblem.NoValue)]
    [InlineData("panic", (int)ArgumentProblem.NoValue)]
    [InlineData("after", (int)ArgumentProblem.NoValue)]
    [InlineData("after=lunch", (int)ArgumentProblem.BadValue)]
    [InlineData("after=", (int)ArgumentProblem.BadValue)]
    [InlineData("after=exit|poweroff", (int)ArgumentProblem.BadValue)]
    [InlineData("poison=2", (int)ArgumentProblem.BadValue)]
    [InlineData("scale=9", (int)ArgumentProblem.BadValue)]
    [InlineData("scale=-1", (int)ArgumentProblem.BadValue)]
    [InlineData("scale=99999999999999999999", (int)ArgumentProblem.BadValue)]
    [InlineData("test=\u0007", (int)ArgumentProblem.BadText)]
    [InlineData("test=ä", (int)ArgumentProblem.BadText)]
    public void What_is_wrong_is_told_and_changes_nothing(string word, int problem)
    {
        ArgumentSet set = default;
        set.Take("after=reboot"u8);
        set.Take("test=x"u8);
        Assert.Equal((ArgumentProblem)problem, set.Take(Encoding.UTF8.GetBytes(word)));
        Assert.Equal(((ulong)After.Reboot, "x", 0ul), (set.Number(Argument.After), Encoding.UTF8.GetString(set.Text(Argument.Test)), set.Number(Argument.Scale)));
    }

    [Fact]
    public void The_last_one_counts()
    {
        ArgumentSet set = default;
        set.Take("test=longer"u8);
        set.Take("test=x"u8);
        Assert.Equal("x", Encoding.UTF8.GetString(set.Text(Argument.Test)));
    }

    [Fact]
    public void The_table_is_whole()
    {
        HashSet<string> names = [];
        for (Argument argument = 0; (int)argument < ArgumentInfo.Count; argument++)
        {
            ArgumentInfo info = ArgumentInfo.Of(argument);
            Assert.True(names.Add(Encoding.UTF8.GetString(info.Name)));
            Assert.Matches(@"^[a-z]+(\.[a-z_]+)?$", Encoding.UTF8.GetString(info.Name));
            Assert.NotEqual(0, info.Help.Length);
            // The default is a value that may be given.
            ArgumentSet set = default;
            string value = info.Kind switch
            {
                ArgumentKind.Number => info.Default.ToString(),
                ArgumentKind.Text => "x",
                _ => Encoding.UTF8.GetString(info.Word(info.Default)),
            };
            Assert.Equal(ArgumentProblem.None, set.Take(Encoding.UTF8.GetBytes($"{Encoding.UTF8.GetString(info.Name)}={value}")));
            Assert.Equal(info.Kind == ArgumentKind.Text ? 1 : info.Default, set.Number(argument));
        }
    }

    [Fact]
    public void Any_bytes_are_taken_or_refused() =>
        Properties.ForAll(
            Gen.OneOf(Gen.Elements([.. "test=after=exit|poison scale'\"\\ \t*"u8]), Gen.Choose(0, 255).Select(value => (byte)value)).ArrayOf(),
            line =>
            {
                byte[] buffer = new byte[ArgumentSet.MaxWord];
                ArgumentSet set = default;
                ArgumentWords words = new(line);
                int count = 0;
                while (words.TryNext(buffer, out int length, out _))
                {
                    set.Take(buffer.AsSpan(0, length));
                    Assert.True(++count <= line.Length);
                }
                for (Argument argument = 0; (int)argument < ArgumentInfo.Count; argument++)
                {
                    ArgumentInfo info = ArgumentInfo.Of(argument);
                    Assert.True(info.Kind != ArgumentKind.Choice || !info.Word(set.Number(argument)).IsEmpty);
                    Assert.InRange(set.Text(argument).Length, 0, ArgumentSet.MaxWord);
                }
            }, 1000);
}
