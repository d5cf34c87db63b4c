using System;
using System.Linq;
using System.Text;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot.Self;

/// <summary>The reader of test results, with what a kernel in any state may write.</summary>
public sealed class KtapParserTests
{
    private const string Good = """
        KTAP version 1
        1..2
          KTAP version 1
          1..3
          ok 1 - copies
          # expected 3, is 4
          not ok 2 fills
          ok 3 compares # SKIP no SSE here
        # a remark
        not ok 1 memory
          KTAP version 1
          1..1
          ok 1 ticks
        ok 2 clock

        """;

    [Fact]
    public void Nested_suites_become_cases_with_verdicts_and_reasons()
    {
        KtapReport report = KtapParser.Parse(Good);
        Assert.Empty(report.Problems);
        Assert.Equal(["memory/copies/Passed/", "memory/fills/Failed/expected 3, is 4", "memory/compares/Skipped/SKIP no SSE here", "clock/ticks/Passed/"],
            report.Cases.Select(c => $"{c.Suite}/{c.Case.Name}/{c.Case.Verdict}/{c.Case.Why}"));
    }

    [Fact]
    public void Lines_may_end_as_on_a_serial_line() => Assert.True(KtapParser.Parse(Good.Replace("\n", "\r\n")).IsComplete);

    [Fact]
    public void Bench_lines_at_the_top_are_kept_apart()
    {
        KtapReport report = KtapParser.Parse("KTAP version 1\n1..1\nok 1 a\nBENCH sluice x 5\n");
        Assert.True(report.IsComplete);
        Assert.Equal(["BENCH sluice x 5"], report.Other);
    }

    [Theory]
    [InlineData("")]
    [InlineData("ok 1 a\n")]                                                         // no header
    [InlineData("KTAP version 2\n1..0\n")]
    [InlineData("KTAP version 1\nok 1 a\n")]                                         // no plan
    [InlineData("KTAP version 1\n1..2\nok 1 a\n")]                                   // one is missing
    [InlineData("KTAP version 1\n1..1\nok 1 a\nok 2 b\n")]                           // one too many
    [InlineData("KTAP version 1\n1..2\nok 1 a\nok 3 b\n")]                           // a gap
    [InlineData("KTAP version 1\n1..2\nok 1 a\nok 1 a\n")]                           // a repeat
    [InlineData("KTAP version 1\n1..1\nok one\n")]
    [InlineData("KTAP version 1\n1..x\n")]
    [InlineData("KTAP version 1\n1..99999999999999\n")]
    [InlineData("KTAP version 1\n1..-1\n")]
    [InlineData("KTAP version 1\n1..1\n1..1\nok 1 a\n")]                             // two plans
    [InlineData("KTAP version 1\nok 1 a\n1..1\n")]                                   // late
    [InlineData("KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  ok 1 a\n")]       // the suite's own line is missing
    [InlineData("KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 a\nok 1 s\n")] // cut inside, yet ok outside
    [InlineData("KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  not ok 1 a\nok 1 s\n")] // a suite that hides a failure
    [InlineData("KTAP version 1\n1..1\n    ok 1 a\n")]                               // indented for no reason
    [InlineData("KTAP version 1\n1..1\n  panic: oops\nok 1 a\n")]
    [InlineData("KTAP version 1\n1..1\nok 1 a")]                                     // the last line may be half of one
    [InlineData("KTAP version 1\n1..1\nok 1 a\nKTAP version 1\n1..1\nok 1 a\n")]     // it started twice
    public void What_is_not_complete_is_not_believed(string text) => Assert.False(KtapParser.Parse(text).IsComplete);

    [Fact]
    public void Every_cut_of_a_good_report_is_noticed()
    {
        string text = Good.TrimEnd('\n') + "\n";
        for (int length = 0; length < text.Length; length++)
            Assert.False(KtapParser.Parse(text[..length]).IsComplete, $"cut after {length} characters");
        Assert.True(KtapParser.Parse(text).IsComplete);
    }

    [Fact]
    public void A_cut_suite_still_shows_what_it_had()
    {
        KtapReport report = KtapParser.Parse("KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 first\n");
        Assert.False(report.IsComplete);
        Assert.Equal("first", report.Cases.Single().Case.Name);
    }

    [Fact]
    public void Nesting_without_end_is_bounded()
    {
        var text = new StringBuilder();
        for (int i = 0; i < 10_000; i++) text.Append(' ', i % 500).Append("KTAP version 1\n");
        KtapReport report = KtapParser.Parse(text.ToString());
        Assert.False(report.IsComplete);
        Assert.InRange(report.Problems.Count, 1, 50);
    }

    /// <summary>Noise with a fixed seed, whole lines and parts of them shuffled: any answer will do, none may be an exception or pass for complete.</summary>
    [Fact]
    public void Noise_never_throws_and_never_passes()
    {
        var random = new Random(2);
        string[] pieces = [.. Good.Split('\n'), "\u0000\u0001", "KTAP", " # ", "not", "ok", "1..", "  ", "\uFFFD", new string('x', 5000)];
        for (int round = 0; round < 2000; round++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => pieces[random.Next(pieces.Length)] + (random.Next(4) == 0 ? "" : "\n")));
            KtapReport report = KtapParser.Parse(text);
            if (report.IsComplete) Assert.True(text.Contains("KTAP version 1\n") && text.Contains("1..") && text.EndsWith((char)10), text);
        }
    }
}
